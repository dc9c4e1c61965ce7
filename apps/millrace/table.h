/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables that line up, and how numbers are written in them. Cells are cleaned
 * of control characters: names and notes come from cameras. Main thread.
 */
#ifndef APPS_MILLRACE_TABLE_H
#define APPS_MILLRACE_TABLE_H

#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS 20
#define SHOW_SIZE 64 /* bytes that each show_*() below may write */

enum table_colour { TABLE_PLAIN, TABLE_BOLD, TABLE_RED, TABLE_YELLOW, TABLE_DIM };

struct table;

/* One title per column, NULL after the last; one that begins with '<' is
 * written to the left, others (numbers) to the right. NULL: no memory. */
struct table *table_create(const char *const *titles);
/* The next cell, row by row. What does not fit in memory is left out. */
void table_cell(struct table *t, const char *text);
void table_cell_coloured(struct table *t, enum table_colour colour, const char *text);
/* Without a row prints nothing. */
void table_print(const struct table *t, FILE *out, bool colour);
void table_destroy(struct table *t);

/* Switches a colour on (TABLE_PLAIN: off) where `colour` allows it. */
const char *table_escape(bool colour, enum table_colour which);

/* Valid UTF-8 without control characters, '?' for everything else. */
char *show_clean(char *buf, size_t size, const char *text, size_t max);

/* Each returns `buf`. NAN is "-". */
const char *show_count(char *buf, uint64_t value);        /* 99999, 123k, 4.56M */
const char *show_rate(char *buf, double per_second);      /* the same of a rate */
const char *show_bits(char *buf, double bits_per_second); /* "2.01 Mbit/s" */
const char *show_bytes(char *buf, uint64_t bytes);        /* "1.2 GB" */
const char *show_age(char *buf, double seconds);          /* "12 ms", "3.4 s", "2 h 05 min" */
const char *show_share(char *buf, double share);          /* 0 to 1: "12.3 %" */
const char *show_fixed(char *buf, double value, int digits);
const char *show_endpoint(char *buf, const struct mr_endpoint *e); /* "[v6]:port"; "-": any */

#endif
