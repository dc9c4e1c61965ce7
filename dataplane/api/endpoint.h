/* SPDX-License-Identifier: BSD-3-Clause */
/* Endpoints of the contract from addresses of IPv4. Pure; any thread. */
#ifndef DATAPLANE_API_ENDPOINT_H
#define DATAPLANE_API_ENDPOINT_H

#include "dataplane/api/abi.h"

#include <arpa/inet.h>
#include <string.h>

/* Both in host order. */
static inline struct mr_endpoint mr_endpoint_ipv4(uint32_t address, uint16_t port)
{
	struct mr_endpoint e = {.addr = {[10] = 0xff, [11] = 0xff}, .port = htons(port)};

	address = htonl(address);
	memcpy(&e.addr[12], &address, sizeof(address));
	return e;
}

#endif
