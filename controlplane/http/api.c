/* SPDX-License-Identifier: BSD-3-Clause */
/* The operator's requests: see api.h. Main thread. */
#include "controlplane/http/api.h"

#include "controlplane/log.h"

#include <jansson.h>
#include <string.h>

#define LIST "/v3/webrtcsessions/list"
#define KICK "/v3/webrtcsessions/kick/"

/* "127.0.0.1:9997", "[::1]:9997", "localhost:9997": a page of another name whose address
 * is turned to ours (DNS rebinding) has its own name here. */
static bool is_own_name(const char *host)
{
	static const char *const names[] = {"127.0.0.1", "[::1]", "localhost"};

	for (size_t i = 0; host && i < G_N_ELEMENTS(names); i++) {
		size_t len = strlen(names[i]);

		if (g_ascii_strncasecmp(host, names[i], len) == 0 &&
			(host[len] == '\0' || host[len] == ':'))
			return true;
	}
	return false;
}

static bool comes_from_page(SoupServerMessage *message)
{
	SoupMessageHeaders *h = soup_server_message_get_request_headers(message);

	return soup_message_headers_get_one(h, "Origin") ||
	       !is_own_name(soup_message_headers_get_one(h, "Host"));
}

static void answer_json(SoupServerMessage *message, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text) {
		http_error(message, SOUP_STATUS_INTERNAL_SERVER_ERROR, "no memory");
		return;
	}
	soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
	soup_server_message_set_response(
		message, "application/json", SOUP_MEMORY_COPY, text, strlen(text));
	free(text);
}

static void add_viewer(void *user, const struct viewer_summary *v)
{
	char id[16];

	g_snprintf(id, sizeof(id), "%u", v->id);
	json_array_append_new(
		user, json_pack("{s:s, s:b, s:s, s:s, s:s}", "id", id, "peerConnectionEstablished",
			      v->established, "remoteCandidate", v->remote, "state", "read", "path",
			      v->path));
}

static void list(struct http_context *context, SoupServerMessage *message)
{
	json_t *items = json_array();
	size_t n;

	viewer_table_list(context->viewers, add_viewer, items);
	n = json_array_size(items);
	answer_json(message, json_pack("{s:I, s:i, s:o}", "itemCount", (json_int_t)n, "pageCount",
				     1, "items", items));
}

static void kick(struct http_context *context, SoupServerMessage *message, const char *text)
{
	guint64 id;

	if (!g_ascii_string_to_unsigned(text, 10, 1, UINT32_MAX, &id, NULL) ||
		viewer_table_kick(context->viewers, (uint32_t)id) < 0)
		http_error(message, SOUP_STATUS_NOT_FOUND, "session not found");
	else
		answer_json(message, json_pack("{s:s}", "status", "ok"));
}

void api_request(struct http_context *context, SoupServerMessage *message)
{
	const char *path = g_uri_get_path(soup_server_message_get_uri(message));
	const char *method = soup_server_message_get_method(message);
	SoupMessageHeaders *answer = soup_server_message_get_response_headers(message);
	bool kicks = g_str_has_prefix(path, KICK);
	const char *unknown = viewer_table_unknown(context->viewers);

	if (comes_from_page(message)) {
		http_error(message, SOUP_STATUS_FORBIDDEN, "not for pages, nor by another name");
	} else if (!kicks && strcmp(path, LIST) != 0) {
		http_error(message, SOUP_STATUS_NOT_FOUND, "nothing is here");
	} else if (strcmp(method, kicks ? SOUP_METHOD_POST : SOUP_METHOD_GET) != 0) {
		soup_message_headers_replace(answer, "Allow", kicks ? "POST" : "GET");
		http_error(
			message, SOUP_STATUS_METHOD_NOT_ALLOWED, "this method is not allowed here");
	} else if (unknown) {
		http_unavailable(message, unknown); /* a list would be too short */
	} else if (kicks) {
		kick(context, message, path + strlen(KICK));
	} else {
		list(context, message);
	}
}
