/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output time to the gateway's time: a camera with a video and an audio track,
 * its own clock, delays and sender reports, over minutes to days. What reports to
 * viewers would say is asked for every 100 ms: it must never change by more than
 * 5 ms per second, and the tracks' difference must become the camera's truth. One
 * thread.
 */
#include "dataplane/stream/clock.h"
#include "tests/unit/crypto/random.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000ll
#define S (1000 * MS)
#define START (1700000000 * S) /* gateway time: 2023 */
#define UNIX_IN_NTP 2208988800ll

enum { VIDEO, AUDIO };

/* How the camera behaves; times since the start. */
struct camera {
	double drift_ppm;     /* its clocks against the gateway's */
	double audio_ppm;     /* its audio's sampling against its own clock */
	int64_t delay_ns[2];  /* capture to arrival */
	int64_t jitter_ns;    /* added to that, 0 to ... */
	int64_t report_at[2]; /* the first sender report; 0: never */
	int64_t report_until; /* 0: for ever */
	int64_t audio_until;  /* reports of audio; 0: for ever */
	int64_t interval;     /* between reports; 0: 5 s */
	int64_t ntp_s;        /* what its clock says at the start, seconds since 1900 */
	int64_t set_at;       /* its clock is set ... */
	int64_t set_by_ns;    /* ... by so much */
	bool ntp_zero;        /* reports without a clock */
	int64_t told_at;      /* the first report to viewers */
	int64_t stall_at;     /* nothing arrives for stall_ns, then all at once */
	int64_t stall_ns;     /* ditto */
	int64_t pause_at;     /* the camera's media time stands still for pause_ns */
	int64_t pause_ns;     /* ditto */
	int64_t forget_at;    /* the source restarts */
	int64_t length;       /* of the whole */
};

struct track {
	struct clock_track clock;
	uint32_t rate;
	uint32_t base;       /* RTP time of the camera's start */
	double ppm;          /* against the camera's clock */
	int64_t frame_ns;    /* between packets */
	int64_t next_media;  /* camera's media time of the next packet */
	int64_t next_report; /* gateway time since the start */
	uint32_t told;
	int64_t told_ns;
	double told_media; /* camera's media time in [ns] that was told, unwrapped */
};

struct world {
	const struct camera *c;
	struct clock_path path;
	struct track t[2];
	struct random random;
	bool step_allowed;
	double worst_slew;    /* [ns] per second */
	double difference_ns; /* video's minus audio's told media time, last seen */
	double lag_ns[2];     /* arrival minus told time of the newest packet */
};

/* The camera's clock (of its media and its reports, but for being set) runs from 0. */
static double camera_time(const struct camera *c, int64_t since)
{
	return (double)since * (1 + c->drift_ppm / 1e6);
}

static double media_time(const struct camera *c, double camera_ns)
{
	if (c->pause_ns == 0 || camera_ns < (double)c->pause_at)
		return camera_ns;
	return camera_ns < (double)(c->pause_at + c->pause_ns) ? (double)c->pause_at
							       : camera_ns - (double)c->pause_ns;
}

static uint32_t rtp_of(const struct track *t, double media_ns)
{
	double ticks = floor(media_ns * (1 + t->ppm / 1e6) * t->rate / 1e9);

	return t->base + (uint32_t)(uint64_t)fmod(ticks, 4294967296.0);
}

static void tell(struct world *w, int64_t since)
{
	double media[2];

	for (int i = 0; i < 2; i++) {
		struct track *t = &w->t[i];
		uint32_t rtp;

		if (!clock_rtp_at(&t->clock, START + since, &rtp))
			return;
		if (t->told_ns == 0) {
			t->told_media = (double)(int32_t)(rtp - t->base) * 1e9 / t->rate;
		} else {
			double by = (double)(int32_t)(rtp - t->told) * 1e9 / t->rate;
			double off = fabs(by - (double)(since - t->told_ns));
			double rate =
				(off - 1.5e9 / t->rate) / ((double)(since - t->told_ns) / 1e9);

			t->told_media += by;
			if (rate > w->worst_slew && !w->step_allowed)
				w->worst_slew = rate;
		}
		t->told = rtp;
		t->told_ns = since;
		media[i] = t->told_media / (1 + t->ppm / 1e6);
	}
	w->difference_ns = media[VIDEO] - media[AUDIO];
}

