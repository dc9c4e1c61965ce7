/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer target: any bytes as a WHEP offer, through parsing, choosing and answering. */
#include "controlplane/viewer/sdp_answer.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct track video = {.kind = MR_KIND_VIDEO,
		.codec = MR_CODEC_H264,
		.clock_rate = 90000,
		.packetization_mode = 1,
		.has_profile_level_id = true,
		.profile_level_id = {0x64, 0x00, 0x28}};
	static const struct track audio = {
		.kind = MR_KIND_AUDIO, .codec = MR_CODEC_OPUS, .clock_rate = 48000, .channels = 2};
	const struct track *tracks[MR_VIEWER_TRACKS] = {&video, &audio};
	const struct sdp_answer answer = {
		.ufrag = "u", .pwd = "p", .fingerprint = "f", .cname = "c"};
	static struct sdp_offer offer;
	struct sdp_choices choices;
	const char *why;

	if (sdp_offer_parse(&offer, (const char *)data, size, &why) == 0 &&
		sdp_answer_choose(&choices, &offer, tracks, &why) == 0)
		g_free(sdp_answer_format(&answer, &offer, &choices));
	return 0;
}
