/* SPDX-License-Identifier: BSD-3-Clause */
/* millrace-bench: finds the subcommand. One thread, until it starts others. */
#include "apps/bench/bench.h"

#include <stdio.h>
#include <string.h>

struct subcommand {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

static const struct subcommand subcommands[] = {
	{"fanout", "cycles of the data plane per viewer's packet, beside encryption alone",
		bench_fanout},
	{"kernel", "CPU time of the same fan-out by sendto, sendmmsg, UDP GSO, and AF_XDP",
		bench_kernel},
	{"wire", "highest rate without loss and latencies of a data plane behind a net_memif",
		bench_wire},
	{"neighbour", "how long a stream's packets wait beside a stream with 5,000 viewers",
		bench_neighbour},
	{"nacks", "how long other viewers wait while some flood with NACKs", bench_nacks},
	{"soak", "counts what is left of a CPU beside whoever works there", bench_soak},
};

static void usage(FILE *out)
{
	fputs("usage: millrace-bench SUBCOMMAND [OPTIONS]\n\n", out);
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		fprintf(out, "  %-11s%s\n", subcommands[i].name, subcommands[i].summary);
	fputs("\nmillrace-bench SUBCOMMAND --help lists its options. With --json the last line\n"
	      "of the output is one JSON object.\n",
		out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("millrace-bench " MILLRACE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "millrace-bench: no such subcommand: %s\n", argv[1]);
	usage(stderr);
	return 2;
}
