/* SPDX-License-Identifier: BSD-3-Clause */
/* URLs of an RTSP session; pure, any thread. */
#include "controlplane/source/rtsp_url.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

bool rtsp_url_is_plain(const char *url)
{
	for (; *url; url++) {
		if (*url <= ' ' || *url >= 0x7f)
			return false;
	}
	return true;
}

bool rtsp_url_is_absolute(const char *url)
{
	return !strncasecmp(url, "rtsp://", 7) || !strncasecmp(url, "rtsps://", 8);
}

static int copy(char *out, size_t size, const char *in)
{
	size_t len = strlen(in);

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(out, in, len + 1);
	return 0;
}

int rtsp_url_join(char *out, size_t size, const char *base, const char *control)
{
	size_t base_len = strlen(base), control_len;
	bool slash;

	if (!control || !strcmp(control, "*"))
		control = "";
	control_len = strlen(control);
	if (!rtsp_url_is_plain(base) || !rtsp_url_is_plain(control))
		return -EINVAL;
	if (!control_len)
		return copy(out, size, base);
	if (rtsp_url_is_absolute(control))
		return copy(out, size, control);
	if (base_len && base[base_len - 1] == '/' && *control == '/')
		base_len--;
	slash = *control != '/' && (!base_len || base[base_len - 1] != '/');
	if (base_len + slash + control_len >= size)
		return -ENAMETOOLONG;
	memcpy(out, base, base_len);
	if (slash)
		out[base_len++] = '/';
	memcpy(out + base_len, control, control_len + 1);
	return 0;
}