static void report(struct world *w, struct track *t, int64_t since, int which)
{
	const struct camera *c = w->c;
	double at = camera_time(c, since);
	int64_t clock_ns = (int64_t)at + (c->set_at != 0 && since >= c->set_at ? c->set_by_ns : 0);
	int64_t s = c->ntp_s + (clock_ns >= 0 ? clock_ns / S : -((-clock_ns + S - 1) / S));
	int64_t ns = clock_ns - (s - c->ntp_s) * S;
	uint64_t ntp = (uint64_t)(s & 0xffffffff) << 32 | (uint64_t)ns * 4294967296 / S;

	if (since < t->next_report || t->next_report == 0)
		return;
	t->next_report += c->interval != 0 ? c->interval : 5 * S;
	if (c->report_until != 0 && since > c->report_until)
		return;
	if (which == AUDIO && c->audio_until != 0 && since > c->audio_until)
		return;
	if (!t->clock.started)
		return;
	clock_report(&w->path, &t->clock, rtp_of(t, media_time(c, at)), c->ntp_zero ? 0 : ntp,
		START + since);
}

/* Packets of a track that arrive up to now. */
static void arrivals(struct world *w, int which, int64_t since)
{
	const struct camera *c = w->c;
	struct track *t = &w->t[which];

	for (;;) {
		/* captured when the camera's clock shows next_media */
		double captured = (double)t->next_media / (1 + c->drift_ppm / 1e6);
		int64_t at =
			(int64_t)captured + c->delay_ns[which] +
			(c->jitter_ns > 0 ? (int64_t)(random_u64(&w->random) >> 1) % c->jitter_ns
					  : 0);
		uint32_t rtp;

		if (c->pause_ns != 0 && t->next_media >= c->pause_at)
			at += c->pause_ns;
		if (c->stall_ns != 0 && at >= c->stall_at && at < c->stall_at + c->stall_ns)
			at = c->stall_at + c->stall_ns;
		if (at > since)
			return;
		rtp = rtp_of(t, (double)t->next_media);
		clock_arrival(&t->clock, rtp, START + since);
		w->lag_ns[which] = (double)(START + since - t->clock.anchor_ns);
		t->next_media += t->frame_ns;
	}
}

static void run(struct world *w, const struct camera *c)
{
	int64_t step = c->length > 3600 * S ? 100 * MS : 5 * MS;
	int64_t told = c->told_at;

	memset(w, 0, sizeof(*w));
	w->c = c;
	random_init(&w->random, 77);
	clock_path_init(&w->path);
	w->t[VIDEO] = (struct track){.rate = 90000, .base = 0xffff0000, .frame_ns = 40 * MS};
	w->t[AUDIO] = (struct track){
		.rate = 48000, .base = 0x12345678, .frame_ns = 20 * MS, .ppm = c->audio_ppm};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(clock_path_add(&w->path, &w->t[i].clock, w->t[i].rate), 0);
		w->t[i].next_report = c->report_at[i];
		if (step > 5 * MS)
			w->t[i].frame_ns = 1000 * MS;
	}
	for (int64_t since = 0; since < c->length; since += step) {
		if (c->forget_at != 0 && since >= c->forget_at && since < c->forget_at + step)
			clock_forget_reports(&w->path);
		for (int i = 0; i < 2; i++) {
			arrivals(w, i, since);
			report(w, &w->t[i], since, i);
		}
		/* Its media time stepped against all clocks: so may the reports, when sure. */
		w->step_allowed = c->pause_ns != 0 && since > c->pause_at + c->pause_ns + S &&
				  since < c->pause_at + c->pause_ns + 2 * S;
		if (since >= told) {
			tell(w, since);
			told += 100 * MS;
		}
	}
}

#define DELAYS                                                                                     \
	{                                                                                          \
		180 * MS, 30 * MS                                                                  \
	}
#define REPORTS                                                                                    \
	{                                                                                          \
		1 * S, 3 * S                                                                       \
	}
#define NOW (UNIX_IN_NTP + 1700000000)

