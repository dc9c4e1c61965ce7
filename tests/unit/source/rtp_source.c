/* SPDX-License-Identifier: BSD-3-Clause */
/* Plain RTP sources on loopback, the data plane recorded. */
#include "controlplane/source/address.h"
#include "tests/unit/source/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static uint16_t free_even_port(void)
{
	for (;;) {
		struct sockaddr_in a = {
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof(a);
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
		close(fd);
		if (ntohs(a.sin_port) % 2 == 0 && ntohs(a.sin_port) < 65000)
			return ntohs(a.sin_port);
	}
}

static struct mr_config_path *add_rtp(
	struct fixture *f, const char *address, uint16_t port, char *sdp)
{
	struct mr_config_path *p = &f->entries[f->config.n_paths++];
	uint8_t addr[16];

	address_parse(addr, address);
	snprintf(p->name, sizeof(p->name), "feed");
	p->source.kind = MR_SOURCE_UDP_RTP;
	p->source.url = (char *)"udp+rtp://loopback";
	address_endpoint(&p->source.local, addr, port);
	p->rtp_sdp = sdp;
	return p;
}

static void send_to(uint16_t port, const void *data, size_t len)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(sendto(fd, data, len, 0, (struct sockaddr *)&a, sizeof(a)), len);
	close(fd);
}

static void packets_and_reports_arrive(void **state)
{
	static const uint8_t sr[] = {0x80, 200, 0, 6, 1, 2, 3, 4, 0xe0, 1, 2, 3, 0, 0, 0, 0, 0, 0,
		0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 99};
	uint16_t port = free_even_port();
	struct fixture *f = fixture_new();
	uint8_t rtp[1472] = {0x80, 96};
	const struct mr_stream_bind *bind;
	struct path *path;
	char sdp[512];

	snprintf(sdp, sizeof(sdp),
		"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
		"m=video 9 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
		"m=audio %u RTP/AVP 0\r\nm=audio 9 RTP/AVP 8\r\n",
		port + 2u);
	add_rtp(f, "127.0.0.1", port, sdp);
	f->config.read_timeout_ms = 1000;
	fixture_open(f, true);
	path = path_table_lookup(f->table, "feed");
	assert_int_equal(path->state, MR_PATH_CONNECTING);
	assert_int_equal(path->n_tracks, 3);
	assert_true(path->tracks[0].ready && path->tracks[1].ready && !path->tracks[2].ready);
	bind = recorder_bind(&f->recorder, path->tracks[0].stream_id);
	assert_int_equal(bind->input, MR_INPUT_WIRE);
	assert_int_equal(ntohs(bind->local.port), port); /* the URL's, as the SDP leaves it open */
	assert_int_equal(bind->remote.port, 0);
	bind = recorder_bind(&f->recorder, path->tracks[1].stream_id);
	assert_int_equal(ntohs(bind->local.port), port + 2);
	send_to(port, rtp, sizeof(rtp));
	send_to(port + 1, sr, sizeof(sr));
	WAIT_FOR(2000, path->state == MR_PATH_READY);
	assert_int_equal(f->recorder.rtp[96], 1);
	assert_int_equal(f->recorder.rtp_longest, sizeof(rtp));
	assert_int_equal(
		recorder_last(&f->recorder, MR_COMMAND_STREAM_REPORT)->stream_report.rtp, 0x1234);
	/* Too short for RTP: not sent down. */
	send_to(port, rtp, 11);
	WAIT_FOR(3000, path->state == MR_PATH_WAITING);
	assert_string_equal(path->note, "no packets for 1 s");
	send_to(port, rtp, 100);
	WAIT_FOR(2000, path->state == MR_PATH_READY);
	assert_int_equal(f->recorder.rtp[96], 2);
	assert_int_equal(f->recorder.rtp_bad, 0);
	fixture_free(f);
}

