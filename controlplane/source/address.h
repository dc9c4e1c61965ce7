/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses as the contract has them (16 bytes, IPv4 v4-mapped, RFC 4291
 * 2.5.5.2) and as the kernel's sockets take them. Pure; any thread.
 */
#ifndef CONTROLPLANE_SOURCE_ADDRESS_H
#define CONTROLPLANE_SOURCE_ADDRESS_H

#include "dataplane/api/abi.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_MAX 64 /* bytes: "[address]:port" and the final 0 */

/* An address without brackets or zone. 0 or -EINVAL. */
int address_parse(uint8_t addr[16], const char *text);
bool address_is_ipv4(const uint8_t addr[16]);
bool address_is_any(const uint8_t addr[16]);
bool address_is_multicast(const uint8_t addr[16]);
/* "192.0.2.1" or "2001:db8::1"; returns `out`. */
const char *address_text(const uint8_t addr[16], char out[ADDRESS_TEXT_MAX]);

/* Port in host order. Returns the length of what was filled in. */
socklen_t address_to_sockaddr(struct sockaddr_storage *out, const uint8_t addr[16], uint16_t port);
/* 0 or -EAFNOSUPPORT. `port` (may be NULL) in host order. */
int address_from_sockaddr(uint8_t addr[16], uint16_t *port, const struct sockaddr_storage *in);
void address_endpoint(struct mr_endpoint *out, const uint8_t addr[16], uint16_t port);

#endif
