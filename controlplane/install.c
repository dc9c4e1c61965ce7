/* SPDX-License-Identifier: BSD-3-Clause */
/* Client of the data plane on the main loop: see install.h. Main thread, except
 * connect_thread(). */
#include "controlplane/install.h"

#include "controlplane/log.h"
#include "crypto/secret.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 1000
#define OUTSTANDING_MAX MR_CHANNEL_COMMANDS /* unanswered: replies must fit the event ring */
#define EVENTS_PER_TURN 256
#define PACKET_SLOTS_PER_TURN 512
#define PACKET_KINDS 8
#define ID_BLOCK 4096u /* ids reserved at once in the global record */

enum install_state { STATE_IDLE, STATE_CONNECTING, STATE_TABLE, STATE_ATTACHED };

/* One command, first waiting for room, then for its reply. */
struct pending {
	uint64_t cookie;
	install_reply_fn reply; /* NULL: nobody asks */
	void *user;
	struct mr_command *command; /* owned; NULL once in the ring */
};

struct packet_handler {
	install_packet_fn handler;
	void *user;
};

struct install {
	char *socket_path;
	enum install_state state;
	struct mr_client client; /* valid from STATE_TABLE on */
	guint retry_timer;
	guint socket_watch;
	guint event_watch;
	guint again;       /* idle source: rings not yet empty */
	GSource *doorbell; /* rings once per turn of the loop */
	bool doorbell_due;
	int last_error; /* of connecting, so that it is logged once */
	GCancellable *cancel;

	uint64_t cookie;
	GQueue waiting; /* struct pending, not yet in the ring */
	GQueue sent;    /* struct pending, in the ring or beyond, in order */
	GArray *listeners;
	struct packet_handler packets[PACKET_KINDS];
	struct mr_packet_joiner joiner;

	struct mr_port_info ports[MR_PORTS_MAX];
	size_t n_ports;
	uint32_t next_id;
	uint32_t reserved_id; /* ids below are reserved in the global record */
};

static void detach(struct install *install, const char *why);
static void connect_soon(struct install *install);

static void pending_free(struct pending *p)
{
	if (p->command) {
		secret_wipe(p->command, sizeof(*p->command));
		g_free(p->command);
	}
	g_free(p);
}

static void pending_finish(struct pending *p, int status)
{
	if (p->reply)
		p->reply(status, p->user);
	pending_free(p);
}

/* ---- down ---- */

/* Rings before the loop sleeps: one system call for all that a turn enqueued. */
struct doorbell_source {
	GSource source;
	struct install *install;
};

static gboolean doorbell_prepare(GSource *source, gint *timeout)
{
	struct install *install = ((struct doorbell_source *)source)->install;

	*timeout = -1;
	if (install->doorbell_due && install->state >= STATE_TABLE) {
		install->doorbell_due = false;
		mr_client_ring_doorbell(&install->client);
	}
	return FALSE;
}

static gboolean doorbell_dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs doorbell_funcs = {
	.prepare = doorbell_prepare,
	.dispatch = doorbell_dispatch,
};

static void flush_commands(struct install *install)
{
	struct pending *p;
	int rc;

	while (install->sent.length < OUTSTANDING_MAX &&
		(p = g_queue_peek_head(&install->waiting)) != NULL) {
		rc = mr_ring_enqueue(
			&install->client.channel.commands, p->command, sizeof(*p->command));
		if (rc < 0)
			return; /* full: the next reply makes room; -EPROTO shows on reading */
		secret_wipe(p->command, sizeof(*p->command));
		g_free(p->command);
		p->command = NULL;
		g_queue_push_tail(&install->sent, g_queue_pop_head(&install->waiting));
		install->doorbell_due = true;
	}
}

