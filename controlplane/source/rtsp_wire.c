/* SPDX-License-Identifier: BSD-3-Clause */
/* RTSP messages and interleaved frames as bytes; any thread. */
#include "controlplane/source/rtsp_wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define INTERLEAVED_HEADER 4 /* bytes: RFC 2326 10.12 */
#define RTCP_MIN 8           /* bytes of the shortest packet */
#define VERSION "RTSP/"

/* Bytes of the head with the empty line that ends it; 0: it does not end here. */
static size_t find_head(const uint8_t *bytes, size_t len)
{
	const uint8_t *at = bytes, *end = bytes + len;

	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if (at < end && *at == '\n')
			return (size_t)(at - bytes) + 1;
		if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at - bytes) + 2;
	}
	return 0;
}

/* Cuts the next line off; lines that begin with a blank go on the one before
 * (RFC 2326 4.2). NULL: none is left. */
static char *next_line(char **text)
{
	char *line = *text, *end = line;

	if (!*line)
		return NULL;
	while ((end = strchr(end, '\n')) != NULL && (end[1] == ' ' || end[1] == '\t'))
		*end = ' ';
	if (end)
		*end = 0;
	*text = end ? end + 1 : line + strlen(line);
	for (char *c = line; *c; c++) {
		if (*c == '\r')
			*c = ' ';
	}
	return g_strchomp(line);
}

/* "RTSP/1.0 200 OK" */
static GstRTSPMessage *begin_response(char *line)
{
	GstRTSPMessage *message = NULL;
	char *code = strchr(line, ' ');
	char *end;
	guint64 number;

	if (!code)
		return NULL;
	code += strspn(code, " ");
	number = g_ascii_strtoull(code, &end, 10);
	if (!g_ascii_isdigit(*code) || number < 100 || number > 999 || (*end && *end != ' '))
		return NULL;
	gst_rtsp_message_new_response(
		&message, (GstRTSPStatusCode)number, end + strspn(end, " "), NULL);
	return message;
}

/* "OPTIONS rtsp://host/ RTSP/1.0" */
static GstRTSPMessage *begin_request(char *line)
{
	GstRTSPMessage *message = NULL;
	char **words = g_strsplit(line, " ", 4);

	if (g_strv_length(words) == 3 && g_ascii_isalpha(words[0][0]) &&
		g_str_has_prefix(words[2], VERSION))
		gst_rtsp_message_new_request(&message, gst_rtsp_find_method(words[0]), words[1]);
	g_strfreev(words);
	return message;
}

/* "Name: value"; another line means nothing to us. */
static void add_header(GstRTSPMessage *message, char *line)
{
	char *colon = strchr(line, ':');

	if (!colon || colon == line)
		return;
	*colon = 0;
	gst_rtsp_message_add_header_by_name(message, g_strchomp(line), g_strchug(colon + 1));
}

static GstRTSPMessage *parse_head(const uint8_t *bytes, size_t len)
{
	char *copy = g_strndup((const char *)bytes, len);
	char *rest = copy, *line = next_line(&rest);
	GstRTSPMessage *message = NULL;

	if (line && !strncmp(line, VERSION, strlen(VERSION)))
		message = begin_response(line);
	else if (line)
		message = begin_request(line);
	while (message && (line = next_line(&rest)) != NULL)
		add_header(message, line);
	g_free(copy);
	return message;
}

/* Content-Length; 0 where there is none, -EPROTO for one that is none. */
static ssize_t body_len(const GstRTSPMessage *message)
{
	char *value, *end;
	guint64 n;

	if (gst_rtsp_message_get_header(message, GST_RTSP_HDR_CONTENT_LENGTH, &value, 0) !=
		GST_RTSP_OK)
		return 0;
	n = g_ascii_strtoull(value, &end, 10);
	if (!g_ascii_isdigit(value[0]) || *end || n > RTSP_BODY_MAX)
		return -EPROTO;
	return (ssize_t)n;
}

static ssize_t parse_message(struct rtsp_unit *unit, const uint8_t *bytes, size_t len)
{
	size_t head = find_head(bytes, MIN(len, RTSP_HEAD_MAX));
	ssize_t body;

	if (!head)
		return len < RTSP_HEAD_MAX ? 0 : -EPROTO;
	if (memchr(bytes, 0, head))
		return -EPROTO;
	unit->message = parse_head(bytes, head);
	if (!unit->message)
		return -EPROTO;
	body = body_len(unit->message);
	if (body < 0 || len - head < (size_t)body) {
		g_clear_pointer(&unit->message, gst_rtsp_message_free);
		return body < 0 ? body : 0;
	}
	if (body > 0)
		gst_rtsp_message_set_body(unit->message, bytes + head, (guint)body);
	return (ssize_t)head + body;
}

static ssize_t parse_interleaved(struct rtsp_unit *unit, const uint8_t *bytes, size_t len)
{
	size_t size;

	if (len < INTERLEAVED_HEADER)
		return 0;
	size = (size_t)bytes[2] << 8 | bytes[3];
	if (len - INTERLEAVED_HEADER < size)
		return 0;
	unit->channel = bytes[1];
	unit->data = bytes + INTERLEAVED_HEADER;
	unit->len = size;
	return (ssize_t)(INTERLEAVED_HEADER + size);
}

