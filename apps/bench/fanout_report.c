/* SPDX-License-Identifier: BSD-3-Clause */
/* See fanout.h: medians over the rounds, as a table and as JSON. */
#include "apps/bench/fanout.h"

#include <jansson.h>
#include <rte_cycles.h>
#include <stdio.h>

static const char *const checksums[] = {"offload", "software", "zero"};

static unsigned int bound_best(struct fanout *f)
{
	unsigned int best = 0;

	for (unsigned int m = 1; m < bound_methods(f->lane[0].bound); m++)
		if (figures_median(&f->bound[m]) < figures_median(&f->bound[best]))
			best = m;
	return best;
}

static const char *const stage_names[] = {
#define STAGE_NAME(name) #name,
	WORKER_STAGES(STAGE_NAME)
#undef STAGE_NAME
};

/* The stages are timed by the clock that also runs while others have the CPU: what
 * they take of the packet's cycles is their share of all stages. */
static json_t *stages_report(struct fanout *f)
{
	json_t *stages = json_object();
	double sum = 0, tsc[STAGE_COUNT] = {0};

	for (unsigned int i = 0; i < f->o.rig.workers; i++)
		for (unsigned int s = 0; s < STAGE_COUNT; s++)
			tsc[s] += (double)f->lane[i].stage_tsc[s];
	for (unsigned int s = 0; s < STAGE_COUNT; s++)
		sum += tsc[s];
	for (unsigned int s = 0; s < STAGE_COUNT; s++)
		json_object_set_new(stages, stage_names[s],
			json_real(figures_median(&f->cycles) * tsc[s] / sum));
	return stages;
}

static json_t *quantiles_report(struct figures *f)
{
	return json_pack("{s:f,s:f,s:f}", "p10", figures_quantile(f, 0.1), "median",
		figures_median(f), "p90", figures_quantile(f, 0.9));
}

static json_t *bound_report(struct fanout *f)
{
	json_t *methods = json_object();

	for (unsigned int m = 0; m < bound_methods(f->lane[0].bound); m++)
		json_object_set_new(methods, bound_method_name(f->lane[0].bound, m),
			json_real(figures_median(&f->bound[m])));
	return methods;
}

/* How much faster two and more workers are than one; the bound's beside it. */
static json_t *scaling_report(struct fanout *f)
{
	double n = f->o.rig.workers;
	double ours = n * figures_median(&f->solo) / figures_median(&f->cycles);
	double bound = n * figures_median(&f->solo_fastest) / figures_median(&f->fastest);

	return json_pack("{s:f,s:f,s:f}", "workers", ours, "bound", bound, "ofBound", ours / bound);
}

static uint64_t sent_ever(const struct fanout *f)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < f->o.rig.workers; i++)
		n += f->lane[i].sent_ever;
	return n;
}

static double per_viewer(const struct fanout *f, uint64_t one, uint64_t all)
{
	uint32_t more = f->o.rig.viewers - 1;

	return more > 0 && all > one ? (double)(all - one) / more : 0;
}

