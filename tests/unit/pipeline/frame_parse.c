/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/pipeline/frame_parse.c */
#include "dataplane/pipeline/frame_parse.h"

#include "tests/unit/pipeline/wire_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define IPV6 .src = "2001:db8::1", .dst = "2001:db8::2"

static const uint8_t payload[1452] = {0x80, 96};

/* Each header: next header, length in 8 octets less the first, contents. */
static const uint8_t hop_by_hop[8] = {17, 0, 1, 4, 0, 0, 0, 0};
static const uint8_t destination[16] = {17, 1, 1, 12};
static const uint8_t routing_done[8] = {17, 0, 4, 0};
static const uint8_t routing_left[8] = {17, 0, 4, 1};
static const uint8_t hop_then_destination[16] = {60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4};
static const uint8_t destination_then_hop[16] = {0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4};
static const uint8_t too_long_for_packet[8] = {17, 255, 1, 4};
static const uint8_t authentication[12] = {17, 1};
static const uint8_t six[6 * 8] = {60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0,
	0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4};
static const uint8_t seven[7 * 8] = {60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4,
	0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0, 17,
	0, 1, 4};

static const struct {
	const char *why;
	struct wire_frame_spec spec;
	unsigned int flags;
	enum frame_verdict verdict;
	enum mr_drop reason;
} cases[] = {
	{"ordinary IPv4", {0}, 0, FRAME_UDP},
	{"ordinary IPv6", {IPV6}, 0, FRAME_UDP},
	{"one VLAN tag", {.vlan_tags = 1}, 0, FRAME_UDP},
	{"QinQ", {.vlan_tags = 2}, 0, FRAME_UDP},
	{"IPv6 in QinQ", {IPV6, .vlan_tags = 2}, 0, FRAME_UDP},
	{"three tags are not looked through", {.vlan_tags = 3}, 0, FRAME_KERNEL, MR_DROP_ETH_TYPE},
	{"ARP", {.ether_type = 0x0806}, 0, FRAME_KERNEL, MR_DROP_ETH_TYPE},
	{"802.3 length", {.ether_type = 100}, 0, FRAME_KERNEL, MR_DROP_ETH_TYPE},

	{"IPv4 options", {.ip_options = 8}, 0, FRAME_UDP},
	{"all of IPv4's options", {.ip_options = 40}, 0, FRAME_UDP},
	{"Ethernet's padding is no payload", {.padding = 18}, 0, FRAME_UDP},
	{"padding behind IPv6", {IPV6, .padding = 18}, 0, FRAME_UDP},
	{"IPv4 that says it is 5", {.version = 5}, 0, FRAME_DROP, MR_DROP_IP_HEADER},
	{"IPv6 that says it is 4", {IPV6, .version = 4}, 0, FRAME_DROP, MR_DROP_IP_HEADER},
	{"total length beyond the frame", {.ip_length_error = 1}, 0, FRAME_DROP, MR_DROP_IP_SHORT},
	{"total length below the header", {.payload_len = 4, .ip_length_error = -13}, 0, FRAME_DROP,
		MR_DROP_IP_SHORT},
	{"payload length beyond the frame", {IPV6, .ip_length_error = 1}, 0, FRAME_DROP,
		MR_DROP_IP_SHORT},
	{"wrong header checksum", {.ip_checksum_error = 0x0100}, 0, FRAME_DROP,
		MR_DROP_IP_CHECKSUM},
	{"the device has found the header right", {.ip_checksum_error = 0x0100},
		FRAME_IP_CHECKSUM_GOOD, FRAME_UDP},
	{"don't fragment is no fragment", {.fragment = 0x4000}, 0, FRAME_UDP},
	{"first fragment", {.fragment = 0x2000}, 0, FRAME_KERNEL, MR_DROP_IP_FRAGMENT},
	{"middle fragment", {.fragment = 0x2010}, 0, FRAME_KERNEL, MR_DROP_IP_FRAGMENT},
	{"last fragment", {.fragment = 0x0010}, 0, FRAME_KERNEL, MR_DROP_IP_FRAGMENT},
	{"TCP", {.protocol = 6}, 0, FRAME_KERNEL, MR_DROP_IP_PROTOCOL},
	{"ICMP", {.protocol = 1}, 0, FRAME_KERNEL, MR_DROP_IP_PROTOCOL},
	{"ICMPv6", {IPV6, .protocol = 58}, 0, FRAME_KERNEL, MR_DROP_IP_PROTOCOL},
	{"no next header", {IPV6, .protocol = 59}, 0, FRAME_KERNEL, MR_DROP_IP_PROTOCOL},

	{"hop-by-hop", {IPV6, .chain = hop_by_hop, .chain_len = 8, .first_header = 0}, 0,
		FRAME_UDP},
	{"destination options", {IPV6, .chain = destination, .chain_len = 16, .first_header = 60},
		0, FRAME_UDP},
	{"routing, at its end", {IPV6, .chain = routing_done, .chain_len = 8, .first_header = 43},
		0, FRAME_UDP},
	{"routing, on its way", {IPV6, .chain = routing_left, .chain_len = 8, .first_header = 43},
		0, FRAME_KERNEL, MR_DROP_IP_EXTENSION},
	{"two headers", {IPV6, .chain = hop_then_destination, .chain_len = 16, .first_header = 0},
		0, FRAME_UDP},
	{"hop-by-hop not first",
		{IPV6, .chain = destination_then_hop, .chain_len = 16, .first_header = 60}, 0,
		FRAME_KERNEL, MR_DROP_IP_EXTENSION},
	{"longer than its packet",
		{IPV6, .chain = too_long_for_packet, .chain_len = 8, .first_header = 60}, 0,
		FRAME_DROP, MR_DROP_IP_SHORT},
	{"authentication header",
		{IPV6, .chain = authentication, .chain_len = 12, .first_header = 51}, 0,
		FRAME_KERNEL, MR_DROP_IP_EXTENSION},
	{"as many as we walk", {IPV6, .chain = six, .chain_len = 48, .first_header = 60}, 0,
		FRAME_UDP},
	{"one more", {IPV6, .chain = seven, .chain_len = 56, .first_header = 60}, 0, FRAME_KERNEL,
		MR_DROP_IP_EXTENSION},
	{"IPv6 fragment", {IPV6, .fragment_header = true, .fragment = 0x0001}, 0, FRAME_KERNEL,
		MR_DROP_IP_FRAGMENT},
	{"IPv6 last fragment", {IPV6, .fragment_header = true, .fragment = 0x0100}, 0, FRAME_KERNEL,
		MR_DROP_IP_FRAGMENT},
	{"atomic fragment is whole, RFC 6946", {IPV6, .fragment_header = true}, 0, FRAME_UDP},

	{"UDP length beyond the packet", {.udp_length_error = 1}, 0, FRAME_DROP, MR_DROP_UDP_SHORT},
	{"UDP length beyond the packet, in Ethernet's padding",
		{.udp_length_error = 1, .padding = 18}, 0, FRAME_DROP, MR_DROP_UDP_SHORT},
	{"UDP length below its header", {.payload_len = 4, .udp_length_error = -5}, 0, FRAME_DROP,
		MR_DROP_UDP_SHORT},
	{"no room for the UDP header", {.ip_length_error = -1}, 0, FRAME_DROP, MR_DROP_UDP_SHORT},
	{"wrong UDP checksum", {.udp_checksum_error = 1}, 0, FRAME_DROP, MR_DROP_UDP_CHECKSUM},
	{"wrong UDP checksum, IPv6", {IPV6, .udp_checksum_error = 0x8000}, 0, FRAME_DROP,
		MR_DROP_UDP_CHECKSUM},
	{"no UDP checksum is fine on IPv4", {.udp_checksum_none = true}, 0, FRAME_UDP},
	{"and not on IPv6", {IPV6, .udp_checksum_none = true}, 0, FRAME_DROP, MR_DROP_UDP_CHECKSUM},
	{"not even where the device is content", {IPV6, .udp_checksum_none = true},
		FRAME_UDP_CHECKSUM_GOOD, FRAME_DROP, MR_DROP_UDP_CHECKSUM},
	{"the device has found it right", {.udp_checksum_error = 1}, FRAME_UDP_CHECKSUM_GOOD,
		FRAME_UDP},
	{"open checksum from a wire", {.udp_checksum_partial = true}, 0, FRAME_DROP,
		MR_DROP_UDP_CHECKSUM},
	{"open checksum from a virtual wire", {.udp_checksum_partial = true},
		FRAME_UDP_CHECKSUM_PARTIAL, FRAME_UDP},
	{"open checksum from a virtual wire, IPv6", {IPV6, .udp_checksum_partial = true},
		FRAME_UDP_CHECKSUM_PARTIAL, FRAME_UDP},
	{"wrong checksum from a virtual wire", {.udp_checksum_error = 1},
		FRAME_UDP_CHECKSUM_PARTIAL, FRAME_DROP, MR_DROP_UDP_CHECKSUM},
};

