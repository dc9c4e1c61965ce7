/* SPDX-License-Identifier: BSD-3-Clause */
/* Who hears what comes from the data plane: see install_listeners.h. Main thread. */
#include "controlplane/install_listeners.h"

#include <string.h>

void install_listeners_init(struct install_listeners *l)
{
	memset(l, 0, sizeof(*l));
	l->list = g_array_new(FALSE, FALSE, sizeof(struct install_listener));
}

void install_listeners_fini(struct install_listeners *l)
{
	g_array_free(l->list, TRUE);
}

void install_listeners_clear(struct install_listeners *l)
{
	g_array_set_size(l->list, 0);
	memset(l->packets, 0, sizeof(l->packets));
}

void install_listeners_add(struct install_listeners *l, const struct install_listener *listener)
{
	g_array_append_vals(l->list, listener, 1);
}

void install_listeners_on_packet(
	struct install_listeners *l, uint32_t kind, install_packet_fn handler, void *user)
{
	g_assert(kind < INSTALL_PACKET_KINDS);
	l->packets[kind].handler = handler;
	l->packets[kind].user = user;
}

static const struct install_listener *at(const struct install_listeners *l, guint i)
{
	return &g_array_index(l->list, struct install_listener, i);
}

void install_listeners_tell(const struct install_listeners *l, enum install_notice notice)
{
	for (guint i = 0; i < l->list->len; i++) {
		const struct install_listener *to = at(l, i);
		void (*const calls[])(void *user) = {
			[INSTALL_ATTACHED] = to->attached,
			[INSTALL_DETACHED] = to->detached,
			[INSTALL_ABSENT] = to->absent,
			[INSTALL_OTHER_RELEASE] = to->other_release,
		};

		if (calls[notice])
			calls[notice](to->user);
	}
}

void install_listeners_event(const struct install_listeners *l, const struct mr_event *event)
{
	for (guint i = 0; i < l->list->len; i++) {
		const struct install_listener *to = at(l, i);

		if (to->event)
			to->event(event, to->user);
	}
}

void install_listeners_packet(
	const struct install_listeners *l, const struct mr_packet *head, const uint8_t *data)
{
	if (head->kind < INSTALL_PACKET_KINDS && l->packets[head->kind].handler)
		l->packets[head->kind].handler(head, data, l->packets[head->kind].user);
}

bool install_listeners_fd(
	const struct install_listeners *l, const struct mr_socket_message *m, int fd)
{
	for (guint i = 0; i < l->list->len; i++) {
		const struct install_listener *to = at(l, i);

		if (to->kept_fd && to->kept_fd(m->kind, m->id, m->slot, fd, to->user))
			return true;
	}
	return false;
}
