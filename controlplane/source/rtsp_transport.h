/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Transport header of RTSP (RFC 2326 12.39): what we ask for, what the
 * server chose. Pure; any thread.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_TRANSPORT_H
#define CONTROLPLANE_SOURCE_RTSP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rtsp_transport {
	bool tcp;
	bool multicast;
	uint8_t channel[2];      /* tcp: RTP, RTCP */
	uint16_t server_port[2]; /* udp: RTP, RTCP; host order, 0: the server does not say */
	uint16_t client_port[2]; /* ditto */
	bool has_source;
	uint8_t source[16]; /* udp: where packets come from, when it is given as an address */
	bool has_ssrc;      /* only a hint: cameras lie */
	uint32_t ssrc;
};

/* 0; -EINVAL: no transport; -ENOTSUP: neither RTP/AVP over UDP nor over TCP. */
int rtsp_transport_parse(struct rtsp_transport *t, const char *header);

void rtsp_transport_format_udp(char *out, size_t size, const uint16_t client_port[2]);
void rtsp_transport_format_tcp(char *out, size_t size, unsigned int first_channel);

#endif
