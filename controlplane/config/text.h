/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The small languages inside the session file's strings: durations, addresses,
 * base64, names. Text in, value out; 0 or -EINVAL. Private to
 * controlplane/config; any thread.
 */
#ifndef CONTROLPLANE_CONFIG_TEXT_H
#define CONTROLPLANE_CONFIG_TEXT_H

#include "controlplane/config/config.h"

/* C0 control characters or DEL. */
bool text_has_control(const char *text);
/* Letters, digits, '_', '-' and '/': shown in a JSON path without quotes. */
bool text_is_plain_key(const char *text);

/* As MediaMTX spells them: "10s", "1m30s", "1.5h", "1d"; ns to d. [ms] */
int text_duration(const char *text, uint64_t *ms);

/* ":port", "1.2.3.4:port", "[v6]:port"; port 1 to 65535. */
int text_endpoint(const char *text, struct mr_endpoint *e);
/* A bare address, IPv4 or IPv6 without brackets; port 0. */
int text_address(const char *text, struct mr_endpoint *e);
/* "192.0.2.1/24" */
int text_prefix(const char *text, struct mr_config_prefix *p);
bool text_endpoint_unspecified(const struct mr_endpoint *e); /* of either family */
bool text_endpoint_multicast(const struct mr_endpoint *e);   /* or IPv4 broadcast */
bool text_endpoint_ipv4(const struct mr_endpoint *e);
/* The same address and port, or one of them every address with that port. */
bool text_endpoint_overlaps(const struct mr_endpoint *a, const struct mr_endpoint *b);

/* RFC 1123 2.1 host name, or an address. */
bool text_is_host(const char *text);
/* MediaMTX's rule for path names, and what a URL needs. NULL: valid; else what is expected. */
const char *text_path_name_problem(const char *text);

/* RFC 4648 4, padding required, nothing else between. Decodes into at most
 * `size` bytes. The length, or -EINVAL. */
int text_base64(const char *text, uint8_t *to, size_t size);
/* Where `text` stops being base64: an index, that of its end when padding or characters
 * are missing there. Or SIZE_MAX, and then `len` is how many bytes it stands for. */
size_t text_base64_problem(const char *text, size_t *len);

/* frees *to and takes over `text`. */
void text_replace(char **to, char *text);

#endif
