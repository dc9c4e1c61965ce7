/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program millrace against a statistics region that this test fills and
 * serves on a socket of its own. MILLRACE names the program.
 */
#include "dataplane/api/client.h"
#include "dataplane/api/command.h"
#include "dataplane/api/event.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* What each look moves: the figures below follow from it. */
#define TICK_RX 100
#define TICK_TX 300
#define TICK_BUSY 80000
#define TICK_IDLE 20000
#define TICK_SLEEP 100000
#define TICK_DROPS 2

struct fixture {
	char directory[64];
	char path[96];
	int listener;
	int memfd;
	struct mr_stats *stats;
	bool alive; /* the region says that its data plane lives */
	pthread_t server;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *entry(struct fixture *f, const struct mr_stats_array *a, uint32_t i)
{
	struct mr_stats_view v = {.stats = f->stats, .size = f->stats->size};

	return (void *)(uintptr_t)mr_stats_entry(&v, a, i);
}

static struct mr_endpoint ipv4(uint8_t last, uint16_t port)
{
	return (struct mr_endpoint){
		.addr = {[10] = 0xff, [11] = 0xff, 192, 0, 2, last}, .port = htons(port)};
}

static void fill_stream(struct fixture *f)
{
	struct mr_stats_stream *s = entry(f, &f->stats->streams, 3);

	s->id = 7;
	s->path_id = 5;
	s->clock_rate = 90000;
	s->kind = MR_KIND_VIDEO;
	s->codec = MR_CODEC_H264;
	s->input = MR_INPUT_WIRE;
	s->payload_type = 96;
	strcpy(s->codec_name, "H264");
	strcpy(s->note, "bad\033[2Jnote");
	s->local = ipv4(1, 5004);
	s->packets = 1000;
	s->expected = 1010;
	s->lost = 10;
	s->reordered = 3;
	s->duplicated = 4;
	s->keyframes = 6;
	s->jitter = 450; /* 5 ms */
	s->ssrc = 0xdecafbad;
	s->viewers = 1;
	s->findings = MR_FINDING_B_FRAMES;
}

static void fill_viewer(struct fixture *f)
{
	struct mr_stats_viewer *v = entry(f, &f->stats->viewers, 9);

	v->id = MR_VIEWER_FIXED_BASE + 2;
	v->path_id = 5;
	v->state = MR_LIFE_RUNNING;
	v->srtp_profile = 7;
	v->fixed = 1;
	v->remote = ipv4(9, 6000);
	v->since_ns = now_ns(CLOCK_REALTIME) - 60000000000;
	v->track[0].packets = 500;
	v->track[0].stream_id = 7;
	v->track[0].ssrc = 1;
	v->track[0].reports = 2;
	v->track[0].jitter = 900;       /* 10 ms */
	v->track[0].fraction_lost = 64; /* a quarter */
	v->track[0].cumulative_lost = -1;
	v->track[0].round_trip_us = 1500;
}

static void fill(struct fixture *f)
{
	struct mr_stats_worker *w = entry(f, &f->stats->workers, 0);
	struct mr_stats_port *p = entry(f, &f->stats->ports, 0);
	struct mr_stats_path *path = entry(f, &f->stats->paths, 1);

	f->stats->pid = 4711;
	f->stats->started_ns = now_ns(CLOCK_REALTIME) - 5000000000;
	strcpy(f->stats->release, "9.8.7");
	strcpy(f->stats->crypto, "ipsec-mb");
	w->repairs = 12;
	w->repair_turns_full = 3;
	f->stats->control_attached = 1;
	p->id = 1;
	strcpy(p->name, "wan");
	strcpy(p->netdev, "mr0");
	p->shared = 1;
	p->link_up = 1;
	p->rx_missed = 11;
	w->id = 1;
	w->lcore = 1;
	path->id = 5;
	path->state = MR_PATH_READY;
	strcpy(path->name, "hall/north");
	fill_stream(f);
	fill_viewer(f);
}

/* As if a moment had passed in the data plane. */
static void tick(struct fixture *f)
{
	struct mr_stats_worker *w = entry(f, &f->stats->workers, 0);
	struct mr_stats_stream *s = entry(f, &f->stats->streams, 3);

	if (f->alive)
		f->stats->alive_ns = now_ns(CLOCK_MONOTONIC);
	mr_count(&w->rx_packets, TICK_RX);
	mr_count(&w->tx_packets, TICK_TX);
	mr_count(&w->busy_tsc, TICK_BUSY);
	mr_count(&w->idle_tsc, TICK_IDLE);
	mr_count(&w->sleep_tsc, TICK_SLEEP);
	mr_count(&w->drops[MR_DROP_TX_FULL], TICK_DROPS);
	mr_count(&s->bytes, 100000);
	s->last_packet_ns = now_ns(CLOCK_MONOTONIC);
}

static void *serve(void *arg)
{
	struct fixture *f = arg;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		struct mr_socket_message m = {.magic = MR_ABI_MAGIC,
			.version = MR_CHANNEL_VERSION,
			.type = MR_SOCKET_STATS,
			.region_size = f->stats->size,
			.pid = f->stats->pid};

		tick(f);
		(void)mr_socket_send(fd, &m, &f->memfd, 1);
		close(fd);
	}
	return NULL;
}

