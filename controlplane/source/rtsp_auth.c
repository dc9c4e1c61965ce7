/* SPDX-License-Identifier: BSD-3-Clause */
/* Basic and Digest as an RTSP client (RFC 2617, RFC 7616); its session's thread. */
#include "controlplane/source/rtsp_auth.h"

#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PARAM_MAX 512 /* bytes of a realm or nonce that we repeat */

void rtsp_auth_init(struct rtsp_auth *auth, const char *user, const char *password)
{
	memset(auth, 0, sizeof(*auth));
	auth->user = user;
	auth->password = password ? password : "";
}

static void forget_challenge(struct rtsp_auth *auth)
{
	g_clear_pointer(&auth->algorithm, g_free);
	g_clear_pointer(&auth->realm, g_free);
	g_clear_pointer(&auth->nonce, g_free);
	g_clear_pointer(&auth->opaque, g_free);
	auth->scheme = RTSP_AUTH_NONE;
}

void rtsp_auth_fini(struct rtsp_auth *auth)
{
	forget_challenge(auth);
	secret_wipe(auth, sizeof(*auth));
}

void rtsp_auth_free(char *header)
{
	if (header)
		secret_wipe(header, strlen(header));
	g_free(header);
}

/* What goes back between quotes must not end them, nor the line. */
static bool is_quotable(const char *s)
{
	size_t len = 0;

	for (; *s; s++, len++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f || *s == '"' || *s == '\\')
			return false;
	}
	return len <= PARAM_MAX;
}

static const char *param(const GstRTSPAuthCredential *c, const char *name)
{
	for (GstRTSPAuthParam **p = c->params; p && *p; p++) {
		if ((*p)->name && (*p)->value && !strcasecmp((*p)->name, name))
			return (*p)->value;
	}
	return NULL;
}

static bool offers_auth(const char *qop)
{
	char **words = qop ? g_strsplit(qop, ",", 8) : NULL;
	bool found = false;

	for (char **w = words; w && *w; w++)
		found = found || !strcasecmp(g_strstrip(*w), "auth");
	g_strfreev(words);
	return found;
}

/* Higher is better; 0: cannot be used. */
static unsigned int rank(const GstRTSPAuthCredential *c)
{
	const char *algorithm = param(c, "algorithm");
	const char *realm = param(c, "realm"), *nonce = param(c, "nonce");
	const char *opaque = param(c, "opaque");

	if (c->scheme == GST_RTSP_AUTH_BASIC)
		return 1;
	if (c->scheme != GST_RTSP_AUTH_DIGEST || !realm || !nonce)
		return 0;
	if (!is_quotable(realm) || !is_quotable(nonce) || (opaque && !is_quotable(opaque)))
		return 0;
	if (!algorithm || !strcasecmp(algorithm, "MD5") || !strcasecmp(algorithm, "MD5-sess"))
		return 2;
	if (!strcasecmp(algorithm, "SHA-256") || !strcasecmp(algorithm, "SHA-256-sess"))
		return 3;
	return 0;
}

static void take_digest(struct rtsp_auth *auth, const GstRTSPAuthCredential *c)
{
	const char *algorithm = param(c, "algorithm");

	auth->scheme = RTSP_AUTH_DIGEST;
	auth->algorithm = g_strdup(algorithm);
	auth->realm = g_strdup(param(c, "realm"));
	auth->nonce = g_strdup(param(c, "nonce"));
	auth->opaque = g_strdup(param(c, "opaque"));
	auth->qop = offers_auth(param(c, "qop"));
	auth->hash = algorithm && !strncasecmp(algorithm, "SHA-256", 7) ? G_CHECKSUM_SHA256
									: G_CHECKSUM_MD5;
	auth->session_hash = algorithm && g_str_has_suffix(algorithm, "sess");
	auth->requests = 0;
	snprintf(auth->cnonce, sizeof(auth->cnonce), "%08x%08x", g_random_int(), g_random_int());
}

/* The server may refuse the same credentials only because the nonce is old. */
static bool is_refusal(const struct rtsp_auth *auth, const GstRTSPAuthCredential *c)
{
	const char *stale = param(c, "stale"), *nonce = param(c, "nonce");

	if (!auth->tried)
		return false;
	if (auth->scheme != RTSP_AUTH_DIGEST || c->scheme != GST_RTSP_AUTH_DIGEST)
		return true;
	if (stale && !strcasecmp(stale, "true"))
		return false;
	/* Refused with a nonce that had worked before: that one has aged. */
	return auth->requests < 2 || !nonce || !strcmp(nonce, auth->nonce);
}

int rtsp_auth_challenge(struct rtsp_auth *auth, GstRTSPMessage *response)
{
	GstRTSPAuthCredential **all, *best = NULL;
	unsigned int best_rank = 0;
	int err = 0;

	all = gst_rtsp_message_parse_auth_credentials(response, GST_RTSP_HDR_WWW_AUTHENTICATE);
	for (GstRTSPAuthCredential **c = all; c && *c; c++) {
		unsigned int r = rank(*c);

		if (r > best_rank) {
			best_rank = r;
			best = *c;
		}
	}
	if (!best) {
		err = -ENOTSUP;
	} else if (!auth->user || is_refusal(auth, best)) {
		err = -EACCES;
	} else {
		forget_challenge(auth);
		if (best->scheme == GST_RTSP_AUTH_DIGEST)
			take_digest(auth, best);
		else
			auth->scheme = RTSP_AUTH_BASIC;
		auth->tried = true;
	}
	if (all)
		gst_rtsp_auth_credentials_free(all);
	return err;
}