/* A copy of exactly `len` bytes, so that a sanitizer sees a read beyond it. */
static enum frame_verdict parse_exact(
	struct frame *f, const uint8_t *data, size_t len, unsigned int flags)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	enum frame_verdict v;

	assert_non_null(copy);
	memcpy(copy, data, len);
	v = frame_parse(f, copy, len, flags);
	free(copy);
	assert_int_equal(v, f->verdict);
	return v;
}

static void assert_endpoint(const struct mr_endpoint *is, const struct mr_endpoint *should)
{
	assert_memory_equal(is, should, sizeof(*is));
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t n = 0; n < sizeof(payload); n = n == 0 ? 3 : n * 7) {
			struct wire_frame_spec spec = cases[i].spec;
			struct wire_frame w;
			struct frame f;

			if (spec.payload_len == 0)
				spec.payload_len = n;
			spec.payload = payload;
			wire_frame_build(&w, &spec);
			parse_exact(&f, w.data, w.len, cases[i].flags);
			if (f.verdict != cases[i].verdict ||
				(f.verdict != FRAME_UDP && f.reason != cases[i].reason))
				fail_msg("%s: verdict %d, %s", cases[i].why, f.verdict,
					mr_drop_name(f.reason));
			if (f.verdict != FRAME_UDP)
				continue;
			assert_int_equal(f.l3, w.l3);
			assert_int_equal(f.l4, w.l4);
			assert_int_equal(f.payload, w.payload);
			assert_int_equal(f.payload_len, spec.payload_len);
			assert_int_equal(f.ip_version, spec.src != NULL ? 6 : 4);
			assert_endpoint(&f.src, &w.src);
			assert_endpoint(&f.dst, &w.dst);
		}
	}
}