int install_command(struct install *install, const struct mr_command *command,
	install_reply_fn reply, void *user)
{
	struct pending *p;

	if (install->state < STATE_TABLE)
		return -ENOTCONN;
	if (install->waiting.length >= INSTALL_QUEUE_MAX)
		return -ENOBUFS;
	p = g_new0(struct pending, 1);
	p->cookie = ++install->cookie;
	p->reply = reply;
	p->user = user;
	p->command = g_memdup2(command, sizeof(*command));
	p->command->cookie = p->cookie;
	g_queue_push_tail(&install->waiting, p);
	flush_commands(install);
	return 0;
}

static void forget_in(GQueue *queue, const void *user)
{
	for (GList *l = queue->head; l; l = l->next) {
		struct pending *p = l->data;

		if (p->user == user)
			p->reply = NULL;
	}
}

void install_forget(struct install *install, const void *user)
{
	forget_in(&install->waiting, user);
	forget_in(&install->sent, user);
}

int install_send_packet(
	struct install *install, const struct mr_packet *head, const void *data, size_t len)
{
	struct mr_packet ordered;
	int rc;

	if (install->state < STATE_TABLE)
		return -ENOTCONN;
	memcpy(&ordered, head, offsetof(struct mr_packet, data));
	/* Not before what was commanded up to now: the packet may need it. */
	ordered.after = install->sent.length + install->waiting.length > 0 ? install->cookie : 0;
	rc = mr_packet_put(&install->client.channel.packets_down, &ordered, data, len);
	if (rc == 0)
		install->doorbell_due = true;
	return rc;
}

int install_put_record(
	struct install *install, uint32_t kind, uint32_t id, const void *data, size_t len)
{
	struct mr_command command = {.type = MR_COMMAND_RECORD_PUT};
	int rc;

	if (len > sizeof(command.record.data))
		return -EMSGSIZE;
	command.record.kind = kind;
	command.record.id = id;
	command.record.len = len;
	memcpy(command.record.data, data, len);
	rc = install_command(install, &command, NULL, NULL);
	secret_wipe(&command, sizeof(command));
	return rc;
}

int install_keep_fd(struct install *install, uint32_t kind, uint32_t id, uint32_t slot, int fd)
{
	if (install->state < STATE_TABLE)
		return -ENOTCONN;
	return mr_client_keep_fd(&install->client, kind, id, slot, fd);
}

/* ---- ids ---- */

/* Streams and next hops have no record of their own, so the mark below which
 * ids may be in use is kept in the global record, a block ahead. */
static void reserve_ids(struct install *install)
{
	char text[64];
	int len;

	if (install->next_id + ID_BLOCK / 2 < install->reserved_id)
		return;
	install->reserved_id = install->next_id + ID_BLOCK;
	len = snprintf(text, sizeof(text), "{\"version\":1,\"nextId\":%u}", install->reserved_id);
	install_put_record(install, MR_RECORD_GLOBAL, 0, text, len);
}

static void see_id(struct install *install, uint32_t id)
{
	if (id < MR_VIEWER_FIXED_BASE && id >= install->next_id)
		install->next_id = id + 1;
}

static void see_global_record(struct install *install, const struct mr_record *record)
{
	char text[64];
	unsigned int version, next;

	snprintf(text, sizeof(text), "%.*s", (int)MIN(record->len, sizeof(text) - 1),
		(const char *)record->data);
	if (sscanf(text, "{\"version\":%u,\"nextId\":%u}", &version, &next) == 2 && version == 1 &&
		next > 0)
		see_id(install, next - 1);
}

uint32_t install_new_id(struct install *install)
{
	uint32_t id = install->next_id++;

	reserve_ids(install);
	return id;
}

size_t install_ports(const struct install *install, const struct mr_port_info **ports)
{
	*ports = install->ports;
	return install->n_ports;
}

/* ---- up ---- */

