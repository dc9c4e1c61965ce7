/* SPDX-License-Identifier: BSD-3-Clause */
/* The main thread's turn: see control.h. */
#include "dataplane/control/control.h"

#include "dataplane/api/client.h"

#include "dataplane/pipeline/worker.h"
#include "dataplane/stream/stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COMMANDS_PER_TURN 32
#define NOTICES_PER_TURN 64
#define LOOK_MS 1               /* at the events' ring while it is full */
#define UNREAD_NS 5000000000ull /* a full ring of events, before its reader is given up */
#define RECORD_BYTES_EACH 1024  /* of adoption records, on average */

unsigned int control_event_space(struct control *c)
{
	int space;

	if (c->channel == NULL)
		return 0;
	space = mr_ring_space(&c->channel->events);
	if (space < 0)
		handover_disconnect(c->handover);
	return space < 0 ? 0 : (unsigned int)space;
}

void control_event(struct control *c, const struct mr_event *e)
{
	if (c->channel == NULL || mr_ring_enqueue(&c->channel->events, e, sizeof(*e)) != 0) {
		mr_count(&c->config.stats->events_lost, 1);
		return;
	}
	c->wake = true;
}

static void rings_to_worker(struct control *c, struct mr_channel *ch)
{
	struct order o = {.type = ORDER_RINGS};

	if (ch != NULL) {
		o.packets_down = &ch->packets_down;
		o.packets_up = &ch->packets_up;
	}
	tell_worker(c->config.workers.worker[0], &o, 1);
}

static void control_attach(struct control *c)
{
	c->channel = handover_channel(c->handover);
	c->announcing = true;
	c->announce_at = 0;
	c->packets_up_seen = 0;
	c->unread_since_ns = 0;
	atomic_store_explicit(&c->config.workers.worker[0]->commands_done, 0, memory_order_release);
	rings_to_worker(c, c->channel);
	atomic_fetch_add_explicit(&c->config.stats->control_attaches, 1, memory_order_relaxed);
	atomic_store_explicit(&c->config.stats->control_attached, 1, memory_order_relaxed);
	printf("control plane attached pid=%d\n", (int)handover_peer(c->handover));
}

static bool record_exists(void *user, uint32_t kind, uint32_t id)
{
	const struct control *c = user;

	switch (kind) {
	case MR_RECORD_GLOBAL:
		return id == 0;
	case MR_RECORD_PATH:
		return table_find(c->tables.paths, id) != NULL;
	case MR_RECORD_VIEWER:
		return table_find(c->tables.viewers, id) != NULL;
	default:
		return false;
	}
}

/* What runs goes on; worker 0 lets go of the rings before they are wiped. */
static void control_detach(struct control *c)
{
	rings_to_worker(c, NULL);
	c->channel = NULL;
	c->announcing = false;
	nexthops_prune(c);
	handover_prune(c->handover, record_exists, c);
	handover_release_channel(c->handover);
	atomic_store_explicit(&c->config.stats->control_attached, 0, memory_order_relaxed);
	printf("control plane detached\n");
}

static void notice_handle(struct control *c, const struct notice *n)
{
	struct mr_event e = {.type = n->type};

	switch (n->type) {
	case MR_EVENT_STREAM_STATE:
		e.stream_state.stream_id = n->id;
		e.stream_state.state = n->value;
		e.stream_state.ssrc = n->ssrc;
		e.stream_state.gap_ms = n->gap_ms;
		break;
	case MR_EVENT_STREAM_FINDING:
		e.stream_finding.stream_id = n->id;
		e.stream_finding.finding = n->value;
		break;
	case MR_EVENT_VIEWER_STATE:
		e.viewer_state.viewer_id = n->id;
		e.viewer_state.state = n->value;
		if (n->value == MR_VIEWER_EXPIRED || n->value == MR_VIEWER_BYE)
			command_viewer_del(c, n->id);
		break;
	case MR_EVENT_KEYFRAME_WANTED:
		e.object.id = n->id;
		break;
	case NOTICE_CHANNEL_BROKEN:
		handover_disconnect(c->handover);
		return;
	default:
		return;
	}
	if (c->channel != NULL)
		control_event(c, &e);
}