static const struct {
	struct camera c;
	bool synchronized;
	double difference_ms; /* of the tracks, at the end, video minus audio */
	double within_ms;
	double lag_ms; /* of either track, at most: arrival against told time */
	const char *why;
} cases[] = {
	{{.delay_ns = DELAYS, .report_at = REPORTS, .ntp_s = NOW, .length = 120 * S}, true, 0, 0.2,
		80, "both report: the truth, whatever the delays"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .jitter_ns = 30 * MS,
		 .length = 120 * S},
		true, 0, 0.2, 110, "... and the jitter"},
	{{.delay_ns = DELAYS, .report_at = REPORTS, .ntp_s = NOW, .length = 6 * S}, true, 0, 0.2,
		80, "nobody had been told before: at once"},
	{{.delay_ns = DELAYS, .ntp_s = NOW, .length = 60 * S}, false, -150, 1, 1,
		"no reports: arrivals"},
	{{.delay_ns = DELAYS, .ntp_s = NOW, .jitter_ns = 20 * MS, .length = 60 * S}, false, -150,
		10, 25, "no reports, with jitter"},
	{{.delay_ns = DELAYS, .report_at = {1 * S, 0}, .ntp_s = NOW, .length = 60 * S}, false, -150,
		1, 1, "one track alone reports: arrivals"},
	{{.delay_ns = DELAYS, .report_at = {0, 1 * S}, .ntp_s = NOW, .length = 60 * S}, false, -150,
		1, 1, "the other alone: arrivals"},
	{{.delay_ns = DELAYS, .report_at = {1 * S, 40 * S}, .ntp_s = NOW, .length = 120 * S}, true,
		0, 0.2, 80, "one track reports late: slewed from then on"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .ntp_zero = true,
		 .length = 60 * S},
		false, -150, 1, 1, "reports without a clock say nothing"},
	{{.delay_ns = DELAYS, .report_at = REPORTS, .ntp_s = UNIX_IN_NTP, .length = 120 * S}, true,
		0, 0.2, 80, "a clock that says 1970"},
	{{.delay_ns = DELAYS, .report_at = REPORTS, .ntp_s = 1, .length = 120 * S}, true, 0, 0.2,
		80, "a clock that says 1900: uptime"},
	{{.delay_ns = DELAYS, .report_at = REPORTS, .ntp_s = 0xffffffff - 60, .length = 180 * S},
		true, 0, 0.2, 80, "2036: the seconds wrap"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = UNIX_IN_NTP,
		 .set_at = 60 * S,
		 .set_by_ns = 1700000000 * S,
		 .length = 180 * S},
		true, 0, 0.2, 80, "1970, then set to today"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .set_at = 62 * S,
		 .set_by_ns = -2 * S,
		 .length = 180 * S},
		true, 0, 0.2, 80, "set back by 2 s between the tracks' reports"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .set_at = 62 * S,
		 .set_by_ns = 300 * MS,
		 .length = 300 * S},
		true, 0, 0.2, 80, "set by less than that: a slow change"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .drift_ppm = 100,
		 .length = 3600 * S},
		true, 0, 0.2, 90, "its clocks run 100 ppm fast, an hour"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .drift_ppm = -100,
		 .length = 3600 * S},
		true, 0, 0.2, 90, "100 ppm slow, an hour"},
	{{.delay_ns = DELAYS, .ntp_s = NOW, .drift_ppm = -100, .length = 3600 * S}, false, -150, 2,
		5, "100 ppm slow without reports"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .audio_ppm = 80,
		 .length = 3600 * S},
		true, 0, 1, 80, "its sampling runs 80 ppm fast against its clock"},
	{{.delay_ns = {900 * MS, 30 * MS},
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .told_at = 10 * MS,
		 .length = 400 * S},
		true, 0, 0.2, 450, "video 870 ms later than audio"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .stall_at = 60 * S,
		 .stall_ns = 900 * MS,
		 .length = 61 * S + 200 * MS},
		true, 0, 0.2, 80, "the network stalls for 0.9 s"},
	{{.delay_ns = DELAYS,
		 .ntp_s = NOW,
		 .stall_at = 60 * S,
		 .stall_ns = 900 * MS,
		 .length = 61 * S + 200 * MS},
		false, -150, 8, 8, "... without reports: not taken for a pause"},
	{{.delay_ns = DELAYS,
		 .ntp_s = NOW,
		 .pause_at = 60 * S,
		 .pause_ns = 3 * S,
		 .length = 70 * S},
		false, -150, 10, 10, "the camera pauses for 3 s without reports"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .forget_at = 60 * S,
		 .length = 180 * S},
		true, 0, 0.2, 80, "the source restarts"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .report_until = 60 * S,
		 .length = 30 * 3600 * S},
		true, 0, 1, 200, "reports stop for more than 2^31 ticks"},
	{{.delay_ns = DELAYS,
		 .report_at = REPORTS,
		 .ntp_s = NOW,
		 .audio_until = 60 * S,
		 .length = 30 * 3600 * S,
		 .interval = 60 * S},
		true, 0, 1, 200, "... of one track only"},
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct world w;
		double difference;

		struct camera c = cases[i].c;

		if (c.told_at == 0)
			c.told_at = c.length == 6 * S ? 5 * S : 500 * MS;
		run(&w, &c);
		difference = w.difference_ns / 1e6;
		printf("%-50s difference %8.3f ms, lag %7.3f %7.3f ms, change %.3f ms/s\n",
			cases[i].why, difference, w.lag_ns[0] / 1e6, w.lag_ns[1] / 1e6,
			w.worst_slew / 1e6);
		if (w.path.synchronized != cases[i].synchronized)
			fail_msg("%s: synchronized %d", cases[i].why, w.path.synchronized);
		if (fabs(difference - cases[i].difference_ms) > cases[i].within_ms)
			fail_msg("%s: difference %f ms", cases[i].why, difference);
		if (fabs(w.lag_ns[0] / 1e6) > cases[i].lag_ms ||
			fabs(w.lag_ns[1] / 1e6) > cases[i].lag_ms)
			fail_msg("%s: arrival against told time", cases[i].why);
		/* 5 ms per second, and the rounding of a millisecond's share */
		if (w.worst_slew > 5.1e6)
			fail_msg("%s: stepped, %f ms per s", cases[i].why, w.worst_slew / 1e6);
	}
}

