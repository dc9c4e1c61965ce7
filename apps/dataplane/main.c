/* SPDX-License-Identifier: BSD-3-Clause */
/* millrace-dataplane: reads the session file, starts, runs until it is told to stop. */
#include "apps/daemon.h"
#include "apps/option_error.h"
#include "controlplane/config/memory.h"
#include "dataplane/lifecycle/dataplane.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_wanted;

static void on_signal(int number)
{
	stop_wanted = 1;
}

static void usage(FILE *to)
{
	fputs("usage: millrace-dataplane [--config] FILE\n"
	      "\n"
	      "The media half of millrace: polls the ports that the session file names,\n"
	      "takes RTP in and sends one SRTP stream to every viewer. It needs root, or\n"
	      "CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_SYS_ADMIN and CAP_IPC_LOCK.\n"
	      "\n"
	      "  -c, --config FILE  the session file, see millrace.json(5)\n"
	      "  -h, --help         this text\n"
	      "  -V, --version      the version\n"
	      "\n"
	      "SIGTERM and SIGINT end it. Watch it with millrace(1), or with\n"
	      "dpdk-telemetry.py: /millrace/totals, /millrace/drops.\n",
		to);
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	static struct dataplane dp; /* large */
	struct mr_config config;
	const char *file = NULL;
	char error[512] = "";
	int option;

	while ((option = getopt_long(argc, argv, ":c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("millrace-dataplane " MILLRACE_VERSION);
			return 0;
		default:
			return option_error("millrace-dataplane", option, argv);
		}
	}
	if (file == NULL && optind < argc)
		file = argv[optind++];
	if (file == NULL || optind < argc) {
		fputs("millrace-dataplane: one session file is wanted\n", stderr);
		return option_error_hint("millrace-dataplane");
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (daemon_read_config(&config, file) != 0)
		return 1;
	if (dataplane_memory_warning(&config, error, sizeof(error)))
		fprintf(stderr, "warning: %s\n", error);
	if (hugepages_warning(&config, error, sizeof(error)))
		fprintf(stderr, "warning: %s\n", error);
	catch_signals();
	daemon_raise_descriptor_limit();
	if (dataplane_init(&dp, &config, error, sizeof(error)) != 0) {
		fprintf(stderr, "error: %s\n", error);
		mr_config_fini(&config);
		return 1;
	}
	printf("memory mib=%u needed_mib=%u\n", dataplane_memory(&config),
		mr_config_memory_needed(&config));
	printf("ready pid=%d workers=%u crypto=\"%s\"\n", (int)getpid(), dp.workers.n,
		dp.stats->crypto);
	for (unsigned int i = 0; i < dp.n_ports; i++)
		printf("port name=%s netdev=%s kind=%s mtu=%u queues=%u\n", dp.ports[i].name,
			dp.ports[i].netdev, dp.ports[i].shared ? "shared" : "owned",
			dp.ports[i].mtu, dp.ports[i].queues);
	dataplane_run(&dp, &stop_wanted);
	printf("stopping\n");
	dataplane_fini(&dp);
	mr_config_fini(&config);
	return 0;
}
