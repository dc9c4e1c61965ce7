/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/viewer/viewer_record.c. */
#include "controlplane/viewer/viewer_record.h"

#include <errno.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void fill(struct viewer_record *r)
{
	memset(r, 0, sizeof(*r));
	g_strlcpy(r->path, "cam1", sizeof(r->path));
	g_strlcpy(r->resource, "0123456789abcdef0123456789abcdef", sizeof(r->resource));
	g_strlcpy(r->etag, "fedcba9876543210", sizeof(r->etag));
	g_strlcpy(r->cname, "0011223344556677", sizeof(r->cname));
	g_strlcpy(r->ufrag, "abcdefghijkl", sizeof(r->ufrag));
	g_strlcpy(r->pwd, "abcdefghijklmnopqrstuvwx", sizeof(r->pwd));
	memset(r->remote_ufrag, 'u', MR_UFRAG_MAX);
	r->local.port = 8189;
	r->remote.port = 50000;
	memset(r->remote.addr, 7, sizeof(r->remote.addr));
	r->track[0].stream_id = 3;
	r->track[0].ssrc = 0xdeadbeef;
	r->track[0].rtx_ssrc = 17;
	r->track[0].timestamp_base = 99;
	r->track[0].sequence_base = 0x7fff;
	r->track[0].payload_type = 96;
	r->track[0].rtx_payload_type = 97;
}

static void comes_back(void **state)
{
	struct viewer_record in, out;
	uint8_t bytes[MR_RECORD_MAX];
	int len;

	fill(&in);
	len = viewer_record_format(&in, bytes);
	assert_true(len > 0);
	assert_int_equal(viewer_record_parse(&out, bytes, (size_t)len), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	bytes[4]++;
	assert_int_equal(viewer_record_parse(&out, bytes, (size_t)len), -EPROTONOSUPPORT);
}

static void hostile(void **state)
{
	struct viewer_record record;
	uint8_t bytes[MR_RECORD_MAX];
	int len;

	fill(&record);
	len = viewer_record_format(&record, bytes);
	for (int n = 0; n < len; n++) {
		uint8_t *copy = g_memdup2(bytes, (gsize)n);

		assert_true(viewer_record_parse(&record, copy, (size_t)n) < 0);
		g_free(copy);
	}
	for (int i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		if (viewer_record_parse(&record, bytes, (size_t)len) == 0)
			assert_int_equal(strlen(record.resource), VIEWER_RESOURCE_LEN);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(viewer_record_parse(&record, bytes, 0), -EINVAL);
}

static void not_a_viewer(void **state)
{
	static const struct {
		size_t field;
		const char *why;
	} cases[] = {
		{offsetof(struct viewer_record, path), "of no path"},
		{offsetof(struct viewer_record, resource), "no resource"},
		{offsetof(struct viewer_record, etag), "no etag"},
		{offsetof(struct viewer_record, ufrag), "no user fragment of ours"},
		{offsetof(struct viewer_record, pwd), "no password"},
		{offsetof(struct viewer_record, remote_ufrag), "no user fragment of theirs"},
		{offsetof(struct viewer_record, remote.port), "sent nowhere"},
		{offsetof(struct viewer_record, track[0].stream_id), "without a track"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct viewer_record record;
		uint8_t bytes[MR_RECORD_MAX];
		int len;

		fill(&record);
		memset((uint8_t *)&record + cases[i].field, 0, 2);
		len = viewer_record_format(&record, bytes);
		if (viewer_record_parse(&record, bytes, (size_t)len) != -EINVAL)
			fail_msg("%s: was taken", cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(hostile),
		cmocka_unit_test(not_a_viewer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
