/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text files for tests that compare packets, one line each:
 *   --dump        viewer ssrc index length sha256(whole SRTP packet)
 *   --plain-dump  viewer kind ssrc index timestamp marker payloadType length sha256(payload)
 * ssrc and sha256 in hexadecimal, the rest decimal; index is ROC || SEQ.
 * Written to by every thread: stdio locks each line.
 */
#ifndef APPS_VIEWER_DUMP_H
#define APPS_VIEWER_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct dump_packet {
	unsigned int viewer;
	const char *kind;
	uint32_t ssrc;
	uint64_t index;
	uint32_t timestamp; /* RTP ticks */
	bool marker;
	uint8_t payload_type;
};

/* `file` NULL: nothing is written. */
void dump_encrypted(
	FILE *file, const struct dump_packet *packet, const uint8_t *data, size_t length);
void dump_plain(
	FILE *file, const struct dump_packet *packet, const uint8_t *payload, size_t length);

#endif
