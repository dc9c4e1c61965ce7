/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS of an RTSP connection (rtsps), by GIO: a client whose server has to show a
 * certificate that the system's authorities vouch for under the host's name, or one of
 * a known fingerprint, as cameras with certificates of their own need it. Main thread.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_TLS_H
#define CONTROLPLANE_SOURCE_RTSP_TLS_H

#include <gio/gio.h>

#include <stdint.h>

struct rtsp_tls {
	const uint8_t *fingerprint; /* borrowed: SHA-256 of the certificate's DER; NULL: none */
};

/* A client on `base`, before its handshake. NULL: there is no TLS on this system. */
GTlsConnection *rtsp_tls_create(
	const struct rtsp_tls *tls, GIOStream *base, const char *host, uint16_t port);
/* After the handshake. NULL: the server may be trusted; else why it may not. */
const char *rtsp_tls_refusal(const struct rtsp_tls *tls, GTlsConnection *connection);
/* Why a handshake failed, for the operator; in `buf` or static. */
const char *rtsp_tls_error(GTlsConnection *connection, const GError *error, char *buf, size_t size);

#endif
