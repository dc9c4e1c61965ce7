/* SPDX-License-Identifier: BSD-3-Clause */
/* The first bits of NAL units: B slices and the ids of parameter sets. One thread. */
#include "dataplane/stream/h264_nal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	uint8_t nal[12];
	uint8_t len;
	bool b;
	const char *why;
} slices[] = {
	{{0x41, 0xa0}, 2, true, "first_mb 0, type 1: 1 010"},
	{{0x41, 0x9c}, 2, true, "first_mb 0, type 6 (all slices B): 1 00111"},
	{{0x41, 0xc0}, 2, false, "type 0: P"},
	{{0x41, 0x98}, 2, false, "type 5: all P"},
	{{0x41, 0xb0}, 2, false, "type 2: I"},
	{{0x41, 0x88, 0x80}, 3, false, "type 7: all I, 1 0001000"},
	{{0x41, 0x90}, 2, false, "type 3: SP"},
	{{0x41, 0x94}, 2, false, "type 4: SI"},
	{{0x01, 0x4a}, 2, true, "first_mb 1, nal_ref_idc 0: 010 010"},
	{{0x01, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0x03, 0x02, 0x80}, 10, false,
		"first_mb of more than 20 bits is none"},
	{{0x01, 0x00, 0x20, 0x0a}, 4, true, "first_mb 1024: ten zeros, 11 bits, 010"},
	{{0x01, 0x00, 0x00, 0x03, 0x80, 0x00, 0x03, 0x40}, 8, false, "0 0 3: the 3 is not there"},
	{{0x01, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x00}, 8, false, "type of many zeros"},
	{{0x41}, 1, false, "a header octet alone"},
	{{0x41, 0x01}, 2, false, "too short for first_mb"},
	{{0x41, 0x80}, 2, false, "first_mb, and nothing that ends the type"},
	{{0x41, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}, 10, false, "all zeros"},
};

static void test_slices(void **state)
{
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++)
		if (h264_is_b_slice(slices[i].nal, slices[i].len) != slices[i].b)
			fail_msg("%s", slices[i].why);
}

static const struct {
	uint8_t nal[12];
	uint8_t len;
	int id;
	const char *why;
} sets[] = {
	{{0x67, 0x42, 0xc0, 0x1f, 0x8c}, 5, 0, "SPS 0"},
	{{0x67, 0x42, 0xc0, 0x1f, 0x4c}, 5, 1, "SPS 1"},
	{{0x67, 0x42, 0xc0, 0x1f, 0x04, 0x00}, 6, 31, "SPS 31: 00000 100000"},
	{{0x67, 0x42, 0xc0, 0x1f, 0x04, 0x20}, 6, -1, "SPS 32 is none"},
	{{0x67, 0x42, 0x00, 0x00, 0x03, 0x1f, 0x8c}, 7, 14, "42 00 00 1f without the 3: 0001111"},
	{{0x67, 0x42, 0xc0, 0x1f}, 4, -1, "SPS without id"},
	{{0x67}, 1, -1, "an SPS header alone"},
	{{0x68, 0xce}, 2, 0, "PPS 0"},
	{{0x68, 0x4e}, 2, 1, "PPS 1"},
	{{0x68, 0x00, 0x80, 0x00}, 4, 255, "PPS 255: eight zeros, 100000000"},
	{{0x68, 0x00, 0x80, 0x80}, 4, -1, "PPS 256 is none"},
	{{0x68}, 1, -1, "a PPS header alone"},
	{{0x68, 0x00}, 2, -1, "a PPS that ends in the id"},
};

static void test_sets(void **state)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		int id = h264_set_id(sets[i].nal, sets[i].len);

		if (id != sets[i].id)
			fail_msg("%s: %d", sets[i].why, id);
	}
}

/* In memory of exactly that length: AddressSanitizer sees every byte read beyond. */
static void test_truncated(void **state)
{
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
		for (uint32_t n = 1; n <= slices[i].len; n++) {
			uint8_t *cut = malloc(n);

			assert_non_null(cut);
			memcpy(cut, slices[i].nal, n);
			h264_is_b_slice(cut, n);
			cut[0] = 0x67;
			h264_set_id(cut, n);
			cut[0] = 0x68;
			h264_set_id(cut, n);
			free(cut);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