static int start(void **state)
{
	static const struct mr_stats_geometry geometry = {1, 2, 4, 8, 16};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->directory, "/tmp/millrace-cli-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/stats.sock", f->directory);
	assert_int_equal(mr_stats_create(&geometry, &f->stats, &f->memfd), 0);
	f->alive = true;
	fill(f);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 8), 0);
	assert_int_equal(pthread_create(&f->server, NULL, serve, f), 0);
	*state = f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;

	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->server, NULL);
	close(f->listener);
	close(f->memfd);
	unlink(f->path);
	rmdir(f->directory);
	mr_stats_destroy(f->stats);
	free(f);
	return 0;
}

/* Runs the program; its exit status. What it wrote (both channels) is in `out`. */
static int run(char *out, size_t size, const char *arguments)
{
	char command[512];
	size_t len;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "timeout 20 %s %s 2>&1", getenv("MILLRACE"), arguments);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	len = fread(out, 1, size - 1, pipe);
	out[len] = 0;
	status = pclose(pipe);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static json_t *run_json(const struct fixture *f, const char *command)
{
	char arguments[256], out[65536];
	json_error_t error;
	json_t *root;

	snprintf(arguments, sizeof(arguments), "--socket %s -i 0.1 --json %s", f->path, command);
	assert_int_equal(run(out, sizeof(out), arguments), 0);
	root = json_loads(out, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		fail_msg("%s: %s\n%s", command, error.text, out);
	return root;
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (value == NULL)
		fail_msg("no text \"%s\"", key);
	return value;
}

static double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_number(value))
		fail_msg("no number \"%s\"", key);
	return json_number_value(value);
}

static void assert_near(double a, double b)
{
	if (fabs(a - b) > 1e-6)
		fail_msg("%f is not %f", a, b);
}

static void status_json(void **state)
{
	json_t *root = run_json(*state, "status");
	const json_t *d = json_object_get(root, "dataplane"), *t = json_object_get(root, "totals");
	const json_t *w = json_array_get(json_object_get(root, "workers"), 0);
	const json_t *p = json_array_get(json_object_get(root, "paths"), 0);

	assert_near(number(d, "pid"), 4711);
	assert_string_equal(text(d, "release"), "9.8.7");
	assert_true(json_is_true(json_object_get(d, "controlAttached")));
	assert_true(json_is_false(json_object_get(d, "stale")));
	assert_true(number(d, "uptimeSeconds") >= 5);
	assert_near(number(t, "rxPackets"), 2 * TICK_RX); /* two looks */
	assert_near(number(t, "drops"), 2 * TICK_DROPS);
	assert_near(number(t, "streams"), 1);
	assert_true(number(t, "txPacketsPerSecond") > 0);
	assert_near(number(w, "worker"), 0);
	assert_near(number(w, "busyShare"), 0.4);
	assert_near(number(w, "idleShare"), 0.1);
	assert_near(number(w, "sleepShare"), 0.5);
	assert_near(number(w, "cyclesPerPacket"), (double)TICK_BUSY / (TICK_RX + TICK_TX));
	assert_near(number(w, "repairs"), 12);
	assert_near(number(w, "repairTurnsFull"), 3);
	assert_string_equal(text(p, "name"), "hall/north");
	assert_string_equal(text(p, "state"), "ready");
	assert_near(number(p, "viewers"), 1);
	json_decref(root);
}

static void ports_json(void **state)
{
	json_t *root = run_json(*state, "ports");
	const json_t *p = json_array_get(json_object_get(root, "ports"), 0);

	assert_string_equal(text(p, "name"), "wan");
	assert_string_equal(text(p, "interface"), "mr0");
	assert_true(json_is_true(json_object_get(p, "shared")));
	assert_near(number(p, "rxMissed"), 11);
	json_decref(root);
}

