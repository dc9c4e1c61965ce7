/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * URLs of an RTSP session: the control attributes of its SDP joined with its
 * base. Pure; any thread.
 */
#ifndef CONTROLPLANE_SOURCE_RTSP_URL_H
#define CONTROLPLANE_SOURCE_RTSP_URL_H

#include <stdbool.h>
#include <stddef.h>

#define RTSP_URL_MAX 1024 /* bytes, the final 0 included */

/* Printable ASCII without blanks: nothing in it can end a request line or header. */
bool rtsp_url_is_plain(const char *url);

/* rtsp:// or rtsps://; over TLS servers say either. */
bool rtsp_url_is_absolute(const char *url);

/*
 * The URL that a control attribute means (RFC 2326 C.1.1), as cameras and
 * clients practise it: an absolute one stands alone, "*" or nothing (or NULL)
 * is the base itself, everything else is appended to the base behind one slash,
 * also where the base has a query. 0; -EINVAL: not plain; -ENAMETOOLONG.
 */
int rtsp_url_join(char *out, size_t size, const char *base, const char *control);

#endif
