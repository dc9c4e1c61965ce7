/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * URL and SDP of a path. The URL carries the camera's password: it is never
 * part of a message, and every copy made here is wiped. Any one thread.
 */
#include "controlplane/config/source.h"
#include "controlplane/config/text.h"
#include "crypto/secret.h"

#include <glib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RTSP_PORT 554
#define RTSPS_PORT 322
#define SOURCE_EXPECTED "\"rtsp://host:port/path\", \"rtsps://...\" or \"udp+rtp://address:port\""

/* Schemes and words that MediaMTX takes. */
static const char *const mediamtx_sources[] = {"rtsp+http", "rtsps+http", "rtsp+ws", "rtsps+ws",
	"rtmp", "rtmps", "http", "https", "udp", "udp+mpegts", "unix+mpegts", "unix+rtp", "srt",
	"whep", "wheps", "publisher", "redirect", "rpiCamera", NULL};

static void wipe_free(char *text)
{
	if (text == NULL)
		return;
	secret_wipe(text, strlen(text));
	free(text);
}

static void wipe_gfree(char *text)
{
	if (text != NULL)
		secret_wipe(text, strlen(text));
	g_free(text);
}

void config_source_fini(struct mr_config_source *source)
{
	wipe_free(source->url);
	wipe_free(source->user);
	wipe_free(source->password);
	free(source->host);
	memset(source, 0, sizeof(*source));
}

/* Printable ASCII throughout, as RFC 3986 2 has it. */
static bool is_uri_text(const char *text)
{
	for (; *text != 0; text++)
		if (*text <= 0x20 || *text >= 0x7f)
			return false;
	return true;
}

/* "scheme://user:password@rest" -> "scheme://rest" */
static char *without_userinfo(const struct config_node *n, const char *url)
{
	const char *authority = strstr(url, "://") + 3;
	const char *end = authority + strcspn(authority, "/?#");
	const char *at = NULL;
	char *copy = node_strdup(n, url);

	for (const char *p = authority; p < end; p++)
		if (*p == '@')
			at = p;
	if (copy != NULL && at != NULL) {
		size_t rest = strlen(at + 1);

		memmove(copy + (authority - url), at + 1, rest + 1);
		secret_wipe(copy + (authority - url) + rest + 1, (size_t)(at - authority));
	}
	return copy;
}

static bool reject(const struct config_node *n, const char *expected)
{
	node_fail(n, "%s", expected);
	return false;
}

static bool read_rtsp(const struct config_node *n, const char *url, struct mr_config_source *source)
{
	char *user = NULL, *password = NULL, *host = NULL;
	int port = -1;
	bool ok = false;

	if (!g_uri_split_with_user(url, G_URI_FLAGS_HAS_PASSWORD, NULL, &user, &password, NULL,
		    &host, &port, NULL, NULL, NULL, NULL)) {
		reject(n, "a URL such as \"rtsp://user:password@host:554/path\", special "
			  "characters in "
			  "user and password written as %XX (\"@\" is %40)");
	} else if (host == NULL || !text_is_host(host)) {
		reject(n, "a URL with the name or address of a camera after \"rtsp://\"");
	} else if (port == 0) {
		reject(n, "a URL with a port from 1 to 65535");
	} else if ((user != NULL && text_has_control(user)) ||
		   (password != NULL && text_has_control(password))) {
		reject(n, "a user and password without control characters");
	} else {
		source->kind = MR_SOURCE_RTSP;
		source->tls = g_ascii_strncasecmp(url, "rtsps:", 6) == 0;
		source->port = port >= 0 ? (uint16_t)port : source->tls ? RTSPS_PORT : RTSP_PORT;
		source->host = node_strdup(n, host);
		source->user = user != NULL && user[0] != 0 ? node_strdup(n, user) : NULL;
		source->password = password != NULL ? node_strdup(n, password) : NULL;
		source->url = without_userinfo(n, url);
		ok = true;
	}
	wipe_gfree(user);
	wipe_gfree(password);
	g_free(host);
	return ok;
}

static bool read_udp_rtp(
	const struct config_node *n, const char *url, struct mr_config_source *source)
{
	struct mr_endpoint e;

	if (text_endpoint(strstr(url, "://") + 3, &e) != 0)
		return reject(
			n, "\"udp+rtp://192.0.2.1:5004\" or \"udp+rtp://[2001:db8::1]:5004\"");
	if (text_endpoint_multicast(&e))
		return reject(n,
			"an address of a port of this machine (multicast is known in MediaMTX, "
			"not supported)");
	if (text_endpoint_unspecified(&e))
		return reject(n, "an address of a port of this machine, not all of them");
	source->kind = MR_SOURCE_UDP_RTP;
	source->local = e;
	source->url = node_strdup(n, url);
	return true;
}

static bool is_mediamtx_source(const char *text, size_t scheme_len)
{
	for (const char *const *s = mediamtx_sources; *s != NULL; s++)
		if (strlen(*s) == scheme_len && g_ascii_strncasecmp(text, *s, scheme_len) == 0)
			return true;
	return false;
}