static void streams_json(void **state)
{
	json_t *root = run_json(*state, "streams");
	const json_t *s = json_array_get(json_object_get(root, "streams"), 0);

	assert_int_equal(json_array_size(json_object_get(root, "streams")), 1);
	assert_string_equal(text(s, "path"), "hall/north");
	assert_string_equal(text(s, "codec"), "H264");
	assert_string_equal(text(s, "input"), "udp");
	assert_string_equal(text(s, "local"), "192.0.2.1:5004");
	assert_string_equal(text(s, "note"), "bad?[2Jnote");
	assert_true(json_is_true(json_object_get(s, "receiving")));
	assert_near(number(s, "ssrc"), 0xdecafbad);
	assert_near(number(s, "lost"), 10);
	assert_near(number(s, "jitterMs"), 5);
	assert_true(number(s, "bitsPerSecond") > 0);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(s, "findings"), 0)), "bFrames");
	json_decref(root);
}

static void viewers_json(void **state)
{
	json_t *root = run_json(*state, "viewers");
	const json_t *v = json_array_get(json_object_get(root, "viewers"), 0);
	const json_t *t = json_array_get(json_object_get(v, "tracks"), 0);

	assert_int_equal(json_array_size(json_object_get(root, "viewers")), 1);
	assert_true(json_is_true(json_object_get(v, "fixed")));
	assert_string_equal(text(v, "profile"), "AEAD_AES_128_GCM");
	assert_string_equal(text(v, "remote"), "192.0.2.9:6000");
	assert_true(json_is_null(json_object_get(v, "local")));
	assert_true(json_is_null(json_object_get(v, "aliveSecondsAgo")));
	assert_true(number(v, "ageSeconds") >= 60);
	assert_int_equal(json_array_size(json_object_get(v, "tracks")), 1);
	assert_string_equal(text(t, "kind"), "video");
	assert_near(number(t, "lossFraction"), 0.25);
	assert_near(number(t, "cumulativeLost"), -1);
	assert_near(number(t, "jitterMs"), 10);
	assert_near(number(t, "roundTripMs"), 1.5);
	json_decref(root);
}

static void drops_json(void **state)
{
	json_t *root = run_json(*state, "drops"), *drops = json_object_get(root, "drops");

	assert_int_equal(json_object_size(drops), 1);
	assert_near(number(drops, "tx_full"), TICK_DROPS); /* one look */
	json_decref(root);
	root = run_json(*state, "drops --all --workers");
	drops = json_object_get(root, "drops");
	assert_int_equal(json_object_size(drops), MR_DROP_COUNT);
	drops = json_object_get(json_array_get(json_object_get(root, "workers"), 0), "drops");
	assert_near(number(drops, "tx_full"), 2 * TICK_DROPS);
	json_decref(root);
}

/* Every line of a table ends where its columns say, and holds no escape. */
static void tables(void **state)
{
	static const struct {
		const char *command;
		const char *parts[4];
	} cases[] = {
		{"status", {"millrace-dataplane 9.8.7, pid 4711", "40.0 %", "hall/north", "200"}},
		{"ports", {"wan", "shared", "mr0", "11"}},
		{"streams", {"H264", "hall/north", "B-frames", "bad?[2Jnote"}},
		{"viewers", {"session 2", "25.0 %", "AEAD_AES_128_GCM", "1.5"}},
		{"drops", {"tx_full", "transmit queue", "PACKETS", "18"}},
	};
	const struct fixture *f = *state;
	char out[65536], arguments[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(
			arguments, sizeof(arguments), "-s %s -i 0.1 %s", f->path, cases[i].command);
		assert_int_equal(run(out, sizeof(out), arguments), 0);
		for (size_t k = 0; k < 4; k++)
			if (strstr(out, cases[i].parts[k]) == NULL)
				fail_msg("%s: no \"%s\" in\n%s", cases[i].command,
					cases[i].parts[k], out);
		assert_null(strchr(out, '\033'));
	}
}

