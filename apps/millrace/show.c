/* SPDX-License-Identifier: BSD-3-Clause */
/* How millrace writes numbers, times, addresses and other people's texts. Pure; any thread. */
#include "apps/millrace/table.h"

#include <arpa/inet.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Length of the valid, printable UTF-8 character at `p` (RFC 3629 4); 0: none. */
static size_t utf8_length(const unsigned char *p, size_t max)
{
	uint32_t code;
	size_t len;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > max)
		return 0;
	code = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if ((len == 3 && code < 0x800) || (len == 4 && code < 0x10000) || code > 0x10ffff ||
		(code >= 0xd800 && code <= 0xdfff))
		return 0;
	/* C1 controls, and what turns the direction of a line around. */
	if (code < 0xa0 || (code >= 0x200b && code <= 0x200f) ||
		(code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return 0;
	return len;
}

char *show_clean(char *buf, size_t size, const char *text, size_t max)
{
	size_t len = strnlen(text, max), used = 0;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_length((const unsigned char *)text + i, len - i);

		if (used + (n > 0 ? n : 1) >= size)
			break;
		if (n == 0) {
			buf[used++] = '?';
			i++;
			continue;
		}
		memcpy(buf + used, text + i, n);
		used += n;
		i += n;
	}
	buf[used] = 0;
	return buf;
}

/* Three significant digits and a decimal prefix. */
static const char *scaled(char *buf, double value, const char *space, const char *unit)
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
	size_t i = 0;
	int digits;

	/* 999.6 would be written as 1000. */
	while (value >= 999.5 && i + 1 < sizeof(prefixes) / sizeof(prefixes[0])) {
		value /= 1000;
		i++;
	}
	digits = (i == 0 && value == floor(value)) || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	snprintf(buf, SHOW_SIZE, "%.*f%s%s%s", digits, value, space, prefixes[i], unit);
	return buf;
}

static const char *unknown(char *buf)
{
	snprintf(buf, SHOW_SIZE, "-");
	return buf;
}

const char *show_count(char *buf, uint64_t value)
{
	if (value >= 100000)
		return scaled(buf, (double)value, "", "");
	snprintf(buf, SHOW_SIZE, "%" PRIu64, value);
	return buf;
}

const char *show_rate(char *buf, double per_second)
{
	if (isnan(per_second))
		return unknown(buf);
	if (per_second >= 100000)
		return scaled(buf, per_second, "", "");
	return show_fixed(buf, per_second, per_second > 0 && per_second < 9.95 ? 1 : 0);
}

const char *show_bits(char *buf, double bits_per_second)
{
	return isnan(bits_per_second) ? unknown(buf) : scaled(buf, bits_per_second, " ", "bit/s");
}

const char *show_bytes(char *buf, uint64_t bytes)
{
	return scaled(buf, (double)bytes, " ", "B");
}

const char *show_age(char *buf, double seconds)
{
	uint64_t s;

	if (isnan(seconds) || seconds < 0)
		return unknown(buf);
	if (seconds < 0.9995) {
		snprintf(buf, SHOW_SIZE, "%.0f ms", seconds * 1000);
		return buf;
	}
	if (seconds < 59.95) {
		snprintf(buf, SHOW_SIZE, "%.1f s", seconds);
		return buf;
	}
	s = (uint64_t)(seconds + 0.5);
	if (s < 3600)
		snprintf(buf, SHOW_SIZE, "%" PRIu64 " min %02u s", s / 60, (unsigned int)(s % 60));
	else if (s < 86400)
		snprintf(buf, SHOW_SIZE, "%" PRIu64 " h %02u min", s / 3600,
			(unsigned int)(s / 60 % 60));
	else
		snprintf(buf, SHOW_SIZE, "%" PRIu64 " d %02u h", s / 86400,
			(unsigned int)(s / 3600 % 24));
	return buf;
}

const char *show_share(char *buf, double share)
{
	if (isnan(share))
		return unknown(buf);
	snprintf(buf, SHOW_SIZE, "%.1f %%", share * 100);
	return buf;
}

const char *show_fixed(char *buf, double value, int digits)
{
	if (isnan(value))
		return unknown(buf);
	snprintf(buf, SHOW_SIZE, "%.*f", digits, value);
	return buf;
}

const char *show_endpoint(char *buf, const struct mr_endpoint *e)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 2.5.5.2 */
	static const struct mr_endpoint any;
	char address[INET6_ADDRSTRLEN] = "";
	bool v4 = memcmp(e->addr, mapped, sizeof(mapped)) == 0;

	if (memcmp(e, &any, sizeof(any)) == 0)
		return unknown(buf);
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? e->addr + 12 : e->addr, address, sizeof(address));
	snprintf(buf, SHOW_SIZE, v4 ? "%s:%u" : "[%s]:%u", address, ntohs(e->port));
	return buf;
}
