/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A value of the session file together with where it stands: typed reading
 * that reports what does not fit. Every read function takes an absent value
 * silently (the default stays) and returns true only when it has stored one.
 * Private to controlplane/config.
 */
#ifndef CONTROLPLANE_CONFIG_NODE_H
#define CONTROLPLANE_CONFIG_NODE_H

#include "controlplane/config/config.h"

#include <jansson.h>

/* What one parse shares. */
struct config_reader {
	struct mr_config_report *report;
	bool no_memory; /* an allocation failed: the result is thrown away */
};

struct config_node {
	json_t *json;                     /* borrowed; NULL: absent */
	const struct config_node *parent; /* borrowed; NULL: the root */
	const char *key;                  /* member of an object; NULL: item of an array */
	size_t index;                     /* item of an array */
	bool secret;                      /* never show what was found */
	struct config_reader *reader;
};

/* One of a closed set of words; the table ends with a NULL name. */
struct config_choice {
	const char *name;
	int value;
};

struct config_node node_get(const struct config_node *object, const char *key);
struct config_node node_item(const struct config_node *array, size_t index);
static inline bool node_present(const struct config_node *n)
{
	return n->json != NULL;
}

/* "found ..., expected <format>": an error. Also for what is absent. */
void node_fail(const struct config_node *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The whole message is the caller's: an error, a warning. */
void node_error(const struct config_node *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void node_warn(const struct config_node *n, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The right kind of container? An absent one is not and is no error. */
bool node_object(const struct config_node *n, const char *expected);
/* At most `max` items. */
bool node_array(const struct config_node *n, size_t max, const char *expected);

/* The text, or NULL. Control characters are an error. */
const char *node_text(const struct config_node *n, const char *expected);
/* Into an array of `size` bytes; empty and longer text is an error. */
bool node_copy(const struct config_node *n, char *to, size_t size, const char *expected);
/* Replaces *to by a copy on the heap; empty text is an error. */
bool node_duplicate(const struct config_node *n, char **to, const char *expected);
bool node_uint32(const struct config_node *n, uint32_t min, uint32_t max, uint32_t *to);
bool node_boolean(const struct config_node *n, bool *to);
bool node_choice(const struct config_node *n, const struct config_choice *choices, int *to);
bool node_duration(const struct config_node *n, uint32_t min_ms, uint32_t max_ms, uint32_t *to);
bool node_endpoint(const struct config_node *n, bool any, struct mr_endpoint *to);

/* strdup that notes a failure in the reader. */
char *node_strdup(const struct config_node *n, const char *text);

#endif
