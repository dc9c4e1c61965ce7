/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP fragments of WHEP's PATCH: see sdp_fragment.h. Any thread. */
#include "controlplane/viewer/sdp_fragment.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define LINES_MAX 1024

/* `min` to `size` - 1 characters, letters, digits or of `others`. */
static bool copy_token(char *out, size_t size, const char *value, const char *others, size_t min)
{
	size_t len = strlen(value);

	if (len < min || len >= size)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!g_ascii_isalnum(value[i]) && !strchr(others, value[i]))
			return false;
	}
	memcpy(out, value, len + 1);
	return true;
}

/* "m=video 9 UDP/TLS/RTP/SAVPF 0" */
static bool take_media(struct sdp_fragment *f, const char *value)
{
	char *media = g_strndup(value, strcspn(value, " "));
	bool ok = copy_token(f->media, sizeof(f->media), media, "-", 1);

	g_free(media);
	return ok;
}

/* The first of each counts: of a bundle the first section speaks for all. */
static bool take_line(struct sdp_fragment *f, const char *line, const char **why)
{
	if (g_str_has_prefix(line, "m=") && !f->media[0]) {
		*why = "an m= line is malformed";
		return take_media(f, line + 2);
	}
	if (g_str_has_prefix(line, "a=mid:") && !f->mid[0]) {
		*why = "a=mid is malformed";
		return copy_token(f->mid, sizeof(f->mid), line + 6, "!#$%&'*+-.^_`{|}~", 1);
	}
	if (g_str_has_prefix(line, "a=ice-ufrag:") && !f->ufrag[0]) {
		*why = "a=ice-ufrag is not 4 to 256 ice-chars";
		return copy_token(f->ufrag, sizeof(f->ufrag), line + 12, "+/", 4);
	}
	if (g_str_has_prefix(line, "a=ice-pwd:") && !f->pwd[0]) {
		*why = "a=ice-pwd is not 22 to 256 ice-chars";
		return copy_token(f->pwd, sizeof(f->pwd), line + 10, "+/", 22);
	}
	return true;
}

int sdp_fragment_parse(struct sdp_fragment *f, const char *text, size_t len, const char **why)
{
	char *copy, **lines;
	bool ok = true;

	memset(f, 0, sizeof(*f));
	*why = "not text";
	if (memchr(text, 0, len))
		return -EINVAL;
	copy = g_strndup(text, len);
	lines = g_strsplit(copy, "\n", LINES_MAX);
	for (char **line = lines; *line && ok; line++)
		ok = take_line(f, g_strchomp(*line), why);
	g_strfreev(lines);
	g_free(copy);
	if (ok && !f->ufrag[0] != !f->pwd[0]) {
		*why = "a=ice-ufrag and a=ice-pwd belong together";
		ok = false;
	}
	return ok ? 0 : -EINVAL;
}

char *sdp_fragment_format(const struct sdp_fragment *f, const char *ufrag, const char *pwd,
	const struct sdp_candidate *candidates, size_t n)
{
	GString *s = g_string_new("a=ice-lite\r\n");

	if (f->media[0])
		g_string_append_printf(s, "m=%s 9 UDP/TLS/RTP/SAVPF 0\r\n", f->media);
	if (f->media[0] && f->mid[0])
		g_string_append_printf(s, "a=mid:%s\r\n", f->mid);
	g_string_append_printf(s, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ufrag, pwd);
	sdp_candidates_append(s, candidates, n);
	return g_string_free(s, FALSE);
}
