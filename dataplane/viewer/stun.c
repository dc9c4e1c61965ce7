/* SPDX-License-Identifier: BSD-3-Clause */
/* See stun.h. The viewer's worker. */
#include "dataplane/viewer/stun.h"

#include "dataplane/viewer/big_endian.h"

#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

#define MAGIC_COOKIE 0x2112a442u /* RFC 8489 5 */
#define BINDING_REQUEST 0x0001
#define BINDING_SUCCESS 0x0101
#define TRANSACTION_LEN 12
#define ATTRIBUTE_HEADER 4
#define INTEGRITY_SIZE (ATTRIBUTE_HEADER + HMAC_SHA1_LEN)
#define FINGERPRINT_SIZE (ATTRIBUTE_HEADER + 4)
#define FINGERPRINT_XOR 0x5354554eu /* RFC 8489 14.7 */
#define USERNAME_MAX 513            /* bytes: RFC 8445 16.1 */

enum attribute {
	ATTRIBUTE_USERNAME = 0x0006,
	ATTRIBUTE_MESSAGE_INTEGRITY = 0x0008,
	ATTRIBUTE_XOR_MAPPED_ADDRESS = 0x0020,
	ATTRIBUTE_PRIORITY = 0x0024,
	ATTRIBUTE_USE_CANDIDATE = 0x0025,
	ATTRIBUTE_FINGERPRINT = 0x8028,
	ATTRIBUTE_ICE_CONTROLLED = 0x8029,
};
#define FIRST_OPTIONAL 0x8000 /* RFC 8489 14: below, comprehension is required */

/* CRC-32 of ITU V.42, four bits at a time: a hundred bytes every few seconds. */
static uint32_t crc32_v42(const uint8_t *data, size_t len)
{
	static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* The attribute of `len` bytes whose header is at `at`. */
static int take_attribute(
	const uint8_t *data, size_t at, uint16_t type, uint16_t len, struct binding_request *r)
{
	switch (type) {
	case ATTRIBUTE_USERNAME:
		if (len == 0 || len > USERNAME_MAX)
			return -EBADMSG;
		if (r->username == NULL) {
			r->username = data + at + ATTRIBUTE_HEADER;
			r->username_len = len;
		}
		return 0;
	case ATTRIBUTE_MESSAGE_INTEGRITY:
		if (len != HMAC_SHA1_LEN)
			return -EBADMSG;
		r->integrity = (uint16_t)at;
		return 0;
	case ATTRIBUTE_ICE_CONTROLLED:
		r->controlled = true;
		return 0;
	case ATTRIBUTE_PRIORITY:
	case ATTRIBUTE_USE_CANDIDATE:
		return 0;
	default:
		if (type < FIRST_OPTIONAL)
			r->unknown_required = true;
		return 0;
	}
}

static bool fingerprint_is_right(const uint8_t *data, size_t at)
{
	return get_be32(data + at + ATTRIBUTE_HEADER) == (crc32_v42(data, at) ^ FINGERPRINT_XOR);
}

int binding_request_parse(const uint8_t *data, size_t len, struct binding_request *r)
{
	size_t at = STUN_HEADER_LEN;

	memset(r, 0, sizeof(*r));
	if (len < STUN_HEADER_LEN || len > BINDING_REQUEST_MAX || (data[0] & 0xc0) != 0 ||
		get_be32(data + 4) != MAGIC_COOKIE || len % 4 != 0 ||
		get_be16(data + 2) != len - STUN_HEADER_LEN)
		return -EBADMSG;
	if (get_be16(data) != BINDING_REQUEST)
		return -ENOMSG;
	r->transaction = data + 8;

	/* Both lengths are multiples of 4: a whole attribute header is left. */
	while (at < len) {
		uint16_t type = get_be16(data + at);
		uint16_t value_len = get_be16(data + at + 2);
		size_t padded = ((size_t)value_len + 3) & ~(size_t)3;
		int rc = 0;

		if (padded > len - at - ATTRIBUTE_HEADER)
			return -EBADMSG;
		if (type == ATTRIBUTE_FINGERPRINT) {
			/* The last one, RFC 8489 14.7. */
			if (value_len != 4 || at + FINGERPRINT_SIZE != len ||
				!fingerprint_is_right(data, at))
				return -EBADMSG;
			r->fingerprint = true;
		} else if (r->integrity == 0) {
			/* What follows MESSAGE-INTEGRITY is ignored, RFC 8489 14.5. */
			rc = take_attribute(data, at, type, value_len, r);
		}
		if (rc != 0)
			return rc;
		at += ATTRIBUTE_HEADER + padded;
	}
	return 0;
}

bool binding_request_is_for(const struct binding_request *r, const char *local, size_t local_len,
	const char *remote, size_t remote_len)
{
	return r->username != NULL && r->username_len == local_len + 1 + remote_len &&
	       r->username[local_len] == ':' && secret_equal(r->username, local, local_len) &&
	       secret_equal(r->username + local_len + 1, remote, remote_len);
}

int binding_request_authenticate(struct crypto_device *dev, const struct hmac_sha1_key *key,
	const uint8_t *data, const struct binding_request *r)
{
	uint8_t message[BINDING_REQUEST_MAX];
	uint8_t digest[HMAC_SHA1_LEN];

	if (r->integrity == 0)
		return -EACCES;
	/* Signed is what stands before it, with a length that ends behind it. */
	memcpy(message, data, r->integrity);
	put_be16(message + 2, (uint16_t)(r->integrity + INTEGRITY_SIZE - STUN_HEADER_LEN));
	if (hmac_sha1(dev, key, message, r->integrity, digest) != 0)
		return -EIO;
	return secret_equal(digest, data + r->integrity + ATTRIBUTE_HEADER, sizeof(digest))
		       ? 0
		       : -EACCES;
}

static bool is_v4_mapped(const struct mr_endpoint *e)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(e->addr, prefix, sizeof(prefix)) == 0;
}

