/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace-controlplane: reads the session file, runs the control plane on
 * GLib's main loop until SIGTERM or SIGINT. Unprivileged. Main thread.
 */
#include "apps/daemon.h"
#include "apps/option_error.h"
#include "controlplane/lifecycle/lifecycle.h"
#include "controlplane/log.h"

#include <glib-unix.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: millrace-controlplane [--config] FILE\n\n"
	"The half of millrace that holds the conversations: cameras, WHEP and the\n"
	"player page, ICE, DTLS, routes. It needs no privilege.\n\n"
	"  -c, --config FILE  the session file: see millrace.json(5)\n"
	"  -h, --help         this text\n"
	"  -V, --version\n";

static gboolean on_signal(gpointer user)
{
	g_main_loop_quit(user);
	return G_SOURCE_CONTINUE;
}

/* NULL when the program is to end with `*status`. */
static const char *parse_arguments(int argc, char **argv, int *status)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *file = NULL;
	int c;

	*status = EXIT_SUCCESS;
	while ((c = getopt_long(argc, argv, ":c:hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return NULL;
		case 'V':
			puts("millrace-controlplane " MILLRACE_VERSION);
			return NULL;
		default:
			*status = option_error("millrace-controlplane", c, argv);
			return NULL;
		}
	}
	if (file == NULL && optind < argc)
		file = argv[optind++];
	if (file != NULL && optind == argc)
		return file;
	fputs("millrace-controlplane: one session file is wanted\n", stderr);
	*status = option_error_hint("millrace-controlplane");
	return NULL;
}

static enum log_level log_level_of(enum mr_config_level level)
{
	switch (level) {
	case MR_LEVEL_ERROR:
		return LOG_LEVEL_ERROR;
	case MR_LEVEL_WARN:
		return LOG_LEVEL_WARN;
	case MR_LEVEL_DEBUG:
		return LOG_LEVEL_DEBUG;
	case MR_LEVEL_INFO:
		break;
	}
	return LOG_LEVEL_INFO;
}

int main(int argc, char **argv)
{
	struct controlplane *controlplane;
	struct mr_config config;
	GMainLoop *loop;
	guint terminate, interrupt;
	int status;
	const char *file = parse_arguments(argc, argv, &status);

	if (!file)
		return status;
	signal(SIGPIPE, SIG_IGN);
	daemon_raise_descriptor_limit();
	if (daemon_read_config(&config, file) < 0)
		return EXIT_FAILURE;
	log_set_level(log_level_of(config.log_level));
	if (controlplane_create(&controlplane, &config) < 0) {
		mr_config_fini(&config);
		return EXIT_FAILURE;
	}
	loop = g_main_loop_new(NULL, FALSE);
	terminate = g_unix_signal_add(SIGTERM, on_signal, loop);
	interrupt = g_unix_signal_add(SIGINT, on_signal, loop);
	g_main_loop_run(loop);
	log_info("-", "event=ending");
	g_source_remove(terminate);
	g_source_remove(interrupt);
	controlplane_destroy(controlplane);
	g_main_loop_unref(loop);
	mr_config_fini(&config);
	return EXIT_SUCCESS;
}