static json_t *report(struct fanout *f)
{
	const struct rig_options *o = &f->o.rig;
	const struct rig *r = &f->rig;
	double cycles = figures_median(&f->cycles);
	double mpps = o->workers * (double)rte_get_tsc_hz() / cycles / 1e6;
	char cpu[128];
	json_t *j;

	cpu_name(cpu, sizeof(cpu));
	j = json_pack("{s:s,s:s,s:s,s:f,s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:i,s:f,s:o,s:f,s:f,s:o}",
		"benchmark", "fanout", "cpu", cpu, "crypto", r->dp.stats->crypto, "tscGHz",
		(double)rte_get_tsc_hz() / 1e9, "profile", o->profile->name, "payload",
		(int)o->payload, "viewers", (int)o->viewers, "streams", (int)o->streams, "workers",
		(int)o->workers, "order", o->random ? "random" : "sequential", "checksum",
		checksums[o->checksum], "rounds", (int)f->o.rounds, "cyclesPerPacket", cycles,
		"cyclesSpread", quantiles_report(&f->cycles), "Mpps", mpps, "GbitPerSecond",
		mpps * 1e6 * 8 * (o->payload + 12 + o->profile->rtp_tag_len + 42) / 1e9, "stages",
		stages_report(f));
	if (f->o.bound) {
		json_object_set_new(j, "boundCyclesPerPacket",
			json_real(figures_median(&f->bound[bound_best(f)])));
		json_object_set_new(j, "boundMethod",
			json_string(bound_method_name(f->lane[0].bound, bound_best(f))));
		json_object_set_new(j, "boundMethods", bound_report(f));
		json_object_set_new(j, "ratio", json_real(figures_median(&f->ratio)));
		json_object_set_new(j, "ratioSpread", quantiles_report(&f->ratio));
		if (o->workers > 1)
			json_object_set_new(j, "scaling", scaling_report(f));
	}
	json_object_set_new(
		j, "bytesPerViewer", json_real(per_viewer(f, r->resident_one, r->resident_all)));
	json_object_set_new(
		j, "heapBytesPerViewer", json_real(per_viewer(f, r->heap_one, r->heap_all)));
	json_object_set_new(
		j, "viewersMB", json_real((double)(r->resident_all - r->resident_idle) / 1048576));
	json_object_set_new(j, "residentMB", json_real((double)r->resident_all / 1048576));
	json_object_set_new(j, "packets", json_integer((json_int_t)sent_ever(f)));
	json_object_set_new(j, "dropped", json_integer((json_int_t)f->dropped));
	return j;
}

static double number(const json_t *j, const char *key)
{
	return json_real_value(json_object_get(j, key));
}

static const char *text(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static void print(const json_t *j, const struct fanout *f)
{
	const json_t *ratio = json_object_get(j, "ratioSpread");
	const json_t *scaling = json_object_get(j, "scaling");
	const json_t *stages = json_object_get(j, "stages");

	printf("%s, %s, %s, %u B, %u viewers of %u streams, %s order, checksum %s, %u workers\n",
		text(j, "cpu"), text(j, "crypto"), text(j, "profile"), f->o.rig.payload,
		f->o.rig.viewers, f->o.rig.streams, text(j, "order"), text(j, "checksum"),
		f->o.rig.workers);
	printf("  %-24s%8.0f cycles, %.2f Mpps, %.2f Gbit/s, %d dropped\n", "packet",
		number(j, "cyclesPerPacket"), number(j, "Mpps"), number(j, "GbitPerSecond"),
		(int)json_integer_value(json_object_get(j, "dropped")));
	for (unsigned int s = 0; s < STAGE_COUNT; s++)
		printf("    %-22s%8.1f\n", stage_names[s], number(stages, stage_names[s]));
	if (f->o.bound) {
		printf("  %-24s%8.0f cycles (%s)\n", "bound", number(j, "boundCyclesPerPacket"),
			text(j, "boundMethod"));
		printf("  %-24s%8.3f (p10 %.3f, p90 %.3f over %u rounds)\n", "ratio",
			number(j, "ratio"), number(ratio, "p10"), number(ratio, "p90"),
			f->o.rounds);
	}
	if (scaling != NULL)
		printf("  %-24s%8.2f times one worker; the bound %.2f times: %.3f of it\n",
			"workers", number(scaling, "workers"), number(scaling, "bound"),
			number(scaling, "ofBound"));
	printf("  %-24s%8.0f bytes a viewer, %.1f MB for all; %.1f MB resident\n", "memory",
		number(j, "bytesPerViewer"), number(j, "viewersMB"), number(j, "residentMB"));
	if (f->o.json) {
		json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
	}
}

void fanout_report(struct fanout *f)
{
	json_t *j = report(f);

	print(j, f);
	json_decref(j);
}
