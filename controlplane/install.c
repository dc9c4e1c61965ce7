/* SPDX-License-Identifier: BSD-3-Clause */
/* Client of the data plane on the main loop: see install.h. Main thread. */
#include "controlplane/install.h"

#include "controlplane/absence.h"
#include "controlplane/command_queue.h"
#include "controlplane/connector.h"
#include "controlplane/doorbell.h"
#include "controlplane/id_block.h"
#include "controlplane/install_listeners.h"
#include "controlplane/log.h"
#include "crypto/secret.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_PER_TURN 256
#define PACKET_SLOTS_PER_TURN 512
#define PACKETS_KEPT 128 /* slots of the ring down that media leaves to handshakes */

/* TABLE: what runs is being told, by ring and socket; both must have ended. */
enum install_state { STATE_IDLE, STATE_CONNECTING, STATE_TABLE, STATE_ATTACHED };

struct install {
	char *socket_path;
	enum install_state state;
	struct mr_client client; /* valid from STATE_TABLE on */
	guint retry_timer;
	guint socket_watch;
	guint event_watch;
	guint again;     /* idle source: rings not yet empty */
	bool table_told; /* TABLE_END came */
	bool fds_told;   /* MR_SOCKET_FD_END came */
	struct absence absence;
	struct doorbell doorbell;
	GCancellable *cancel;

	struct command_queue commands;
	struct install_listeners listeners;
	struct mr_packet_joiner joiner;

	struct mr_port_info ports[MR_PORTS_MAX];
	size_t n_ports;
	struct id_block ids;
};

static void detach(struct install *install, const char *why);
static void connect_soon(struct install *install);

/* ---- down ---- */

static void flush_commands(struct install *install)
{
	if (command_queue_flush(&install->commands, &install->client.channel.commands))
		install->doorbell.due = true;
}

int install_command(struct install *install, const struct mr_command *command,
	install_reply_fn reply, void *user)
{
	int rc;

	if (install->state < STATE_TABLE)
		return -ENOTCONN;
	rc = command_queue_add(&install->commands, command, reply, user);
	if (rc == 0)
		flush_commands(install);
	return rc;
}

void install_forget(struct install *install, const void *user)
{
	command_queue_forget(&install->commands, user);
}

/* Media waits for room with some left for handshakes and checks; an error is not looked at
 * here. */
