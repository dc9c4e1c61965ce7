/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who hears what comes from the data plane, for install.c: listeners, each of whom is told
 * all in the order in which they were added, and one handler for each kind of packet. See
 * install.h for what they are told, and when. A callback adds none. Main thread.
 */
#ifndef CONTROLPLANE_INSTALL_LISTENERS_H
#define CONTROLPLANE_INSTALL_LISTENERS_H

#include "controlplane/install.h"

#include <glib.h>

#define INSTALL_PACKET_KINDS 8

/* Members of struct install_listener that take nothing else. */
enum install_notice { INSTALL_ATTACHED, INSTALL_DETACHED, INSTALL_ABSENT, INSTALL_OTHER_RELEASE };

struct install_listeners {
	GArray *list; /* struct install_listener */
	struct {
		install_packet_fn handler; /* NULL: nobody wants them */
		void *user;
	} packets[INSTALL_PACKET_KINDS];
};

void install_listeners_init(struct install_listeners *l);
void install_listeners_fini(struct install_listeners *l);
/* Nobody hears anything any more. */
void install_listeners_clear(struct install_listeners *l);

void install_listeners_add(struct install_listeners *l, const struct install_listener *listener);
void install_listeners_on_packet(
	struct install_listeners *l, uint32_t kind, install_packet_fn handler, void *user);

void install_listeners_tell(const struct install_listeners *l, enum install_notice notice);
void install_listeners_event(const struct install_listeners *l, const struct mr_event *event);
/* A kind that nobody knows is passed over. */
void install_listeners_packet(
	const struct install_listeners *l, const struct mr_packet *head, const uint8_t *data);
/* True: somebody owns the descriptor now. */
bool install_listeners_fd(
	const struct install_listeners *l, const struct mr_socket_message *m, int fd);

#endif
