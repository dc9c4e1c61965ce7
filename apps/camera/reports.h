/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a camera's sender reports worse than the library's: none at all, or with
 * a clock that believes to be in 1970. Attached on the RTSP server's threads,
 * works on the pipelines'.
 */
#pragma once

#include <gst/gst.h>
#include <stdbool.h>
#include <stdint.h>

struct report_rule {
	bool drop;         /* RTCP of this session that starts with a sender report */
	uint32_t set_back; /* taken from the NTP seconds, RFC 3550 6.4.1 */
};

/*
 * Applies rules[i] to session i of a media's rtpbin, before its pads exist. The
 * rules are borrowed and outlive the rtpbin.
 */
void reports_attach(GstElement *rtpbin, const struct report_rule *rules, unsigned n);