/* Cut at every byte: never a datagram, never a read beyond the end. */
static void test_truncated(void **state)
{
	static const struct wire_frame_spec specs[] = {
		{0},
		{.vlan_tags = 2, .ip_options = 12},
		{IPV6, .vlan_tags = 1},
		{IPV6, .chain = hop_then_destination, .chain_len = 16, .first_header = 0},
		{IPV6, .fragment_header = true},
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct wire_frame_spec spec = specs[i];
		struct wire_frame w;
		struct frame f;

		spec.payload = payload;
		spec.payload_len = 40;
		wire_frame_build(&w, &spec);
		for (size_t n = 0; n < w.len; n++) {
			size_t ether = w.l3;
			enum mr_drop reason = n < ether ? MR_DROP_ETH_SHORT : MR_DROP_IP_SHORT;

			assert_int_equal(parse_exact(&f, w.data, n, 0), FRAME_DROP);
			assert_int_equal(f.reason, reason);
		}
		assert_int_equal(parse_exact(&f, w.data, w.len, 0), FRAME_UDP);
	}
}

/* The payload that UDP says, when IP has more (RFC 768 leaves the rest alone). */
static void test_udp_shorter_than_packet(void **state)
{
	struct wire_frame_spec spec = {
		.payload = payload, .payload_len = 100, .udp_length_error = -60};
	struct wire_frame w;
	struct frame f;

	wire_frame_build(&w, &spec);
	assert_int_equal(parse_exact(&f, w.data, w.len, 0), FRAME_UDP);
	assert_int_equal(f.payload_len, 40);
}

/* One wrong bit anywhere in IP's or UDP's part is noticed, or harmless. */
static void test_every_bit_counts(void **state)
{
	struct wire_frame_spec spec = {.payload = payload, .payload_len = 33};
	struct wire_frame w;
	struct frame f;

	wire_frame_build(&w, &spec);
	for (size_t bit = w.l3 * 8; bit < w.len * 8; bit++) {
		w.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(parse_exact(&f, w.data, w.len, 0), FRAME_UDP);
		w.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Noise shaped like frames: bounded, no crash, offsets inside. */
static void test_noise(void **state)
{
	uint32_t x = 1;

	for (int round = 0; round < 200000; round++) {
		struct wire_frame_spec spec = {.payload = payload, .payload_len = 64};
		struct wire_frame w;
		struct frame f;

		if (round & 1) {
			spec.src = "2001:db8::1";
			spec.dst = "2001:db8::2";
		}
		wire_frame_build(&w, &spec);
		for (int i = 0; i < 4; i++) {
			x = x * 1664525u + 1013904223u;
			w.data[12 + (x >> 8) % (w.len - 12)] = (uint8_t)(x >> 24);
		}
		x = x * 1664525u + 1013904223u;
		w.len = (x >> 8) % (w.len + 1);
		if (parse_exact(&f, w.data, w.len,
			    FRAME_IP_CHECKSUM_GOOD | FRAME_UDP_CHECKSUM_GOOD) == FRAME_UDP)
			assert_true((size_t)f.payload + f.payload_len <= w.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_udp_shorter_than_packet),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