/* RFC 8489 14.2: the address is XORed with cookie and transaction id, which
 * stand behind each other in the header. */
static uint8_t *put_xor_mapped(uint8_t *p, const uint8_t *header, const struct mr_endpoint *e)
{
	bool v4 = is_v4_mapped(e);
	const uint8_t *addr = v4 ? e->addr + 12 : e->addr;
	uint8_t addr_len = v4 ? 4 : 16;
	uint8_t port[2];

	memcpy(port, &e->port, sizeof(port));
	p = put_be16(p, ATTRIBUTE_XOR_MAPPED_ADDRESS);
	p = put_be16(p, (uint16_t)(4 + addr_len));
	*p++ = 0;
	*p++ = v4 ? 1 : 2;
	*p++ = port[0] ^ header[4];
	*p++ = port[1] ^ header[5];
	for (uint8_t i = 0; i < addr_len; i++)
		*p++ = addr[i] ^ header[4 + i];
	return p;
}

static void set_length(uint8_t *header, const uint8_t *end)
{
	put_be16(header + 2, (uint16_t)(end - header - STUN_HEADER_LEN));
}

int binding_reply_format(struct crypto_device *dev, const struct hmac_sha1_key *key,
	const struct binding_request *r, const struct mr_endpoint *mapped, uint8_t *out, size_t cap)
{
	uint8_t *p = out;
	size_t signed_len;

	if (cap < BINDING_REPLY_MAX)
		return -ENOSPC;
	p = put_be16(p, BINDING_SUCCESS);
	p = put_be16(p, 0);
	p = put_be32(p, MAGIC_COOKIE);
	memcpy(p, r->transaction, TRANSACTION_LEN);
	p = put_xor_mapped(p + TRANSACTION_LEN, out, mapped);

	signed_len = (size_t)(p - out);
	set_length(out, p + INTEGRITY_SIZE);
	p = put_be16(p, ATTRIBUTE_MESSAGE_INTEGRITY);
	p = put_be16(p, HMAC_SHA1_LEN);
	if (hmac_sha1(dev, key, out, signed_len, p) != 0)
		return -EIO;
	p += HMAC_SHA1_LEN;

	signed_len = (size_t)(p - out);
	set_length(out, p + FINGERPRINT_SIZE);
	p = put_be16(p, ATTRIBUTE_FINGERPRINT);
	p = put_be16(p, 4);
	p = put_be32(p, crc32_v42(out, signed_len) ^ FINGERPRINT_XOR);
	return (int)(p - out);
}
