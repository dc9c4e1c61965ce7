/* SPDX-License-Identifier: BSD-3-Clause */
/* install.h as the tests see it: everything is kept, nothing is sent. */
#include "tests/unit/source/recorder.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct install {
	struct recorder *recorder;
	struct install_listener listeners[4];
	unsigned int n_listeners;
	bool attached;
	uint32_t last_id;
	struct mr_port_info ports[MR_PORTS_MAX];
	unsigned int n_ports;
	GSList *replies; /* struct pending_reply: the main loop delivers them */
};

struct install *recorder_create(struct recorder *r)
{
	struct install *install = g_new0(struct install, 1);

	memset(r, 0, sizeof(*r));
	r->commands = g_array_new(FALSE, FALSE, sizeof(struct mr_command));
	install->recorder = r;
	install->last_id = 100;
	for (unsigned int i = 0; i < MR_RECORD_FDS; i++)
		r->kept[i] = -1;
	return install;
}

void recorder_destroy(struct install *install)
{
	while (install->replies)
		g_main_context_iteration(NULL, TRUE);
	for (unsigned int i = 0; i < MR_RECORD_FDS; i++) {
		if (install->recorder->kept[i] >= 0)
			close(install->recorder->kept[i]);
	}
	g_array_free(install->recorder->commands, TRUE);
	g_free(install);
}

void recorder_attach(struct install *install)
{
	install->attached = true;
	for (unsigned int i = 0; i < install->n_listeners; i++) {
		if (install->listeners[i].attached)
			install->listeners[i].attached(install->listeners[i].user);
	}
}

void recorder_detach(struct install *install)
{
	install->attached = false;
	for (unsigned int i = 0; i < install->n_listeners; i++) {
		if (install->listeners[i].detached)
			install->listeners[i].detached(install->listeners[i].user);
	}
}

void recorder_absent(struct install *install)
{
	for (unsigned int i = 0; i < install->n_listeners; i++) {
		if (install->listeners[i].absent)
			install->listeners[i].absent(install->listeners[i].user);
	}
}

void recorder_give(struct install *install, uint32_t kind, uint32_t id, uint32_t slot, int fd)
{
	for (unsigned int i = 0; i < install->n_listeners; i++) {
		const struct install_listener *l = &install->listeners[i];

		if (l->kept_fd && l->kept_fd(kind, id, slot, fd, l->user))
			return;
	}
	close(fd);
}

void recorder_event(struct install *install, const struct mr_event *event)
{
	for (unsigned int i = 0; i < install->n_listeners; i++) {
		if (install->listeners[i].event)
			install->listeners[i].event(event, install->listeners[i].user);
	}
}

void recorder_add_port(struct install *install, const struct mr_port_info *port)
{
	struct mr_event event = {.type = MR_EVENT_PORT};

	install->ports[install->n_ports++] = *port;
	event.port = *port;
	recorder_event(install, &event);
}

unsigned int recorder_count(const struct recorder *r, uint32_t type)
{
	unsigned int n = 0;

	for (guint i = 0; i < r->commands->len; i++)
		n += g_array_index(r->commands, struct mr_command, i).type == type;
	return n;
}

const struct mr_command *recorder_last(const struct recorder *r, uint32_t type)
{
	for (guint i = r->commands->len; i > 0; i--) {
		const struct mr_command *c = &g_array_index(r->commands, struct mr_command, i - 1);

		if (c->type == type)
			return c;
	}
	return NULL;
}

const struct mr_stream_bind *recorder_bind(const struct recorder *r, uint32_t stream_id)
{
	for (guint i = r->commands->len; i > 0; i--) {
		const struct mr_command *c = &g_array_index(r->commands, struct mr_command, i - 1);

		if (c->type == MR_COMMAND_STREAM_BIND && c->stream_bind.stream_id == stream_id)
			return &c->stream_bind;
	}
	return NULL;
}

/* ---- install.h ---- */

void install_add_listener(struct install *install, const struct install_listener *listener)
{
	g_assert(install->n_listeners < G_N_ELEMENTS(install->listeners));
	install->listeners[install->n_listeners++] = *listener;
}

bool install_attached(const struct install *install)
{
	return install->attached;
}

struct pending_reply {
	struct install *install;
	install_reply_fn reply;
	void *user;
	int status;
};

static gboolean deliver(gpointer data)
{
	struct pending_reply *p = data;
	struct install *install = p->install;

	install->replies = g_slist_remove(install->replies, p);
	if (p->reply)
		p->reply(p->status, p->user);
	g_free(p);
	return G_SOURCE_REMOVE;
}

int install_command(struct install *install, const struct mr_command *command,
	install_reply_fn reply, void *user)
{
	struct pending_reply *p;

	if (!install->attached)
		return -ENOTCONN;
	g_array_append_val(install->recorder->commands, *command);
	if (!reply)
		return 0;
	p = g_new0(struct pending_reply, 1);
	if (command->type == MR_COMMAND_STREAM_ADD)
		p->status = install->recorder->stream_add;
	if (command->type == MR_COMMAND_NEXTHOP_DEL)
		p->status = install->recorder->nexthop_del;
	p->install = install;
	p->reply = reply;
	p->user = user;
	install->replies = g_slist_append(install->replies, p);
	g_idle_add_full(G_PRIORITY_DEFAULT, deliver, p, NULL);
	return 0;
}

void install_forget(struct install *install, const void *user)
{
	for (GSList *l = install->replies; l; l = l->next) {
		struct pending_reply *p = l->data;

		if (p->user == user)
			p->reply = NULL;
	}
}

int install_send_packet(
	struct install *install, const struct mr_packet *head, const void *data, size_t len)
{
	struct recorder *r = install->recorder;
	const uint8_t *p = data;
	uint16_t sequence;

	if (!install->attached)
		return -ENOTCONN;
	if (r->full > 0) {
		r->full--;
		return -EAGAIN;
	}
	if (head->kind != MR_PACKET_DOWN_RTP || !head->stream_id || len < 12 || p[0] >> 6 != 2) {
		r->rtp_bad++;
		return 0;
	}
	sequence = (uint16_t)(p[2] << 8 | p[3]);
	r->rtp_gaps += r->rtp[p[1] & 127] > 0 && sequence != r->rtp_next[p[1] & 127];
	r->rtp_next[p[1] & 127] = (uint16_t)(sequence + 1);
	r->rtp[p[1] & 127]++;
	r->rtp_len[p[1] & 127] = len;
	r->rtp_stream[p[1] & 127] = head->stream_id;
	if (len > r->rtp_longest)
		r->rtp_longest = len;
	return 0;
}

uint32_t install_new_id(struct install *install)
{
	return ++install->last_id;
}

int install_keep_fd(struct install *install, uint32_t kind, uint32_t id, uint32_t slot, int fd)
{
	int *kept = &install->recorder->kept[slot];

	if (!install->attached)
		return -ENOTCONN;
	if (*kept >= 0)
		close(*kept);
	*kept = fd < 0 ? -1 : dup(fd);
	return 0;
}

int install_put_record(
	struct install *install, uint32_t kind, uint32_t id, const void *data, size_t len)
{
	struct recorder *r = install->recorder;

	if (len > MR_RECORD_MAX)
		return -EINVAL;
	r->record.kind = kind;
	r->record.id = id;
	r->record.len = (uint32_t)len;
	memcpy(r->record.data, data, len);
	return 0;
}

size_t install_ports(const struct install *install, const struct mr_port_info **ports)
{
	*ports = install->ports;
	return install->n_ports;
}