static void take_reply(struct install *install, const struct mr_event *event)
{
	struct pending *p;

	/* In order; one that was skipped (event ring full) will not come any more. */
	while ((p = g_queue_peek_head(&install->sent)) != NULL && p->cookie < event->cookie) {
		g_queue_pop_head(&install->sent);
		pending_finish(p, -EPROTO);
		if (install->state < STATE_TABLE)
			return;
	}
	if (!p || p->cookie != event->cookie)
		return;
	g_queue_pop_head(&install->sent);
	flush_commands(install);
	pending_finish(p, event->reply.status > 0 ? -EPROTO : event->reply.status);
}

static void take_port(struct install *install, const struct mr_port_info *port)
{
	if (install->n_ports == MR_PORTS_MAX)
		return;
	install->ports[install->n_ports] = *port;
	install->ports[install->n_ports].name[sizeof(port->name) - 1] = '\0';
	install->ports[install->n_ports].netdev[sizeof(port->netdev) - 1] = '\0';
	install->n_ports++;
}

static void table_end(struct install *install)
{
	if (install->state != STATE_TABLE)
		return;
	install->state = STATE_ATTACHED;
	install->reserved_id = 0;
	reserve_ids(install);
	log_info("-", "event=attached dataplane_pid=%u ports=%zu", install->client.dataplane_pid,
		install->n_ports);
	for (guint i = 0; i < install->listeners->len; i++) {
		struct install_listener *l =
			&g_array_index(install->listeners, struct install_listener, i);

		if (l->attached)
			l->attached(l->user);
	}
}

static void take_event(struct install *install, const struct mr_event *event)
{
	switch (event->type) {
	case MR_EVENT_REPLY:
		take_reply(install, event);
		return;
	case MR_EVENT_PORT:
		take_port(install, &event->port);
		break;
	case MR_EVENT_TABLE_END:
		table_end(install);
		return;
	case MR_EVENT_RECORD:
		if (event->record.len > MR_RECORD_MAX)
			return;
		if (event->record.kind == MR_RECORD_GLOBAL)
			see_global_record(install, &event->record);
		else
			see_id(install, event->record.id);
		break;
	default:
		break;
	}
	for (guint i = 0; i < install->listeners->len; i++) {
		struct install_listener *l =
			&g_array_index(install->listeners, struct install_listener, i);

		if (l->event)
			l->event(event, l->user);
	}
}

static gboolean drain(gpointer user);

static void drain_again(struct install *install)
{
	if (install->again == 0)
		install->again = g_idle_add_full(G_PRIORITY_DEFAULT, drain, install, NULL);
}

static int drain_events(struct install *install)
{
	struct mr_event event;
	int rc;

	for (unsigned int i = 0; i < EVENTS_PER_TURN; i++) {
		rc = mr_ring_dequeue(&install->client.channel.events, &event);
		if (rc <= 0)
			return rc;
		take_event(install, &event);
		secret_wipe(&event, sizeof(event)); /* records may hold credentials */
	}
	drain_again(install);
	return 0;
}

static int drain_packets(struct install *install)
{
	unsigned int budget = PACKET_SLOTS_PER_TURN;
	struct mr_packet_joiner *j = &install->joiner;
	int rc;

	while (budget > 0) {
		rc = mr_packet_take(&install->client.channel.packets_up, j, &budget);
		if (rc <= 0)
			break;
		if (j->head.kind < PACKET_KINDS && install->packets[j->head.kind].handler)
			install->packets[j->head.kind].handler(
				&j->head, j->data, install->packets[j->head.kind].user);
	}
	if (budget == 0)
		drain_again(install);
	return budget == 0 ? 0 : rc;
}

static gboolean drain(gpointer user)
{
	struct install *install = user;

	install->again = 0;
	if (install->state < STATE_TABLE)
		return G_SOURCE_REMOVE;
	if (drain_events(install) < 0 || drain_packets(install) < 0)
		detach(install, "the channel is damaged");
	return G_SOURCE_REMOVE;
}

