/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS of an RTSP connection: see rtsp_tls.h. Main thread. */
#include "controlplane/source/rtsp_tls.h"

#include <stdio.h>
#include <string.h>

#define SHA256_BYTES 32

static gboolean accept_any(GTlsConnection *connection, GTlsCertificate *peer,
	GTlsCertificateFlags errors, gpointer user)
{
	return TRUE; /* rtsp_tls_refusal() looks at the fingerprint */
}

GTlsConnection *rtsp_tls_create(
	const struct rtsp_tls *tls, GIOStream *base, const char *host, uint16_t port)
{
	GSocketConnectable *identity = g_network_address_new(host, port);
	GIOStream *stream = g_tls_client_connection_new(base, identity, NULL);

	g_object_unref(identity);
	if (stream && tls->fingerprint)
		g_signal_connect(stream, "accept-certificate", G_CALLBACK(accept_any), NULL);
	return stream ? G_TLS_CONNECTION(stream) : NULL;
}

const char *rtsp_tls_refusal(const struct rtsp_tls *tls, GTlsConnection *connection)
{
	GTlsCertificate *peer = g_tls_connection_get_peer_certificate(connection);
	uint8_t digest[SHA256_BYTES];
	gsize len = sizeof(digest);
	GByteArray *der = NULL;
	GChecksum *sum;

	if (!peer)
		return "it shows no certificate";
	if (!tls->fingerprint)
		return NULL; /* the handshake has verified it */
	g_object_get(peer, "certificate", &der, NULL);
	sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_checksum_update(sum, der->data, der->len);
	g_checksum_get_digest(sum, digest, &len);
	g_checksum_free(sum);
	g_byte_array_unref(der);
	return memcmp(digest, tls->fingerprint, sizeof(digest)) == 0
		       ? NULL
		       : "its certificate has another fingerprint than sourceFingerprint";
}

const char *rtsp_tls_error(GTlsConnection *connection, const GError *error, char *buf, size_t size)
{
	GTlsCertificateFlags errors = g_tls_connection_get_peer_certificate_errors(connection);

	if (!g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE)) {
		snprintf(buf, size, "no TLS: %s", error->message);
		return buf;
	}
	if (errors & G_TLS_CERTIFICATE_UNKNOWN_CA)
		return "nobody vouches for its certificate, see sourceFingerprint";
	if (errors & G_TLS_CERTIFICATE_EXPIRED)
		return "its certificate has expired, see sourceFingerprint";
	if (errors & G_TLS_CERTIFICATE_BAD_IDENTITY)
		return "its certificate is for another name, see sourceFingerprint";
	return "its certificate is not valid, see sourceFingerprint";
}