ssize_t rtsp_wire_parse(struct rtsp_unit *unit, const uint8_t *bytes, size_t len)
{
	size_t blank = 0;

	memset(unit, 0, sizeof(*unit));
	if (!len)
		return 0;
	if (bytes[0] == '$')
		return parse_interleaved(unit, bytes, len);
	/* RFC 2326 4.1 by way of RFC 2068: empty lines before a message mean nothing. */
	while (blank < len && (bytes[blank] == '\r' || bytes[blank] == '\n'))
		blank++;
	if (blank > 0)
		return (ssize_t)blank;
	if (!g_ascii_isalpha((char)bytes[0]))
		return -EPROTO;
	return parse_message(unit, bytes, len);
}

/* ---- finding the way back into a stream of bytes ---- */

enum fit { FIT_NO, FIT_YES, FIT_UNKNOWN /* more bytes are needed */ };

static bool is_known_channel(const struct rtsp_channels *channels, uint8_t channel)
{
	for (unsigned int i = 0; i < channels->n; i++) {
		if (channel == channels->track[i].rtp || channel == channels->track[i].rtcp)
			return true;
	}
	return false;
}

/* The first two bytes of a payload, as RFC 3550 has them on that channel. */
static bool is_media(const struct rtsp_channels *channels, uint8_t channel, const uint8_t *data)
{
	if (data[0] >> 6 != 2)
		return false;
	for (unsigned int i = 0; i < channels->n; i++) {
		if (channel == channels->track[i].rtp &&
			(data[1] & 127) == channels->track[i].payload_type)
			return true;
		if (channel == channels->track[i].rtcp && data[1] >= 192 && data[1] <= 223)
			return true;
	}
	return false;
}

/* What may come behind a unit: another frame, or a message. */
static enum fit can_follow(const struct rtsp_channels *channels, const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return FIT_UNKNOWN;
	if (bytes[0] != '$')
		return g_ascii_isupper((char)bytes[0]) || bytes[0] == '\r' || bytes[0] == '\n'
			       ? FIT_YES
			       : FIT_NO;
	if (len < 2)
		return FIT_UNKNOWN;
	return is_known_channel(channels, bytes[1]) ? FIT_YES : FIT_NO;
}

static enum fit is_frame(const struct rtsp_channels *channels, const uint8_t *bytes, size_t len)
{
	size_t size;

	if (len >= 2 && !is_known_channel(channels, bytes[1]))
		return FIT_NO;
	if (len < INTERLEAVED_HEADER + 2)
		return channels->n > 0 ? FIT_UNKNOWN : FIT_NO;
	size = (size_t)bytes[2] << 8 | bytes[3];
	if (size < RTCP_MIN || !is_media(channels, bytes[1], bytes + INTERLEAVED_HEADER))
		return FIT_NO;
	if (len < INTERLEAVED_HEADER + size)
		return FIT_UNKNOWN;
	bytes += INTERLEAVED_HEADER + size;
	return can_follow(channels, bytes, len - INTERLEAVED_HEADER - size);
}

static enum fit is_response(const uint8_t *bytes, size_t len)
{
	static const char begin[] = VERSION "1.0 ";
	size_t n = MIN(len, strlen(begin));

	if (memcmp(bytes, begin, n) != 0)
		return FIT_NO;
	return n == strlen(begin) ? FIT_YES : FIT_UNKNOWN;
}

size_t rtsp_wire_resync(
	const struct rtsp_channels *channels, const uint8_t *bytes, size_t len, bool *found)
{
	enum fit fit = FIT_NO;
	size_t at;

	for (at = 0; at < len; at++) {
		if (bytes[at] == '$')
			fit = is_frame(channels, bytes + at, len - at);
		else if (bytes[at] == VERSION[0])
			fit = is_response(bytes + at, len - at);
		else
			continue;
		if (fit != FIT_NO)
			break;
	}
	*found = fit == FIT_YES;
	return at;
}

GString *rtsp_wire_format(GstRTSPMessage *message, uint32_t cseq)
{
	GString *text = g_string_sized_new(512);
	guint8 *body = NULL;
	guint size = 0;

	if (gst_rtsp_message_get_type(message) == GST_RTSP_MESSAGE_REQUEST) {
		GstRTSPMethod method = GST_RTSP_INVALID;
		const char *url = "";

		gst_rtsp_message_parse_request(message, &method, &url, NULL);
		g_string_append_printf(text, "%s %s RTSP/1.0\r\nCSeq: %u\r\n",
			gst_rtsp_method_as_text(method), url, cseq);
	} else {
		GstRTSPStatusCode code = GST_RTSP_STS_INVALID;
		const char *reason = NULL;

		gst_rtsp_message_parse_response(message, &code, &reason, NULL);
		g_string_append_printf(text, "RTSP/1.0 %d %s\r\n", code, reason ? reason : "");
	}
	gst_rtsp_message_append_headers(message, text);
	gst_rtsp_message_get_body(message, &body, &size);
	if (size > 0)
		g_string_append_printf(text, "Content-Length: %u\r\n", size);
	g_string_append(text, "\r\n");
	g_string_append_len(text, (const char *)body, size);
	return text;
}
