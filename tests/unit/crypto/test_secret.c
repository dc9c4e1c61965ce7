/* SPDX-License-Identifier: BSD-3-Clause */
/* Wiping, comparing, hiding from core dumps. One thread. */
#include "crypto/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void test_equal(void **state)
{
	uint8_t a[33], b[33];

	memset(a, 0x5a, sizeof(a));
	memset(b, 0x5a, sizeof(b));
	assert_true(secret_equal(a, b, sizeof(a)));
	assert_true(secret_equal(a, b, 0));
	for (size_t bit = 0; bit < sizeof(a) * 8; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(secret_equal(a, b, sizeof(a)));
		assert_true(secret_equal(a, b, bit / 8));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_wipe(void **state)
{
	static const uint8_t zeros[16];
	uint8_t a[18];

	memset(a, 0x77, sizeof(a));
	secret_wipe(a + 1, 16);
	assert_memory_equal(a + 1, zeros, 16);
	assert_int_equal(a[0], 0x77);
	assert_int_equal(a[17], 0x77);
	secret_wipe(a, 0);
	secret_wipe(NULL, 0);
	assert_int_equal(a[0], 0x77);
}

/* Whether the mapping that holds `p` says "dd" (do not dump). */
static bool is_dont_dump(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool inside = false, found = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long first, last;

		if (sscanf(line, "%lx-%lx ", &first, &last) == 2)
			inside = (uintptr_t)p >= first && (uintptr_t)p < last;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " dd") != NULL;
	}
	fclose(f);
	return found;
}

static void test_dont_dump(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p =
		/* cppcheck-suppress invalidFunctionArg; anonymous memory has no descriptor */
		mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	memset(p, 1, 4 * page);
	assert_int_equal(secret_dont_dump(p + 10, page - 20), 0); /* no whole page */
	assert_false(is_dont_dump(p));
	assert_int_equal(secret_dont_dump(p + 1, 3 * page), 0); /* covers the second and third */
	assert_false(is_dont_dump(p));
	assert_true(is_dont_dump(p + page));
	assert_true(is_dont_dump(p + 2 * page));
	assert_false(is_dont_dump(p + 3 * page));
	munmap(p, 4 * page);
	assert_true(secret_dont_dump(p, 4 * page) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_wipe),
		cmocka_unit_test(test_dont_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
