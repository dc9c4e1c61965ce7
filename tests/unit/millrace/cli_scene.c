/* SPDX-License-Identifier: BSD-3-Clause */
/* See cli_scene.h. The region is served by a thread of its own, which moves it as well. */
#include "tests/unit/millrace/cli_scene.h"

#include "dataplane/api/client.h"
#include "dataplane/api/endpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *entry(struct fixture *f, const struct mr_stats_array *a, uint32_t i)
{
	struct mr_stats_view v = {.stats = f->stats, .size = f->stats->size};

	return (void *)(uintptr_t)mr_stats_entry(&v, a, i);
}

static void fill_stream(struct fixture *f)
{
	struct mr_stats_stream *s = entry(f, &f->stats->streams, 3);

	s->id = 7;
	s->path_id = 5;
	s->clock_rate = 90000;
	s->kind = MR_KIND_VIDEO;
	s->codec = MR_CODEC_H264;
	s->input = MR_INPUT_WIRE;
	s->payload_type = 96;
	strcpy(s->codec_name, "H264");
	strcpy(s->note, "bad\033[2Jnote");
	s->local = mr_endpoint_ipv4(0xc0000201, 5004);
	s->packets = 1000;
	s->expected = 1010;
	s->lost = 10;
	s->reordered = 3;
	s->duplicated = 4;
	s->keyframes = 6;
	s->jitter = 450; /* 5 ms */
	s->ssrc = 0xdecafbad;
	s->viewers = 1;
	s->findings = MR_FINDING_B_FRAMES;
}

static void fill_viewer(struct fixture *f)
{
	struct mr_stats_viewer *v = entry(f, &f->stats->viewers, 9);

	v->id = MR_VIEWER_FIXED_BASE + 2;
	v->path_id = 5;
	v->state = MR_LIFE_RUNNING;
	v->srtp_profile = 7;
	v->fixed = 1;
	v->remote = mr_endpoint_ipv4(0xc0000209, 6000);
	v->since_ns = now_ns(CLOCK_REALTIME) - 60000000000;
	v->track[0].packets = 500;
	v->track[0].stream_id = 7;
	v->track[0].ssrc = 1;
	v->track[0].reports = 2;
	v->track[0].jitter = 900;       /* 10 ms */
	v->track[0].fraction_lost = 64; /* a quarter */
	v->track[0].cumulative_lost = -1;
	v->track[0].round_trip_us = 1500;
}

static void fill(struct fixture *f)
{
	struct mr_stats_worker *w = entry(f, &f->stats->workers, 0);
	struct mr_stats_port *p = entry(f, &f->stats->ports, 0);
	struct mr_stats_path *path = entry(f, &f->stats->paths, 1);

	f->stats->pid = 4711;
	f->stats->started_ns = now_ns(CLOCK_REALTIME) - 5000000000;
	strcpy(f->stats->release, "9.8.7");
	strcpy(f->stats->crypto, "ipsec-mb");
	w->repairs = 12;
	w->repair_turns_full = 3;
	f->stats->control_attached = 1;
	p->id = 1;
	strcpy(p->name, "wan");
	strcpy(p->netdev, "mr0");
	p->shared = 1;
	p->link_up = 1;
	p->rx_missed = 11;
	w->id = 1;
	w->lcore = 1;
	path->id = 5;
	path->state = MR_PATH_READY;
	strcpy(path->name, "hall/north");
	fill_stream(f);
	fill_viewer(f);
}

/* As if a moment had passed in the data plane. */
static void tick(struct fixture *f)
{
	struct mr_stats_worker *w = entry(f, &f->stats->workers, 0);
	struct mr_stats_stream *s = entry(f, &f->stats->streams, 3);

	if (f->alive)
		f->stats->alive_ns = now_ns(CLOCK_MONOTONIC);
	mr_count(&w->rx_packets, TICK_RX);
	mr_count(&w->tx_packets, TICK_TX);
	mr_count(&w->busy_tsc, TICK_BUSY);
	mr_count(&w->idle_tsc, TICK_IDLE);
	mr_count(&w->sleep_tsc, TICK_SLEEP);
	mr_count(&w->drops[MR_DROP_TX_FULL], TICK_DROPS);
	mr_count(&s->bytes, 100000);
	s->last_packet_ns = now_ns(CLOCK_MONOTONIC);
}

static void *serve(void *arg)
{
	struct fixture *f = arg;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		struct mr_socket_message m = {.magic = MR_ABI_MAGIC,
			.version = MR_CHANNEL_VERSION,
			.type = MR_SOCKET_STATS,
			.region_size = f->stats->size,
			.pid = f->stats->pid};

		tick(f);
		(void)mr_socket_send(fd, &m, &f->memfd, 1);
		close(fd);
	}
	return NULL;
}

int start(void **state)
{
	static const struct mr_stats_geometry geometry = {1, 2, 4, 8, 16};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->directory, "/tmp/millrace-cli-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/stats.sock", f->directory);
	assert_int_equal(mr_stats_create(&geometry, &f->stats, &f->memfd), 0);
	f->alive = true;
	fill(f);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 8), 0);
	assert_int_equal(pthread_create(&f->server, NULL, serve, f), 0);
	*state = f;
	return 0;
}

int stop(void **state)
{
	struct fixture *f = *state;

	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->server, NULL);
	close(f->listener);
	close(f->memfd);
	unlink(f->path);
	rmdir(f->directory);
	mr_stats_destroy(f->stats);
	free(f);
	return 0;
}

int run(char *out, size_t size, const char *arguments)
{
	char command[512];
	size_t len;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "timeout 20 %s %s 2>&1", getenv("MILLRACE"), arguments);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	len = fread(out, 1, size - 1, pipe);
	out[len] = 0;
	status = pclose(pipe);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

json_t *run_json(const struct fixture *f, const char *command)
{
	char arguments[256], out[65536];
	json_error_t error;
	json_t *root;

	snprintf(arguments, sizeof(arguments), "--socket %s -i 0.1 --json %s", f->path, command);
	assert_int_equal(run(out, sizeof(out), arguments), 0);
	root = json_loads(out, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		fail_msg("%s: %s\n%s", command, error.text, out);
	return root;
}

const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (value == NULL)
		fail_msg("no text \"%s\"", key);
	return value;
}

double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_number(value))
		fail_msg("no number \"%s\"", key);
	return json_number_value(value);
}

void assert_near(double a, double b)
{
	if (fabs(a - b) > 1e-6)
		fail_msg("%f is not %f", a, b);
}
