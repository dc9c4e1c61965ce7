/* SPDX-License-Identifier: BSD-3-Clause */
/* The small languages inside the session file's strings. Any thread. */
#include "controlplane/config/text.h"

#include <arpa/inet.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALNUM "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool text_has_control(const char *text)
{
	for (; *text != 0; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

bool text_is_plain_key(const char *text)
{
	return text[0] != 0 && text[strspn(text, ALNUM "_-/")] == 0;
}

/* The unit at *p in nanoseconds; 0 when there is none. Longest name first. */
static uint64_t take_unit(const char **p)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"ns", 1},
		{"us", 1000},
		{"\xc2\xb5s", 1000}, /* micro sign */
		{"\xce\xbcs", 1000}, /* Greek mu */
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", 60 * UINT64_C(1000000000)},
		{"h", 3600 * UINT64_C(1000000000)},
		{"d", 86400 * UINT64_C(1000000000)},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*p, units[i].name, len) == 0) {
			*p += len;
			return units[i].ns;
		}
	}
	return 0;
}

int text_duration(const char *text, uint64_t *ms)
{
	const uint64_t limit = 366 * UINT64_C(86400) * 1000000000; /* far below 2^64 */
	uint64_t total = 0;

	if (*text == 0)
		return -EINVAL;
	while (*text != 0) {
		uint64_t whole = 0, fraction = 0, scale = 1, unit;
		const char *start = text;

		for (; isdigit((unsigned char)*text); text++) {
			whole = whole * 10 + (uint64_t)(*text - '0');
			if (whole > limit)
				return -EINVAL;
		}
		if (text == start)
			return -EINVAL;
		if (*text == '.') {
			start = ++text;
			for (; isdigit((unsigned char)*text); text++) {
				if (scale >= 1000000)
					continue; /* finer than a millionth of a unit */
				fraction = fraction * 10 + (uint64_t)(*text - '0');
				scale *= 10;
			}
			if (text == start)
				return -EINVAL;
		}
		unit = take_unit(&text);
		if (unit == 0 || whole > limit / unit)
			return -EINVAL;
		total += whole * unit + fraction * unit / scale;
		if (total > limit)
			return -EINVAL;
	}
	*ms = total / 1000000;
	return 0;
}

int text_address(const char *text, struct mr_endpoint *e)
{
	struct in_addr v4;
	struct in6_addr v6;

	memset(e, 0, sizeof(*e));
	if (inet_pton(AF_INET, text, &v4) == 1) {
		e->addr[10] = e->addr[11] = 0xff; /* RFC 4291 2.5.5.2 */
		memcpy(e->addr + 12, &v4, 4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return -EINVAL;
	memcpy(e->addr, &v6, 16);
	return 0;
}

static int parse_number(const char *text, unsigned int min, unsigned int max, unsigned int *value)
{
	size_t len = strlen(text);

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len || (len > 1 && text[0] == '0'))
		return -EINVAL;
	*value = (unsigned int)strtoul(text, NULL, 10);
	return *value >= min && *value <= max ? 0 : -EINVAL;
}

int text_endpoint(const char *text, struct mr_endpoint *e)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t len;
	unsigned int port;
	int rc = 0;

	if (colon == NULL || parse_number(colon + 1, 1, 65535, &port) != 0)
		return -EINVAL;
	len = (size_t)(colon - text);
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = 0;
	if (len == 0) {
		memset(e, 0, sizeof(*e));
	} else if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = 0;
		if (strchr(host, ':') == NULL)
			return -EINVAL;
		rc = text_address(host + 1, e);
	} else {
		if (strchr(host, ':') != NULL)
			return -EINVAL;
		rc = text_address(host, e);
	}
	e->port = htons((uint16_t)port);
	return rc;
}

int text_prefix(const char *text, struct mr_config_prefix *p)
{
	const char *slash = strchr(text, '/');
	char host[INET6_ADDRSTRLEN];
	unsigned int bits;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = 0;
	if (text_address(host, &p->address) != 0)
		return -EINVAL;
	p->ipv6 = strchr(host, ':') != NULL;
	if (parse_number(slash + 1, 1, p->ipv6 ? 128 : 32, &bits) != 0)
		return -EINVAL;
	p->length = (uint8_t)bits;
	return 0;
}

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool text_endpoint_ipv4(const struct mr_endpoint *e)
{
	return memcmp(e->addr, mapped, sizeof(mapped)) == 0;
}

bool text_endpoint_unspecified(const struct mr_endpoint *e)
{
	static const uint8_t zero[16];

	return memcmp(e->addr, zero, 16) == 0 ||
	       (text_endpoint_ipv4(e) && memcmp(e->addr + 12, zero, 4) == 0);
}

