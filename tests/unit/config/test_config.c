/* SPDX-License-Identifier: BSD-3-Clause */
/* controlplane/config: what a valid session file turns into. */
#include "controlplane/config/config.h"
#include "controlplane/config/memory.h"

#include <arpa/inet.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PORTS "\"ports\": [{\"name\": \"wan\", \"device\": \"net_af_xdp,iface=mr0\"}]"
#define MINIMAL "{\"dataplane\": {" PORTS "}}"
/* 28 bytes: 01 02 ... 1c */
#define KEY_GCM_128 "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHA=="

static void parse(struct mr_config *c, struct mr_config_report *r, const char *text)
{
	char line[600];

	if (mr_config_parse(c, text, strlen(text), r) == 0)
		return;
	for (size_t i = 0; i < r->count; i++)
		print_error("%s\n", mr_config_problem_text(&r->problems[i], line, sizeof(line)));
	fail_msg("not taken: %s", text);
}

static void endpoint_is(const struct mr_endpoint *e, const char *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, e->addr, text, sizeof(text));
	assert_string_equal(text, address);
	assert_int_equal(ntohs(e->port), port);
}

static void defaults(void **state)
{
	struct mr_config c;
	struct mr_config_report r;

	parse(&c, &r, MINIMAL);
	assert_int_equal(r.warnings, 0);
	assert_int_equal(c.log_level, MR_LEVEL_INFO);
	assert_string_equal(c.state_directory, "/var/lib/millrace");
	endpoint_is(&c.webrtc_address, "::", 8889);
	endpoint_is(&c.webrtc_local_udp, "::", 8189);
	assert_int_equal(c.udp_max_payload, 1452);
	assert_int_equal(c.read_timeout_ms, 10000);
	assert_int_equal(c.n_profiles, 3);
	assert_int_equal(c.profiles[0]->id, SRTP_PROFILE_GCM_128);
	assert_int_equal(c.profiles[2]->id, SRTP_PROFILE_AES128_CM_SHA1_80);
	assert_null(c.auth_http_address);
	assert_string_equal(c.webrtc_allow_origin, "*");
	assert_int_equal(c.dataplane.n_ports, 1);
	assert_true(c.dataplane.ports[0].shared);
	assert_string_equal(c.dataplane.ports[0].netdev, "mr0");
	assert_int_equal(c.dataplane.ports[0].queues, 1);
	assert_int_equal(c.dataplane.n_workers, 1);
	assert_int_equal(c.dataplane.workers[0], 1);
	assert_int_equal(c.dataplane.idle, MR_IDLE_ADAPTIVE);
	assert_int_equal(c.dataplane.hugepages, MR_HUGEPAGES_AUTO);
	assert_int_equal(c.dataplane.memory_mb, 0); /* as much as is needed */
	assert_int_equal(c.dataplane.max_streams, 512);
	assert_int_equal(c.dataplane.max_viewers, 10000);
	assert_string_equal(c.dataplane.crypto, "ipsec-mb");
	assert_string_equal(c.dataplane.crypto_pci, "");
	assert_string_equal(c.dataplane.control_socket, "/run/millrace/control.sock");
	assert_string_equal(c.dataplane.stats_socket, "/run/millrace/stats.sock");
	assert_string_equal(c.dataplane.file_prefix, "millrace");
	assert_int_equal(c.n_paths, 0);
	mr_config_fini(&c);
	mr_config_fini(&c); /* twice is fine */
	mr_config_report_fini(&r);
}

