/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every reason for which a packet that a viewer asked for again (NACK, RFC 4585
 * 6.2.1) is not sent again: one table, from which the counters, the CLI's texts
 * and the telemetry are made. Append only.
 */
#ifndef DATAPLANE_API_REPAIRS_H
#define DATAPLANE_API_REPAIRS_H

/* X(NAME, "name as shown", "what it means, what to do") */
#define MR_REPAIR_REFUSALS(X)                                                                      \
	X(OFF, "off", "dataplane.repairWindow or repairBitrate is 0")                              \
	X(UNSENT, "unsent", "a number that the viewer was not sent since it joined")               \
	X(GONE, "gone", "older than repairWindow, or no longer in the stream's ring")              \
	X(HOLE, "hole", "the source itself lost it")                                               \
	X(SOON, "soon", "repaired less than half a round trip ago")                                \
	X(BITRATE, "bitrate", "the viewer has used up its repairBitrate")                          \
	X(QUEUE, "queue", "more was asked for than is remembered at once")

enum mr_repair_refusal {
#define MR_REPAIR_REFUSAL_ENUM(name, text, help) MR_REPAIR_##name,
	MR_REPAIR_REFUSALS(MR_REPAIR_REFUSAL_ENUM)
#undef MR_REPAIR_REFUSAL_ENUM
		MR_REPAIR_REFUSAL_COUNT
};

/* "?" for an unknown reason. */
const char *mr_repair_refusal_name(unsigned int reason);
const char *mr_repair_refusal_help(unsigned int reason);

#endif
