/* SPDX-License-Identifier: BSD-3-Clause */
/* The Transport header of RTSP; pure, any thread. */
#include "controlplane/source/rtsp_transport.h"

#include "controlplane/source/address.h"

#include <gst/rtsp/gstrtsptransport.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A range of ports: -1 stands for "not given", the second is the first plus one then. */
static int take_ports(uint16_t out[2], const GstRTSPRange *range)
{
	if (range->min <= 0)
		return 0;
	if (range->min > UINT16_MAX || range->max > UINT16_MAX)
		return -EINVAL;
	out[0] = (uint16_t)range->min;
	if (range->max > 0)
		out[1] = (uint16_t)range->max;
	else if (range->min < UINT16_MAX)
		out[1] = (uint16_t)(range->min + 1);
	return 0;
}

static int take_channels(uint8_t out[2], const GstRTSPRange *range)
{
	int first = range->min, second = range->max;

	if (first < 0 || first > 255)
		return -EINVAL;
	if (second < 0)
		second = first + 1;
	if (second > 255)
		return -EINVAL;
	out[0] = (uint8_t)first;
	out[1] = (uint8_t)second;
	return 0;
}

int rtsp_transport_parse(struct rtsp_transport *t, const char *header)
{
	GstRTSPTransport *parsed = NULL;
	int err = -EINVAL;

	memset(t, 0, sizeof(*t));
	if (gst_rtsp_transport_new(&parsed) != GST_RTSP_OK)
		return -ENOMEM;
	if (gst_rtsp_transport_parse(header, parsed) != GST_RTSP_OK)
		goto out;
	err = -ENOTSUP;
	if (parsed->trans != GST_RTSP_TRANS_RTP ||
		!(parsed->profile & (GST_RTSP_PROFILE_AVP | GST_RTSP_PROFILE_AVPF)))
		goto out;
	if (parsed->lower_transport == GST_RTSP_LOWER_TRANS_TCP)
		t->tcp = true;
	else if (parsed->lower_transport == GST_RTSP_LOWER_TRANS_UDP_MCAST)
		t->multicast = true;
	else if (parsed->lower_transport != GST_RTSP_LOWER_TRANS_UDP)
		goto out;
	err = t->tcp ? take_channels(t->channel, &parsed->interleaved)
		     : take_ports(t->server_port, &parsed->server_port);
	if (!err && !t->tcp)
		err = take_ports(t->client_port, &parsed->client_port);
	if (err)
		goto out;
	t->has_source = parsed->source && address_parse(t->source, parsed->source) == 0;
	t->ssrc = parsed->ssrc;
	t->has_ssrc = parsed->ssrc != 0;
out:
	gst_rtsp_transport_free(parsed);
	return err;
}

void rtsp_transport_format_udp(char *out, size_t size, const uint16_t client_port[2])
{
	snprintf(out, size, "RTP/AVP;unicast;client_port=%u-%u", client_port[0], client_port[1]);
}

void rtsp_transport_format_tcp(char *out, size_t size, unsigned int first_channel)
{
	snprintf(out, size, "RTP/AVP/TCP;unicast;interleaved=%u-%u", first_channel,
		first_channel + 1);
}
