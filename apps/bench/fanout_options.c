/* SPDX-License-Identifier: BSD-3-Clause */
/* See fanout.h: the command line. */
#include "apps/bench/fanout.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const checksums[] = {"offload", "software", "zero", NULL};

static void usage(FILE *out)
{
	fputs("usage: millrace-bench fanout [OPTIONS]\n\n"
	      "  --viewers N            in all, 1 to 100000 (1000)\n"
	      "  --streams N            that they watch, 1 to 512 (one per worker)\n"
	      "  --payload BYTES        of RTP payload, 16 to 1400 (1188)\n"
	      "  --profile NAME         AEAD_AES_128_GCM (default), AEAD_AES_256_GCM,\n"
	      "                         AES128_CM_HMAC_SHA1_80\n"
	      "  --order ORDER          of viewers in memory: sequential (default), random\n"
	      "  --backend NAME         what encrypts (ipsec-mb)\n"
	      "  --workers N            1 to as many as there are CPUs (1)\n"
	      "  --checksum MODE        of UDP: offload (default), software, zero\n"
	      "  --rounds N             1 to 4000 (40)\n"
	      "  --packets N            of each worker in a round, at least (30000); and eight\n"
	      "                         for each viewer\n"
	      "  --no-bound             only the data plane\n"
	      "  --virtual-time         no clock is read: the same work in every run\n"
	      "  --json                 one JSON object on the last line\n"
	      "  --help\n",
		out);
}

static bool parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *to)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n < least || n > most)
		return false;
	*to = (uint32_t)n;
	return true;
}

static bool parse_word(const char *text, const char *const *words, unsigned int *to)
{
	for (*to = 0; words[*to] != NULL; (*to)++)
		if (strcmp(text, words[*to]) == 0)
			return true;
	return false;
}

enum {
	VIEWERS = 256,
	STREAMS,
	PAYLOAD,
	PROFILE,
	ORDER,
	BACKEND,
	WORKERS,
	CHECKSUM,
	ROUNDS,
	PACKETS,
	NO_BOUND,
	VIRTUAL_TIME,
	JSON,
	HELP
};

static bool option_take(struct fanout_options *o, int option, const char *value)
{
	static const char *const orders[] = {"sequential", "random", NULL};
	unsigned int word;

	switch (option) {
	case VIEWERS:
		return parse_number(value, 1, RIG_VIEWERS_MAX, &o->rig.viewers);
	case STREAMS:
		return parse_number(value, 1, RIG_STREAMS_MAX, &o->rig.streams);
	case PAYLOAD:
		return parse_number(value, 16, RIG_PAYLOAD_MAX, &o->rig.payload);
	case PROFILE:
		o->rig.profile = srtp_profile_by_name(value);
		return o->rig.profile != NULL;
	case ORDER:
		if (!parse_word(value, orders, &word))
			return false;
		o->rig.random = word == 1;
		return true;
	case BACKEND:
		o->rig.backend = value;
		return true;
	case WORKERS:
		return parse_number(value, 1, MR_WORKERS_MAX, &o->rig.workers);
	case CHECKSUM:
		if (!parse_word(value, checksums, &word))
			return false;
		o->rig.checksum = (enum rig_checksum)word;
		return true;
	case ROUNDS:
		return parse_number(value, 1, FIGURES_MAX - FANOUT_WARM_UP, &o->rounds);
	case PACKETS:
		return parse_number(value, 1000, 10000000, &o->packets);
	case NO_BOUND:
		o->bound = false;
		return true;
	case VIRTUAL_TIME:
		o->virtual_time = true;
		o->rig.poll = false;
		return true;
	case JSON:
		o->json = true;
		return true;
	default:
		return false;
	}
}

static const struct option options[] = {
	{"viewers", required_argument, NULL, VIEWERS},
	{"streams", required_argument, NULL, STREAMS},
	{"payload", required_argument, NULL, PAYLOAD},
	{"profile", required_argument, NULL, PROFILE},
	{"order", required_argument, NULL, ORDER},
	{"backend", required_argument, NULL, BACKEND},
	{"workers", required_argument, NULL, WORKERS},
	{"checksum", required_argument, NULL, CHECKSUM},
	{"rounds", required_argument, NULL, ROUNDS},
	{"packets", required_argument, NULL, PACKETS},
	{"no-bound", no_argument, NULL, NO_BOUND},
	{"virtual-time", no_argument, NULL, VIRTUAL_TIME},
	{"json", no_argument, NULL, JSON},
	{"help", no_argument, NULL, HELP},
	{0},
};

int fanout_options_parse(struct fanout_options *o, int argc, char **argv)
{
	int option, index;

	*o = (struct fanout_options){
		.rig = {.workers = 1,
			.viewers = 1000,
			.payload = 1188,
			.profile = srtp_profile_by_id(SRTP_PROFILE_GCM_128),
			.backend = "ipsec-mb",
			.seed = 1,
			.poll = true},
		.rounds = 40,
		.packets = 30000,
		.bound = true,
	};
	while ((option = getopt_long(argc, argv, "h", options, &index)) != -1) {
		if (option == HELP || option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option == '?')
			return 2;
		if (!option_take(o, option, optarg)) {
			fprintf(stderr, "millrace-bench: --%s cannot be %s\n", options[index].name,
				optarg);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "millrace-bench: what is %s?\n", argv[optind]);
		return 2;
	}
	if (o->rig.streams == 0)
		o->rig.streams = o->rig.workers;
	if (o->rig.viewers < o->rig.streams || o->rig.viewers < o->rig.workers ||
		(o->rig.streams < o->rig.workers && o->rig.streams != 1)) {
		fputs("millrace-bench: one stream, or one for each worker, and each with a "
		      "viewer\n",
			stderr);
		return 2;
	}
	return -1;
}
