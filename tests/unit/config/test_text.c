/* SPDX-License-Identifier: BSD-3-Clause */
/* controlplane/config/text.c: durations, addresses, names, base64. */
#include "controlplane/config/text.h"

#include <arpa/inet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
		const char *why;
	} cases[] = {
		{"10s", 10000, "the usual spelling"},
		{"1m30s", 90000, "several units"},
		{"1.5h", 5400000, "a fraction"},
		{"250ms", 250, "ms is not m and s"},
		{"1d", 86400000, "days, MediaMTX's addition to Go"},
		{"1500us", 1, "rounded down"},
		{"1500\xc2\xb5s", 1, "micro sign"},
		{"0s", 0, "zero"},
		{"0.0000000000000001s", 0, "a fraction that is too fine"},
		{"", -1, "empty"},
		{"10", -1, "no unit"},
		{"s", -1, "no number"},
		{".5s", -1, "no whole part"},
		{"5.s", -1, "no fraction after the point"},
		{"-5s", -1, "negative"},
		{"5 s", -1, "blank"},
		{"5x", -1, "unknown unit"},
		{"99999999999999999999h", -1, "overflow of the number"},
		{"366d1d", -1, "longer than a year"},
		{"18446744073s18446744073s", -1, "overflow of the sum"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ms = 0;
		int rc = text_duration(cases[i].text, &ms);

		if (cases[i].ms < 0 ? rc == 0 : (rc != 0 || ms != (uint64_t)cases[i].ms))
			fail_msg("%s (%s): %d, %lu ms", cases[i].text, cases[i].why, rc,
				(unsigned long)ms);
	}
}

