/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of millrace: each turns a frame into text or JSON. Main thread. */
#ifndef APPS_MILLRACE_COMMANDS_H
#define APPS_MILLRACE_COMMANDS_H

#include "apps/millrace/options.h"
#include "apps/millrace/samples.h"

#include <jansson.h>

#include <stdio.h>

struct command {
	const char *name;
	bool rates; /* needs two samples */
	void (*print)(const struct frame *f, const struct options *o, FILE *out);
	json_t *(*json)(const struct frame *f, const struct options *o); /* a new reference */
};

/* NULL: none of that name that looks at a data plane. */
const struct command *command_find(const char *name);

void cmd_status_print(const struct frame *f, const struct options *o, FILE *out);
json_t *cmd_status_json(const struct frame *f, const struct options *o);
void cmd_ports_print(const struct frame *f, const struct options *o, FILE *out);
json_t *cmd_ports_json(const struct frame *f, const struct options *o);
void cmd_streams_print(const struct frame *f, const struct options *o, FILE *out);
json_t *cmd_streams_json(const struct frame *f, const struct options *o);
void cmd_viewers_print(const struct frame *f, const struct options *o, FILE *out);
json_t *cmd_viewers_json(const struct frame *f, const struct options *o);
void cmd_drops_print(const struct frame *f, const struct options *o, FILE *out);
json_t *cmd_drops_json(const struct frame *f, const struct options *o);

/* All drops of a data plane. */
uint64_t drops_total(const struct sample *s);

/* Exit status: 0 valid, 1 refused. */
int cmd_check(const struct options *o, FILE *out);

/* Exit status: 0 ended, 1 not, 2 when --api is no address. */
int cmd_kick(const struct options *o, FILE *out);

/* A JSON string of somebody else's text; a number, null when NAN. New references. */
json_t *json_text(const char *text, size_t max);
json_t *json_number(double value);
json_t *json_endpoint(const struct mr_endpoint *e);

/* "video"; the name of a path by its id, "?" or null when it is gone. */
const char *show_kind(uint8_t kind);
const char *show_path(const struct sample *s, uint32_t id, char *buf, size_t size);
json_t *json_path(const struct sample *s, uint32_t id);

#endif