static void everything(void **state)
{
	static const char text[] =
		"{\"$schema\": \"x\", \"logLevel\": \"debug\", \"stateDirectory\": \"/tmp/s\","
		"\"dataplane\": {\"ports\": ["
		"{\"name\": \"a\", \"device\": \"0000:03:00.0\", \"queues\": 3,"
		" \"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"], \"gateway\": "
		"\"192.0.2.1\"},"
		"{\"name\": \"b\", \"device\": \"net_af_xdp,iface=eth1\"}],"
		"\"workers\": [2, 3], \"idle\": \"poll\", "
		"\"crypto\": \"cryptodev:0000:3d:01.0\", \"hugepages\": false,"
		"\"memory\": 1024, \"controlSocket\": \"/tmp/c\", \"statsSocket\": \"/tmp/t\","
		"\"maxStreams\": 8, \"maxViewers\": 9, \"streamRingBytes\": 65536,"
		"\"streamRingPackets\": 64, \"repairWindow\": \"250ms\", \"repairBitrate\": "
		"500000,"
		"\"burstRate\": 7, \"maxBurstPackets\": 0, \"keyFrameStart\": false,"
		"\"filePrefix\": \"mr-1\", \"xdpObject\": \"/tmp/x.o\"},"
		"\"webrtcAddress\": \"127.0.0.1:80\", \"webrtcLocalUDPAddress\": \"[::1]:81\","
		"\"webrtcAdditionalHosts\": [\"203.0.113.1\", \"gw.example.org\"],"
		"\"webrtcICEServers2\": [{\"url\": \"turn:t.example.org:3478\", \"username\": "
		"\"u\","
		" \"password\": \"p\"}, {\"url\": \"stun:s.example.org\"}],"
		"\"srtpProfiles\": [\"AES128_CM_HMAC_SHA1_80\"], \"udpMaxPayloadSize\": 1200,"
		"\"readTimeout\": \"3s\", \"writeTimeout\": \"500ms\","
		"\"webrtcAllowOrigin\": \"https://example.org:8443\","
		"\"authMethod\": \"http\", \"authHTTPAddress\": \"http://127.0.0.1:9/auth?x=1\","
		"\"paths\": {"
		"\"cam1\": {\"source\": \"rtsp://us%40er:p%3Aass@10.77.0.1/live?ch=1\","
		" \"rtspTransport\": \"tcp\", \"sourceOnDemand\": true, \"maxReaders\": 5},"
		"\"hall/v6\": {\"source\": \"RTSP://[2001:db8::7]:8554/x\"},"
		"\"feed\": {\"source\": \"udp+rtp://10.77.0.2:5004\","
		" \"rtpSDP\": \"v=0\\ns=-\\nm=video 5004 RTP/AVP 96\\na=rtpmap:96 H264/90000\"}},"
		"\"sessions\": [{\"path\": \"feed\", \"track\": \"video\", \"to\": "
		"\"[2001:db8::9]:6000\","
		" \"profile\": \"AEAD_AES_128_GCM\", \"key\": \"" KEY_GCM_128 "\","
		" \"payloadType\": 96, \"ssrc\": 4294967295}]}";
	struct mr_config c;
	struct mr_config_report r;
	const struct mr_config_port *p;
	const struct mr_config_session *s;

	parse(&c, &r, text);
	assert_int_equal(r.count, 0);
	assert_int_equal(c.log_level, MR_LEVEL_DEBUG);
	p = &c.dataplane.ports[0];
	assert_false(p->shared);
	assert_int_equal(p->queues, 3);
	assert_int_equal(p->n_addresses, 2);
	endpoint_is(&p->addresses[0].address, "::ffff:192.0.2.10", 0);
	assert_int_equal(p->addresses[1].length, 64);
	assert_true(p->addresses[1].ipv6 && p->has_gateway);
	assert_int_equal(c.dataplane.ports[1].queues, 2); /* as many as workers */
	assert_int_equal(c.dataplane.workers[1], 3);
	assert_string_equal(c.dataplane.crypto, "cryptodev:0000:3d:01.0");
	assert_string_equal(c.dataplane.crypto_pci, "0000:3d:01.0");
	assert_int_equal(c.dataplane.hugepages, MR_HUGEPAGES_OFF);
	assert_string_equal(c.dataplane.xdp_object, "/tmp/x.o");
	endpoint_is(&c.webrtc_address, "::ffff:127.0.0.1", 80);
	endpoint_is(&c.webrtc_local_udp, "::1", 81);
	assert_int_equal(c.n_hosts, 2);
	assert_int_equal(c.n_ice_servers, 2);
	assert_string_equal(c.ice_servers[0].password, "p");
	assert_null(c.ice_servers[1].password);
	assert_int_equal(c.n_profiles, 1);
	assert_int_equal(c.write_timeout_ms, 500);
	assert_string_equal(c.auth_http_address, "http://127.0.0.1:9/auth?x=1");

	assert_int_equal(c.n_paths, 3);
	assert_string_equal(c.paths[0].name, "cam1"); /* the file's order */
	assert_string_equal(c.paths[0].source.user, "us@er");
	assert_string_equal(c.paths[0].source.password, "p:ass");
	assert_string_equal(c.paths[0].source.url, "rtsp://10.77.0.1/live?ch=1");
	assert_string_equal(c.paths[0].source.host, "10.77.0.1");
	assert_int_equal(c.paths[0].source.port, 554);
	assert_int_equal(c.paths[0].rtsp_transport, MR_TRANSPORT_TCP);
	assert_int_equal(c.paths[0].max_readers, 5);
	assert_true(c.paths[0].source_on_demand);
	assert_string_equal(c.paths[1].source.host, "2001:db8::7");
	assert_int_equal(c.paths[1].source.port, 8554);
	assert_null(c.paths[1].source.user);
	assert_int_equal(c.paths[2].source.kind, MR_SOURCE_UDP_RTP);
	endpoint_is(&c.paths[2].source.local, "::ffff:10.77.0.2", 5004);
	assert_string_equal(c.paths[2].rtp_sdp,
		"v=0\r\ns=-\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n");
	assert_ptr_equal(mr_config_find_path(&c, "feed"), &c.paths[2]);
	assert_null(mr_config_find_path(&c, "fee"));

	s = &c.sessions[0];
	assert_int_equal(s->path, 2);
	assert_int_equal(s->track, MR_KIND_VIDEO);
	endpoint_is(&s->to, "2001:db8::9", 6000);
	assert_int_equal(s->profile->id, SRTP_PROFILE_GCM_128);
	for (int i = 0; i < 16; i++)
		assert_int_equal(s->master.key[i], 1 + i);
	for (int i = 0; i < 12; i++)
		assert_int_equal(s->master.salt[i], 17 + i);
	assert_int_equal(s->master.salt[12], 0);
	assert_true(s->has_ssrc);
	assert_int_equal(s->ssrc, 4294967295u);
	mr_config_fini(&c);
	mr_config_report_fini(&r);
}

