/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables that line up. Main thread. */
#include "apps/millrace/table.h"

#include <stdlib.h>
#include <string.h>

struct cell {
	char *text; /* owned */
	enum table_colour colour;
};

struct table {
	const char *titles[TABLE_COLUMNS]; /* borrowed */
	size_t columns;
	struct cell *cells; /* owned; row after row */
	size_t count;
	size_t room;
};

struct table *table_create(const char *const *titles)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	while (titles[t->columns] != NULL && t->columns < TABLE_COLUMNS) {
		t->titles[t->columns] = titles[t->columns];
		t->columns++;
	}
	return t;
}

void table_destroy(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}

void table_cell_coloured(struct table *t, enum table_colour colour, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy;

	if (t->count == t->room) {
		size_t room = t->room * 2 + 64;
		struct cell *cells = realloc(t->cells, room * sizeof(*cells));

		if (cells == NULL)
			return;
		t->cells = cells;
		t->room = room;
	}
	copy = malloc(size);
	if (copy == NULL)
		return;
	show_clean(copy, size, text, size - 1);
	t->cells[t->count++] = (struct cell){.text = copy, .colour = colour};
}

void table_cell(struct table *t, const char *text)
{
	table_cell_coloured(t, TABLE_PLAIN, text);
}

/* Characters, not bytes: continuation bytes take no room. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text != 0; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static const char *title_text(const char *title)
{
	return title[0] == '<' ? title + 1 : title;
}

const char *table_escape(bool colour, enum table_colour which)
{
	if (!colour)
		return "";
	switch (which) {
	case TABLE_PLAIN:
		return "\033[0m";
	case TABLE_BOLD:
		return "\033[1m";
	case TABLE_RED:
		return "\033[31m";
	case TABLE_YELLOW:
		return "\033[33m";
	case TABLE_DIM:
		return "\033[2m";
	}
	return "";
}

static void print_cell(const struct table *t, FILE *out, bool colour, size_t column, size_t room,
	const struct cell *c)
{
	bool left = t->titles[column][0] == '<', last = column + 1 == t->columns;
	int pad = (int)(room - width(c->text));
	bool dyed = c->colour != TABLE_PLAIN;

	if (column > 0)
		fputs("  ", out);
	fprintf(out, "%*s%s%s%s", left ? 0 : pad, "", dyed ? table_escape(colour, c->colour) : "",
		c->text, dyed ? table_escape(colour, TABLE_PLAIN) : "");
	if (left && !last)
		fprintf(out, "%*s", pad, "");
}

void table_print(const struct table *t, FILE *out, bool colour)
{
	size_t room[TABLE_COLUMNS];
	size_t rows = t->count / t->columns;

	if (rows == 0)
		return;
	for (size_t c = 0; c < t->columns; c++)
		room[c] = width(title_text(t->titles[c]));
	for (size_t i = 0; i < rows * t->columns; i++)
		if (width(t->cells[i].text) > room[i % t->columns])
			room[i % t->columns] = width(t->cells[i].text);
	for (size_t c = 0; c < t->columns; c++) {
		struct cell title = {(char *)(uintptr_t)title_text(t->titles[c]), TABLE_BOLD};

		print_cell(t, out, colour, c, room[c], &title);
	}
	fputc('\n', out);
	for (size_t i = 0; i < rows * t->columns; i++) {
		print_cell(t, out, colour, i % t->columns, room[i % t->columns], &t->cells[i]);
		if ((i + 1) % t->columns == 0)
			fputc('\n', out);
	}
}