static gboolean on_event_fd(gint fd, GIOCondition condition, gpointer user)
{
	struct install *install = user;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN) {
		install->event_watch = 0;
		detach(install, "the event descriptor failed");
		return G_SOURCE_REMOVE;
	}
	if (install->again == 0)
		drain(install);
	return G_SOURCE_CONTINUE;
}

static void take_kept_fd(struct install *install, const struct mr_socket_message *m, int fd)
{
	for (guint i = 0; i < install->listeners->len; i++) {
		struct install_listener *l =
			&g_array_index(install->listeners, struct install_listener, i);

		if (l->kept_fd && l->kept_fd(m->kind, m->id, m->slot, fd, l->user))
			return;
	}
	close(fd);
}

static gboolean on_socket(gint fd, GIOCondition condition, gpointer user)
{
	struct install *install = user;
	struct mr_socket_message m;
	unsigned int n = 0;
	int kept = -1;
	int rc;

	rc = mr_socket_receive(fd, &m, &kept, 1, &n);
	if (rc == -EAGAIN || rc == -EINTR)
		return G_SOURCE_CONTINUE;
	if (rc < 0) {
		install->socket_watch = 0;
		detach(install, "the data plane went");
		return G_SOURCE_REMOVE;
	}
	if (n == 1 && m.type == MR_SOCKET_FD)
		take_kept_fd(install, &m, kept);
	else if (n == 1)
		close(kept);
	return G_SOURCE_CONTINUE;
}

/* ---- connecting ---- */

struct connect_job {
	char *socket_path;
	struct mr_client client;
	int rc;
};

static void connect_job_free(gpointer data)
{
	struct connect_job *job = data;

	if (job->rc == 0)
		mr_client_close(&job->client);
	g_free(job->socket_path);
	g_free(job);
}

/* Waits for HELLO, which a stopped data plane never sends: not on the loop. */
static void connect_thread(
	GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
	struct connect_job *job = task_data;

	job->rc = mr_client_connect(&job->client, job->socket_path, CONNECT_TIMEOUT_MS);
	g_task_return_boolean(task, TRUE);
}

static void connect_done(GObject *source, GAsyncResult *result, gpointer user)
{
	struct connect_job *job = g_task_get_task_data(G_TASK(result));
	struct install *install = user;

	if (g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result))))
		return; /* install is gone; the job closes what it has */
	if (job->rc < 0) {
		if (job->rc != install->last_error)
			log_warn("-", "event=no_dataplane socket=%s error=\"%s\"",
				install->socket_path, g_strerror(-job->rc));
		install->last_error = job->rc;
		install->state = STATE_IDLE;
		connect_soon(install);
		return;
	}
	install->client = job->client;
	job->rc = -ECANCELED; /* the client is ours now */
	install->last_error = 0;
	install->state = STATE_TABLE;
	install->n_ports = 0;
	install->joiner.have = 0;
	install->socket_watch = g_unix_fd_add(
		install->client.socket, G_IO_IN | G_IO_HUP | G_IO_ERR, on_socket, install);
	install->event_watch =
		g_unix_fd_add(install->client.event_fd, G_IO_IN, on_event_fd, install);
	drain_again(install);
}

static gboolean connect_now(gpointer user)
{
	struct install *install = user;
	struct connect_job *job = g_new0(struct connect_job, 1);
	GTask *task = g_task_new(NULL, install->cancel, connect_done, install);

	install->retry_timer = 0;
	install->state = STATE_CONNECTING;
	job->rc = -ECANCELED;
	job->socket_path = g_strdup(install->socket_path);
	g_task_set_task_data(task, job, connect_job_free);
	g_task_run_in_thread(task, connect_thread);
	g_object_unref(task);
	return G_SOURCE_REMOVE;
}

static void connect_soon(struct install *install)
{
	install->retry_timer = g_timeout_add(INSTALL_RETRY_MS, connect_now, install);
}