/* As much memory as is needed is no reason to warn, and less is one. */
static void memory_enough(void **state)
{
	struct mr_config c;
	struct mr_config_report r;
	char text[512];
	uint32_t needed;

	parse(&c, &r, MINIMAL);
	assert_int_equal(c.dataplane.memory_mb, 0);
	needed = mr_config_memory_needed(&c);
	mr_config_fini(&c);
	mr_config_report_fini(&r);
	for (uint32_t less = 0; less < 2; less++) {
		snprintf(text, sizeof(text), "{\"dataplane\": {" PORTS ", \"memory\": %u}}",
			needed - less);
		parse(&c, &r, text);
		assert_int_equal(r.warnings, less);
		assert_int_equal(c.dataplane.memory_mb, needed - less);
		mr_config_fini(&c);
		mr_config_report_fini(&r);
	}
}

static void files(void **state)
{
	char name[] = "/tmp/millrace-test-XXXXXX";
	int fd = mkstemp(name);
	struct mr_config c;
	struct mr_config_report r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, MINIMAL, strlen(MINIMAL)), (ssize_t)strlen(MINIMAL));
	assert_int_equal(mr_config_load(&c, name, &r), 0);
	mr_config_fini(&c);
	mr_config_report_fini(&r);

	assert_int_equal(ftruncate(fd, (off_t)MR_CONFIG_FILE_MAX + 1), 0);
	assert_int_equal(mr_config_load(&c, name, &r), -EFBIG);
	assert_int_equal(r.errors, 1);
	mr_config_report_fini(&r);
	close(fd);
	unlink(name);

	assert_int_equal(mr_config_load(&c, name, &r), -ENOENT);
	assert_non_null(strstr(r.problems[0].message, "No such file"));
	mr_config_fini(&c); /* after a failure is fine */
	mr_config_report_fini(&r);
}

/* A thousand wrong values: the first are kept, all are counted. */
static void many_problems(void **state)
{
	char *text = malloc(64 * 1024);
	size_t used;
	struct mr_config c;
	struct mr_config_report r;

	assert_non_null(text);
	used = (size_t)sprintf(text, "{\"dataplane\": {" PORTS "}, \"paths\": {");
	for (int i = 0; i < 1000; i++)
		used += (size_t)sprintf(text + used, "%s\"p%d\": 1", i > 0 ? "," : "", i);
	sprintf(text + used, "}}");
	assert_int_equal(mr_config_parse(&c, text, strlen(text), &r), -EINVAL);
	assert_int_equal(r.errors, 1000);
	assert_int_equal(r.count, MR_CONFIG_PROBLEMS_MAX);
	assert_string_equal(r.problems[63].path, "paths.p63");
	mr_config_report_fini(&r);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything),
		cmocka_unit_test(memory_enough),
		cmocka_unit_test(files),
		cmocka_unit_test(many_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
