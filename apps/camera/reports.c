/* SPDX-License-Identifier: BSD-3-Clause */
/* Sender reports on their way out of rtpbin. The pipelines' threads. */
#include "apps/camera/reports.h"

#include <stdio.h>

#define RTCP_SR 200
#define SR_NTP_SECONDS 8 /* offset in the packet [bytes] */

struct attachment {
	const struct report_rule *rules;
	unsigned n;
};

/* Walks through the compound packet and sets every sender report back. */
static void set_back(guint8 *data, gsize size, uint32_t seconds)
{
	for (gsize at = 0; at + 4 <= size;) {
		gsize length = 4 * ((gsize)GST_READ_UINT16_BE(data + at + 2) + 1);

		if (data[at + 1] == RTCP_SR && at + SR_NTP_SECONDS + 4 <= size) {
			guint8 *ntp = data + at + SR_NTP_SECONDS;

			GST_WRITE_UINT32_BE(ntp, GST_READ_UINT32_BE(ntp) - seconds);
		}
		at += length;
	}
}

static GstPadProbeReturn on_rtcp(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
	const struct report_rule *rule = data;
	GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
	guint8 type = 0;
	GstMapInfo map;

	gst_buffer_extract(buffer, 1, &type, 1);
	if (type != RTCP_SR)
		return GST_PAD_PROBE_OK;
	if (rule->drop)
		return GST_PAD_PROBE_DROP;
	buffer = gst_buffer_make_writable(buffer);
	GST_PAD_PROBE_INFO_DATA(info) = buffer;
	if (gst_buffer_map(buffer, &map, GST_MAP_READWRITE)) {
		set_back(map.data, map.size, rule->set_back);
		gst_buffer_unmap(buffer, &map);
	}
	return GST_PAD_PROBE_OK;
}

static void on_pad_added(GstElement *rtpbin, GstPad *pad, gpointer data)
{
	const struct attachment *attachment = data;
	unsigned session;

	if (sscanf(GST_PAD_NAME(pad), "send_rtcp_src_%u", &session) != 1 ||
		session >= attachment->n)
		return;
	if (attachment->rules[session].drop || attachment->rules[session].set_back != 0)
		gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_rtcp,
			(gpointer)&attachment->rules[session], NULL);
}

static void attachment_free(gpointer data, GClosure *closure)
{
	g_free(data);
}

void reports_attach(GstElement *rtpbin, const struct report_rule *rules, unsigned n)
{
	struct attachment *attachment = g_new(struct attachment, 1);

	*attachment = (struct attachment){rules, n};
	g_signal_connect_data(
		rtpbin, "pad-added", G_CALLBACK(on_pad_added), attachment, attachment_free, 0);
}