static void close_client(struct install *install)
{
	if (install->state < STATE_TABLE)
		return;
	g_clear_handle_id(&install->socket_watch, g_source_remove);
	g_clear_handle_id(&install->event_watch, g_source_remove);
	g_clear_handle_id(&install->again, g_source_remove);
	mr_client_close(&install->client);
}

static void detach(struct install *install, const char *why)
{
	bool announced = install->state == STATE_ATTACHED;
	struct pending *p;

	log_warn("-", "event=detached why=\"%s\"", why);
	close_client(install);
	install->state = STATE_IDLE;
	install->doorbell_due = false;
	while ((p = g_queue_pop_head(&install->sent)) != NULL ||
		(p = g_queue_pop_head(&install->waiting)) != NULL)
		pending_finish(p, -ENOTCONN);
	for (guint i = 0; announced && i < install->listeners->len; i++) {
		struct install_listener *l =
			&g_array_index(install->listeners, struct install_listener, i);

		if (l->detached)
			l->detached(l->user);
	}
	connect_soon(install);
}

/* ---- life ---- */

struct install *install_create(const char *socket_path)
{
	struct install *install = g_new0(struct install, 1);

	install->socket_path = g_strdup(socket_path);
	install->listeners = g_array_new(FALSE, FALSE, sizeof(struct install_listener));
	install->cancel = g_cancellable_new();
	install->next_id = 1;
	g_queue_init(&install->waiting);
	g_queue_init(&install->sent);
	install->doorbell = g_source_new(&doorbell_funcs, sizeof(struct doorbell_source));
	((struct doorbell_source *)install->doorbell)->install = install;
	g_source_attach(install->doorbell, NULL);
	return install;
}

void install_start(struct install *install)
{
	if (install->state == STATE_IDLE && install->retry_timer == 0)
		connect_now(install);
}

static gboolean on_finish_timeout(gpointer user)
{
	*(bool *)user = true;
	return G_SOURCE_REMOVE;
}

static void forget_all(struct install *install, GQueue *queue)
{
	for (GList *l = queue->head; l; l = l->next)
		((struct pending *)l->data)->reply = NULL;
}

void install_finish(struct install *install, unsigned int timeout_ms)
{
	bool over = false;
	guint timer;

	g_array_set_size(install->listeners, 0);
	memset(install->packets, 0, sizeof(install->packets));
	forget_all(install, &install->waiting);
	forget_all(install, &install->sent);
	timer = g_timeout_add(timeout_ms, on_finish_timeout, &over);
	while (!over && install->state >= STATE_TABLE &&
		(install->waiting.length > 0 || install->sent.length > 0))
		g_main_context_iteration(NULL, TRUE);
	if (!over)
		g_source_remove(timer);
}

void install_destroy(struct install *install)
{
	if (!install)
		return;
	g_cancellable_cancel(install->cancel);
	g_object_unref(install->cancel);
	g_clear_handle_id(&install->retry_timer, g_source_remove);
	if (install->doorbell_due && install->state >= STATE_TABLE)
		mr_client_ring_doorbell(&install->client);
	close_client(install);
	g_source_destroy(install->doorbell);
	g_source_unref(install->doorbell);
	g_queue_clear_full(&install->waiting, (GDestroyNotify)pending_free);
	g_queue_clear_full(&install->sent, (GDestroyNotify)pending_free);
	g_array_free(install->listeners, TRUE);
	g_free(install->socket_path);
	g_free(install);
}

void install_add_listener(struct install *install, const struct install_listener *listener)
{
	g_array_append_vals(install->listeners, listener, 1);
}

void install_on_packet(
	struct install *install, uint32_t kind, install_packet_fn handler, void *user)
{
	g_assert(kind < PACKET_KINDS);
	install->packets[kind].handler = handler;
	install->packets[kind].user = user;
}

bool install_attached(const struct install *install)
{
	return install->state == STATE_ATTACHED;
}