/* Notices wait in their ring while the control plane does not read. */
static bool take_notices(struct control *c)
{
	struct notice n;
	bool any = false;

	for (unsigned int i = 0; i < c->config.workers.n; i++) {
		struct worker *w = c->config.workers.worker[i];
		for (unsigned int k = 0; k < NOTICES_PER_TURN; k++) {
			if (c->channel != NULL && control_event_space(c) < 2)
				return any;
			if (rte_ring_sc_dequeue_elem(w->notices, &n, sizeof(n)) != 0)
				break;
			notice_handle(c, &n);
			any = true;
		}
	}
	return any;
}

static bool take_commands(struct control *c)
{
	struct mr_command m;
	struct mr_event e;
	bool any = false;

	for (unsigned int k = 0; k < COMMANDS_PER_TURN; k++) {
		if (control_event_space(c) < 2)
			break;
		int rc = mr_ring_dequeue(&c->channel->commands, &m);
		if (rc < 0)
			handover_disconnect(c->handover);
		if (rc <= 0)
			break;
		memset(&e, 0, sizeof(e));
		e.type = MR_EVENT_REPLY;
		e.cookie = m.cookie;
		e.reply.command = m.type;
		e.reply.status = command_execute(c, &m);
		atomic_store_explicit(&c->config.workers.worker[0]->commands_done, e.cookie,
			memory_order_release);
		control_event(c, &e);
		any = true;
	}
	return any;
}

/* Packets that worker 0 has put up since the last look. The counter lies in
 * shared memory: a wrong one wakes the control plane once too often. */
static uint32_t packets_up_head(const struct control *c)
{
	return atomic_load_explicit(&c->channel->packets_up.shared->head, memory_order_acquire);
}