static void endpoints(void **state)
{
	static const struct {
		const char *text;
		const char *address; /* of inet_ntop; NULL: refused */
		uint16_t port;
		const char *why;
	} cases[] = {
		{":8889", "::", 8889, "a port alone: every address"},
		{"0.0.0.0:8889", "::ffff:0.0.0.0", 8889, "every IPv4 address"},
		{"192.0.2.1:1", "::ffff:192.0.2.1", 1, "IPv4 is v4-mapped"},
		{"[2001:db8::1]:65535", "2001:db8::1", 65535, "IPv6 in brackets"},
		{"[::]:80", "::", 80, "every IPv6 address"},
		{"2001:db8::1:80", NULL, 0, "IPv6 without brackets is ambiguous"},
		{"[192.0.2.1]:80", NULL, 0, "IPv4 in brackets"},
		{"192.0.2.1", NULL, 0, "no port"},
		{"192.0.2.1:", NULL, 0, "empty port"},
		{"192.0.2.1:0", NULL, 0, "port 0"},
		{"192.0.2.1:65536", NULL, 0, "port beyond 16 bits"},
		{"192.0.2.1:+80", NULL, 0, "sign"},
		{"192.0.2.1:080", NULL, 0, "leading zero"},
		{"192.0.2:80", NULL, 0, "three octets"},
		{"localhost:80", NULL, 0, "a name: nothing is resolved here"},
		{"[fe80::1%eth0]:80", NULL, 0, "zone"},
		{"[:80", NULL, 0, "half a bracket"},
		{"[]:80", NULL, 0, "nothing in brackets"},
		{"", NULL, 0, "empty"},
		{"111111111111111111111111111111111111111111111111111:80", NULL, 0, "too long"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mr_endpoint e;
		char text[INET6_ADDRSTRLEN] = "";
		int rc = text_endpoint(cases[i].text, &e);

		if (rc == 0)
			inet_ntop(AF_INET6, e.addr, text, sizeof(text));
		if ((rc == 0) != (cases[i].address != NULL) ||
			(rc == 0 && (strcmp(text, cases[i].address) != 0 ||
					    ntohs(e.port) != cases[i].port)))
			fail_msg("%s (%s): %d %s", cases[i].text, cases[i].why, rc, text);
	}
}

static void prefixes(void **state)
{
	static const struct {
		const char *text;
		int length; /* -1: refused */
		const char *why;
	} cases[] = {
		{"192.0.2.10/24", 24, "IPv4"},
		{"2001:db8::10/64", 64, "IPv6"},
		{"192.0.2.10/33", -1, "beyond IPv4's bits"},
		{"2001:db8::10/129", -1, "beyond IPv6's bits"},
		{"192.0.2.10/0", -1, "no network at all"},
		{"192.0.2.10", -1, "no prefix"},
		{"192.0.2.10/", -1, "empty prefix"},
		{"/24", -1, "no address"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mr_config_prefix p;
		int rc = text_prefix(cases[i].text, &p);

		if (cases[i].length < 0 ? rc == 0 : (rc != 0 || p.length != cases[i].length))
			fail_msg("%s (%s): %d", cases[i].text, cases[i].why, rc);
	}
}

static void hosts(void **state)
{
	static const struct {
		const char *text;
		bool valid;
		const char *why;
	} cases[] = {
		{"example.org", true, "a name"},
		{"192.0.2.1", true, "IPv4"},
		{"2001:db8::1", true, "IPv6"},
		{"cam-1.local", true, "a minus inside"},
		{"0.0.0.0", false, "nobody can be reached there"},
		{"239.1.1.1", false, "multicast"},
		{"192.0.2.999", false, "a mistyped address is no name"},
		{"-a.org", false, "minus first"},
		{"a-.org", false, "minus last"},
		{"a..org", false, "empty label"},
		{"", false, "empty"},
		{"a b", false, "blank"},
		{"a\r\nb", false, "would break into SDP"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (text_is_host(cases[i].text) != cases[i].valid)
			fail_msg("%s (%s)", cases[i].text, cases[i].why);
}

static void path_names(void **state)
{
	static const struct {
		const char *text;
		bool valid;
		const char *why;
	} cases[] = {
		{"cam1", true, "plain"},
		{"hall/north", true, "a slash inside"},
		{"a-b_c.d~e:f", true, "all of MediaMTX's characters"},
		{"whep2", true, "only begins like the stream's address"},
		{"whep/cam", true, "whep is not the last part"},
		{"", false, "empty"},
		{"/cam", false, "slash first"},
		{"cam/", false, "slash last"},
		{"a//b", false, "empty part"},
		{"a/../b", false, "climbs in a URL"},
		{".", false, "vanishes in a URL"},
		{"cam/whep", false, "is the address of cam's stream"},
		{"whep", false, "the same"},
		{"~^cam", false, "MediaMTX's regular expression"},
		{"all_others", false, "MediaMTX's rest"},
		{"c\xc3\xa4m", false, "not ASCII"},
		{"a b", false, "blank"},
		{"a?b", false, "ends a URL's path"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if ((text_path_name_problem(cases[i].text) == NULL) != cases[i].valid)
			fail_msg("%s (%s)", cases[i].text, cases[i].why);
}

static void base64(void **state)
{
	static const struct {
		const char *text;
		const char *bytes; /* NULL: refused */
		const char *why;
	} cases[] = {
		{"Zg==", "f", "RFC 4648 10"},
		{"Zm8=", "fo", "RFC 4648 10"},
		{"Zm9v", "foo", "RFC 4648 10"},
		{"Zm9vYmE=", "fooba", "RFC 4648 10"},
		{"Zm9vYmFy", "foobar", "fills the room"},
		{"Zm9vYmFyYg==", NULL, "longer than the room"},
		{"", NULL, "empty"},
		{"Zg", NULL, "no padding"},
		{"Zh==", NULL, "padding bits are not zero"},
		{"Zm9=", NULL, "padding bits are not zero"},
		{"Zg=a", NULL, "padding inside"},
		{"Z===", NULL, "three of padding"},
		{"====", NULL, "nothing but padding"},
		{"Zm 9", NULL, "blank"},
		{"Zm-_", NULL, "the URL alphabet"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[6];
		int n = text_base64(cases[i].text, bytes, sizeof(bytes));
		size_t len = 0, at = text_base64_problem(cases[i].text, &len);

		if (n >= 0               ? at != SIZE_MAX || len != (size_t)n
			: at == SIZE_MAX ? len <= sizeof(bytes)
					 : at > strlen(cases[i].text))
			fail_msg("%s (%s): problem at %zu, or %zu bytes", cases[i].text,
				cases[i].why, at, len);
		if ((n >= 0) != (cases[i].bytes != NULL) ||
			(n >= 0 && (n != (int)strlen(cases[i].bytes) ||
					   memcmp(bytes, cases[i].bytes, (size_t)n) != 0)))
			fail_msg("%s (%s): %d", cases[i].text, cases[i].why, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(hosts),
		cmocka_unit_test(path_names),
		cmocka_unit_test(base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
