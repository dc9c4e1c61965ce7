/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace, the operator's command line: reads the statistics region of a
 * running data plane and shows it. It never writes to it and never sees a key.
 * What it asks for (kick), it asks the control plane for. One thread.
 */
#include "apps/millrace/commands.h"
#include "apps/millrace/table.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OPEN_TIMEOUT_MS 2000
#define OPEN_ERROR_MAX 192 /* bytes */

static const struct command commands[] = {
	{"status", true, cmd_status_print, cmd_status_json},
	{"ports", true, cmd_ports_print, cmd_ports_json},
	{"streams", true, cmd_streams_print, cmd_streams_json},
	{"viewers", true, cmd_viewers_print, cmd_viewers_json},
	{"drops", false, cmd_drops_print, cmd_drops_json},
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static const char *open_error(int rc, uint32_t version, char text[OPEN_ERROR_MAX])
{
	switch (rc) {
	case -ENOENT:
	case -ECONNREFUSED:
		return "no data plane there (is millrace-dataplane running?)";
	case -EACCES:
		return "not allowed to look at the data plane";
	case -EPROTONOSUPPORT:
		snprintf(text, OPEN_ERROR_MAX,
			"the data plane is of another release: its statistics are version %u, "
			"this millrace reads version %u (use the one of its release)",
			version, MR_STATS_VERSION);
		return text;
	case -EPROTO:
	case -ECONNRESET:
		return "what answers is not a data plane";
	case -ETIMEDOUT:
		return "the data plane does not answer";
	default:
		return strerror(-rc);
	}
}

/* One line, the same whatever the command. */
static void say_absent(const struct options *o, int rc, uint32_t version)
{
	char text[OPEN_ERROR_MAX];

	fprintf(stderr, "millrace: %s: %s\n", o->socket, open_error(rc, version, text));
}

static void say_stale(const struct sample *s)
{
	char age[SHOW_SIZE];

	fprintf(stderr,
		"millrace: the data plane (pid %u) has given no sign of life for %s: ended or "
		"stuck\n",
		s->head.pid, show_age(age, (double)sample_silence_ns(s) / 1e9));
}

static void sleep_seconds(double seconds)
{
	struct timespec t = {
		.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};

	nanosleep(&t, NULL); /* a signal ends the program */
}

static bool same_dataplane(const struct sample *a, const struct sample *b)
{
	return a->head.pid == b->head.pid && a->head.started_ns == b->head.started_ns;
}

static void print_json(json_t *value, bool one_line, FILE *out)
{
	if (value == NULL)
		return;
	json_dumpf(value, out, one_line ? JSON_COMPACT : JSON_INDENT(2));
	fputc('\n', out);
	json_decref(value);
}

static void show(const struct command *c, const struct options *o, const struct sample *now,
	const struct sample *before)
{
	struct frame f = {.now = now};

	if (before != NULL && same_dataplane(now, before) && now->at_ns > before->at_ns) {
		f.before = before;
		f.seconds = (double)(now->at_ns - before->at_ns) / 1e9;
	}
	if (o->json)
		print_json(c->json(&f, o), o->watch, stdout);
	else
		c->print(&f, o, stdout);
	fflush(stdout);
}

/* Opens the region, takes a sample; `rc` as mr_stats_open(), which also says the version. */
static int look(struct sample *s, const struct options *o, uint32_t *version)
{
	struct mr_stats_view view;
	int rc = mr_stats_open(&view, o->socket, OPEN_TIMEOUT_MS);

	*version = view.version;
	if (rc != 0)
		return rc;
	rc = sample_take(s, &view);
	mr_stats_close(&view);
	return rc;
}

/* Two looks, one answer. */
static int run_once(const struct command *c, const struct options *o)
{
	struct sample first, second;
	bool two = c->rates && o->seconds > 0;
	uint32_t version;
	int rc;

	rc = look(&first, o, &version);
	if (rc != 0) {
		say_absent(o, rc, version);
		return 1;
	}
	if (two && !sample_stale(&first)) {
		sleep_seconds(o->seconds);
		rc = look(&second, o, &version);
		if (rc != 0) {
			say_absent(o, rc, version);
			sample_fini(&first);
			return 1;
		}
		show(c, o, &second, &first);
		if (sample_stale(&second))
			say_stale(&second);
		sample_fini(&second);
	} else {
		show(c, o, &first, NULL);
		if (sample_stale(&first))
			say_stale(&first);
	}
	sample_fini(&first);
	return 0;
}

/* Until a signal. A data plane that goes is waited for; one that was never
 * there ends the program like a single look. */
static int run_watch(const struct command *c, const struct options *o)
{
	struct sample before, now;
	bool have = false, terminal = isatty(STDOUT_FILENO) && !o->json, ever = false;

	for (;;) {
		uint32_t version;
		int rc = look(&now, o, &version);

		if (rc != 0 && !ever) {
			say_absent(o, rc, version);
			return 1;
		}
		if (terminal)
			fputs("\033[H\033[2J", stdout);
		else if (ever && !o->json)
			fputc('\n', stdout);
		ever = true;
		fflush(stdout);
		if (rc == 0) {
			show(c, o, &now, have ? &before : NULL);
			if (sample_stale(&now))
				say_stale(&now);
		} else {
			say_absent(o, rc, version);
		}
		if (ferror(stdout))
			return 1; /* the reader of the pipe went */
		if (have)
			sample_fini(&before);
		have = rc == 0;
		if (have)
			before = now;
		sleep_seconds(o->seconds);
	}
}

int main(int argc, char **argv)
{
	struct options o;
	const struct command *c;

	switch (options_parse(&o, argc, argv)) {
	case OPTIONS_DONE:
		return 0;
	case OPTIONS_WRONG:
		return 2;
	case OPTIONS_RUN:
		break;
	}
	if (strcmp(o.command, "check") == 0)
		return cmd_check(&o, stdout);
	if (strcmp(o.command, "kick") == 0)
		return cmd_kick(&o, stdout);
	c = command_find(o.command);
	return o.watch ? run_watch(c, &o) : run_once(c, &o);
}