/* The change from arrivals to reports takes its time: half of 150 ms for each
 * track, at 5 ms per second. */
static void test_change_is_slewed(void **state)
{
	struct camera c = {.delay_ns = DELAYS,
		.report_at = {1 * S, 40 * S},
		.ntp_s = NOW,
		.told_at = 500 * MS};
	static const struct {
		int64_t at;
		double least_ms;
		double most_ms;
	} course[] = {
		{39 * S, -151, -149}, {45 * S, -106, -96}, {50 * S, -56, -44}, {58 * S, -1, 1}};

	for (size_t i = 0; i < sizeof(course) / sizeof(course[0]); i++) {
		static struct world w;

		c.length = course[i].at;
		run(&w, &c);
		if (w.difference_ns / 1e6 < course[i].least_ms ||
			w.difference_ns / 1e6 > course[i].most_ms)
			fail_msg("after %lld s: %f ms", (long long)(course[i].at / S),
				w.difference_ns / 1e6);
	}
}

static void test_paths(void **state)
{
	struct clock_path p;
	struct clock_track t[CLOCK_PATH_TRACKS + 1];
	uint32_t rtp;

	clock_path_init(&p);
	for (int i = 0; i < CLOCK_PATH_TRACKS; i++)
		assert_int_equal(clock_path_add(&p, &t[i], 90000), 0);
	assert_int_equal(clock_path_add(&p, &t[CLOCK_PATH_TRACKS], 90000), -ENOSPC);
	assert_false(clock_rtp_at(&t[0], START, &rtp)); /* nothing known */
	while (p.n > 1)
		clock_path_del(&p, p.tracks[p.n / 2]);
	clock_path_del(&p, &t[CLOCK_PATH_TRACKS]); /* not there */
	assert_int_equal(p.n, 1);

	/* A track that joins later: the others fall back to arrivals until it reports. */
	clock_path_init(&p);
	assert_int_equal(clock_path_add(&p, &t[0], 90000), 0);
	clock_arrival(&t[0], 1000, START);
	clock_report(&p, &t[0], 1000, (uint64_t)NOW << 32, START);
	assert_true(p.synchronized && t[0].follows_reports);
	assert_int_equal(clock_path_add(&p, &t[1], 48000), 0);
	assert_false(p.synchronized || t[0].follows_reports);
	clock_arrival(&t[1], 7, START);
	clock_report(&p, &t[1], 7, (uint64_t)NOW << 32, START);
	assert_true(p.synchronized);
	clock_path_del(&p, &t[1]);
	assert_true(p.synchronized);
}

/* A camera may say anything: no arithmetic overflows (UBSan watches), and what
 * reports say still moves by no more than the slew allows. */
static void test_any_report(void **state)
{
	struct clock_path p;
	struct clock_track t[2];
	struct random random;
	int64_t now = START;
	uint32_t rtp[2] = {0, 0};

	random_init(&random, 3);
	clock_path_init(&p);
	for (int i = 0; i < 2; i++)
		assert_int_equal(clock_path_add(&p, &t[i], i == 0 ? 90000 : 8000), 0);
	for (int n = 0; n < 200000; n++) {
		struct clock_track *k = &t[n % 2];
		uint32_t said;

		now += (int64_t)(random_u64(&random) % (uint64_t)(50 * MS));
		rtp[n % 2] += random_below(&random, 100) == 0 ? (uint32_t)random_u64(&random)
							      : k->clock_rate / 40;
		clock_arrival(k, rtp[n % 2], now);
		if (random_below(&random, 10) == 0)
			clock_report(
				&p, k, (uint32_t)random_u64(&random), random_u64(&random), now);
		assert_true(clock_rtp_at(k, now, &said));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_change_is_slewed),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_any_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
