/* SPDX-License-Identifier: BSD-3-Clause */
/* millrace drops: packets dropped, by reason. Main thread. */
#include "apps/millrace/commands.h"
#include "apps/millrace/table.h"

#include "dataplane/api/drops.h"

/* A newer data plane may know reasons that we do not. */
static const char *reason_name(uint32_t reason, char *buf)
{
	if (reason < MR_DROP_COUNT)
		return mr_drop_name(reason);
	snprintf(buf, SHOW_SIZE, "reason_%u", reason);
	return buf;
}

static const char *reason_help(uint32_t reason)
{
	return reason < MR_DROP_COUNT ? mr_drop_help(reason)
				      : "a reason that this release of millrace does not know";
}

static uint64_t count_reason(const struct sample *s, uint32_t reason)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->workers.count; i++)
		n += ((const struct mr_stats_worker *)sample_entry(&s->workers, i))->drops[reason];
	return n;
}

uint64_t drops_total(const struct sample *s)
{
	uint64_t n = 0;

	for (uint32_t r = 0; r < s->head.drop_count; r++)
		n += count_reason(s, r);
	return n;
}

static double reason_rate(const struct frame *f, uint32_t reason)
{
	_Atomic uint64_t before;

	if (f->before == NULL)
		return frame_rate(f, 0, NULL);
	before = count_reason(f->before, reason);
	return frame_rate(f, count_reason(f->now, reason), &before);
}

static void print_row(struct table *t, const struct frame *f, const struct options *o,
	const char *worker, uint32_t reason, uint64_t count)
{
	char b[SHOW_SIZE];

	if (count == 0 && !o->all)
		return;
	if (o->workers)
		table_cell(t, worker);
	table_cell(t, reason_name(reason, b));
	snprintf(b, sizeof(b), "%llu", (unsigned long long)count); /* to the packet */
	table_cell_coloured(t, count > 0 ? TABLE_YELLOW : TABLE_DIM, b);
	if (!o->workers && f->before != NULL)
		table_cell(t, show_rate(b, reason_rate(f, reason)));
	table_cell(t, reason_help(reason));
}

void cmd_drops_print(const struct frame *f, const struct options *o, FILE *out)
{
	static const char *const all[] = {"<DROP", "PACKETS", "<MEANING", NULL};
	static const char *const rates[] = {"<DROP", "PACKETS", "PACKETS/S", "<MEANING", NULL};
	static const char *const each[] = {"WORKER", "<DROP", "PACKETS", "<MEANING", NULL};
	const struct sample *s = f->now;
	struct table *t = table_create(o->workers ? each : f->before != NULL ? rates : all);
	char b[SHOW_SIZE];

	if (t == NULL)
		return;
	for (uint32_t i = 0; o->workers && i < s->workers.count; i++) {
		const struct mr_stats_worker *w = sample_entry(&s->workers, i);

		show_count(b, w->id - 1);
		for (uint32_t r = 0; r < s->head.drop_count; r++)
			print_row(t, f, o, b, r, w->drops[r]);
	}
	for (uint32_t r = 0; !o->workers && r < s->head.drop_count; r++)
		print_row(t, f, o, "", r, count_reason(s, r));
	table_print(t, out, o->colour);
	if (drops_total(s) == 0 && !o->all)
		fputs("no packet dropped\n", out);
	table_destroy(t);
}

static void add_reason(json_t *object, const struct options *o, uint32_t reason, uint64_t count)
{
	char b[SHOW_SIZE];

	if (count > 0 || o->all)
		json_object_set_new(
			object, reason_name(reason, b), json_integer((json_int_t)count));
}

json_t *cmd_drops_json(const struct frame *f, const struct options *o)
{
	const struct sample *s = f->now;
	json_t *total = json_object(), *result = json_pack("{s:o}", "drops", total);
	json_t *list;

	for (uint32_t r = 0; r < s->head.drop_count; r++)
		add_reason(total, o, r, count_reason(s, r));
	if (!o->workers)
		return result;
	list = json_array();
	for (uint32_t i = 0; i < s->workers.count; i++) {
		const struct mr_stats_worker *w = sample_entry(&s->workers, i);
		json_t *own = json_object();

		for (uint32_t r = 0; r < s->head.drop_count; r++)
			add_reason(own, o, r, w->drops[r]);
		json_array_append_new(list,
			json_pack("{s:I s:o}", "worker", (json_int_t)w->id - 1, "drops", own));
	}
	json_object_set_new(result, "workers", list);
	return result;
}
