/* SPDX-License-Identifier: BSD-3-Clause */
/* millrace check: finds what is wrong with a session file. Main thread. */
#include "apps/millrace/commands.h"
#include "apps/millrace/table.h"

#include "controlplane/config/config.h"

#include <errno.h>

static void print_problems(const struct options *o, const struct mr_config_report *r, FILE *out)
{
	char line[sizeof(struct mr_config_problem) + 64];

	for (size_t i = 0; i < r->count; i++) {
		const struct mr_config_problem *p = &r->problems[i];

		fprintf(out, "%s%s%s\n",
			table_escape(o->colour, p->warning ? TABLE_YELLOW : TABLE_RED),
			mr_config_problem_text(p, line, sizeof(line)),
			table_escape(o->colour, TABLE_PLAIN));
	}
	if (r->errors + r->warnings > r->count)
		fprintf(out, "... and %zu more\n", r->errors + r->warnings - r->count);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_summary(const struct options *o, const struct mr_config *c,
	const struct mr_config_report *r, bool valid, FILE *out)
{
	if (valid)
		fprintf(out, "%s: valid: %u port%s, %u path%s, %u session%s", o->file,
			c->dataplane.n_ports, plural(c->dataplane.n_ports), c->n_paths,
			plural(c->n_paths), c->n_sessions, plural(c->n_sessions));
	else
		fprintf(out, "%s: refused: %zu error%s", o->file, r->errors, plural(r->errors));
	if (r->warnings > 0)
		fprintf(out, ", %zu warning%s", r->warnings, plural(r->warnings));
	fputc('\n', out);
}

static json_t *problem_json(const struct mr_config_problem *p)
{
	json_t *object = json_pack("{s:s s:o s:o}", "severity", p->warning ? "warning" : "error",
		"path", json_text(p->path, sizeof(p->path)), "message",
		json_text(p->message, sizeof(p->message)));

	if (p->line > 0) {
		json_object_set_new(object, "line", json_integer(p->line));
		json_object_set_new(object, "column", json_integer(p->column));
	}
	return object;
}

static void print_json(
	const struct options *o, const struct mr_config_report *r, bool valid, FILE *out)
{
	json_t *list = json_array(), *object;

	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, problem_json(&r->problems[i]));
	object = json_pack("{s:o s:b s:I s:I s:o}", "file", json_text(o->file, 511), "valid", valid,
		"errors", (json_int_t)r->errors, "warnings", (json_int_t)r->warnings, "problems",
		list);
	json_dumpf(object, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(object);
}

int cmd_check(const struct options *o, FILE *out)
{
	struct mr_config_report report;
	struct mr_config config;
	int rc = mr_config_load(&config, o->file, &report);
	bool valid = rc == 0 && !(o->strict && report.warnings > 0);

	if (o->json) {
		print_json(o, &report, valid, out);
	} else {
		/* The file's own problems are what was asked for; that there is none is not. */
		bool unread = rc != 0 && rc != -EINVAL;

		print_problems(o, &report, unread ? stderr : out);
		print_summary(o, &config, &report, valid, out);
	}
	mr_config_fini(&config);
	mr_config_report_fini(&report);
	return valid ? 0 : 1;
}
