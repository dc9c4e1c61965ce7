/* SPDX-License-Identifier: BSD-3-Clause */
/* Typed reading of the session file's values. Any one thread. */
#include "controlplane/config/node.h"
#include "controlplane/config/report.h"
#include "controlplane/config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct config_node node_get(const struct config_node *object, const char *key)
{
	return (struct config_node){.json = json_object_get(object->json, key),
		.parent = object,
		.key = key,
		.reader = object->reader};
}

struct config_node node_item(const struct config_node *array, size_t index)
{
	return (struct config_node){.json = json_array_get(array->json, index),
		.parent = array,
		.index = index,
		.secret = array->secret,
		.reader = array->reader};
}

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text != 0; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80; /* UTF-8: not a continuation */
	return n;
}

/* Short text without an '@' is shown: what is long or may carry credentials is not. */
static void describe_string(const struct config_node *n, char *buf, size_t size)
{
	const char *text = json_string_value(n->json);
	size_t count = characters(text);

	if (count == 0) {
		snprintf(buf, size, "an empty string");
	} else if (n->secret || strlen(text) > 64 || strchr(text, '@') != NULL ||
		   text_has_control(text)) {
		snprintf(buf, size, "a string of %zu character%s", count, count == 1 ? "" : "s");
	} else {
		snprintf(buf, size, "\"%s\"", text);
	}
}

static void describe(const struct config_node *n, char *buf, size_t size)
{
	if (n->json == NULL) {
		snprintf(buf, size, "nothing");
		return;
	}
	switch (json_typeof(n->json)) {
	case JSON_OBJECT:
		snprintf(buf, size, "an object");
		return;
	case JSON_ARRAY:
		snprintf(buf, size, "a list of %zu", json_array_size(n->json));
		return;
	case JSON_STRING:
		describe_string(n, buf, size);
		return;
	case JSON_INTEGER:
		if (n->secret)
			snprintf(buf, size, "a number");
		else
			snprintf(buf, size, "the number %" JSON_INTEGER_FORMAT,
				json_integer_value(n->json));
		return;
	case JSON_REAL:
		if (n->secret)
			snprintf(buf, size, "a number");
		else
			snprintf(buf, size, "the number %g", json_real_value(n->json));
		return;
	case JSON_TRUE:
		snprintf(buf, size, "true");
		return;
	case JSON_FALSE:
		snprintf(buf, size, "false");
		return;
	case JSON_NULL:
		snprintf(buf, size, "null");
		return;
	}
	snprintf(buf, size, "something else");
}

/* "sessions[0].key"; a key that is not plain is quoted: paths["a.b"]. */
static void write_path(const struct config_node *n, char *buf, size_t size)
{
	size_t used;

	buf[0] = 0;
	if (n->parent == NULL)
		return;
	write_path(n->parent, buf, size);
	used = strlen(buf);
	if (n->key == NULL)
		snprintf(buf + used, size - used, "[%zu]", n->index);
	else if (text_has_control(n->key) || strlen(n->key) >= MR_NAME_MAX)
		snprintf(buf + used, size - used, "[...]");
	else if (text_is_plain_key(n->key))
		snprintf(buf + used, size - used, "%s%s", used > 0 ? "." : "", n->key);
	else
		snprintf(buf + used, size - used, "[\"%s\"]", n->key);
}

static void note(const struct config_node *n, bool warning, const char *message)
{
	struct mr_config_problem *p = config_report_add(n->reader->report, warning);

	if (p == NULL)
		return;
	write_path(n, p->path, sizeof(p->path));
	snprintf(p->message, sizeof(p->message), "%s", message);
}

void node_fail(const struct config_node *n, const char *format, ...)
{
	char expected[224], found[96], message[sizeof(((struct mr_config_problem *)0)->message)];
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	describe(n, found, sizeof(found));
	/* Cut before the end of an overlong text, never an overflow. */
	if (snprintf(message, sizeof(message), "found %s, expected %s", found, expected) < 0)
		return;
	note(n, false, message);
}

void node_error(const struct config_node *n, const char *format, ...)
{
	char message[sizeof(((struct mr_config_problem *)0)->message)];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	note(n, false, message);
}

void node_warn(const struct config_node *n, const char *format, ...)
{
	char message[sizeof(((struct mr_config_problem *)0)->message)];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	note(n, true, message);
}

