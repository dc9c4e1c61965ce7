/* SPDX-License-Identifier: BSD-3-Clause */
/* See wire_verdict.h. */
#include "apps/bench/wire_verdict.h"

#include <stdlib.h>

#define LOSS_MAX 1e-6
#define SENT_LEAST 0.95  /* of the rate asked for: else it was another one */
#define BACKLOG_MAX 0.02 /* of a trial's packets */

uint64_t wire_trial_lost(const struct wire_trial *t)
{
	return t->expected > t->received ? t->expected - t->received : 0;
}

unsigned int wire_verdict_causes(const struct wire_verdict *v, uint32_t viewers)
{
	const struct wire_trial *t = &v->trial;
	double expected = (double)t->expected;
	unsigned int causes = 0;

	if ((double)wire_trial_lost(t) > LOSS_MAX * expected)
		causes |= WIRE_LOST;
	if (t->refused > 0)
		causes |= WIRE_RING_FULL;
	if (expected + viewers < SENT_LEAST * v->rate * t->seconds)
		causes |= WIRE_OTHER_RATE;
	if (expected - (double)t->in_time > BACKLOG_MAX * expected + viewers)
		causes |= WIRE_BACKLOG;
	return causes;
}

/* Of what was asked for. */
static double sent_share(const struct wire_verdict *v)
{
	double asked = v->rate * v->trial.seconds;

	return asked > 0 ? (double)v->trial.expected / asked : 0;
}

/* What was still on its way when all had been sent, or never came. */
static double late_share(const struct wire_verdict *v)
{
	double expected = (double)v->trial.expected;

	return expected > 0 ? (expected - (double)v->trial.in_time) / expected : 0;
}

void wire_verdict_tell(const struct wire_verdict *v, uint32_t viewers, FILE *out)
{
	unsigned int causes = wire_verdict_causes(v, viewers);
	const char *between = "";

	if (causes & WIRE_OTHER_RATE) {
		fprintf(out, "the generator sent %.1f %% of it", 100 * sent_share(v));
		between = "; ";
	}
	if (causes & WIRE_RING_FULL) {
		fprintf(out, "%sthe data plane's ring was full for %llu of the stream's packets",
			between, (unsigned long long)v->trial.refused);
		between = "; ";
	}
	if (causes & WIRE_BACKLOG) {
		fprintf(out, "%s%.1f %% had not come when all was sent", between,
			100 * late_share(v));
		between = "; ";
	}
	if (!(causes & WIRE_LOST))
		return;
	fprintf(out, "%s%llu lost", between, (unsigned long long)wire_trial_lost(&v->trial));
	for (unsigned int d = 0; d < MR_DROP_COUNT; d++)
		if (v->dropped[d] > 0)
			fprintf(out, ", %s %llu", mr_drop_name(d),
				(unsigned long long)v->dropped[d]);
}

static json_t *why(const struct wire_verdict *v, uint32_t viewers)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *told;

	if (out == NULL)
		return json_null();
	wire_verdict_tell(v, viewers, out);
	told = fclose(out) == 0 && len > 0 ? json_string(text) : json_null();
	free(text);
	return told;
}

json_t *wire_verdict_json(const struct wire_verdict *v, uint32_t viewers)
{
	json_t *drops = json_object();

	for (unsigned int d = 0; d < MR_DROP_COUNT; d++)
		if (v->dropped[d] > 0)
			json_object_set_new(
				drops, mr_drop_name(d), json_integer((json_int_t)v->dropped[d]));
	return json_pack("{s:f,s:o,s:I,s:I,s:f,s:f,s:o}", "packetsPerSecond", v->rate, "why",
		why(v, viewers), "lost", (json_int_t)wire_trial_lost(&v->trial), "refusedByRing",
		(json_int_t)v->trial.refused, "sentShare", sent_share(v), "lateShare",
		late_share(v), "drops", drops);
}
