/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SRTP profiles the viewer can negotiate, under the names of the session
 * file, of OpenSSL and of libsrtp2. Pure tables, any thread.
 */
#ifndef APPS_VIEWER_PROFILE_H
#define APPS_VIEWER_PROFILE_H

#include <srtp2/srtp.h>
#include <stddef.h>

#define PROFILE_COUNT 3
#define PROFILE_LIST_SIZE 128 /* bytes: all OpenSSL names, colons, NUL */

struct profile {
	const char *name;         /* as in "srtpProfiles" of the session file */
	const char *openssl_name; /* as in SSL_set_tlsext_use_srtp() */
	unsigned long id;         /* RFC 5764 4.1.2 and RFC 7714 14.2 */
	srtp_profile_t srtp;
	size_t key_length;  /* bytes */
	size_t salt_length; /* bytes */
};

/* In the order in which browsers offer them: SHA1_80 first. */
const struct profile *profile_at(size_t index);

/* NULL when there is none of that name or code point. */
const struct profile *profile_by_name(const char *name);
const struct profile *profile_by_id(unsigned long id);

/* OpenSSL's colon-separated list of `count` profiles; 0 or -ENOSPC. */
int profile_format_list(
	const struct profile *const *profiles, size_t count, char *list, size_t size);

#endif
