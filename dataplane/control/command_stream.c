/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths and their streams. Main thread. */
#include "dataplane/control/control.h"

#include "dataplane/pipeline/worker.h"
#include "dataplane/stream/stream.h"

#include <errno.h>
#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>

/* A text field of a message: printable, ended inside its array. */
static bool text_valid(const char *s, size_t size)
{
	size_t len = strnlen(s, size);

	if (len == size)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return true;
}

static struct mr_stats_path *path_stats(struct control *c, uint32_t slot)
{
	return (struct mr_stats_path *)(uintptr_t)mr_stats_entry(
		&c->view, &c->config.stats->paths, slot);
}

static struct mr_stats_stream *stream_stats(struct control *c, uint32_t slot)
{
	return (struct mr_stats_stream *)(uintptr_t)mr_stats_entry(
		&c->view, &c->config.stats->streams, slot);
}

static struct worker *worker_of(struct control *c, const struct stream_entry *e)
{
	return c->config.workers.worker[e->stream->worker];
}

static struct path_entry *path_add(struct control *c, const struct mr_path_set *m)
{
	struct path_entry *e;

	if (tables_path_by_name(&c->tables, m->name) != NULL) {
		errno = EEXIST;
		return NULL;
	}
	e = table_add(c->tables.paths, m->path_id);
	if (e == NULL)
		return NULL;
	e->clock = rte_zmalloc("clock_path", sizeof(*e->clock), 64);
	if (e->clock == NULL) {
		table_del(c->tables.paths, m->path_id);
		errno = ENOMEM;
		return NULL;
	}
	clock_path_init(e->clock);
	memcpy(e->name, m->name, sizeof(e->name));
	e->worker = c->next_worker;
	c->next_worker = (uint8_t)((c->next_worker + 1) % c->config.workers.n);
	return e;
}

int command_path_set(struct control *c, const struct mr_path_set *m)
{
	struct path_entry *e = table_find(c->tables.paths, m->path_id);
	struct mr_stats_path *s;

	if (!text_valid(m->name, sizeof(m->name)) || !text_valid(m->note, sizeof(m->note)) ||
		m->name[0] == 0 || m->state < MR_PATH_CONNECTING || m->state > MR_PATH_OFF)
		return -EINVAL;
	if (e == NULL)
		e = path_add(c, m);
	else if (strcmp(e->name, m->name) != 0)
		return -EINVAL;
	if (e == NULL)
		return -errno;
	s = path_stats(c, e->slot);
	mr_stats_write_begin(&s->sequence);
	s->id = e->id;
	s->state = m->state;
	memcpy(s->name, m->name, sizeof(s->name));
	memcpy(s->note, m->note, sizeof(s->note));
	mr_stats_write_end(&s->sequence);
	return 0;
}

void path_entry_free(struct control *c, struct path_entry *e)
{
	struct mr_stats_path *s = path_stats(c, e->slot);

	mr_stats_write_begin(&s->sequence);
	s->id = 0;
	mr_stats_write_end(&s->sequence);
	rte_free(e->clock);
	records_del(c->records, MR_RECORD_PATH, e->id);
	handover_forget(c->handover, MR_RECORD_PATH, e->id);
	table_del(c->tables.paths, e->id);
}

int command_path_del(struct control *c, uint32_t id)
{
	struct path_entry *e = table_find(c->tables.paths, id);

	if (e == NULL)
		return -ENOENT;
	if (e->n_streams > 0)
		return -EBUSY;
	path_entry_free(c, e);
	return 0;
}

static int stream_add_check(const struct mr_stream_add *m)
{
	if (m->kind != MR_KIND_VIDEO && m->kind != MR_KIND_AUDIO && m->codec != MR_CODEC_NONE)
		return -EINVAL;
	if (!text_valid(m->codec_name, sizeof(m->codec_name)) ||
		!text_valid(m->note, sizeof(m->note)))
		return -EINVAL;
	if (m->codec == MR_CODEC_NONE)
		return 0;
	if (m->codec > MR_CODEC_PCMA || m->clock_rate < 8000 || m->clock_rate > 192000)
		return -EINVAL;
	if ((m->codec == MR_CODEC_H264 || m->codec == MR_CODEC_VP8) != (m->kind == MR_KIND_VIDEO))
		return -EINVAL;
	if (m->max_payload < 256 || m->max_payload > 1472)
		return -EINVAL;
	if (m->ring_packets > 1u << 18 || (m->ring_packets & (m->ring_packets - 1)) != 0 ||
		m->ring_bytes > 256u << 20)
		return -EINVAL;
	return 0;
}

/* Every counter of a slot that another stream used starts at 0 again. */
static void stream_stats_open(struct control *c, const struct stream_entry *e,
	const struct mr_stream_add *m, uint8_t worker)
{
	struct mr_stats_stream *s = stream_stats(c, e->slot);

	mr_stats_write_begin(&s->sequence);
	memset((uint8_t *)s + sizeof(s->sequence), 0, sizeof(*s) - sizeof(s->sequence));
	s->id = e->id;
	s->path_id = e->path_id;
	s->clock_rate = m->clock_rate;
	s->worker = worker;
	s->kind = m->kind;
	s->codec = m->codec;
	memcpy(s->codec_name, m->codec_name, sizeof(s->codec_name));
	memcpy(s->note, m->note, sizeof(s->note));
	mr_stats_write_end(&s->sequence);
}

/* Tells worker 0, which has the packet rings, whose the stream is. */
static int owner_tell(struct control *c, const struct stream_entry *e, bool remove)
{
	struct order o = {
		.type = ORDER_STREAM_OWNER,
		.flow = {.owner = e->stream->worker, .id = e->id},
		.remove = remove,
	};

	return e->stream->worker == 0 ? 0 : tell_worker(c->config.workers.worker[0], &o, 1);
}

