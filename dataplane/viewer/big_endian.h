/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as the network writes them, at any address. Pure; the viewer's worker. */
#ifndef DATAPLANE_VIEWER_BIG_ENDIAN_H
#define DATAPLANE_VIEWER_BIG_ENDIAN_H

#include <stdint.h>

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

/* Where the next one goes. */
static inline uint8_t *put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static inline uint8_t *put_be32(uint8_t *p, uint32_t v)
{
	return put_be16(put_be16(p, (uint16_t)(v >> 16)), (uint16_t)v);
}

#endif
