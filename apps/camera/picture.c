/* SPDX-License-Identifier: BSD-3-Clause */
/* The camera's test card. Main thread, while the clip is made. */
#include "apps/camera/picture.h"

#include <math.h>
#include <string.h>

#define GRAIN 24 /* peak to peak, in steps of luma */

struct colour {
	uint8_t y, u, v;
};

struct canvas {
	uint8_t *y, *u, *v;
	unsigned width, height; /* [pixels] */
};

/* 3 x 5 cells, most significant bit top left; the last one is the colon. */
static const uint16_t glyphs[11] = {
	075557,
	026227,
	071747,
	071717,
	055711,
	074717,
	074757,
	071111,
	075757,
	075717,
	002020,
};

size_t picture_size(unsigned width, unsigned height)
{
	return (size_t)width * height * 3 / 2;
}

static void fill(const struct canvas *c, unsigned x, unsigned y, unsigned w, unsigned h,
	struct colour colour)
{
	/* chroma has half the resolution: keep to even corners */
	x &= ~1u;
	y &= ~1u;
	if (x >= c->width || y >= c->height)
		return;
	w = x + w > c->width ? c->width - x : w;
	h = y + h > c->height ? c->height - y : h;
	for (unsigned row = y; row < y + h; row++) {
		memset(c->y + (size_t)row * c->width + x, colour.y, w);
		if (row % 2 == 0) {
			memset(c->u + (size_t)row / 2 * (c->width / 2) + x / 2, colour.u, w / 2);
			memset(c->v + (size_t)row / 2 * (c->width / 2) + x / 2, colour.v, w / 2);
		}
	}
}

static void draw_bars(const struct canvas *c)
{
	/* 75 % bars in BT.601 */
	static const struct colour bars[] = {
		{180, 128, 128},
		{162, 44, 142},
		{131, 156, 44},
		{112, 72, 58},
		{84, 184, 198},
		{65, 100, 212},
		{35, 212, 114},
	};
	const unsigned n = sizeof(bars) / sizeof(bars[0]);

	for (unsigned i = 0; i < n; i++)
		fill(c, c->width * i / n, 0, c->width / n + 2, c->height, bars[i]);
}

/* The same seed gives the same grain: a frame looks alike in every clip. */
static void draw_grain(const struct canvas *c, unsigned seed)
{
	uint32_t state = seed * 2654435761u + 1;
	size_t n = (size_t)c->width * c->height;

	for (size_t i = 0; i < n; i++) {
		state = state * 1664525 + 1013904223;
		c->y[i] += (state >> 16) % GRAIN;
	}
}

static void draw_ball(const struct canvas *c, double turn)
{
	static const struct colour colour = {235, 128, 128};
	int radius = (int)(c->height / 10);
	unsigned middle_x = c->width / 2, middle_y = c->height / 2;
	int x0 = (int)(middle_x + c->width * 0.36 * sin(turn * 2 * M_PI));
	int y0 = (int)(middle_y - c->height * 0.36 * cos(turn * 2 * M_PI));

	for (int dy = -radius; dy < radius; dy += 2) {
		int half = (int)sqrt((double)radius * radius - (double)dy * dy);

		fill(c, x0 - half, y0 + dy, 2 * half, 2, colour);
	}
}

static void draw_glyph(const struct canvas *c, unsigned x, unsigned y, unsigned cell, unsigned g)
{
	static const struct colour colour = {235, 128, 128};

	for (unsigned i = 0; i < 15; i++)
		if (glyphs[g] >> (14 - i) & 1)
			fill(c, x + i % 3 * cell, y + i / 3 * cell, cell, cell, colour);
}

static void draw_time(const struct canvas *c, unsigned second, unsigned frame)
{
	static const struct colour board = {16, 128, 128};
	unsigned cell = (c->height / 40 + 1) & ~1u;
	unsigned x = c->width / 2 - 10 * cell, y = c->height / 2 - 3 * cell;
	unsigned digits[] = {second / 10 % 10, second % 10, 10, frame / 10 % 10, frame % 10};

	if (frame >= 100)
		digits[2] = frame / 100;
	fill(c, x - cell, y - cell, 21 * cell, 7 * cell, board);
	for (unsigned i = 0; i < 5; i++)
		draw_glyph(c, x + i * 4 * cell, y, cell, digits[i]);
}

void picture_draw(uint8_t *dst, unsigned width, unsigned height, unsigned frame, unsigned frames,
	unsigned fps)
{
	size_t pixels = (size_t)width * height;
	const struct canvas c = {dst, dst + pixels, dst + pixels * 5 / 4, width, height};

	draw_bars(&c);
	draw_grain(&c, frame);
	draw_ball(&c, (double)frame / frames);
	draw_time(&c, frame / fps, frame % fps);
}