int command_stream_add(struct control *c, const struct mr_stream_add *m)
{
	struct path_entry *path = table_find(c->tables.paths, m->path_id);
	struct mr_stream_add add = *m;
	struct stream_entry *e;
	int rc = stream_add_check(m);

	if (rc != 0)
		return rc;
	if (path == NULL)
		return -ENOENT;
	e = table_add(c->tables.streams, m->stream_id);
	if (e == NULL)
		return -errno;
	e->path_id = m->path_id;
	e->kind = m->kind;
	if (add.ring_packets == 0)
		add.ring_packets = m->kind == MR_KIND_VIDEO ? c->config.ring_packets
							    : c->config.ring_packets / 4;
	if (add.ring_bytes == 0)
		add.ring_bytes =
			m->kind == MR_KIND_VIDEO ? c->config.ring_bytes : c->config.ring_bytes / 8;
	stream_stats_open(c, e, m, path->worker);
	path->n_streams++;
	if (m->codec == MR_CODEC_NONE)
		return 0;

	e->stream = stream_create(&add, path->name, stream_stats(c, e->slot));
	if (e->stream == NULL) {
		rc = -errno;
		goto err_entry;
	}
	e->stream->worker = path->worker;
	e->stream->audience.worker = path->worker;
	e->at[path->worker] = (struct audience_entry){
		.audience = &e->stream->audience,
		.capacity = e->stream->audience.tracks_capacity,
	};
	struct order o = {
		.type = ORDER_STREAM_LINK,
		.stream = e->stream,
		.path_clock = path->clock,
	};
	rc = owner_tell(c, e, false);
	if (rc != 0)
		goto err_entry;
	rc = tell_worker(worker_of(c, e), &o, 1);
	if (rc != 0)
		goto err_owner;
	viewers_start_waiting(c);
	return 0;

err_owner:
	owner_tell(c, e, true);

err_entry:
	path->n_streams--;
	stream_entry_free(c, e);
	return rc;
}

static bool parameter_sets_valid(const struct mr_stream_bind *m)
{
	size_t at = 0;

	if (m->parameter_sets_len > sizeof(m->parameter_sets))
		return false;
	while (at < m->parameter_sets_len) {
		if (m->parameter_sets_len - at < 3)
			return false;
		size_t len = (size_t)m->parameter_sets[at] << 8 | m->parameter_sets[at + 1];
		if (len == 0 || len > m->parameter_sets_len - at - 2)
			return false;
		at += 2 + len;
	}
	return true;
}

/* What refuses the new binding leaves the old one in force. */
int command_stream_bind(struct control *c, const struct mr_stream_bind *m)
{
	struct stream_entry *e = table_find(c->tables.streams, m->stream_id);
	struct order o = {.type = ORDER_STREAM_BIND, .bind = *m};
	struct mr_stats_stream *s;
	bool was_wire, stays;

	if (m->input > MR_INPUT_RING || m->payload_type > 127 || !parameter_sets_valid(m) ||
		(m->input == MR_INPUT_WIRE && m->local.port == 0))
		return -EINVAL;
	if (e == NULL || e->stream == NULL)
		return -ENOENT;
	was_wire = e->bind.input == MR_INPUT_WIRE;
	stays = was_wire && m->input == MR_INPUT_WIRE && endpoint_equal(&e->bind.local, &m->local);
	if (m->input == MR_INPUT_WIRE && !stays) {
		int rc = stream_endpoint_open(c, e, &m->local);
		if (rc != 0)
			return rc;
	}
	o.stream = e->stream;
	tell_worker(worker_of(c, e), &o, 1);
	if (was_wire && !stays)
		stream_endpoint_close(c, &e->bind.local);
	e->bind = *m;
	s = stream_stats(c, e->slot);
	mr_stats_write_begin(&s->sequence);
	s->input = m->input;
	s->payload_type = m->payload_type;
	s->local = m->local;
	mr_stats_write_end(&s->sequence);
	return 0;
}

int command_stream_report(struct control *c, const struct mr_stream_report *m)
{
	struct stream_entry *e = table_find(c->tables.streams, m->stream_id);
	struct order o = {.type = ORDER_STREAM_REPORT, .report = *m};

	if (e == NULL || e->stream == NULL)
		return -ENOENT;
	o.stream = e->stream;
	return tell_worker(worker_of(c, e), &o, 1);
}

void stream_entry_free(struct control *c, struct stream_entry *e)
{
	struct mr_stats_stream *s = stream_stats(c, e->slot);

	mr_stats_write_begin(&s->sequence);
	s->id = 0;
	mr_stats_write_end(&s->sequence);
	if (e->stream != NULL) {
		audiences_free(e);
		stream_destroy(e->stream);
	}
	table_del(c->tables.streams, e->id);
}

int command_stream_del(struct control *c, uint32_t id)
{
	struct stream_entry *e = table_find(c->tables.streams, id);
	struct path_entry *path;

	if (e == NULL)
		return -ENOENT;
	if (e->stream != NULL) {
		if (e->bind.input == MR_INPUT_WIRE)
			stream_endpoint_close(c, &e->bind.local);
		owner_tell(c, e, true);
		viewers_stream_goes(c, id);
		struct order o = {.type = ORDER_STREAM_UNLINK, .stream = e->stream};
		tell_worker(worker_of(c, e), &o, 1);
		audiences_end(c, e);
	}
	path = table_find(c->tables.paths, e->path_id);
	if (path != NULL)
		path->n_streams--;
	stream_entry_free(c, e);
	viewers_start_waiting(c); /* the path may have another of the kind */
	return 0;
}
