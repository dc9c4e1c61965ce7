/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of viewers: see viewer_limits.h. Main thread. */
#include "controlplane/viewer/viewer_limits.h"

#include "controlplane/log.h"

#include <inttypes.h>

#define LOG_EVERY_US 60000000

const char *viewer_limits_check(struct viewer_limits *limits, const struct mr_config *config,
	const char *path, const struct viewer_load *load)
{
	const struct mr_config_path *p = mr_config_find_path(config, path);

	if (load->all + config->n_sessions >= config->dataplane.max_viewers) {
		limits->full++;
		return "the gateway has as many viewers as it may have";
	}
	if (load->pending >= VIEWER_PENDING_MAX) {
		limits->pending++;
		return "too many viewers are connecting";
	}
	if (p && p->max_readers > 0 && load->readers >= p->max_readers) {
		limits->readers++;
		return "the path has as many viewers as it may have";
	}
	return NULL;
}

static bool is_due(uint64_t count, uint64_t *logged, int64_t *quiet_us, int64_t now_us)
{
	if (count == *logged || now_us < *quiet_us)
		return false;
	*logged = count;
	*quiet_us = now_us + LOG_EVERY_US;
	return true;
}

void viewer_limits_log(
	struct viewer_limits *l, const struct ice_lite *ice, uint64_t unknown_flow, int64_t now_us)
{
	uint64_t datagrams = ice->malformed + ice->unknown_user + ice->unauthorized +
			     ice->conflicts + ice->rate + unknown_flow;
	uint64_t offers = l->full + l->pending + l->readers + l->refused;

	if (is_due(datagrams, &l->logged_datagrams, &l->datagrams_quiet_us, now_us))
		log_info("-",
			"event=datagrams_refused stun_malformed=%" PRIu64
			" stun_unknown_user=%" PRIu64 " stun_unauthorized=%" PRIu64
			" stun_role_conflict=%" PRIu64 " stun_rate=%" PRIu64
			" unknown_flow=%" PRIu64,
			ice->malformed, ice->unknown_user, ice->unauthorized, ice->conflicts,
			ice->rate, unknown_flow);
	if (is_due(offers, &l->logged_offers, &l->offers_quiet_us, now_us))
		log_info("-",
			"event=offers_refused max_viewers=%" PRIu64 " connecting=%" PRIu64
			" max_readers=%" PRIu64 " stream_refused=%" PRIu64,
			l->full, l->pending, l->readers, l->refused);
}
