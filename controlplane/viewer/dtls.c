/* SPDX-License-Identifier: BSD-3-Clause */
/* DTLS server over datagrams by value: see dtls.h. Main thread. */
#include "controlplane/viewer/dtls.h"

#include "crypto/secret.h"

#include <errno.h>
#include <glib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FIRST_TIMEOUT_US 50000  /* doubled by every loss: FACTS of Chromium say 1 s is too long */
#define LAST_TIMEOUT_US 2000000 /* never longer */
#define EXPORTER_LABEL "EXTRACTOR-dtls_srtp" /* RFC 5764 4.2 */
#define RECORD_HEADER 13                     /* bytes, RFC 6347 4.1 */

struct dtls_context {
	SSL_CTX *ssl_ctx;
	BIO_METHOD *bio_method;
	int index; /* of struct dtls in an SSL */
};

struct dtls {
	SSL *ssl;
	struct dtls_callbacks callbacks;
	void *user;
	struct sdp_fingerprints fingerprints;
	bool fingerprint_ok;
	bool done;
	guint timer;
	char error[128];
	/* the datagram that OpenSSL may read now; borrowed for one dtls_receive() */
	const uint8_t *in;
	size_t in_len;
};

/* ---- the datagram BIO ---- */

/* OpenSSL may hand over several records at once: split on their boundaries. */
static int bio_write(BIO *bio, const char *data, int len)
{
	struct dtls *d = BIO_get_data(bio);
	const uint8_t *p = (const uint8_t *)data;
	size_t left = len, take = 0;

	BIO_clear_retry_flags(bio);
	while (left > take) {
		size_t record = left - take;

		if (record >= RECORD_HEADER)
			record = MIN(
				record, RECORD_HEADER + ((size_t)p[take + 11] << 8 | p[take + 12]));
		if (take > 0 && take + record > DTLS_LINK_MTU) {
			d->callbacks.send(p, take, d->user);
			p += take;
			left -= take;
			take = 0;
		}
		take += record;
	}
	if (take > 0)
		d->callbacks.send(p, take, d->user);
	return len;
}

static int bio_read(BIO *bio, char *out, int size)
{
	struct dtls *d = BIO_get_data(bio);
	size_t n;

	BIO_clear_retry_flags(bio);
	if (!d->in) {
		BIO_set_retry_read(bio);
		return -1;
	}
	n = MIN(d->in_len, (size_t)size); /* the rest of a datagram is lost, as on a socket */
	memcpy(out, d->in, n);
	d->in = NULL;
	return n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	switch (command) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DTLS_LINK_MTU;
	default:
		return 0;
	}
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static BIO_METHOD *bio_method_create(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");

	if (!m || !BIO_meth_set_write(m, bio_write) || !BIO_meth_set_read(m, bio_read) ||
		!BIO_meth_set_ctrl(m, bio_ctrl) || !BIO_meth_set_create(m, bio_create)) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

/* ---- the shared context ---- */

static const EVP_MD *digest_of(enum sdp_hash hash)
{
	switch (hash) {
	case SDP_HASH_SHA384:
		return EVP_sha384();
	case SDP_HASH_SHA512:
		return EVP_sha512();
	default:
		return EVP_sha256();
	}
}

/* In place of a chain's verification: certificates are self-signed, the
 * fingerprint is what counts (RFC 8122 6.2). Returning 0 ends the handshake
 * with an alert. */
static int verify_fingerprint(X509_STORE_CTX *store, void *arg)
{
	struct dtls_context *context = arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dtls *d = SSL_get_ex_data(ssl, context->index);
	const struct sdp_fingerprints *f = &d->fingerprints;
	X509 *certificate = X509_STORE_CTX_get0_cert(store);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	d->fingerprint_ok = false;
	if (certificate && f->n > 0 &&
		X509_digest(certificate, digest_of(f->hash), digest, &len) == 1 && len > 0 &&
		len == f->len) {
		for (unsigned int i = 0; i < f->n; i++)
			d->fingerprint_ok |= secret_equal(digest, f->value[i], len);
	}
	if (d->fingerprint_ok)
		return 1;
	snprintf(d->error, sizeof(d->error), "the certificate is not the offer's fingerprint");
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static int set_profiles(
	SSL_CTX *ssl_ctx, const struct srtp_profile *const *profiles, size_t n_profiles)
{
	GString *names = g_string_new(NULL);
	int failed;

	for (size_t i = 0; i < n_profiles; i++)
		g_string_append_printf(names, "%s%s", i ? ":" : "", profiles[i]->openssl_name);
	failed = SSL_CTX_set_tlsext_use_srtp(ssl_ctx, names->str); /* 0 is success */
	g_string_free(names, TRUE);
	return failed ? -EINVAL : 0;
}

struct dtls_context *dtls_context_create(const struct certificate *certificate,
	const struct srtp_profile *const *profiles, size_t n_profiles)
{
	struct dtls_context *context = g_new0(struct dtls_context, 1);
	SSL_CTX *ctx;

	context->bio_method = bio_method_create();
	context->ssl_ctx = ctx = SSL_CTX_new(DTLS_server_method());
	context->index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (!context->bio_method || !ctx || context->index < 0 ||
		!SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) ||
		!SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:"
					      "ECDHE-ECDSA-AES256-GCM-SHA384:"
					      "ECDHE-ECDSA-CHACHA20-POLY1305") ||
		!SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") ||
		!SSL_CTX_use_certificate(ctx, certificate->x509) ||
		!SSL_CTX_use_PrivateKey(ctx, certificate->key) ||
		set_profiles(ctx, profiles, n_profiles) < 0)
		goto err;
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_max_cert_list(ctx, 16 * 1024);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify_fingerprint, context);
	return context;
