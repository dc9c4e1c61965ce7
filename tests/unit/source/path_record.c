/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of controlplane/source/path_record.c and controlplane/pack.c. */
#include "controlplane/source/path_record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill(struct path_record *r)
{
	memset(r, 0, sizeof(*r));
	g_strlcpy(r->name, "yard/cam1", sizeof(r->name));
	memset(r->source_hash, 0x5a, sizeof(r->source_hash));
	r->n_tracks = 3;
	for (unsigned int i = 0; i < r->n_tracks; i++) {
		r->track[i].stream_id = 40 + i;
		r->track[i].kind = i == 1 ? MR_KIND_AUDIO : MR_KIND_VIDEO;
		r->track[i].clock_rate = 90000;
		r->track[i].payload_type = (uint8_t)(96 + i);
	}
	r->track[0].codec = MR_CODEC_H264;
	r->track[0].packetization_mode = 1;
	r->track[0].has_profile_level_id = true;
	memcpy(r->track[0].profile_level_id, "\x42\xe0\x1f", 3);
	r->track[1].codec = MR_CODEC_OPUS;
	r->track[1].channels = 2;
	g_strlcpy(r->track[2].codec_name, "H265", sizeof(r->track[2].codec_name));
	g_strlcpy(r->track[2].note, "browsers do not take it", sizeof(r->track[2].note));
	r->n_inputs = 2;
	for (unsigned int i = 0; i < 2; i++) {
		struct path_record_input *in = &r->input[i];

		in->track = i;
		in->bind.stream_id = r->track[i].stream_id;
		in->bind.input = MR_INPUT_WIRE;
		in->bind.payload_type = r->track[i].payload_type;
		in->bind.local.port = 5004;
		memset(in->bind.local.addr, 1, 16);
		in->remote_port[0] = 50000;
		in->channel[1] = 1;
	}
	r->input[0].bind.flags = MR_BIND_MODE0;
	r->input[0].bind.parameter_sets_len = 12;
	memcpy(r->input[0].bind.parameter_sets, "\0\4\x67\x42\0\x1f\0\4\x68\xce\x3c\x80", 12);
	r->has_session = true;
	g_strlcpy(r->session.id, "12345678", sizeof(r->session.id));
	g_strlcpy(r->session.aggregate, "rtsp://192.0.2.1/cam", sizeof(r->session.aggregate));
	r->session.timeout_s = 60;
	r->session.get_parameter = true;
	r->session.cseq = 77;
	r->session.local_port = 43210;
	r->session.auth.scheme = RTSP_AUTH_DIGEST;
	r->session.auth.requests = 9;
	g_strlcpy(r->session.auth.realm, "cam", sizeof(r->session.auth.realm));
	g_strlcpy(r->session.auth.nonce, "0123456789abcdef", sizeof(r->session.auth.nonce));
}

static void comes_back(void **state)
{
	static struct path_record in, out;
	uint8_t bytes[MR_RECORD_MAX];
	bool whole;
	int len;

	fill(&in);
	len = path_record_format(&in, bytes, &whole);
	assert_true(len > 0 && whole);
	assert_int_equal(path_record_parse(&out, bytes, (size_t)len), 0);
	assert_memory_equal(&in, &out, sizeof(in));
}

/* The streams come first: they are kept where the session finds no room. */
static void streams_before_session(void **state)
{
	static struct path_record in, out;
	uint8_t bytes[MR_RECORD_MAX];
	bool whole;
	int len;

	fill(&in);
	in.input[0].bind.parameter_sets_len = 1024;
	memset(in.session.aggregate, 'x', 500);
	len = path_record_format(&in, bytes, &whole);
	assert_true(len > 0 && !whole);
	assert_int_equal(path_record_parse(&out, bytes, (size_t)len), 0);
	assert_int_equal(out.n_tracks, 3);
	assert_int_equal(out.track[2].stream_id, 42);
	assert_int_equal(out.n_inputs, 0);
	assert_false(out.has_session);
}

/* Every length, every byte another: an answer, and nothing outside its bounds. */
static void hostile(void **state)
{
	static struct path_record record;
	uint8_t bytes[MR_RECORD_MAX];
	bool whole;
	int len;

	fill(&record);
	len = path_record_format(&record, bytes, &whole);
	for (int n = 0; n < len; n++) {
		uint8_t *copy = g_memdup2(bytes, (gsize)n);

		assert_true(path_record_parse(&record, copy, (size_t)n) < 0);
		g_free(copy);
	}
	for (int i = 0; i < len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] ^= (uint8_t)(1 << bit);
			if (path_record_parse(&record, bytes, (size_t)len) == 0) {
				assert_true(record.n_tracks <= PATH_TRACKS_MAX);
				assert_true(record.n_inputs <= PATH_BINDINGS);
				assert_true(strlen(record.session.id) < PATH_SESSION_MAX);
			}
			bytes[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_int_equal(path_record_parse(&record, bytes, (size_t)len), 0);
	bytes[4]++;
	assert_int_equal(path_record_parse(&record, bytes, (size_t)len), -EPROTONOSUPPORT);
}

static void what_ends_a_line(void **state)
{
	static struct path_record in, out;
	uint8_t bytes[MR_RECORD_MAX];
	bool whole;
	int len;

	fill(&in);
	g_strlcpy(in.session.id, "1\r\nX: y", sizeof(in.session.id));
	len = path_record_format(&in, bytes, &whole);
	assert_int_equal(path_record_parse(&out, bytes, (size_t)len), -EINVAL);
	fill(&in);
	g_strlcpy(in.session.aggregate, "rtsp://h/a b", sizeof(in.session.aggregate));
	len = path_record_format(&in, bytes, &whole);
	assert_int_equal(path_record_parse(&out, bytes, (size_t)len), -EINVAL);
}

static void two_inputs_of_one_track(void **state)
{
	static struct path_record in, out;
	uint8_t bytes[MR_RECORD_MAX];
	bool whole;
	int len;

	fill(&in);
	in.input[1].track = 0;
	len = path_record_format(&in, bytes, &whole);
	assert_int_equal(path_record_parse(&out, bytes, (size_t)len), -EINVAL);
	fill(&in);
	in.input[1].track = 2; /* one that is not carried */
	len = path_record_format(&in, bytes, &whole);
	assert_int_equal(path_record_parse(&out, bytes, (size_t)len), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(streams_before_session),
		cmocka_unit_test(hostile),
		cmocka_unit_test(what_ends_a_line),
		cmocka_unit_test(two_inputs_of_one_track),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
