/* SPDX-License-Identifier: BSD-3-Clause */
/* See fanout.h: the command line. */
#include "apps/bench/fanout.h"
#include "apps/bench/options.h"

static const char usage[] =
	"usage: millrace-bench fanout [OPTIONS]\n\n"
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
	"  --help\n";

int fanout_options_parse(struct fanout_options *o, int argc, char **argv)
{
	static const char *const checksums[] = {"offload", "software", "zero", NULL};
	static const char *const orders[] = {"sequential", "random", NULL};
	uint32_t checksum = RIG_CHECKSUM_OFFLOAD, order = 0;
	bool no_bound = false;
	const struct bench_option options[] = {
		{"viewers", BENCH_NUMBER, &o->rig.viewers, 1, RIG_VIEWERS_MAX},
		{"streams", BENCH_NUMBER, &o->rig.streams, 1, RIG_STREAMS_MAX},
		{"payload", BENCH_NUMBER, &o->rig.payload, 16, RIG_PAYLOAD_MAX},
		{"profile", BENCH_PROFILE, &o->rig.profile},
		{"order", BENCH_WORD, &order, .words = orders},
		{"backend", BENCH_TEXT, &o->rig.backend},
		{"workers", BENCH_NUMBER, &o->rig.workers, 1, MR_WORKERS_MAX},
		{"checksum", BENCH_WORD, &checksum, .words = checksums},
		{"rounds", BENCH_NUMBER, &o->rounds, 1, FIGURES_MAX - FANOUT_WARM_UP},
		{"packets", BENCH_NUMBER, &o->packets, 1000, 10000000},
		{"no-bound", BENCH_FLAG, &no_bound},
		{"virtual-time", BENCH_FLAG, &o->virtual_time},
		{"json", BENCH_FLAG, &o->json},
		{0},
	};
	int rc;

	*o = (struct fanout_options){
		.rig = {.workers = 1,
			.viewers = 1000,
			.payload = 1188,
			.profile = srtp_profile_by_id(SRTP_PROFILE_GCM_128),
			.backend = "ipsec-mb",
			.seed = 1},
		.rounds = 40,
		.packets = 30000,
	};
	rc = bench_options_read(options, usage, argc, argv);
	if (rc >= 0)
		return rc;
	o->bound = !no_bound;
	o->rig.poll = !o->virtual_time;
	o->rig.random = order == 1;
	o->rig.checksum = (enum rig_checksum)checksum;
	if (o->rig.streams == 0)
		o->rig.streams = o->rig.workers;
	if (o->rig.viewers < o->rig.streams || o->rig.viewers < o->rig.workers ||
		(o->rig.streams < o->rig.workers && o->rig.streams != 1))
		return bench_options_wrong(
			"one stream, or one for each worker, and each with a viewer");
	return -1;
}