err:
	ERR_clear_error();
	dtls_context_destroy(context);
	return NULL;
}

void dtls_context_destroy(struct dtls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl_ctx);
	BIO_meth_free(context->bio_method);
	g_free(context);
}

/* ---- one session ---- */

static unsigned int next_timeout(SSL *ssl, unsigned int last_us)
{
	return last_us == 0 ? FIRST_TIMEOUT_US : MIN(2 * last_us, LAST_TIMEOUT_US);
}

static void keep_error(struct dtls *d, const char *fallback)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	if (!d->error[0])
		snprintf(d->error, sizeof(d->error), "%s", reason ? reason : fallback);
	ERR_clear_error();
}

static enum dtls_progress read_rest(struct dtls *d)
{
	char discard[64];
	int rc;

	/* No application data is expected (no data channels); what comes is dropped.
	 * Reading is what makes OpenSSL see a repeated Finished and alerts. */
	for (;;) {
		rc = SSL_read(d->ssl, discard, sizeof(discard));
		if (rc > 0)
			continue;
		switch (SSL_get_error(d->ssl, rc)) {
		case SSL_ERROR_WANT_READ:
		case SSL_ERROR_WANT_WRITE:
			return DTLS_DONE;
		case SSL_ERROR_ZERO_RETURN:
			return DTLS_CLOSED;
		default:
			keep_error(d, "the session failed");
			return DTLS_FAILED;
		}
	}
}

static enum dtls_progress advance(struct dtls *d)
{
	int rc;

	ERR_clear_error();
	if (!d->done) {
		rc = SSL_do_handshake(d->ssl);
		if (rc != 1) {
			int error = SSL_get_error(d->ssl, rc);

			if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
				return DTLS_IN_HANDSHAKE;
			keep_error(d, "the handshake failed");
			return DTLS_FAILED;
		}
		if (!d->fingerprint_ok) {
			snprintf(d->error, sizeof(d->error), "the client showed no certificate");
			return DTLS_FAILED;
		}
		d->done = true;
	}
	return read_rest(d);
}

static void arm_timer(struct dtls *d);

static gboolean on_timer(gpointer user)
{
	struct dtls *d = user;

	d->timer = 0;
	ERR_clear_error();
	if (DTLSv1_handle_timeout(d->ssl) < 0) {
		keep_error(d, "no answer to the handshake");
		d->callbacks.failed(d->user);
		return G_SOURCE_REMOVE;
	}
	arm_timer(d);
	return G_SOURCE_REMOVE;
}

static void arm_timer(struct dtls *d)
{
	struct timeval left;

	g_clear_handle_id(&d->timer, g_source_remove);
	if (DTLSv1_get_timeout(d->ssl, &left))
		d->timer = g_timeout_add(
			left.tv_sec * 1000 + (left.tv_usec + 999) / 1000, on_timer, d);
}

struct dtls *dtls_create(struct dtls_context *context, const struct sdp_fingerprints *fingerprints,
	const struct dtls_callbacks *callbacks, void *user)
{
	struct dtls *d = g_new0(struct dtls, 1);
	BIO *bio;

	d->callbacks = *callbacks;
	d->user = user;
	d->fingerprints = *fingerprints;
	d->ssl = SSL_new(context->ssl_ctx);
	bio = BIO_new(context->bio_method);
	if (!d->ssl || !bio || !SSL_set_ex_data(d->ssl, context->index, d)) {
		BIO_free(bio);
		SSL_free(d->ssl);
		g_free(d);
		ERR_clear_error();
		return NULL;
	}
	BIO_set_data(bio, d);
	SSL_set_bio(d->ssl, bio, bio); /* takes it */
	SSL_set_accept_state(d->ssl);
	DTLS_set_link_mtu(d->ssl, DTLS_LINK_MTU);
	DTLS_set_timer_cb(d->ssl, next_timeout);
	return d;
}

void dtls_goodbye(struct dtls *dtls)
{
	ERR_clear_error();
	if (dtls->done)
		SSL_shutdown(dtls->ssl);
	ERR_clear_error();
}

void dtls_destroy(struct dtls *dtls)
{
	if (!dtls)
		return;
	g_clear_handle_id(&dtls->timer, g_source_remove);
	SSL_free(dtls->ssl);
	g_free(dtls);
}

enum dtls_progress dtls_receive(struct dtls *dtls, const uint8_t *data, size_t len)
{
	enum dtls_progress progress;

	dtls->in = data;
	dtls->in_len = len;
	progress = advance(dtls);
	dtls->in = NULL;
	arm_timer(dtls);
	return progress;
}

const char *dtls_error(const struct dtls *dtls)
{
	return dtls->error[0] ? dtls->error : "no error";
}

int dtls_export(struct dtls *dtls, const struct srtp_profile **profile, struct srtp_master *client,
	struct srtp_master *server)
{
	const SRTP_PROTECTION_PROFILE *agreed = SSL_get_selected_srtp_profile(dtls->ssl);
	uint8_t material[2 * (SRTP_KEY_MAX_LEN + SRTP_SALT_MAX_LEN)];
	size_t len;
	int rc;

	*profile = agreed ? srtp_profile_by_id(agreed->id) : NULL;
	if (!*profile)
		return -ENOTSUP;
	if (!dtls->done || !dtls->fingerprint_ok)
		return -EIO;
	len = srtp_exporter_len(*profile);
	if (len > sizeof(material) ||
		SSL_export_keying_material(dtls->ssl, material, len, EXPORTER_LABEL,
			strlen(EXPORTER_LABEL), NULL, 0, 0) != 1) {
		ERR_clear_error();
		return -EIO;
	}
	rc = srtp_exporter_split(*profile, material, len, client, server);
	secret_wipe(material, sizeof(material));
	return rc;
}
