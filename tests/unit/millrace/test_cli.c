/* SPDX-License-Identifier: BSD-3-Clause */
/* The program millrace: what it says of a data plane, and of how it is called. */
#include "tests/unit/millrace/cli_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
