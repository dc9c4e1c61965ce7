/* SPDX-License-Identifier: BSD-3-Clause */
/* DTLS-SRTP, see dtls.h. A struct dtls runs on the thread of its main context. */
#include "apps/viewer/dtls.h"

#include "apps/viewer/timer.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define LINK_MTU 1200 /* bytes, IP and UDP headers included */
#define OVERHEAD 28   /* bytes: IPv4 and UDP header */
#define DATAGRAM_MAX (LINK_MTU - OVERHEAD)
#define RECORD_HEADER 13        /* bytes, RFC 6347 4.1 */
#define FIRST_TIMEOUT 50000     /* us; OpenSSL's own first wait is 1 s */
#define LONGEST_TIMEOUT 1600000 /* us */
#define CERTIFICATE_DAYS 30
#define EXPORTER "EXTRACTOR-dtls_srtp" /* RFC 5764 4.2 */

struct dtls_context {
	SSL_CTX *ssl;
	BIO_METHOD *datagrams;
	char fingerprint[DTLS_FINGERPRINT_SIZE * 3];
};

struct dtls {
	SSL *ssl; /* owns its BIO */
	GMainContext *loop;
	GSource *timer; /* of the last flight, NULL: none */
	bool established;
	bool over; /* failed or closed: nothing more is said or heard */
	bool mismatch;
	uint8_t peer_fingerprint[DTLS_FINGERPRINT_SIZE];
	const uint8_t *in; /* the datagram being read, NULL: none */
	size_t in_length;
	const struct dtls_events *events; /* borrowed */
	void *user;
};

/* ---- a BIO that keeps datagrams apart ---- */

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static int bio_read(BIO *bio, char *data, int size)
{
	struct dtls *dtls = BIO_get_data(bio);
	size_t length = dtls->in_length;

	BIO_clear_retry_flags(bio);
	if (dtls->in == NULL) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (length > (size_t)size)
		length = (size_t)size;
	memcpy(data, dtls->in, length);
	dtls->in = NULL;
	return (int)length;
}

/* OpenSSL may hand over a whole flight at once: cut it between records. */
static int bio_write(BIO *bio, const char *data, int size)
{
	struct dtls *dtls = BIO_get_data(bio);
	const uint8_t *p = (const uint8_t *)data;
	size_t left = (size_t)size;
	size_t filled = 0;

	BIO_clear_retry_flags(bio);
	while (filled < left) {
		size_t record = left - filled;

		if (record >= RECORD_HEADER) {
			size_t body = (size_t)p[filled + 11] << 8 | p[filled + 12];

			if (RECORD_HEADER + body < record)
				record = RECORD_HEADER + body;
		}
		if (filled > 0 && filled + record > DATAGRAM_MAX) {
			dtls->events->send(dtls->user, p, filled);
			p += filled;
			left -= filled;
			filled = 0;
		}
		filled += record;
	}
	if (filled > 0)
		dtls->events->send(dtls->user, p, filled);
	return size;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DATAGRAM_MAX;
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
		return OVERHEAD;
	default:
		return 0;
	}
}

static BIO_METHOD *create_bio_method(void)
{
	BIO_METHOD *method =
		BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "viewer datagrams");

	if (method == NULL)
		return NULL;
	BIO_meth_set_create(method, bio_create);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_control);
	return method;
}

/* ---- certificates ---- */

static int digest_certificate(const X509 *certificate, uint8_t *digest)
{
	unsigned int length = 0;

	if (!X509_digest(certificate, EVP_sha256(), digest, &length) ||
		length != DTLS_FINGERPRINT_SIZE)
		return -EINVAL;
	return 0;
}

/* Instead of a chain of trust: the certificate the SDP announced, no other. */
static int verify_peer(X509_STORE_CTX *store, void *unused)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dtls *dtls = SSL_get_app_data(ssl);
	const X509 *certificate = X509_STORE_CTX_get0_cert(store);
	uint8_t digest[DTLS_FINGERPRINT_SIZE];

	if (certificate && digest_certificate(certificate, digest) == 0 &&
		CRYPTO_memcmp(digest, dtls->peer_fingerprint, sizeof(digest)) == 0) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	dtls->mismatch = true;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static X509 *create_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name;
	uint64_t serial;

	if (certificate == NULL || RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		goto err_certificate;
	name = X509_get_subject_name(certificate);
	if (!X509_set_version(certificate, X509_VERSION_3) ||
		!ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) ||
		!X509_gmtime_adj(X509_getm_notBefore(certificate), -24L * 3600) ||
		!X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_DAYS * 24L * 3600) ||
		!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			(const unsigned char *)"millrace-viewer", -1, -1, 0) ||
		!X509_set_issuer_name(certificate, name) || !X509_set_pubkey(certificate, key) ||
		X509_sign(certificate, key, EVP_sha256()) <= 0)
		goto err_certificate;
	return certificate;

