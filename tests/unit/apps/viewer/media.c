/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/viewer/media.c: packets of a libsrtp2 sender, good, repeated and spoilt. */
#include "apps/viewer/media.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SSRC 0x01020304u
#define PACKET_SIZE 256 /* bytes, room for the tag included */

struct pair {
	srtp_t sender;
	srtp_t reader; /* of the receiver reports */
	struct media *media;
};

static const struct sdp_answer answer = {
	.payload_count = 1,
	.payloads = {{.type = 106, .kind = MEDIA_VIDEO, .clock_rate = 90000, .codec = "H264"}},
};

static srtp_t create_session(const struct profile *profile, uint8_t *key, srtp_ssrc_type_t type)
{
	srtp_policy_t policy = {.key = key, .window_size = 128, .ssrc = {.type = type}};
	srtp_t session;

	srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile->srtp);
	srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile->srtp);
	assert_int_equal(srtp_create(&session, &policy), srtp_err_status_ok);
	return session;
}

static void open_pair(struct pair *pair, size_t profile, bool decrypt, FILE *dump, FILE *plain_dump)
{
	const struct media_options options = {
		.viewer = 3, .decrypt = decrypt, .dump = dump, .plain_dump = plain_dump};
	struct dtls_keys keys = {.profile = profile_at(profile)};

	for (size_t i = 0; i < sizeof(keys.receive); i++) {
		keys.receive[i] = (uint8_t)i;
		keys.send[i] = (uint8_t)(255 - i);
	}
	assert_int_equal(media_create(&options, &answer, &keys, &pair->media), 0);
	pair->sender = create_session(keys.profile, keys.receive, ssrc_any_outbound);
	pair->reader = create_session(keys.profile, keys.send, ssrc_any_inbound);
}

static void close_pair(struct pair *pair)
{
	media_destroy(pair->media);
	srtp_dealloc(pair->sender);
	srtp_dealloc(pair->reader);
}

/* A protected packet of 100 bytes of payload; returns its length. */
static size_t make_packet(struct pair *pair, uint8_t *data, uint16_t sequence, uint32_t timestamp)
{
	const uint8_t header[] = {0x80, 0x80 | 106, (uint8_t)(sequence >> 8), (uint8_t)sequence,
		(uint8_t)(timestamp >> 24), (uint8_t)(timestamp >> 16), (uint8_t)(timestamp >> 8),
		(uint8_t)timestamp, 1, 2, 3, 4};
	int length = sizeof(header) + 100;

	memcpy(data, header, sizeof(header));
	memset(data + sizeof(header), (uint8_t)sequence, 100);
	assert_int_equal(srtp_protect(pair->sender, data, &length), srtp_err_status_ok);
	return (size_t)length;
}

static void count_packets(void **state)
{
	for (size_t profile = 0; profile < PROFILE_COUNT; profile++) {
		const struct media_counters *counters;
		const struct track *track;
		uint8_t data[PACKET_SIZE], copy[PACKET_SIZE];
		struct pair pair;
		size_t length;

		print_message("%s\n", profile_at(profile)->name);
		open_pair(&pair, profile, true, NULL, NULL);
		for (uint16_t i = 0; i < 10; i++) {
			length = make_packet(&pair, data, 100 + i, 3000u * i);
			memcpy(copy, data, length);
			if (i == 4)
				continue; /* lost */
			media_receive(pair.media, data, length, 1000u + i);
		}
		media_receive(pair.media, copy, length, 2000); /* once more */
		length = make_packet(&pair, data, 110, 1);
		data[length - 1] ^= 1;
		media_receive(pair.media, data, length, 2001); /* spoilt */
		media_receive(pair.media, data, 11, 2002);     /* no RTP */

		counters = media_counters(pair.media);
		assert_int_equal(counters->packets, 9);
		assert_int_equal(counters->auth_failures, 1);
		assert_int_equal(counters->malformed, 1);
		assert_int_equal(media_track_count(pair.media), 1);
		track = media_track(pair.media, 0);
		assert_int_equal(track->ssrc, SSRC);
		assert_int_equal(track->kind, MEDIA_VIDEO);
		assert_int_equal(track->bytes, 900);
		assert_int_equal(track->frames, 9);
		assert_int_equal(track->auth_failures, 1);
		assert_int_equal(track->sequence.duplicates, 1);
		assert_int_equal(sequence_lost(&track->sequence), 1);
		close_pair(&pair);
	}
}