bool text_endpoint_multicast(const struct mr_endpoint *e)
{
	if (text_endpoint_ipv4(e))
		return (e->addr[12] & 0xf0) == 0xe0 ||
		       memcmp(e->addr + 12, "\xff\xff\xff\xff", 4) == 0;
	return e->addr[0] == 0xff;
}

bool text_endpoint_overlaps(const struct mr_endpoint *a, const struct mr_endpoint *b)
{
	return a->port == b->port &&
	       (memcmp(a->addr, b->addr, 16) == 0 || text_endpoint_unspecified(a) ||
		       text_endpoint_unspecified(b));
}

bool text_is_host(const char *text)
{
	struct mr_endpoint e;
	size_t label = 0, len = strlen(text);

	if (text_address(text, &e) == 0)
		return !text_endpoint_unspecified(&e) && !text_endpoint_multicast(&e);
	/* What looks like a number is a mistyped address, not a name. */
	if (len == 0 || len > 253 || strspn(text, "0123456789.") == len)
		return false;
	for (; *text != 0; text++) {
		if (*text == '.') {
			if (label == 0 || text[-1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (strchr(ALNUM "-_", *text) == NULL || (*text == '-' && label == 0) ||
			++label > 63)
			return false;
	}
	return text[-1] != '-';
}

const char *text_path_name_problem(const char *text)
{
	size_t len = strlen(text);

	if (len == 0)
		return "a name that is not empty";
	if (len >= MR_NAME_MAX)
		return "a name of at most 127 bytes";
	if (text[0] == '~')
		return "a plain name (regular expressions are known in MediaMTX, not supported)";
	if (strcmp(text, "all") == 0 || strcmp(text, "all_others") == 0)
		return "the name of one path (all_others is known in MediaMTX, not supported)";
	if (text[0] == '/' || text[len - 1] == '/')
		return "a name that neither begins nor ends with a slash";
	if (text[strspn(text, ALNUM "_-/.~:")] != 0)
		return "a name of letters, digits, underscore, dot, tilde, minus, slash and colon";
	while (text != NULL) {
		const char *slash = strchr(text, '/');
		size_t part = slash != NULL ? (size_t)(slash - text) : strlen(text);

		if (part == 0 || (part == 1 && text[0] == '.') ||
			(part == 2 && memcmp(text, "..", 2) == 0))
			return "a name without empty, \".\" and \"..\" parts";
		if (slash == NULL && part == 4 && memcmp(text, "whep", 4) == 0)
			return "a name whose last part is not \"whep\", which is the stream's own "
			       "address";
		text = slash != NULL ? slash + 1 : NULL;
	}
	return NULL;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int text_base64(const char *text, uint8_t *to, size_t size)
{
	size_t len = strlen(text), pad = 0, out = 0;

	if (len == 0 || len % 4 != 0)
		return -EINVAL;
	while (pad < 2 && text[len - 1 - pad] == '=')
		pad++;
	if (len / 4 * 3 - pad > size)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		size_t keep = i + 4 == len ? 3 - pad : 3;
		uint32_t word = 0;

		for (size_t k = 0; k < 4; k++) {
			int digit = k <= keep ? base64_digit(text[i + k]) : 0;

			if (digit < 0)
				return -EINVAL;
			word = word << 6 | (uint32_t)digit;
		}
		/* RFC 4648 3.5: the bits that pad must be zero. */
		if (keep < 3 && (word & ((1u << (8 * (3 - keep))) - 1)) != 0)
			return -EINVAL;
		for (size_t k = 0; k < keep; k++)
			to[out++] = (uint8_t)(word >> (16 - 8 * k));
	}
	return (int)out;
}

size_t text_base64_problem(const char *text, size_t *len)
{
	size_t digits = 0, pad = 0;

	while (text[digits] != '\0' && base64_digit(text[digits]) >= 0)
		digits++;
	while (pad < 2 && text[digits + pad] == '=')
		pad++;
	if (digits == 0 || text[digits + pad] != '\0' || digits % 4 == 1 || (digits + pad) % 4 != 0)
		return digits + pad;
	/* RFC 4648 3.5: the bits that pad must be zero. */
	if (pad > 0 && (base64_digit(text[digits - 1]) & (pad == 1 ? 3 : 15)) != 0)
		return digits - 1;
	*len = digits / 4 * 3 + (digits % 4 * 3) / 4;
	return SIZE_MAX;
}

void text_replace(char **to, char *text)
{
	free(*to);
	*to = text;
}