static void look_at_packets_up(struct control *c)
{
	uint32_t head = packets_up_head(c);

	if (head != c->packets_up_seen)
		c->wake = true;
	c->packets_up_seen = head;
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* One that hangs keeps the notices waiting, and with them the removal of viewers
 * that have gone. It, or its successor, gets the table when it attaches again. */
static void look_at_reader(struct control *c, uint64_t now_ns)
{
	if (control_event_space(c) >= 2) {
		c->unread_since_ns = 0;
	} else if (c->unread_since_ns == 0) {
		c->unread_since_ns = now_ns;
	} else if (now_ns - c->unread_since_ns > UNREAD_NS) {
		printf("control plane pid=%d does not read its events: disconnected\n",
			(int)handover_peer(c->handover));
		handover_disconnect(c->handover);
		c->unread_since_ns = now_ns;
	}
}

/* Whether notices, commands or packets up wait to be seen. */
static bool has_work(const struct control *c)
{
	for (unsigned int i = 0; i < c->config.workers.n; i++)
		if (rte_ring_empty(c->config.workers.worker[i]->notices) == 0)
			return true;
	return c->channel != NULL && (c->announcing || mr_ring_waits(&c->channel->commands) ||
					     packets_up_head(c) != c->packets_up_seen);
}

/* What waits for room in the events' ring is looked at again soon: nobody tells of room. */
static int control_wait(struct control *c, int timeout_ms)
{
	int events;

	if (c->config.bell != NULL)
		doorbell_arm(c->config.bell);
	if (has_work(c)) {
		bool room = c->channel == NULL || control_event_space(c) >= 2;

		timeout_ms = room ? 0 : RTE_MIN(timeout_ms, LOOK_MS);
	}
	events = handover_poll(c->handover, timeout_ms);
	if (c->config.bell != NULL)
		doorbell_disarm(c->config.bell);
	return events;
}

bool control_turn(struct control *c, int timeout_ms)
{
	int events = control_wait(c, timeout_ms);
	uint64_t now_ns = monotonic_ns();
	bool any = false;

	if (events > 0 && (events & HANDOVER_DETACHED) != 0)
		control_detach(c);
	if (events > 0 && (events & HANDOVER_ATTACHED) != 0)
		control_attach(c);
	any = take_notices(c);
	if (c->channel != NULL && c->announcing) {
		c->announcing = !announce_some(c);
		any = true;
	}
	if (c->channel != NULL && !c->announcing)
		any |= take_commands(c);
	/* Packets down have come, or what they wait for. */
	if (any || (events > 0 && (events & HANDOVER_DOORBELL) != 0))
		doorbell_ring(&c->config.workers.worker[0]->bell);
	if (c->channel != NULL) {
		look_at_packets_up(c);
		look_at_reader(c, now_ns);
	}
	any |= c->wake;
	if (c->wake)
		handover_notify(c->handover);
	c->wake = false;
	atomic_store_explicit(&c->config.stats->alive_ns, now_ns, memory_order_relaxed);
	return any;
}

static void sockets_error(
	const struct control_config *config, int rc, char *error, size_t error_len)
{
	const char *why = rc == -EADDRINUSE ? "another data plane listens there"
			  : rc == -EEXIST   ? "there is a file that is no socket; remove it"
			  : rc == -EACCES || rc == -EPERM
				  ? "this user may not make them; run as root, or name other paths"
			  : rc == -ENOENT ? "a directory above them is missing; make it"
					  : strerror(-rc);

	snprintf(error, error_len, "dataplane.controlSocket %s, dataplane.statsSocket %s: %s",
		config->control_socket, config->stats_socket, why);
}

int control_init(
	struct control *c, const struct control_config *config, char *error, size_t error_len)
{
	struct handover_config hc = HANDOVER_CONFIG_DEFAULT;
	int rc;

	memset(c, 0, sizeof(*c));
	c->config = *config;
	c->spread_slack = SPREAD_SLACK;
	c->view.stats = config->stats;
	c->view.size = config->stats->size;
	/* Each source and each viewer may have a next hop of its own. */
	rc = tables_init(&c->tables, config->max_streams, config->max_streams, config->max_viewers,
		NEXTHOPS_MAX / 2);
	if (rc != 0)
		goto err_error;
	rc = -ENOMEM;
	c->records = records_create(config->max_streams + config->max_viewers + 1,
		((size_t)config->max_streams + config->max_viewers + 8) * RECORD_BYTES_EACH);
	if (c->records == NULL)
		goto err_tables;
	c->keys = key_history_create();
	if (c->keys == NULL)
		goto err_records;
	hc.control_path = config->control_socket;
	hc.stats_path = config->stats_socket;
	hc.stats_memfd = config->stats_fd;
	hc.bell = config->bell != NULL ? config->bell->fd : -1;
	rc = handover_create(&c->handover, &hc);
	if (rc != 0)
		goto err_keys;
	return 0;

err_keys:
	key_history_destroy(c->keys);
err_records:
	records_destroy(c->records);
err_tables:
	tables_fini(&c->tables);
err_error:
	sockets_error(config, rc, error, error_len);
	return rc;
}

void control_fini(struct control *c)
{
	for (uint32_t i = 0; i < table_capacity(c->tables.viewers); i++) {
		struct viewer_entry *e = table_at(c->tables.viewers, i);
		if (e != NULL)
			viewer_entry_free(c, e);
	}
	for (uint32_t i = 0; i < table_capacity(c->tables.streams); i++) {
		struct stream_entry *e = table_at(c->tables.streams, i);
		if (e != NULL)
			stream_entry_free(c, e);
	}
	for (uint32_t i = 0; i < table_capacity(c->tables.paths); i++) {
		struct path_entry *e = table_at(c->tables.paths, i);
		if (e != NULL)
			path_entry_free(c, e);
	}
	handover_destroy(c->handover);
	key_history_destroy(c->keys);
	records_destroy(c->records);
	tables_fini(&c->tables);
}