err_certificate:
	X509_free(certificate);
	return NULL;
}

static int use_certificate(struct dtls_context *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key ? create_certificate(key) : NULL;
	uint8_t digest[DTLS_FINGERPRINT_SIZE];
	int rc = -ENOMEM;

	if (certificate && SSL_CTX_use_certificate(context->ssl, certificate) == 1 &&
		SSL_CTX_use_PrivateKey(context->ssl, key) == 1 &&
		digest_certificate(certificate, digest) == 0) {
		for (size_t i = 0; i < sizeof(digest); i++)
			snprintf(context->fingerprint + 3 * i, 4, "%02X%s", digest[i],
				i + 1 < sizeof(digest) ? ":" : "");
		rc = 0;
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	return rc;
}

int dtls_context_create(const struct profile *const *profiles, size_t count, char *error,
	struct dtls_context **result)
{
	struct dtls_context *context = g_new0(struct dtls_context, 1);
	char list[PROFILE_LIST_SIZE];

	context->ssl = SSL_CTX_new(DTLS_method());
	context->datagrams = create_bio_method();
	if (context->ssl == NULL || context->datagrams == NULL)
		goto err_context;
	if (profile_format_list(profiles, count, list, sizeof(list)) < 0 ||
		SSL_CTX_set_tlsext_use_srtp(context->ssl, list) != 0) /* 0 is success */
		goto err_context;
	if (!SSL_CTX_set_min_proto_version(context->ssl, DTLS1_2_VERSION) ||
		!SSL_CTX_set1_groups_list(context->ssl, "X25519:P-256:P-384") ||
		use_certificate(context) < 0)
		goto err_context;
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(context->ssl, verify_peer, NULL);
	SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(
		context->ssl, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	*result = context;
	return 0;

err_context:
	snprintf(error, DTLS_ERROR_SIZE, "OpenSSL: %s",
		ERR_reason_error_string(ERR_peek_last_error()));
	dtls_context_destroy(context);
	return -EIO;
}

void dtls_context_destroy(struct dtls_context *context)
{
	if (context == NULL)
		return;
	SSL_CTX_free(context->ssl);
	BIO_meth_free(context->datagrams);
	g_free(context);
}

const char *dtls_context_fingerprint(const struct dtls_context *context)
{
	return context->fingerprint;
}

/* ---- the handshake ---- */

static void pump(struct dtls *dtls);

static unsigned int next_timeout(SSL *ssl, unsigned int last)
{
	if (last == 0)
		return FIRST_TIMEOUT;
	return last >= LONGEST_TIMEOUT / 2 ? LONGEST_TIMEOUT : 2 * last;
}

static void fail(struct dtls *dtls, const char *what)
{
	char reason[DTLS_ERROR_SIZE];
	unsigned long code = ERR_peek_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	if (dtls->mismatch)
		snprintf(reason, sizeof(reason),
			"peer's certificate does not match the answer's fingerprint");
	else
		snprintf(
			reason, sizeof(reason), "%s%s%s", what, text ? ": " : "", text ? text : "");
	timer_stop(&dtls->timer);
	dtls->over = true;
	dtls->events->failed(dtls->user, reason);
}

static gboolean on_timeout(gpointer user)
{
	struct dtls *dtls = user;

	timer_stop(&dtls->timer);
	ERR_clear_error();
	if (DTLSv1_handle_timeout(dtls->ssl) < 0)
		fail(dtls, "DTLS timeout");
	else
		pump(dtls);
	return G_SOURCE_REMOVE;
}

static void arm_timer(struct dtls *dtls)
{
	struct timeval left;

	timer_stop(&dtls->timer);
	if (DTLSv1_get_timeout(dtls->ssl, &left) == 1)
		dtls->timer = timer_start(dtls->loop,
			(guint)(left.tv_sec * 1000 + left.tv_usec / 1000 + 1), on_timeout, dtls);
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
static int export_keys(struct dtls *dtls, struct dtls_keys *keys)
{
	const SRTP_PROTECTION_PROFILE *selected = SSL_get_selected_srtp_profile(dtls->ssl);
	const struct profile *profile = selected ? profile_by_id(selected->id) : NULL;
	uint8_t material[2 * SRTP_MAX_KEY_LEN];
	const uint8_t *client_salt, *server_salt;
	uint8_t *client = SSL_is_server(dtls->ssl) ? keys->receive : keys->send;
	uint8_t *server = SSL_is_server(dtls->ssl) ? keys->send : keys->receive;
	size_t key, salt;

	if (profile == NULL)
		return -EPROTO;
	key = profile->key_length;
	salt = profile->salt_length;
	if (SSL_export_keying_material(dtls->ssl, material, 2 * (key + salt), EXPORTER,
		    strlen(EXPORTER), NULL, 0, 0) != 1)
		return -EPROTO;
	client_salt = material + 2 * key;
	server_salt = client_salt + salt;
	keys->profile = profile;
	memcpy(client, material, key);
	memcpy(client + key, client_salt, salt);
	memcpy(server, material + key, key);
	memcpy(server + key, server_salt, salt);
	OPENSSL_cleanse(material, sizeof(material));
	return 0;
}

static void finish(struct dtls *dtls)
{
	struct dtls_keys keys = {0};

	if (export_keys(dtls, &keys) < 0) {
		fail(dtls, "peer agreed to no SRTP profile");
	} else {
		dtls->established = true;
		dtls->events->established(dtls->user, &keys);
	}
	OPENSSL_cleanse(&keys, sizeof(keys));
}

static void read_records(struct dtls *dtls)
{
	uint8_t scratch[2048];
	int n;

	/* Data nobody sends here; reading answers retransmitted flights. */
	do {
		ERR_clear_error();
		n = SSL_read(dtls->ssl, scratch, sizeof(scratch));
	} while (n > 0);
	switch (SSL_get_error(dtls->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		dtls->over = true;
		dtls->events->closed(dtls->user);
		break;
	default:
		fail(dtls, "DTLS");
		break;
	}
}

static void pump(struct dtls *dtls)
{
	if (!dtls->established) {
		int rc;

		ERR_clear_error();
		rc = SSL_do_handshake(dtls->ssl);
		if (rc == 1)
			finish(dtls);
		else if (SSL_get_error(dtls->ssl, rc) != SSL_ERROR_WANT_READ)
			fail(dtls, "DTLS handshake");
	}
	if (dtls->established && !dtls->over)
		read_records(dtls);
	if (!dtls->over)
		arm_timer(dtls);
}

/* ---- public ---- */

int dtls_create(const struct dtls_context *context, GMainContext *loop, bool server,
	const uint8_t *peer_fingerprint, const struct dtls_events *events, void *user,
	struct dtls **result)
{
	struct dtls *dtls = g_new0(struct dtls, 1);
	BIO *bio = BIO_new(context->datagrams);

	dtls->ssl = SSL_new(context->ssl);
	if (dtls->ssl == NULL || bio == NULL) {
		BIO_free(bio);
		SSL_free(dtls->ssl);
		g_free(dtls);
		return -ENOMEM;
	}
	dtls->loop = loop;
	dtls->events = events;
	dtls->user = user;
	memcpy(dtls->peer_fingerprint, peer_fingerprint, DTLS_FINGERPRINT_SIZE);
	BIO_set_data(bio, dtls);
	SSL_set_bio(dtls->ssl, bio, bio);
	SSL_set_app_data(dtls->ssl, dtls);
	DTLS_set_link_mtu(dtls->ssl, LINK_MTU);
	DTLS_set_timer_cb(dtls->ssl, next_timeout);
	if (server)
		SSL_set_accept_state(dtls->ssl);
	else
		SSL_set_connect_state(dtls->ssl);
	*result = dtls;
	return 0;
}

void dtls_destroy(struct dtls *dtls)
{
	if (dtls == NULL)
		return;
	timer_stop(&dtls->timer);
	SSL_free(dtls->ssl);
	g_free(dtls);
}

void dtls_start(struct dtls *dtls)
{
	if (!dtls->over)
		pump(dtls);
}

void dtls_receive(struct dtls *dtls, const uint8_t *data, size_t length)
{
	if (dtls->over || length == 0) /* OpenSSL takes 0 for the end of the stream */
		return;
	dtls->in = data;
	dtls->in_length = length;
	pump(dtls);
	dtls->in = NULL;
}
