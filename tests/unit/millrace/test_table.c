/* SPDX-License-Identifier: BSD-3-Clause */
/* apps/millrace: tables, numbers and other people's texts. */
#include "apps/millrace/table.h"

#include <arpa/inet.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *print(const struct table *t, bool colour)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	table_print(t, out, colour);
	fclose(out);
	return text;
}

static void lines_up(void **state)
{
	static const char *const titles[] = {"<NAME", "COUNT", "<NOTE", NULL};
	struct table *t = table_create(titles);
	char *text;

	text = print(t, false);
	assert_string_equal(text, ""); /* no row, no titles */
	free(text);
	table_cell(t, "a");
	table_cell(t, "12345678");
	table_cell(t, "short");
	table_cell(t, "caf\xc3\xa9"); /* four wide, five bytes */
	table_cell(t, "1");
	table_cell(t, "");
	table_cell(t, "half"); /* a row that is not whole is not shown */
	text = print(t, false);
	assert_string_equal(text, "NAME     COUNT  NOTE\n"
				  "a     12345678  short\n"
				  "caf\xc3\xa9         1  \n");
	free(text);
	table_destroy(t);
}

static void colours(void **state)
{
	static const char *const titles[] = {"<A", "B", NULL};
	struct table *t = table_create(titles);
	char *text;

	table_cell_coloured(t, TABLE_RED, "x");
	table_cell(t, "y");
	text = print(t, true);
	assert_string_equal(text, "\033[1mA\033[0m  \033[1mB\033[0m\n\033[31mx\033[0m  y\n");
	free(text);
	text = print(t, false);
	assert_string_equal(text, "A  B\nx  y\n");
	free(text);
	table_destroy(t);
}

static void cleaned(void **state)
{
	static const struct {
		const char *text;
		const char *shown;
		const char *why;
	} cases[] = {
		{"plain", "plain", "ASCII stays"},
		{"caf\xc3\xa9", "caf\xc3\xa9", "UTF-8 stays"},
		{"\xf0\x9f\x8e\xa5", "\xf0\x9f\x8e\xa5", "four bytes stay"},
		{"a\033[2Jb", "a?[2Jb", "an escape would clear the screen"},
		{"a\nb\r", "a?b?", "line ends would break the table"},
		{"\xc2\x9b"
		 "31m",
			"??31m", "C1 CSI is an escape, too"},
		{"\xff\xfe", "??", "never UTF-8"},
		{"\xc0\xaf", "??", "overlong"},
		{"\xe0\x80\xaf", "???", "overlong in three"},
		{"\xed\xa0\x80", "???", "a surrogate"},
		{"\xf4\x90\x80\x80", "????", "beyond Unicode"},
		/* NOLINTNEXTLINE(misc-misleading-bidirectional): it is what is tested */
		{"\xe2\x80\xae"
		 "x",
			"???x", "turns the line around"},
		{"caf\xc3", "caf?", "cut in a character"},
		{"\x7f", "?", "DEL"},
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(show_clean(buf, sizeof(buf), cases[i].text, 64), cases[i].shown) != 0)
			fail_msg("%s: %s", cases[i].why, buf);
	assert_string_equal(show_clean(buf, 4, "caf\xc3\xa9", 64), "caf"); /* no half character */
	assert_string_equal(show_clean(buf, sizeof(buf), "abc", 2), "ab"); /* not terminated */
}

static void numbers(void **state)
{
	static const struct {
		uint64_t value;
		const char *shown;
	} counts[] = {
		{0, "0"},
		{99999, "99999"},
		{100000, "100k"},
		{999499, "999k"},
		{999600, "1.00M"},
		{1234567, "1.23M"},
		{12345678, "12.3M"},
		{UINT64_MAX, "18.4E"},
	};
	static const struct {
		double value;
		const char *shown;
	} bits[] = {
		{NAN, "-"},
		{0, "0 bit/s"},
		{999, "999 bit/s"},
		{2012345, "2.01 Mbit/s"},
		{999999, "1.00 Mbit/s"},
		{99.96e6, "100 Mbit/s"},
		{1e10, "10.0 Gbit/s"},
	};
	static const struct {
		double value;
		const char *shown;
	} ages[] = {
		{NAN, "-"},
		{0.0123, "12 ms"},
		{0.9999, "1.0 s"},
		{59.96, "1 min 00 s"},
		{61, "1 min 01 s"},
		{3599.6, "1 h 00 min"},
		{90061, "1 d 01 h"},
	};
	char buf[SHOW_SIZE];

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		assert_string_equal(show_count(buf, counts[i].value), counts[i].shown);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		assert_string_equal(show_bits(buf, bits[i].value), bits[i].shown);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		assert_string_equal(show_age(buf, ages[i].value), ages[i].shown);
	assert_string_equal(show_rate(buf, NAN), "-");
	assert_string_equal(show_rate(buf, 0), "0");
	assert_string_equal(show_rate(buf, 0.25), "0.2");
	assert_string_equal(show_rate(buf, 226.4), "226");
	assert_string_equal(show_rate(buf, 250000), "250k");
	assert_string_equal(show_share(buf, 0.1234), "12.3 %");
}

static void endpoints(void **state)
{
	struct mr_endpoint e = {.addr = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}};
	char buf[SHOW_SIZE];

	e.port = htons(8189);
	assert_string_equal(show_endpoint(buf, &e), "192.0.2.1:8189");
	memset(&e, 0, sizeof(e));
	assert_string_equal(show_endpoint(buf, &e), "-");
	e.addr[15] = 1;
	e.port = htons(80);
	assert_string_equal(show_endpoint(buf, &e), "[::1]:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_up),
		cmocka_unit_test(colours),
		cmocka_unit_test(cleaned),
		cmocka_unit_test(numbers),
		cmocka_unit_test(endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
