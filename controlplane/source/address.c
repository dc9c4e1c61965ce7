/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of the contract and of sockets; pure, any thread. */
#include "controlplane/source/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int address_parse(uint8_t addr[16], const char *text)
{
	memcpy(addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, addr + 12) == 1)
		return 0;
	return inet_pton(AF_INET6, text, addr) == 1 ? 0 : -EINVAL;
}

bool address_is_ipv4(const uint8_t addr[16])
{
	return !memcmp(addr, mapped, sizeof(mapped));
}

bool address_is_any(const uint8_t addr[16])
{
	static const uint8_t zero[16];

	return !memcmp(addr, zero, 16) || (address_is_ipv4(addr) && !memcmp(addr + 12, zero, 4));
}

bool address_is_multicast(const uint8_t addr[16])
{
	return address_is_ipv4(addr) ? addr[12] >> 4 == 14 : addr[0] == 0xff;
}

const char *address_text(const uint8_t addr[16], char out[ADDRESS_TEXT_MAX])
{
	const char *text;

	if (address_is_ipv4(addr))
		text = inet_ntop(AF_INET, addr + 12, out, ADDRESS_TEXT_MAX);
	else
		text = inet_ntop(AF_INET6, addr, out, ADDRESS_TEXT_MAX);
	if (!text)
		out[0] = 0;
	return out;
}

socklen_t address_to_sockaddr(struct sockaddr_storage *out, const uint8_t addr[16], uint16_t port)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (address_is_ipv4(addr)) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		memcpy(&in4->sin_addr, addr + 12, 4);
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr, 16);
	return sizeof(*in6);
}

int address_from_sockaddr(uint8_t addr[16], uint16_t *port, const struct sockaddr_storage *in)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)in;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)in;

	switch (in->ss_family) {
	case AF_INET:
		memcpy(addr, mapped, sizeof(mapped));
		memcpy(addr + 12, &in4->sin_addr, 4);
		if (port)
			*port = ntohs(in4->sin_port);
		return 0;
	case AF_INET6:
		memcpy(addr, &in6->sin6_addr, 16);
		if (port)
			*port = ntohs(in6->sin6_port);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

void address_endpoint(struct mr_endpoint *out, const uint8_t addr[16], uint16_t port)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->addr, addr, 16);
	out->port = htons(port);
}
