/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the first bits of an H.264 NAL unit say: ITU-T H.264 7.3. Pure; buffer
 * in, value out. A NAL begins with its header octet and has at least that.
 */
#ifndef DATAPLANE_STREAM_H264_NAL_H
#define DATAPLANE_STREAM_H264_NAL_H

#include <stdbool.h>
#include <stdint.h>

/* Table 7-1; from 24 on RFC 6184 5.2. */
enum h264_nal_type {
	H264_SLICE = 1,
	H264_IDR = 5,
	H264_SPS = 7,
	H264_PPS = 8,
	H264_STAP_A = 24, /* 5.7.1 */
	H264_STAP_B = 25,
	H264_MTAP16 = 26,
	H264_MTAP24 = 27,
	H264_FU_A = 28, /* 5.8 */
	H264_FU_B = 29,
};

static inline uint8_t h264_nal_type(uint8_t octet)
{
	return octet & 0x1f;
}

/* A coded slice that is a B slice; its beginning is enough. */
bool h264_is_b_slice(const uint8_t *nal, uint32_t len);

/* seq_parameter_set_id of an SPS, pic_parameter_set_id of a PPS; -1: it has none. */
int h264_set_id(const uint8_t *nal, uint32_t len);

#endif