/* An SSRC nobody could authenticate must not take one of the tracks. */
static void refuse_strangers(void **state)
{
	uint8_t data[PACKET_SIZE];
	struct pair pair;

	open_pair(&pair, 1, true, NULL, NULL);
	for (int i = 0; i < 20; i++) {
		size_t length = make_packet(&pair, data, (uint16_t)(i + 1), 1);

		data[8] = (uint8_t)(100 + i);
		media_receive(pair.media, data, length, 1);
	}
	assert_int_equal(media_track_count(pair.media), 0);
	assert_int_equal(media_counters(pair.media)->auth_failures, 20);
	close_pair(&pair);
}

static void count_without_decrypting(void **state)
{
	uint8_t data[PACKET_SIZE];
	struct pair pair;

	open_pair(&pair, 1, false, NULL, NULL);
	for (uint32_t i = 0; i < 1000; i++) {
		size_t length = make_packet(&pair, data, (uint16_t)(65000 + i), i);

		if (i % 10 != 5)
			media_receive(pair.media, data, length, i + 1);
	}
	assert_int_equal(media_counters(pair.media)->packets, 900);
	assert_int_equal(sequence_lost(&media_track(pair.media, 0)->sequence), 100);
	assert_int_equal(media_track(pair.media, 0)->sequence.highest, 65999);
	close_pair(&pair);
}

/* Whatever the bytes: counted, nothing worse. */
static void survive_noise(void **state)
{
	struct pair pair;
	uint8_t data[PACKET_SIZE];
	unsigned int random = 7;

	for (int decrypt = 0; decrypt < 2; decrypt++) {
		open_pair(&pair, 0, decrypt, NULL, NULL);
		for (int i = 0; i < 20000; i++) {
			size_t length = 1 + (size_t)i % 200;
			/* exactly so long, for the address sanitizer's sake */
			uint8_t *packet = malloc(length);

			assert_non_null(packet);
			for (size_t k = 0; k < length; k++) {
				random = random * 1103515245 + 12345;
				data[k] = (uint8_t)(random >> 16);
			}
			data[0] = (uint8_t)(0x80 | (data[0] & 0x3f));
			memcpy(packet, data, length);
			media_receive(pair.media, packet, length, (uint64_t)i);
			free(packet);
		}
		assert_true(media_track_count(pair.media) <= MEDIA_TRACKS_MAX);
		close_pair(&pair);
	}
}

static void exchange_reports(void **state)
{
	uint8_t report[64] = {0x80, 200, 0, 6, 1, 2, 3, 4, 0, 0, 0, 9, 0x80, 0, 0, 0, 0, 0, 1, 0};
	uint8_t bye[64] = {0x81, 203, 0, 1, 1, 2, 3, 4};
	uint8_t data[MEDIA_REPORT_MAX];
	struct rtcp_packet packet;
	struct pair pair;
	size_t offset = 0;
	int length;

	open_pair(&pair, 2, true, NULL, NULL);
	media_receive(pair.media, data, make_packet(&pair, data, 7, 9), 1000000);
	length = 28;
	assert_int_equal(srtp_protect_rtcp(pair.sender, report, &length), srtp_err_status_ok);
	media_receive(pair.media, report, (size_t)length, 1000000);
	assert_int_equal(media_track(pair.media, 0)->report_count, 1);
	assert_int_equal(track_last_report(media_track(pair.media, 0))->rtp_timestamp, 256);

	length = media_format_report(pair.media, 2000000, data);
	assert_true(length > 0 && length <= MEDIA_REPORT_MAX);
	assert_int_equal(srtp_unprotect_rtcp(pair.reader, data, &length), srtp_err_status_ok);
	assert_int_equal(rtcp_next(data, (size_t)length, &offset, &packet), 1);
	assert_int_equal(packet.type, RTCP_RECEIVER_REPORT);
	assert_int_equal(data[0] & 31, 1);
	assert_memory_equal(data + 24, "\x00\x09\x80\x00", 4); /* LSR */
	assert_memory_equal(data + 28, "\x00\x01\x00\x00", 4); /* DLSR: 1 s */
	assert_int_equal(rtcp_next(data, (size_t)length, &offset, &packet), 1);
	assert_int_equal(rtcp_next(data, (size_t)length, &offset, &packet), 0);
	assert_int_equal(media_counters(pair.media)->reports_sent, 1);

	length = 8;
	assert_int_equal(srtp_protect_rtcp(pair.sender, bye, &length), srtp_err_status_ok);
	bye[length - 1] ^= 1;
	media_receive(pair.media, bye, (size_t)length, 1000000);
	assert_int_equal(media_counters(pair.media)->auth_failures, 1);
	assert_false(media_track(pair.media, 0)->bye);
	close_pair(&pair);
}

