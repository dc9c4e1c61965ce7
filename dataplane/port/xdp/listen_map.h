/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the XDP program and the data plane agree on: the names by which the
 * program and its maps are found, and the shape of the `listen` map.
 * Plain C for both the BPF and the host compiler.
 */
#ifndef DATAPLANE_PORT_XDP_LISTEN_MAP_H
#define DATAPLANE_PORT_XDP_LISTEN_MAP_H

#include <linux/types.h>

/* The kernel cuts names to 15 characters. */
#define XDP_PROGRAM_NAME "millrace_xdp"
#define XDP_LISTEN_MAP "listen"
#define XDP_SOCKETS_MAP "xsks_map" /* the name that net_af_xdp looks for */

#define XDP_LISTEN_MAX 16384 /* endpoints of one interface */
#define XDP_SOCKETS_MAX 64   /* receive queues of one interface */

/* Which datagrams of an endpoint are redirected: same values as PORT_LISTEN_*. */
#define XDP_LISTEN_ALL 0u
#define XDP_LISTEN_RTP 1u

struct xdp_listen_key {
	__u8 addr[16]; /* IPv4 is v4-mapped; all zero: every address */
	__u16 port;    /* network order */
	__u16 reserved;
};

#endif
