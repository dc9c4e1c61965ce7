/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/viewer/key_frame.c: what begins a key frame, and what only looks like it. */
#include "apps/viewer/key_frame.h"

#include "apps/viewer/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *why;
	const char *codec;
	bool key;
	size_t length;
	uint8_t payload[16];
} cases[] = {
	{"IDR alone", "H264", true, 3, {0x65, 0x88, 0x84}},
	{"another slice", "H264", false, 3, {0x41, 0x9a, 0x00}},
	{"parameter sets alone", "H264", false, 3, {0x67, 0x42, 0xe0}},
	{"start of a fragmented IDR", "H264", true, 3, {0x7c, 0x85, 0x88}},
	{"middle of it", "H264", false, 3, {0x7c, 0x05, 0x88}},
	{"start of another fragmented slice", "H264", false, 3, {0x7c, 0x81, 0x9a}},
	{"IDR behind parameter sets", "H264", true, 10, {0x78, 0, 2, 0x67, 0x42, 0, 3, 0x65, 1, 2}},
	{"parameter sets together", "H264", false, 9, {0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 1}},
	{"size beyond the end", "H264", false, 9, {0x78, 0, 9, 0x67, 0x42, 0, 2, 0x65, 1}},
	{"IDR behind nothing", "H264", true, 6, {0x78, 0, 0, 0, 1, 0x65}},
	{"nothing before the end", "H264", false, 4, {0x78, 0, 0, 0x65}},
	{"aggregate cut short", "H264", false, 3, {0x78, 0, 1}},
	{"one byte", "H264", false, 1, {0x65}},
	{"nothing", "H264", false, 0, {0}},
	{"key frame", "VP8", true, 2, {0x10, 0x50}},
	{"another frame", "VP8", false, 2, {0x10, 0x51}},
	{"not its start", "VP8", false, 2, {0x00, 0x50}},
	{"its second partition", "VP8", false, 2, {0x11, 0x50}},
	{"behind a short picture ID", "VP8", true, 4, {0x90, 0x80, 0x11, 0x50}},
	{"behind a long one", "VP8", true, 5, {0x90, 0x80, 0x81, 0x11, 0x50}},
	{"behind all there may be", "VP8", true, 7, {0x90, 0xf0, 0x81, 0x11, 7, 0x20, 0x50}},
	{"cut after a long picture ID", "VP8", false, 4, {0x90, 0x80, 0x81, 0x10}},
	{"cut in the extension", "VP8", false, 2, {0x90, 0x80}},
	{"empty", "VP8", false, 0, {0}},
	{"of a codec that is not known", "AV1", false, 2, {0x65, 0x50}},
};

static void tell(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* exactly so long, for the address sanitizer's sake */
		uint8_t *payload = malloc(cases[i].length + 1);

		assert_non_null(payload);
		memcpy(payload + 1, cases[i].payload, cases[i].length);
		print_message("%s: %s\n", cases[i].codec, cases[i].why);
		assert_int_equal(key_frame_begins(cases[i].codec, payload + 1, cases[i].length),
			cases[i].key);
		free(payload);
	}
}

static void count(void **state)
{
	static const struct {
		const char *why;
		uint64_t index;
		uint32_t timestamp;
		uint8_t type;
		uint64_t key_frames;
	} packets[] = {
		{"no key frame", 10, 0xfffff000, 0x41, 0},
		{"the first one", 11, 0xfffff800, 0x65, 1},
		{"its second slice", 12, 0xfffff800, 0x65, 1},
		{"another frame", 16, 0x0, 0x41, 1},
		{"a slice of the first one, repaired late", 13, 0xfffff800, 0x65, 1},
		{"the frame behind it, late", 15, 0x0, 0x41, 1},
		{"the next one, behind the turn of the clock", 20, 0x800, 0x65, 2},
		{"a slice of the first one, repaired very late", 14, 0xfffff800, 0x65, 2},
		{"another frame", 22, 0x1000, 0x41, 2},
		{"the last one once more, as another frame", 23, 0x800, 0x65, 3},
		{"its second slice", 24, 0x800, 0x65, 3},
		{"the next one at once", 25, 0x1800, 0x65, 4},
	};
	static const struct sdp_payload video = {
		.kind = MEDIA_VIDEO, .clock_rate = 90000, .codec = "H264"};
	struct track track;

	track_init(&track, 1, &video);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		const uint8_t payload[] = {packets[i].type, 0x88};

		print_message("%s\n", packets[i].why);
		track_look_for_key(
			&track, packets[i].index, packets[i].timestamp, payload, sizeof(payload));
		assert_int_equal(track.key_frames, packets[i].key_frames);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tell),
		cmocka_unit_test(count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
