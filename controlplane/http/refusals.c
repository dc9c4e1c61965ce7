/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of refused requests: see refusals.h. Main thread. */
#include "controlplane/http/refusals.h"

#include "controlplane/log.h"

#include <inttypes.h>

#define MINUTE_US 60000000

bool http_refusals_line(struct http_refusals *r, int64_t now_us)
{
	if (now_us >= r->minute_us) {
		r->minute_us = now_us + MINUTE_US;
		r->lines = 0;
	}
	if (r->lines < REFUSALS_LINES_MAX) {
		r->lines++;
		return true;
	}
	r->left_out++;
	return false;
}

bool http_refusals_log(struct http_refusals *r, int64_t now_us)
{
	uint64_t all = r->on_demand + r->authorise + r->unknown + r->left_out;

	if (all == r->logged || now_us < r->quiet_us)
		return false;
	r->logged = all;
	r->quiet_us = now_us + MINUTE_US;
	log_info("-",
		"event=requests_refused on_demand=%" PRIu64 " authorise=%" PRIu64
		" unknown=%" PRIu64 " offers_left_out=%" PRIu64,
		r->on_demand, r->authorise, r->unknown, r->left_out);
	return true;
}
