/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a viewer does while it plays: takes media in, sends reports, NACKs, PLIs and
 * FIRs, or falls silent. Runs on the thread of its main context.
 */
#include "apps/viewer/timer.h"
#include "apps/viewer/viewer_private.h"

#include <glib-unix.h>
#include <sys/socket.h>

#define REPORT_INTERVAL 1000 /* ms */
#define SILENT_BURST 64      /* datagrams read at once when silent */
#define DATAGRAM_SIZE 2048   /* bytes */

/* Of a timer that goes on. */
static gboolean send_back(struct viewer *v, const uint8_t *rtcp, int length)
{
	if (length > 0)
		ice_send(v->ice, rtcp, (size_t)length);
	return G_SOURCE_CONTINUE;
}

static gboolean on_report_due(gpointer user)
{
	struct viewer *v = user;
	uint8_t report[MEDIA_REPORT_MAX];

	return send_back(v, report, media_format_report(v->media, viewer_now(), report));
}

static gboolean on_pli_due(gpointer user)
{
	struct viewer *v = user;
	uint8_t pli[MEDIA_REPORT_MAX];

	return send_back(v, pli, media_format_pli(v->media, pli));
}

static gboolean on_fir_due(gpointer user)
{
	struct viewer *v = user;
	uint8_t fir[MEDIA_REPORT_MAX];

	return send_back(v, fir, media_format_fir(v->media, fir));
}

static void send_nacks(struct viewer *v, uint64_t at)
{
	uint8_t nack[MEDIA_REPORT_MAX];
	int length;

	while (v->ice != NULL && (length = media_format_nack(v->media, at, nack)) > 0)
		ice_send(v->ice, nack, (size_t)length);
}

void viewer_receive_media(struct viewer *v, uint8_t *data, size_t length)
{
	const struct media_counters *counters = media_counters(v->media);
	uint64_t at = viewer_now(), before = counters->packets;

	media_receive(v->media, data, length, at);
	atomic_fetch_add_explicit(
		&v->shared->packets, counters->packets - before, memory_order_relaxed);
	if (v->figures.first_packet_us == 0 && counters->packets > 0)
		v->figures.first_packet_us = at;
	if (v->shared->options->nack)
		send_nacks(v, at);
}

static gboolean on_quiet_readable(gint fd, GIOCondition condition, gpointer user)
{
	struct viewer *v = user;
	uint8_t data[DATAGRAM_SIZE];

	for (int i = 0; i < SILENT_BURST; i++) {
		ssize_t length = recv(fd, data, sizeof(data), MSG_DONTWAIT);

		if (length < 0)
			break;
		if (length > 0 && data[0] >= 128 && data[0] <= 191)
			viewer_receive_media(v, data, (size_t)length);
	}
	return G_SOURCE_CONTINUE;
}

/* Keep the socket, so that the kernel stays quiet too, and end everything that sends. */
static gboolean on_silence_due(gpointer user)
{
	struct viewer *v = user;

	v->quiet_fd = ice_dup_socket(v->ice);
	viewer_release_transport(v);
	if (v->quiet_fd < 0) {
		viewer_fail(v, "selected socket: %s", g_strerror(-v->quiet_fd));
		return G_SOURCE_REMOVE;
	}
	v->reader = g_unix_fd_source_new(v->quiet_fd, G_IO_IN);
	g_source_set_callback(v->reader, G_SOURCE_FUNC(on_quiet_readable), v, NULL);
	g_source_attach(v->reader, v->shared->context);
	v->figures.silent_us = viewer_now();
	viewer_set_state(v, VIEWER_SILENT);
	return G_SOURCE_REMOVE;
}

void viewer_start_playing(struct viewer *v)
{
	const struct options *options = v->shared->options;
	GMainContext *context = v->shared->context;

	if (!options->no_receiver_reports)
		v->reports = timer_start(context, REPORT_INTERVAL, on_report_due, v);
	if (options->pli_ms)
		v->plis = timer_start(context, options->pli_ms, on_pli_due, v);
	if (options->fir_ms)
		v->firs = timer_start(context, options->fir_ms, on_fir_due, v);
	if (options->silent_after)
		v->silence = timer_start(context, options->silent_after * 1000, on_silence_due, v);
}

void viewer_stop_playing(struct viewer *v)
{
	timer_stop(&v->reports);
	timer_stop(&v->plis);
	timer_stop(&v->firs);
	timer_stop(&v->silence);
}
