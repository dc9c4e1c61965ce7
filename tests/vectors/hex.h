/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors are written as in the RFCs: hexadecimal, blanks anywhere. Tests only. */
#ifndef TESTS_VECTORS_HEX_H
#define TESTS_VECTORS_HEX_H

#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t hex_digit(char c)
{
	assert(isxdigit((unsigned char)c));
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* Returns the number of bytes written, at most `cap`. */
static inline size_t hex_parse(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		if (isspace((unsigned char)*hex))
			continue;
		assert(n < cap && hex[1] != '\0');
		out[n++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
		hex++;
	}
	return n;
}

#endif