bool config_source_read(const struct config_node *given, struct mr_config_source *source)
{
	struct config_node n = *given;
	const char *text, *colon;
	size_t len;

	n.secret = true;
	if (!node_present(&n))
		return reject(&n, SOURCE_EXPECTED);
	text = node_text(&n, SOURCE_EXPECTED);
	if (text == NULL)
		return false;
	colon = strstr(text, "://");
	len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	if (is_mediamtx_source(text, len)) {
		node_error(&n,
			"\"%.*s\" is a source known in MediaMTX, not supported; "
			"expected " SOURCE_EXPECTED,
			(int)len, text);
		return false;
	}
	if (colon == NULL || strlen(text) > 1024)
		return reject(&n, SOURCE_EXPECTED);
	if (!is_uri_text(text))
		return reject(&n, "a URL of ASCII characters, others and blanks written as %XX");
	if ((len == 4 || len == 5) && g_ascii_strncasecmp(text, "rtsps", len) == 0)
		return read_rtsp(&n, text, source);
	if (len == 7 && g_ascii_strncasecmp(text, "udp+rtp", len) == 0)
		return read_udp_rtp(&n, text, source);
	return reject(&n, SOURCE_EXPECTED);
}

/* 64 hexadecimal digits, as openssl prints them: with or without colons. */
static bool parse_fingerprint(const char *text, uint8_t out[32])
{
	size_t n = 0;

	for (; *text != 0 && n < 64; text++) {
		int digit = g_ascii_xdigit_value(*text);

		if (*text == ':' && n > 0 && n % 2 == 0)
			continue;
		if (digit < 0)
			return false;
		out[n / 2] = (uint8_t)(n % 2 == 0 ? digit << 4 : out[n / 2] | digit);
		n++;
	}
	return n == 64 && *text == 0;
}

void config_fingerprint_read(const struct config_node *n, struct mr_config_source *source)
{
	const char *text = json_string_value(n->json);

	if (!source->tls) {
		node_error(n, "expected only with an rtsps:// source");
		return;
	}
	source->has_fingerprint = text != NULL && parse_fingerprint(text, source->fingerprint);
	if (!source->has_fingerprint)
		node_fail(n, "the SHA-256 of the camera's certificate: 64 hexadecimal digits");
}

/* One line of an SDP without its end. NULL: fine; else what is expected. */
static const char *sdp_line_problem(const char *line, size_t len)
{
	if (len < 2 || line[0] < 'a' || line[0] > 'z' || line[1] != '=')
		return "lines of the form \"x=...\" (RFC 8866)";
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return "lines without control characters";
	return NULL;
}

static bool is_media_line(const char *line, size_t len)
{
	char kind[8] = "", protocol[16] = "";
	unsigned int port, type;
	char copy[128];

	if (len >= sizeof(copy))
		len = sizeof(copy) - 1;
	memcpy(copy, line, len);
	copy[len] = 0;
	return sscanf(copy, "m=%7s %5u %15s %3u", kind, &port, protocol, &type) == 4 &&
	       (strcmp(kind, "video") == 0 || strcmp(kind, "audio") == 0) &&
	       (strcmp(protocol, "RTP/AVP") == 0 || strcmp(protocol, "RTP/AVPF") == 0);
}

char *config_sdp_read(const struct config_node *n)
{
	const char *text = json_string_value(n->json);
	unsigned int media = 0, lines = 0;
	const char *problem = NULL;
	char *copy, *to;

	if (text == NULL || strlen(text) == 0 || strlen(text) > MR_CONFIG_SDP_MAX) {
		node_fail(
			n, "an SDP of 1 to %u bytes, its lines ended by \\r\\n", MR_CONFIG_SDP_MAX);
		return NULL;
	}
	copy = to = malloc(2 * strlen(text) + 3); /* every byte a bare line feed at worst */
	if (copy == NULL) {
		n->reader->no_memory = true;
		return NULL;
	}
	while (*text != 0 && problem == NULL) {
		size_t whole = strcspn(text, "\n"), len = whole;

		if (len > 0 && text[len - 1] == '\r')
			len--;
		if (len > 0)
			problem = sdp_line_problem(text, len);
		if (problem == NULL && len > 0) {
			if (lines++ == 0 && (len != 3 || memcmp(text, "v=0", 3) != 0))
				problem = "an SDP that begins with \"v=0\"";
			media += is_media_line(text, len);
			memcpy(to, text, len);
			to += len;
			*to++ = '\r';
			*to++ = '\n';
		}
		text += whole + (text[whole] == '\n');
	}
	*to = 0;
	if (problem == NULL && media == 0)
		problem = "an SDP with a line \"m=video PORT RTP/AVP TYPE\" or \"m=audio ...\"";
	if (problem != NULL) {
		node_fail(n, "%s", problem);
		free(copy);
		return NULL;
	}
	return copy;
}
