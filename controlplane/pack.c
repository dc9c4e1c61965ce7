/* SPDX-License-Identifier: BSD-3-Clause */
/* Adoption records as bytes: see pack.h. Any thread. */
#include "controlplane/pack.h"

#include <string.h>

void pack_raw(struct packer *p, const void *data, size_t len)
{
	if (p->full || len > p->size - p->len) {
		p->full = true;
		return;
	}
	if (len > 0)
		memcpy(p->bytes + p->len, data, len);
	p->len += len;
}

void pack_u8(struct packer *p, uint8_t value)
{
	pack_raw(p, &value, sizeof(value));
}

void pack_u16(struct packer *p, uint16_t value)
{
	pack_raw(p, &value, sizeof(value));
}

void pack_u32(struct packer *p, uint32_t value)
{
	pack_raw(p, &value, sizeof(value));
}

void pack_block(struct packer *p, const void *data, size_t len)
{
	if (len > UINT16_MAX) {
		p->full = true;
		return;
	}
	pack_u16(p, (uint16_t)len);
	pack_raw(p, data, len);
}

void pack_text(struct packer *p, const char *text)
{
	pack_block(p, text, text ? strlen(text) : 0);
}

void pack_endpoint(struct packer *p, const struct mr_endpoint *e)
{
	pack_raw(p, e->addr, sizeof(e->addr));
	pack_u16(p, e->port);
}

void unpack_raw(struct unpacker *u, void *out, size_t len)
{
	if (u->bad || len > u->left) {
		u->bad = true;
		memset(out, 0, len);
		return;
	}
	if (len > 0)
		memcpy(out, u->at, len);
	u->at += len;
	u->left -= len;
}

uint8_t unpack_u8(struct unpacker *u)
{
	uint8_t value;

	unpack_raw(u, &value, sizeof(value));
	return value;
}

uint16_t unpack_u16(struct unpacker *u)
{
	uint16_t value;

	unpack_raw(u, &value, sizeof(value));
	return value;
}

uint32_t unpack_u32(struct unpacker *u)
{
	uint32_t value;

	unpack_raw(u, &value, sizeof(value));
	return value;
}

uint32_t unpack_u32_max(struct unpacker *u, uint32_t max)
{
	uint32_t value = unpack_u32(u);

	if (value <= max)
		return value;
	u->bad = true;
	return 0;
}

bool unpack_bool(struct unpacker *u)
{
	uint8_t value = unpack_u8(u);

	if (value > 1)
		u->bad = true;
	return value == 1;
}

uint16_t unpack_block(struct unpacker *u, void *out, size_t size)
{
	uint16_t len = unpack_u16(u);

	if (len > size || len > u->left) {
		u->bad = true;
		return 0;
	}
	unpack_raw(u, out, len);
	return u->bad ? 0 : len;
}

void unpack_text(struct unpacker *u, char *out, size_t size)
{
	uint16_t len = unpack_block(u, out, size - 1);

	out[len] = 0;
	for (uint16_t i = 0; i < len; i++) {
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f) {
			u->bad = true;
			out[0] = 0;
			return;
		}
	}
}

void unpack_endpoint(struct unpacker *u, struct mr_endpoint *e)
{
	unpack_raw(u, e->addr, sizeof(e->addr));
	e->port = unpack_u16(u);
}

bool unpack_done(const struct unpacker *u)
{
	return !u->bad && u->left == 0;
}