/* Nobody but a terminal gets colours, unless somebody says that it shows them on one. */
static void colours(void **state)
{
	static const struct {
		const char *set; /* NULL: nothing */
		bool coloured;
	} cases[] = {{NULL, false}, {"CLICOLOR_FORCE", true}, {"NO_COLOR", false}};
	const struct fixture *f = *state;
	char out[65536], arguments[256];

	setenv("TERM", "xterm", 1);
	snprintf(arguments, sizeof(arguments), "-s %s -i 0.1 status", f->path);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].set != NULL)
			setenv(cases[i].set, "1", 1);
		assert_int_equal(run(out, sizeof(out), arguments), 0);
		if ((strchr(out, '\033') != NULL) != cases[i].coloured)
			fail_msg("case %zu: %s", i, out);
	}
	unsetenv("CLICOLOR_FORCE");
	unsetenv("NO_COLOR");
}

static void stale_is_said(void **state)
{
	struct fixture *f = *state;
	char out[65536], arguments[256];

	f->alive = false;
	f->stats->alive_ns = now_ns(CLOCK_MONOTONIC) - 5000000000;
	snprintf(arguments, sizeof(arguments), "-s %s -i 0.1 status", f->path);
	assert_int_equal(run(out, sizeof(out), arguments), 0);
	assert_non_null(strstr(out, "no sign of life for 5."));
}

static void watch_json(void **state)
{
	const struct fixture *f = *state;
	char out[65536], command[512];
	FILE *pipe;

	snprintf(command, sizeof(command),
		"timeout 20 %s -s %s --json --watch 0.1 drops | head -n 3", getenv("MILLRACE"),
		f->path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	for (int i = 1; i <= 3; i++) {
		json_t *root;

		assert_non_null(fgets(out, sizeof(out), pipe)); /* one object per line */
		root = json_loads(out, 0, NULL);
		assert_near(number(json_object_get(root, "drops"), "tx_full"), i * TICK_DROPS);
		json_decref(root);
	}
	pclose(pipe);
}

/* One line, exit 1, nothing else. */
static void nobody_there(void **state)
{
	static const char *const commands[] = {"status", "ports", "streams", "viewers", "drops",
		"--json status", "--watch status"};
	char out[4096], arguments[256];

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(arguments, sizeof(arguments), "-s /tmp/millrace-none.%d/stats.sock %s",
			(int)getpid(), commands[i]);
		assert_int_equal(run(out, sizeof(out), arguments), 1);
		assert_non_null(strstr(out, "no data plane there"));
		assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	}
}

static void command_line(void **state)
{
	static const struct {
		const char *arguments;
		int status;
		const char *part;
	} cases[] = {
		{"--help", 0, "usage: millrace"},
		{"--version", 0, "millrace " MILLRACE_VERSION},
		{"", 2, "which command"},
		{"stats", 2, "no such command: stats"},
		{"status now", 2, "too much: now"},
		{"check", 2, "which file"},
		{"check a b", 2, "one file"},
		{"--all status", 2, "--all belongs to drops"},
		{"--workers streams", 2, "--workers belongs to drops"},
		{"--strict status", 2, "--strict belongs to check"},
		{"--watch check x", 2, "does not --watch"},
		{"kick", 2, "which viewer"},
		{"kick 7 8", 2, "one viewer"},
		{"kick +1", 2, "takes the number"},
		{"kick 7x", 2, "takes the number"},
		{"kick 4294967296", 2, "takes the number"},
		{"--watch kick 7", 2, "kick does not --watch"},
		{"--api 127.0.0.1:1 status", 2, "--api belongs to kick"},
		{"--api 127.0.0.1 kick 7", 2, "--api takes an address"},
		{"--watch=0 status", 2, "from 0.1"},
		{"-i 0 -w status", 2, "at least 0.1"},
		{"--interval x status", 2, "--interval takes"},
		{"--nothing", 2, "unknown option --nothing"},
		{"--interval", 2, "option --interval needs a value"},
		{"--json=1 status", 2, "option --json takes no value"},
	};
	char out[8192];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = run(out, sizeof(out), cases[i].arguments);

		if (rc != cases[i].status || strstr(out, cases[i].part) == NULL)
			fail_msg("\"%s\": %d\n%s", cases[i].arguments, rc, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(status_json, start, stop),
		cmocka_unit_test_setup_teardown(ports_json, start, stop),
		cmocka_unit_test_setup_teardown(streams_json, start, stop),
		cmocka_unit_test_setup_teardown(viewers_json, start, stop),
		cmocka_unit_test_setup_teardown(drops_json, start, stop),
		cmocka_unit_test_setup_teardown(tables, start, stop),
		cmocka_unit_test_setup_teardown(colours, start, stop),
		cmocka_unit_test_setup_teardown(stale_is_said, start, stop),
		cmocka_unit_test_setup_teardown(watch_json, start, stop),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