static bool has_room(const struct mr_ring *packets)
{
	int space = mr_ring_space(packets);

	return space < 0 || space >= PACKETS_KEPT;
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
	ordered.after = command_queue_last_open(&install->commands);
	if (head->kind == MR_PACKET_DOWN_RTP && !has_room(&install->client.channel.packets_down))
		rc = -EAGAIN;
	else
		rc = mr_packet_put(&install->client.channel.packets_down, &ordered, data, len);
	if (rc == 0 || rc == -EAGAIN)
		install->doorbell.due = true;
	if (rc == -EAGAIN) /* now, not at the end of the turn: it has something to take */
		doorbell_flush(&install->doorbell);
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

static void reserve_ids(struct install *install)
{
	char text[ID_BLOCK_RECORD];
	size_t len;

	if (id_block_reserve(&install->ids, text, &len))
		install_put_record(install, MR_RECORD_GLOBAL, 0, text, len);
}

uint32_t install_new_id(struct install *install)
{
	uint32_t id = id_block_new(&install->ids);

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
	command_queue_reply(&install->commands, event->cookie, event->reply.status);
	if (install->state >= STATE_TABLE)
		flush_commands(install);
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

/* What runs is known once the records and the descriptors beside them have come. */
static void table_end(struct install *install)
{
	if (install->state != STATE_TABLE || !install->table_told || !install->fds_told)
		return;
	install->state = STATE_ATTACHED;
	install->ids.reserved = 0;
	reserve_ids(install);
	log_info("-", "event=attached dataplane_pid=%u ports=%zu", install->client.dataplane_pid,
		install->n_ports);
	install_listeners_tell(&install->listeners, INSTALL_ATTACHED);
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
		install->table_told = true;
		table_end(install);
		return;
	case MR_EVENT_RECORD:
		if (event->record.len > MR_RECORD_MAX)
			return;
		if (event->record.kind == MR_RECORD_GLOBAL)
			id_block_see_record(&install->ids, event->record.data, event->record.len);
		else
			id_block_see(&install->ids, event->record.id);
		break;
	default:
		break;
	}
	install_listeners_event(&install->listeners, event);
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
		install_listeners_packet(&install->listeners, &j->head, j->data);
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

	mr_client_clear_event(&install->client);
	if (install->again == 0)
		drain(install);
	return G_SOURCE_CONTINUE; /* drain() has removed it when it detached */
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
	if (n == 1 &&
		(m.type != MR_SOCKET_FD || !install_listeners_fd(&install->listeners, &m, kept)))
		close(kept);
	if (m.type == MR_SOCKET_FD_END) {
		install->fds_told = true;
		table_end(install);
	}
	return G_SOURCE_CONTINUE;
}

/* ---- connecting ---- */

static void on_connected(int rc, const struct mr_client *client, void *user)
{
	struct install *install = user;

	absence_note(&install->absence, install->socket_path, rc, client->dataplane_version);
	if (rc < 0) {
		install->state = STATE_IDLE;
		connect_soon(install);
		if (absence_is_sure(&install->absence))
			install_listeners_tell(&install->listeners, INSTALL_ABSENT);
		else if (rc == -EPROTONOSUPPORT)
			install_listeners_tell(&install->listeners, INSTALL_OTHER_RELEASE);
		return;
	}
	install->client = *client;
	install->state = STATE_TABLE;
	install->n_ports = 0;
	install->table_told = install->fds_told = false;
	install->doorbell.client = &install->client;
	mr_packet_joiner_init(&install->joiner);
	install->socket_watch = g_unix_fd_add(
		install->client.socket, G_IO_IN | G_IO_HUP | G_IO_ERR, on_socket, install);
	install->event_watch =
		g_unix_fd_add(install->client.event_fd, G_IO_IN, on_event_fd, install);
	drain_again(install);
}

static gboolean connect_now(gpointer user)
{
	struct install *install = user;

	install->retry_timer = 0;
	if (absence_wait(&install->absence, install->socket_path)) {
		connect_soon(install);
		return G_SOURCE_REMOVE;
	}
	install->state = STATE_CONNECTING;
	connector_start(install->socket_path, install->cancel, on_connected, install);
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
	install->doorbell.client = NULL;
	install->doorbell.due = false;
	mr_client_close(&install->client);
}

static void detach(struct install *install, const char *why)
{
	bool told = install->state >= STATE_TABLE;

	log_warn("-", "event=detached why=\"%s\"", why);
	close_client(install);
	install->state = STATE_IDLE;
	absence_lost(&install->absence);
	command_queue_fail(&install->commands, -ENOTCONN);
	if (told)
		install_listeners_tell(&install->listeners, INSTALL_DETACHED);
	connect_soon(install);
}

/* ---- life ---- */

struct install *install_create(const char *socket_path)
{
	struct install *install = g_new0(struct install, 1);

	install->socket_path = g_strdup(socket_path);
	install_listeners_init(&install->listeners);
	install->cancel = g_cancellable_new();
	id_block_init(&install->ids);
	command_queue_init(&install->commands);
	doorbell_init(&install->doorbell);
	absence_init(&install->absence);
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

void install_finish(struct install *install, unsigned int timeout_ms)
{
	bool over = false;
	guint timer;

	install_listeners_clear(&install->listeners);
	command_queue_forget_all(&install->commands);
	timer = g_timeout_add(timeout_ms, on_finish_timeout, &over);
	while (!over && install->state >= STATE_TABLE &&
		command_queue_last_open(&install->commands) != 0)
		g_main_context_iteration(NULL, TRUE);
	if (!over)
		g_source_remove(timer);
	doorbell_flush(&install->doorbell);
	close_client(install);
	install->state = STATE_IDLE;
	command_queue_fail(&install->commands, -ENOTCONN);
}

void install_destroy(struct install *install)
{
	if (!install)
		return;
	g_cancellable_cancel(install->cancel);
	g_object_unref(install->cancel);
	g_clear_handle_id(&install->retry_timer, g_source_remove);
	doorbell_flush(&install->doorbell);
	close_client(install);
	doorbell_fini(&install->doorbell);
	command_queue_fini(&install->commands);
	install_listeners_fini(&install->listeners);
	g_free(install->socket_path);
	g_free(install);
}

void install_add_listener(struct install *install, const struct install_listener *listener)
{
	install_listeners_add(&install->listeners, listener);
}

void install_on_packet(
	struct install *install, uint32_t kind, install_packet_fn handler, void *user)
{
	install_listeners_on_packet(&install->listeners, kind, handler, user);
}

bool install_attached(const struct install *install)
{
	return install->state == STATE_ATTACHED;
}

bool install_knows(const struct install *install)
{
	return install->state == STATE_ATTACHED || absence_is_sure(&install->absence);
}

bool install_knows_soon(const struct install *install)
{
	return install_knows(install) || absence_is_brief(&install->absence);
}

const char *install_why_not(const struct install *install)
{
	return install->absence.why;
}
