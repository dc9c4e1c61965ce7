/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames for tests, built field by field, with checksums computed octet by octet
 * as RFC 1071 1 words it: nothing of the code under test is used. One thread.
 */
#ifndef TESTS_UNIT_PIPELINE_WIRE_FRAME_H
#define TESTS_UNIT_PIPELINE_WIRE_FRAME_H

#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FRAME_MAX 4096

/* What a frame is made of; zeroed fields give the ordinary thing. */
struct wire_frame_spec {
	const char *src; /* "10.0.0.1" or "2001:db8::1"; NULL: 10.0.0.1 */
	const char *dst; /* NULL: 10.0.0.2 */
	uint16_t src_port;
	uint16_t dst_port;
	const void *payload;
	size_t payload_len;

	unsigned int vlan_tags;
	uint16_t ether_type;         /* 0: of the address family */
	size_t ip_options;           /* [bytes] of IPv4 options (no-operation), times of 4 */
	uint16_t fragment;           /* IPv4 flags and offset, or IPv6 fragment field */
	bool fragment_header;        /* IPv6: put one in, with `fragment` */
	const uint8_t *chain;        /* IPv6: extension headers as they are, or NULL */
	size_t chain_len;            /* [bytes] */
	uint8_t first_header;        /* IPv6: what the IPv6 header says comes next, with a chain */
	uint8_t protocol;            /* 0: UDP */
	size_t padding;              /* [bytes] behind the IP packet, as Ethernet pads */
	int ip_length_error;         /* added to the length that the IP header gives */
	int udp_length_error;        /* added to the UDP length */
	bool udp_checksum_none;      /* zero */
	bool udp_checksum_partial;   /* the pseudo-header's sum alone */
	uint16_t udp_checksum_error; /* flipped bits */
	uint16_t ip_checksum_error;
	uint8_t version; /* of IP; 0: as it should be */
};

struct wire_frame {
	uint8_t data[WIRE_FRAME_MAX];
	size_t len;
	size_t l3, l4, payload;
	struct mr_endpoint src, dst;
};

void wire_frame_build(struct wire_frame *f, const struct wire_frame_spec *spec);

/* Octet by octet, RFC 1071. `sum` is what went before. */
uint16_t wire_checksum(const uint8_t *data, size_t len, uint32_t sum);

/* Whether a frame's IPv4 header and UDP checksums are right and its lengths fit;
 * NULL when they are, else what is wrong. */
const char *wire_frame_check(const uint8_t *data, size_t len, size_t l3);

void wire_endpoint(struct mr_endpoint *e, const char *address, uint16_t port);

#endif
