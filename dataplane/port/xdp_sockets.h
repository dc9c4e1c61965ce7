/* SPDX-License-Identifier: BSD-3-Clause */
/* AF_XDP sockets of this process, which the driver opens and keeps to itself. Main thread. */
#ifndef DATAPLANE_PORT_XDP_SOCKETS_H
#define DATAPLANE_PORT_XDP_SOCKETS_H

/* Their descriptors, rising; borrowed. Returns how many, at most `max`; 0 without /proc. */
unsigned int xdp_sockets_list(int *fds, unsigned int max);

#endif
