/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer: what RTSP servers and other sources say, into the parsers of source/. */
#include "controlplane/source/rtcp.h"
#include "controlplane/source/rtsp_auth.h"
#include "controlplane/source/rtsp_transport.h"
#include "controlplane/source/rtsp_url.h"
#include "controlplane/source/rtsp_wire.h"
#include "controlplane/source/sdp_tracks.h"

#include <glib.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_sdp(const char *text, size_t len)
{
	static struct sdp_tracks tracks;

	if (sdp_tracks_parse(&tracks, text, len) || tracks.n > PATH_TRACKS_MAX)
		return;
	for (unsigned int i = 0; i < tracks.n; i++) {
		const struct sdp_track *t = &tracks.tracks[i];
		char url[RTSP_URL_MAX];

		if (t->parameter_sets_len > MR_PARAMETER_SETS || t->track.payload_type > 127 ||
			strlen(t->track.note) >= sizeof(t->track.note) || !t->track.codec_name[0])
			abort();
		if (!rtsp_url_join(url, sizeof(url), "rtsp://h/cam", t->control) &&
			!rtsp_url_is_plain(url))
			abort();
	}
}

static void fuzz_challenge(const char *text)
{
	GstRTSPMessage *m = NULL;
	struct rtsp_auth auth;

	rtsp_auth_init(&auth, "user", "secret");
	gst_rtsp_message_new_response(&m, GST_RTSP_STS_UNAUTHORIZED, NULL, NULL);
	gst_rtsp_message_add_header(m, GST_RTSP_HDR_WWW_AUTHENTICATE, text);
	if (!rtsp_auth_challenge(&auth, m)) {
		char *header = rtsp_auth_header(&auth, "DESCRIBE", "rtsp://h/cam");

		/* Nothing of the server's ends our line. */
		if (header && strpbrk(header, "\r\n"))
			abort();
		rtsp_auth_free(header);
	}
	gst_rtsp_message_free(m);
	rtsp_auth_fini(&auth);
}

static void fuzz_wire(const uint8_t *data, size_t len)
{
	struct rtsp_unit unit;
	size_t at = 0;
	ssize_t n;

	while ((n = rtsp_wire_parse(&unit, data + at, len - at)) > 0) {
		if ((size_t)n > len - at || (unit.message && unit.data) ||
			(unit.data && unit.data + unit.len > data + len))
			abort();
		at += (size_t)n;
		if (!unit.message)
			continue;
		g_string_free(rtsp_wire_format(unit.message, 1), TRUE);
		gst_rtsp_message_free(unit.message);
	}
	if (unit.message)
		abort();
}

static void fuzz_resync(const uint8_t *data, size_t len)
{
	static const struct rtsp_channels channels = {
		.n = 2, .track = {{.rtp = 0, .rtcp = 1, .payload_type = 96}, {2, 3, 97}}};
	struct rtsp_unit unit;
	bool found;
	size_t skip = rtsp_wire_resync(&channels, data, len, &found);

	if (skip > len || (found && skip == len))
		abort();
	if (!found)
		return;
	rtsp_wire_parse(&unit, data + skip, len - skip);
	if (unit.message)
		gst_rtsp_message_free(unit.message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtsp_transport transport;
	struct rtcp_info info;
	char *text;

	if (size < 1)
		return 0;
	/* A copy of just this size, so that a read beyond it is seen. */
	text = g_strndup((const char *)data + 1, size - 1);
	switch (data[0] % 6) {
	case 0:
		fuzz_sdp(text, size - 1);
		break;
	case 1:
		rtsp_transport_parse(&transport, text);
		break;
	case 2:
		fuzz_challenge(text);
		break;
	case 3:
		fuzz_wire((const uint8_t *)text, size - 1);
		break;
	case 4:
		fuzz_resync((const uint8_t *)text, size - 1);
		break;
	default:
		rtcp_parse(&info, data + 1, size - 1);
		break;
	}
	g_free(text);
	return 0;
}
