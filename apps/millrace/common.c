/* SPDX-License-Identifier: BSD-3-Clause */
/* What several commands write: names of kinds and paths, pieces of JSON. Main thread. */
#include "apps/millrace/commands.h"
#include "apps/millrace/table.h"

#include <math.h>
#include <string.h>

json_t *json_text(const char *text, size_t max)
{
	char buf[512];

	return json_string(show_clean(buf, sizeof(buf), text, max));
}

json_t *json_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_endpoint(const struct mr_endpoint *e)
{
	char buf[SHOW_SIZE];

	show_endpoint(buf, e);
	return strcmp(buf, "-") == 0 ? json_null() : json_string(buf);
}

const char *show_kind(uint8_t kind)
{
	return kind == MR_KIND_VIDEO ? "video" : kind == MR_KIND_AUDIO ? "audio" : "unknown";
}

const char *show_path(const struct sample *s, uint32_t id, char *buf, size_t size)
{
	const struct mr_stats_path *p = sample_path(s, id);

	return p != NULL ? show_clean(buf, size, p->name, sizeof(p->name)) : "?";
}

json_t *json_path(const struct sample *s, uint32_t id)
{
	const struct mr_stats_path *p = sample_path(s, id);

	return p != NULL ? json_text(p->name, sizeof(p->name)) : json_null();
}
