/* SPDX-License-Identifier: BSD-3-Clause */
/* The problems of a session file, bounded. Any one thread. */
#include "controlplane/config/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void config_report_init(struct mr_config_report *report)
{
	memset(report, 0, sizeof(*report));
}

struct mr_config_problem *config_report_add(struct mr_config_report *report, bool warning)
{
	struct mr_config_problem *p;

	if (warning)
		report->warnings++;
	else
		report->errors++;
	if (report->problems == NULL)
		report->problems = calloc(MR_CONFIG_PROBLEMS_MAX, sizeof(*report->problems));
	if (report->problems == NULL || report->count == MR_CONFIG_PROBLEMS_MAX)
		return NULL;
	p = &report->problems[report->count++];
	p->warning = warning;
	return p;
}

void mr_config_report_fini(struct mr_config_report *report)
{
	free(report->problems);
	memset(report, 0, sizeof(*report));
}

const char *mr_config_problem_text(const struct mr_config_problem *p, char *buf, size_t size)
{
	const char *kind = p->warning ? "warning" : "error";

	if (p->line > 0)
		snprintf(buf, size, "%s: line %u, column %u: %s", kind, p->line, p->column,
			p->message);
	else
		snprintf(buf, size, "%s: %s%s%s", kind, p->path, p->path[0] != 0 ? ": " : "",
			p->message);
	return buf;
}
