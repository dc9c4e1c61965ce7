/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of dataplane/control/key_history.c. */
#include "dataplane/control/key_history.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct mr_srtp_keys keys_of(uint32_t n)
{
	struct mr_srtp_keys k;

	memset(&k, 0, sizeof(k));
	memcpy(k.cipher + 3, &n, sizeof(n));
	return k;
}

static void test_what_makes_a_key(void **state)
{
	struct key_history *h = key_history_create();
	struct mr_srtp_keys k = keys_of(1);

	assert_non_null(h);
	assert_int_equal(key_history_claim(h, &k), 0);
	assert_int_equal(key_history_claim(h, &k), -EEXIST);
	k.salt[13] ^= 1; /* another salt: other nonces */
	assert_int_equal(key_history_claim(h, &k), 0);
	k.cipher[31] ^= 1;
	assert_int_equal(key_history_claim(h, &k), 0);
	k.auth[0] ^= 1; /* does not keep nonces apart */
	assert_int_equal(key_history_claim(h, &k), -EEXIST);
	key_history_destroy(h);
	key_history_destroy(NULL);
}

/* Far more than fit: the promised number of the last ones is still known. */
static void test_forgets_the_oldest_only(void **state)
{
	const uint32_t n = 2 * KEY_HISTORY_MIN + 1000;
	struct key_history *h = key_history_create();
	struct mr_srtp_keys k;

	assert_non_null(h);
	for (uint32_t i = 0; i < n; i++) {
		k = keys_of(i);
		assert_int_equal(key_history_claim(h, &k), 0);
		if (i < KEY_HISTORY_MIN - 1)
			continue;
		k = keys_of(i - (KEY_HISTORY_MIN - 1));
		assert_int_equal(key_history_claim(h, &k), -EEXIST);
	}
	key_history_destroy(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_makes_a_key),
		cmocka_unit_test(test_forgets_the_oldest_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