static void taken_port_is_named_and_tried_again(void **state)
{
	static char sdp[] = "v=0\r\ns=-\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
	uint16_t port = free_even_port();
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct fixture *f = fixture_new();
	struct path *path;

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	add_rtp(f, "127.0.0.1", port, sdp);
	fixture_open(f, true);
	path = path_table_lookup(f->table, "feed");
	assert_int_equal(path->state, MR_PATH_WAITING);
	assert_non_null(strstr(path->note, "Address already in use, next attempt in 1 s"));
	close(fd);
	WAIT_FOR(3000, path->state == MR_PATH_CONNECTING);
	assert_true(path->tracks[0].ready);
	fixture_free(f);
}

/* The data plane has no memory for the stream: the path is not ready, whatever arrives,
 * nothing is said about the stream, and it is asked for again until it is there. */
static void refused_stream_is_named_and_asked_for_again(void **state)
{
	static char sdp[] = "v=0\r\ns=-\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
	uint16_t port = free_even_port();
	struct fixture *f = fixture_new();
	unsigned int reports, bindings;
	uint8_t rtp[100] = {0x80, 96};
	struct path *path;

	add_rtp(f, "127.0.0.1", port, sdp);
	f->config.read_timeout_ms = 10000;
	f->install = recorder_create(&f->recorder);
	assert_int_equal(path_table_create(&f->table, &f->config, f->install), 0);
	f->recorder.stream_add = -ENOMEM;
	recorder_attach(f->install);
	path = path_table_lookup(f->table, "feed");
	WAIT_FOR(1000, path->refused);
	assert_non_null(strstr(path->refused, "no memory"));
	bindings = recorder_count(&f->recorder, MR_COMMAND_STREAM_BIND);
	send_to(port, rtp, sizeof(rtp));
	WAIT_FOR(3000, path->state == MR_PATH_WAITING);
	assert_non_null(strstr(path->note, "video refused by the data plane: no memory"));
	assert_string_equal(
		recorder_last(&f->recorder, MR_COMMAND_PATH_SET)->path_set.note, path->note);
	reports = recorder_count(&f->recorder, MR_COMMAND_STREAM_REPORT);
	WAIT_FOR(5000, recorder_count(&f->recorder, MR_COMMAND_STREAM_ADD) >= 3);
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_STREAM_REPORT), reports);
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_STREAM_BIND), bindings);
	assert_int_equal(path->state, MR_PATH_WAITING);
	/* there is room again */
	f->recorder.stream_add = 0;
	WAIT_FOR(5000, !path->refused);
	assert_int_equal(recorder_count(&f->recorder, MR_COMMAND_STREAM_BIND), bindings + 1);
	assert_int_equal(recorder_last(&f->recorder, MR_COMMAND_STREAM_ADD)->stream_add.stream_id,
		path->tracks[0].stream_id);
	WAIT_FOR(3000, path->state == MR_PATH_READY);
	/* another data plane is asked for everything, and may refuse it, too */
	recorder_detach(f->install);
	f->recorder.stream_add = -ENOSPC;
	recorder_attach(f->install);
	WAIT_FOR(3000, path->refused && strstr(path->refused, "as many streams"));
	assert_int_equal(path->state, MR_PATH_WAITING);
	fixture_free(f);
}

static void multicast_group_is_joined(void **state)
{
	static char sdp[] = "v=0\r\ns=-\r\nm=audio 0 RTP/AVP 8\r\n";
	uint16_t port = free_even_port();
	struct fixture *f = fixture_new();
	struct path *path;

	add_rtp(f, "239.255.77.1", port, sdp);
	fixture_open(f, true);
	path = path_table_lookup(f->table, "feed");
	/* Without any route for groups the kernel refuses, and the note says so. */
	if (path->state == MR_PATH_CONNECTING)
		assert_int_equal(
			recorder_bind(&f->recorder, path->tracks[0].stream_id)->local.addr[12],
			239);
	else
		assert_non_null(strstr(path->note, "cannot open 239.255.77.1 port"));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_and_reports_arrive),
		cmocka_unit_test(taken_port_is_named_and_tried_again),
		cmocka_unit_test(refused_stream_is_named_and_asked_for_again),
		cmocka_unit_test(multicast_group_is_joined),
	};

	return cmocka_run_group_tests_name("source/rtp_source", tests, NULL, NULL);
}
