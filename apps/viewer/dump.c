/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet digests as text, see dump.h. Any thread. */
#include "apps/viewer/dump.h"

#include <inttypes.h>
#include <openssl/sha.h>

#define HEX_SIZE (2 * SHA256_DIGEST_LENGTH + 1)

static void format_digest(const uint8_t *data, size_t length, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256(data, length, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[HEX_SIZE - 1] = '\0';
}

void dump_encrypted(
	FILE *file, const struct dump_packet *packet, const uint8_t *data, size_t length)
{
	char hex[HEX_SIZE];

	if (file == NULL)
		return;
	format_digest(data, length, hex);
	fprintf(file, "%u %08" PRIx32 " %" PRIu64 " %zu %s\n", packet->viewer, packet->ssrc,
		packet->index, length, hex);
}

void dump_plain(FILE *file, const struct dump_packet *packet, const uint8_t *payload, size_t length)
{
	char hex[HEX_SIZE];

	if (file == NULL)
		return;
	format_digest(payload, length, hex);
	fprintf(file, "%u %s %08" PRIx32 " %" PRIu64 " %" PRIu32 " %d %u %zu %s\n", packet->viewer,
		packet->kind, packet->ssrc, packet->index, packet->timestamp, packet->marker,
		packet->payload_type, length, hex);
}
