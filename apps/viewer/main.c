/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-viewer: joins WHEP streams as a load of light viewers and reports
 * what arrived. The main thread starts the crowds, shows progress, waits for
 * their end or for a signal, and prints; everything else is on their threads.
 */
#include "apps/viewer/crowd.h"
#include "apps/viewer/report.h"

#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS_PER_VIEWER 8
#define DESCRIPTORS_BASE 256

struct program {
	struct options options;
	struct ice_addresses *addresses;
	struct dtls_context *dtls;
	FILE *dump;
	FILE *plain_dump;
	GMainLoop *loop;
	unsigned int running; /* crowds */
	unsigned int crowd_count;
	struct crowd **crowds;
	uint64_t last_packets; /* of the progress line */
};

static void complain(const char *what, const char *why)
{
	fprintf(stderr, "millrace-viewer: %s: %s\n", what, why);
}

/* Each agent takes some descriptors; go to the limit, or beyond it as root. */
static void raise_descriptor_limit(unsigned int viewers)
{
	rlim_t wanted = DESCRIPTORS_BASE + (rlim_t)viewers * DESCRIPTORS_PER_VIEWER;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted) {
		rlim_t old = limit.rlim_max;

		limit.rlim_max = wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
			return;
		limit.rlim_cur = limit.rlim_max = old;
	}
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		complain("descriptor limit", g_strerror(errno));
}

static gboolean on_crowd_ended(gpointer user)
{
	struct program *program = user;

	if (--program->running == 0)
		g_main_loop_quit(program->loop);
	return G_SOURCE_REMOVE;
}

/* On the crowd's thread. */
static void tell_crowd_ended(void *user)
{
	g_idle_add(on_crowd_ended, user);
}

static gboolean on_signal(gpointer user)
{
	struct program *program = user;

	for (unsigned int i = 0; i < program->crowd_count; i++)
		crowd_stop(program->crowds[i]);
	return G_SOURCE_CONTINUE;
}

static gboolean on_progress(gpointer user)
{
	struct program *program = user;
	struct crowd_progress progress = {0};

	for (unsigned int i = 0; i < program->crowd_count; i++)
		crowd_add_progress(program->crowds[i], &progress);
	fprintf(stderr, "\r\033[K%u of %u connected, %u failed, %" PRIu64 " packets/s",
		progress.connected, program->options.viewers, progress.failed,
		progress.packets - program->last_packets);
	program->last_packets = progress.packets;
	return G_SOURCE_CONTINUE;
}

/* SIGUSR1: the counters at this moment, for whoever measures the server meanwhile. */
static gboolean on_counts(gpointer user)
{
	struct program *program = user;
	struct crowd_progress progress = {0};

	for (unsigned int i = 0; i < program->crowd_count; i++)
		crowd_add_progress(program->crowds[i], &progress);
	fprintf(stderr, "counts connected=%u failed=%u packets=%" PRIu64 "\n", progress.connected,
		progress.failed, progress.packets);
	return G_SOURCE_CONTINUE;
}

static void run(struct program *program)
{
	struct crowd_options crowd = {
		.options = &program->options,
		.addresses = program->addresses,
		.dtls = program->dtls,
		.dump = program->dump,
		.plain_dump = program->plain_dump,
		.ended = tell_crowd_ended,
		.user = program,
	};
	bool terminal = isatty(STDERR_FILENO);

	program->loop = g_main_loop_new(NULL, FALSE);
	program->crowd_count = program->running = program->options.threads;
	program->crowds = g_new0(struct crowd *, program->crowd_count);
	for (; crowd.index < program->crowd_count; crowd.index++)
		program->crowds[crowd.index] = crowd_start(&crowd);
	g_unix_signal_add(SIGINT, on_signal, program);
	g_unix_signal_add(SIGTERM, on_signal, program);
	g_unix_signal_add(SIGUSR1, on_counts, program);
	if (terminal)
		g_timeout_add_seconds(1, on_progress, program);
	g_main_loop_run(program->loop);
	if (terminal)
		fputs("\r\033[K", stderr);
	for (unsigned int i = 0; i < program->crowd_count; i++)
		crowd_join(program->crowds[i]);
}

static int print(const struct program *program)
{
	const struct options *options = &program->options;
	const struct viewer_figures **figures =
		g_new0(const struct viewer_figures *, options->viewers);
	struct report_totals totals;
	int rc = 0;

	for (unsigned int i = 0; i < options->viewers; i++)
		figures[i] =
			crowd_viewer(program->crowds[i % options->threads], i / options->threads);
	report_sum(figures, options->viewers, &totals);
	if (options->json)
		rc = report_print_json(
			stdout, figures, options->viewers, &totals, options->report_log);
	else
		report_print_table(stdout, figures, options->viewers, &totals);
	g_free(figures);
	return rc == 0 && report_is_good(&totals) ? 0 : 1;
}

static int open_dump(const char *name, FILE **file)
{
	if (name == NULL)
		return 0;
	*file = fopen(name, "we");
	if (*file)
		return 0;
	complain(name, g_strerror(errno));
	return -1;
}

static int close_dump(const char *name, FILE *file)
{
	if (file == NULL || fclose(file) == 0)
		return 0;
	complain(name, g_strerror(errno));
	return -1;
}

static int prepare(struct program *program)
{
	struct options *options = &program->options;
	char error[DTLS_ERROR_SIZE];
	int rc = ice_addresses_create(options->addresses, options->address_count,
		options_use_loopback(options), &program->addresses);

	if (rc < 0) {
		complain("local addresses", g_strerror(-rc));
		return -1;
	}
	if (srtp_init() != srtp_err_status_ok) {
		complain("libsrtp", "cannot be initialised");
		return -1;
	}
	if (dtls_context_create(options->profiles, options->profile_count, error, &program->dtls) <
		0) {
		complain("DTLS", error);
		return -1;
	}
	raise_descriptor_limit(options->viewers);
	return open_dump(options->dump, &program->dump) |
	       open_dump(options->plain_dump, &program->plain_dump);
}

int main(int argc, char **argv)
{
	struct program program = {0};
	int status = options_parse(&program.options, argc, argv);

	if (status >= 0)
		return status;
	status = 1;
	if (prepare(&program) == 0) {
		run(&program);
		status = print(&program);
	}
	for (unsigned int i = 0; i < program.crowd_count; i++)
		crowd_destroy(program.crowds[i]);
	g_free(program.crowds);
	if (program.loop)
		g_main_loop_unref(program.loop);
	if (close_dump(program.options.dump, program.dump) |
		close_dump(program.options.plain_dump, program.plain_dump))
		status = 1;
	dtls_context_destroy(program.dtls);
	ice_addresses_destroy(program.addresses);
	options_fini(&program.options);
	return status;
}