bool node_object(const struct config_node *n, const char *expected)
{
	if (!node_present(n))
		return false;
	if (json_is_object(n->json))
		return true;
	node_fail(n, "%s", expected);
	return false;
}

bool node_array(const struct config_node *n, size_t max, const char *expected)
{
	if (!node_present(n))
		return false;
	if (!json_is_array(n->json)) {
		node_fail(n, "%s", expected);
		return false;
	}
	if (json_array_size(n->json) > max) {
		node_fail(n, "at most %zu", max);
		return false;
	}
	return true;
}

const char *node_text(const struct config_node *n, const char *expected)
{
	const char *text;

	if (!node_present(n))
		return NULL;
	text = json_string_value(n->json);
	if (text == NULL) {
		node_fail(n, "%s", expected);
		return NULL;
	}
	if (text_has_control(text)) {
		node_fail(n, "%s, without control characters", expected);
		return NULL;
	}
	return text;
}

bool node_copy(const struct config_node *n, char *to, size_t size, const char *expected)
{
	const char *text = node_text(n, expected);

	if (text == NULL)
		return false;
	if (text[0] == 0 || strlen(text) >= size) {
		node_fail(n, "%s, of 1 to %zu bytes", expected, size - 1);
		return false;
	}
	memset(to, 0, size);
	memcpy(to, text, strlen(text) + 1);
	return true;
}

char *node_strdup(const struct config_node *n, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		n->reader->no_memory = true;
	return copy;
}

bool node_duplicate(const struct config_node *n, char **to, const char *expected)
{
	const char *text = node_text(n, expected);
	char *copy;

	if (text == NULL)
		return false;
	if (text[0] == 0) {
		node_fail(n, "%s", expected);
		return false;
	}
	copy = node_strdup(n, text);
	if (copy == NULL)
		return false;
	text_replace(to, copy);
	return true;
}

bool node_uint32(const struct config_node *n, uint32_t min, uint32_t max, uint32_t *to)
{
	json_int_t value;

	if (!node_present(n))
		return false;
	value = json_integer_value(n->json);
	if (!json_is_integer(n->json) || value < (json_int_t)min || value > (json_int_t)max) {
		node_fail(n, "a whole number from %u to %u", min, max);
		return false;
	}
	*to = (uint32_t)value;
	return true;
}

bool node_boolean(const struct config_node *n, bool *to)
{
	if (!node_present(n))
		return false;
	if (!json_is_boolean(n->json)) {
		node_fail(n, "true or false");
		return false;
	}
	*to = json_is_true(n->json);
	return true;
}

bool node_choice(const struct config_node *n, const struct config_choice *choices, int *to)
{
	const char *text = json_string_value(n->json);
	const struct config_choice *c;
	char names[160] = "";

	if (!node_present(n))
		return false;
	for (c = choices; c->name != NULL; c++) {
		size_t used = strlen(names);

		if (text != NULL && strcmp(text, c->name) == 0) {
			*to = c->value;
			return true;
		}
		snprintf(names + used, sizeof(names) - used, "%s\"%s\"",
			c == choices            ? ""
			: (c + 1)->name == NULL ? " or "
						: ", ",
			c->name);
	}
	node_fail(n, "%s", names);
	return false;
}

bool node_duration(const struct config_node *n, uint32_t min_ms, uint32_t max_ms, uint32_t *to)
{
	const char *text = json_string_value(n->json);
	uint64_t ms;

	if (!node_present(n))
		return false;
	if (text == NULL || text_duration(text, &ms) != 0 || ms < min_ms || ms > max_ms) {
		node_fail(n, "a duration from %u ms to %u s, such as \"10s\" or \"1m30s\"", min_ms,
			max_ms / 1000);
		return false;
	}
	*to = (uint32_t)ms;
	return true;
}

bool node_endpoint(const struct config_node *n, bool any, struct mr_endpoint *to)
{
	const char *text = json_string_value(n->json);
	struct mr_endpoint e;

	if (!node_present(n))
		return false;
	if (text == NULL || text_endpoint(text, &e) != 0) {
		node_fail(n,
			any ? "an address and port: \":8889\", \"192.0.2.1:8889\" or "
			      "\"[2001:db8::1]:8889\""
			    : "an address and port: \"192.0.2.1:6000\" or \"[2001:db8::1]:6000\"");
		return false;
	}
	if (!any && text_endpoint_unspecified(&e)) {
		node_fail(n, "the address of one machine, not of all");
		return false;
	}
	*to = e;
	return true;
}