static bool keep_text(char *out, size_t size, const char *text)
{
	return !text || g_strlcpy(out, text, size) < size;
}

void rtsp_auth_save(const struct rtsp_auth *auth, struct rtsp_auth_state *state)
{
	bool fits;

	memset(state, 0, sizeof(*state));
	state->scheme = auth->scheme;
	state->sha256 = auth->hash == G_CHECKSUM_SHA256;
	state->session_hash = auth->session_hash;
	state->qop = auth->qop;
	state->has_opaque = auth->opaque != NULL;
	state->requests = auth->requests;
	fits = keep_text(state->algorithm, sizeof(state->algorithm), auth->algorithm) &&
	       keep_text(state->realm, sizeof(state->realm), auth->realm) &&
	       keep_text(state->nonce, sizeof(state->nonce), auth->nonce) &&
	       keep_text(state->opaque, sizeof(state->opaque), auth->opaque) &&
	       keep_text(state->cnonce, sizeof(state->cnonce), auth->cnonce);
	if (!fits)
		memset(state, 0, sizeof(*state));
}

void rtsp_auth_restore(struct rtsp_auth *auth, const struct rtsp_auth_state *state, uint32_t skip)
{
	if (!auth->user || state->scheme == RTSP_AUTH_NONE || !is_quotable(state->realm) ||
		!is_quotable(state->nonce) || !is_quotable(state->opaque) ||
		!is_quotable(state->cnonce))
		return;
	forget_challenge(auth);
	auth->scheme = state->scheme;
	auth->hash = state->sha256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_MD5;
	auth->session_hash = state->session_hash;
	auth->qop = state->qop;
	auth->requests = state->requests + skip;
	auth->tried = true;
	auth->algorithm = state->algorithm[0] ? g_strdup(state->algorithm) : NULL;
	auth->realm = g_strdup(state->realm);
	auth->nonce = g_strdup(state->nonce);
	auth->opaque = state->has_opaque ? g_strdup(state->opaque) : NULL;
	g_strlcpy(auth->cnonce, state->cnonce, sizeof(auth->cnonce));
}

static void wipe_free(char *s)
{
	rtsp_auth_free(s);
}

static char *basic_header(const struct rtsp_auth *auth)
{
	char *plain = g_strdup_printf("%s:%s", auth->user, auth->password);
	char *coded = g_base64_encode((const guchar *)plain, strlen(plain));
	char *header = g_strdup_printf("Basic %s", coded);

	wipe_free(plain);
	wipe_free(coded);
	return header;
}

/* Hash of colon-joined parts, as hex. */
static char *hash(const struct rtsp_auth *auth, const char *a, const char *b, const char *c)
{
	GChecksum *sum = g_checksum_new(auth->hash);
	const char *parts[3] = {a, b, c};
	char *hex;

	for (unsigned int i = 0; i < 3 && parts[i]; i++) {
		if (i)
			g_checksum_update(sum, (const guchar *)":", 1);
		g_checksum_update(sum, (const guchar *)parts[i], (gssize)strlen(parts[i]));
	}
	hex = g_strdup(g_checksum_get_string(sum));
	g_checksum_free(sum);
	return hex;
}

static char *digest_header(struct rtsp_auth *auth, const char *method, const char *url)
{
	GString *out = g_string_new("Digest ");
	char *ha1 = hash(auth, auth->user, auth->realm, auth->password);
	char *ha2 = hash(auth, method, url, NULL);
	char *middle, *response;

	auth->requests++;
	if (auth->session_hash) {
		char *session = hash(auth, ha1, auth->nonce, auth->cnonce);

		wipe_free(ha1);
		ha1 = session;
	}
	if (auth->qop)
		middle = g_strdup_printf(
			"%s:%08x:%s:auth", auth->nonce, auth->requests, auth->cnonce);
	else
		middle = g_strdup(auth->nonce);
	response = hash(auth, ha1, middle, ha2);
	g_string_append_printf(out,
		"username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\"",
		auth->user, auth->realm, auth->nonce, url, response);
	if (auth->algorithm)
		g_string_append_printf(out, ", algorithm=%s",
			auth->hash == G_CHECKSUM_SHA256
				? (auth->session_hash ? "SHA-256-sess" : "SHA-256")
				: (auth->session_hash ? "MD5-sess" : "MD5"));
	if (auth->opaque)
		g_string_append_printf(out, ", opaque=\"%s\"", auth->opaque);
	if (auth->qop || auth->session_hash)
		g_string_append_printf(out, ", cnonce=\"%s\"", auth->cnonce);
	if (auth->qop)
		g_string_append_printf(out, ", qop=auth, nc=%08x", auth->requests);
	wipe_free(ha1);
	wipe_free(ha2);
	wipe_free(response);
	g_free(middle);
	return g_string_free(out, FALSE);
}

char *rtsp_auth_header(struct rtsp_auth *auth, const char *method, const char *url)
{
	switch (auth->scheme) {
	case RTSP_AUTH_BASIC:
		return basic_header(auth);
	case RTSP_AUTH_DIGEST:
		return is_quotable(auth->user) ? digest_header(auth, method, url) : NULL;
	case RTSP_AUTH_NONE:
		break;
	}
	return NULL;
}