/* A request into `data`, opened; how long it is. */
static int ask(struct pair *pair, int (*format)(struct media *, uint8_t *), uint8_t *data)
{
	int length = format(pair->media, data);

	assert_true(length > 0 && length <= MEDIA_REPORT_MAX);
	assert_int_equal(srtp_unprotect_rtcp(pair->reader, data, &length), srtp_err_status_ok);
	return length;
}

/* Each FIR is a new request: its number rises and begins again. */
static void ask_for_key_frames(void **state)
{
	uint8_t data[MEDIA_REPORT_MAX];
	struct pair pair;

	open_pair(&pair, 1, true, NULL, NULL);
	assert_int_equal(media_format_fir(pair.media, data), 0); /* nothing has come yet */
	assert_int_equal(media_format_pli(pair.media, data), 0);
	media_receive(pair.media, data, make_packet(&pair, data, 7, 9), 1);
	for (unsigned int i = 0; i < 300; i++) {
		assert_int_equal(ask(&pair, media_format_fir, data), RTCP_FIR_SIZE);
		assert_memory_equal(data + 12, "\x01\x02\x03\x04", 4);
		assert_int_equal(data[16], i % 256);
	}
	assert_int_equal(ask(&pair, media_format_pli, data), RTCP_PLI_SIZE);
	assert_memory_equal(data + 8, "\x01\x02\x03\x04", 4);
	assert_int_equal(media_counters(pair.media)->firs_sent, 300);
	assert_int_equal(media_counters(pair.media)->plis_sent, 1);
	close_pair(&pair);
}

static void dump_lines(void **state)
{
	char wire[512] = "", plain[512] = "", expected[64];
	FILE *wire_file = fmemopen(wire, sizeof(wire), "w");
	FILE *plain_file = fmemopen(plain, sizeof(plain), "w");
	uint8_t data[PACKET_SIZE];
	struct pair pair;
	size_t length;

	open_pair(&pair, 1, true, wire_file, plain_file);
	length = make_packet(&pair, data, 7, 4711);
	media_receive(pair.media, data, length, 1);
	close_pair(&pair);
	fclose(wire_file);
	fclose(plain_file);
	snprintf(expected, sizeof(expected), "3 01020304 7 %zu ", length);
	assert_memory_equal(wire, expected, strlen(expected));
	assert_int_equal(strlen(wire), strlen(expected) + 64 + 1);
	assert_memory_equal(plain, "3 video 01020304 7 4711 1 106 100 ", 34);
	assert_int_equal(strlen(plain), 34 + 64 + 1);
}

static int set_up(void **state)
{
	return srtp_init() == srtp_err_status_ok ? 0 : -1;
}

static int tear_down(void **state)
{
	return srtp_shutdown() == srtp_err_status_ok ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count_packets),
		cmocka_unit_test(refuse_strangers),
		cmocka_unit_test(count_without_decrypting),
		cmocka_unit_test(survive_noise),
		cmocka_unit_test(exchange_reports),
		cmocka_unit_test(ask_for_key_frames),
		cmocka_unit_test(dump_lines),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
