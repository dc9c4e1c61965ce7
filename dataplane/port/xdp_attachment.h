/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our XDP program on an interface: whether it is there, whose it is, its
 * `listen` map. Found through the interface alone, so it works for a program
 * that an earlier process of ours left behind. Main thread; needs CAP_BPF and
 * CAP_NET_ADMIN.
 */
#ifndef DATAPLANE_PORT_XDP_ATTACHMENT_H
#define DATAPLANE_PORT_XDP_ATTACHMENT_H

#include "dataplane/api/abi.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Detaches a program of ours, also where libxdp's dispatcher runs it. 0: the
 * interface has no program now. -EBUSY: somebody else's program is attached,
 * left alone and named in `error`. Or -errno, with a text.
 */
int xdp_attachment_clear(uint32_t ifindex, const char *interface, char *error, size_t error_len);

/* The listen map of our program on the interface: a descriptor that the caller
 * owns, or -errno; -ENOENT: our program is not attached. */
int xdp_attachment_listen_map(uint32_t ifindex);

/* -ENOSPC, -EEXIST, -ENOENT, -errno. */
int xdp_listen_add(int map, const struct mr_endpoint *local, uint32_t flags);
int xdp_listen_del(int map, const struct mr_endpoint *local);

#endif
