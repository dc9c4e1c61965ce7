/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Totals, drops and viewers for rte_telemetry (dpdk-telemetry.py): what DPDK's own
 * tools expect of a DPDK program. Tables of streams and viewers are the CLI's: a
 * telemetry answer holds 256 entries at most. The telemetry thread calls; it
 * only reads counters.
 */
#include "dataplane/lifecycle/dataplane.h"
#include "dataplane/lifecycle/telemetry_viewers.h"

#include <errno.h>
#include <rte_telemetry.h>
#include <string.h>

/* The library's call-backs get no argument of ours. Set before the first
 * registration; the region is never unmapped while the process lives. */
static const struct mr_stats *_Atomic telemetry_stats;

static const struct mr_stats_worker *worker_at(const struct mr_stats *stats, uint32_t i)
{
	struct mr_stats_view view = {.stats = stats, .size = stats->size};

	return mr_stats_entry(&view, &stats->workers, i);
}

static uint64_t sum(const struct mr_stats *stats, size_t offset)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < stats->workers.count; i++) {
		const _Atomic uint64_t *c =
			(const void *)((const uint8_t *)worker_at(stats, i) + offset);
		total += atomic_load_explicit(c, memory_order_relaxed);
	}
	return total;
}

static int totals(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct mr_stats *stats = atomic_load(&telemetry_stats);

	rte_tel_data_start_dict(d);
	if (stats == NULL)
		return 0;
#define ADD(field)                                                                                 \
	rte_tel_data_add_dict_u64(d, #field, sum(stats, offsetof(struct mr_stats_worker, field)))
	ADD(turns);
	ADD(busy_tsc);
	ADD(idle_tsc);
	ADD(sleep_tsc);
	ADD(rx_packets);
	ADD(tx_packets);
	ADD(tx_bytes);
	ADD(media_packets);
	ADD(stun_answered);
	ADD(srtcp_in);
	ADD(srtcp_out);
	ADD(punted);
	ADD(repairs);
	ADD(repair_turns_full);
	ADD(refreshes);
#undef ADD
	return 0;
}

static int drops(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct mr_stats *stats = atomic_load(&telemetry_stats);

	rte_tel_data_start_dict(d);
	if (stats == NULL)
		return 0;
	for (unsigned int i = 0; i < MR_DROP_COUNT; i++)
		rte_tel_data_add_dict_u64(d, mr_drop_name(i),
			sum(stats, offsetof(struct mr_stats_worker, drops) + i * sizeof(uint64_t)));
	return 0;
}

static int repairs_refused(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct mr_stats *stats = atomic_load(&telemetry_stats);

	rte_tel_data_start_dict(d);
	if (stats == NULL)
		return 0;
	for (unsigned int i = 0; i < MR_REPAIR_REFUSAL_COUNT; i++)
		rte_tel_data_add_dict_u64(d, mr_repair_refusal_name(i),
			sum(stats, offsetof(struct mr_stats_worker, repairs_refused) +
					   i * sizeof(uint64_t)));
	return 0;
}

static int viewers(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct mr_stats *stats = atomic_load(&telemetry_stats);

	return stats != NULL ? telemetry_viewers(stats, params, d) : -ENOENT;
}

static int viewer(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct mr_stats *stats = atomic_load(&telemetry_stats);

	return stats != NULL ? telemetry_viewer(stats, params, d) : -ENOENT;
}

int telemetry_init(const struct dataplane *dp)
{
	int rc;

	telemetry_stats = dp->stats;
	rc = rte_telemetry_register_cmd(
		"/millrace/totals", totals, "Returns the sums over all workers. No parameters.");
	if (rc == 0)
		rc = rte_telemetry_register_cmd("/millrace/drops", drops,
			"Returns the packets dropped, by reason. No parameters.");
	if (rc == 0)
		rc = rte_telemetry_register_cmd("/millrace/repairs_refused", repairs_refused,
			"Returns the packets not sent again, by reason. No parameters.");
	if (rc == 0)
		rc = rte_telemetry_register_cmd("/millrace/viewers", viewers,
			"Returns IDs of viewers. Parameter: the entry to begin with (0).");
	if (rc == 0)
		rc = rte_telemetry_register_cmd("/millrace/viewer", viewer,
			"Returns what a viewer is sent, its loss, jitter and round trip. "
			"Parameter: its ID.");
	return rc;
}

void telemetry_fini(void)
{
	telemetry_stats = NULL;
}
