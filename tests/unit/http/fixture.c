/* SPDX-License-Identifier: BSD-3-Clause */
/* The server of controlplane/http and its client: see fixture.h. Main thread. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* ---- doubles ---- */

static struct path cam = {.id = 1, .name = "cam1", .state = MR_PATH_READY};
struct path demand = {.id = 2, .name = "demand", .state = MR_PATH_OFF};
struct path_listener *listener;
unsigned int wanted, deleted, kicked;
const char *unknown;
bool lasting, kept;
GSList *waiters;

static bool is_there(const char *path, const char *resource)
{
	return (!unknown || kept) && strcmp(path, "cam1") == 0 && strcmp(resource, RESOURCE) == 0;
}

struct path *path_table_lookup(struct path_table *table, const char *name)
{
	return strcmp(name, "cam1") == 0 ? &cam : strcmp(name, "demand") == 0 ? &demand : NULL;
}

struct path *path_table_at(struct path_table *table, unsigned int i)
{
	return i == 0 ? &cam : i == 1 ? &demand : NULL;
}

void path_listener_add(struct path_table *table, struct path_listener *l)
{
	listener = l;
}

void path_listener_del(struct path_table *table, struct path_listener *l)
{
	listener = NULL;
}

void path_want(struct path *path)
{
	wanted++;
}

void path_unwant(struct path *path)
{
	wanted--;
}

int viewer_table_offer(struct viewer_table *table, struct path *path, const char *sdp, size_t len,
	struct viewer_offer_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->why = "said by the test";
	if (path->state != MR_PATH_READY)
		return -EAGAIN;
	if (len == 3 && memcmp(sdp, "bad", 3) == 0)
		return -EINVAL;
	if (len == 5 && memcmp(sdp, "codec", 5) == 0)
		return -ENOTSUP;
	if (len == 4 && memcmp(sdp, "full", 4) == 0)
		return -ENOSPC;
	reply->answer = g_strdup("v=0\r\n");
	strcpy(reply->resource, RESOURCE);
	strcpy(reply->etag, "tag");
	return 0;
}

const char *viewer_table_unknown(const struct viewer_table *table)
{
	return unknown;
}

bool viewer_table_known_soon(const struct viewer_table *table)
{
	return !unknown || !lasting;
}

void viewer_listener_add(struct viewer_table *table, struct viewer_listener *l)
{
	waiters = g_slist_append(waiters, l);
}

void viewer_listener_del(struct viewer_table *table, struct viewer_listener *l)
{
	waiters = g_slist_remove(waiters, l);
}

void settle(void)
{
	unknown = NULL;
	while (waiters) {
		const struct viewer_listener *l = waiters->data;

		l->settled(l->user);
	}
}

int viewer_table_delete(struct viewer_table *table, const char *path, const char *resource)
{
	if (!is_there(path, resource))
		return -ENOENT;
	deleted++;
	return 0;
}

int viewer_table_patch(struct viewer_table *table, const char *path, const char *resource,
	const char *body, size_t len, struct viewer_patch_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->why = "said by the test";
	if (len == 3 && memcmp(body, "bad", 3) == 0)
		return -EINVAL;
	if (len < 7 || memcmp(body, "restart", 7) != 0)
		return 0;
	reply->answer = g_strdup("a=ice-lite\r\n");
	strcpy(reply->etag, "new");
	return 1;
}

void viewer_table_list(struct viewer_table *table,
	void (*each)(void *user, const struct viewer_summary *viewer), void *user)
{
	each(user,
		&(struct viewer_summary){
			.id = 7, .path = "cam1", .remote = "192.0.2.1:5000", .established = true});
}

int viewer_table_kick(struct viewer_table *table, uint32_t id)
{
	if (id != 7)
		return -ENOENT;
	kicked++;
	return 0;
}

const char *viewer_table_etag(struct viewer_table *table, const char *path, const char *resource)
{
	return is_there(path, resource) ? "tag" : NULL;
}

/* ---- the server and its client ---- */

uint16_t free_port(void)
{
	GSocketListener *l = g_socket_listener_new();
	uint16_t port = g_socket_listener_add_any_inet_port(l, NULL, NULL);

	g_socket_listener_close(l);
	g_object_unref(l);
	return port;
}

void start(struct fixture *f, const char *auth)
{
	static const char file[] =
		"{\"dataplane\":{\"ports\":[{\"name\":\"wan\",\"device\":\"net_af_xdp,iface=x0\"}],"
		"\"workers\":[1]},\"webrtcICEServers2\":[{\"url\":\"turn:t.example:3478\","
		"\"username\":\"u\",\"password\":\"p\\\"q\"}],\"paths\":{\"cam1\":{\"source\":"
		"\"rtsp://127.0.0.1:1/x\"},\"demand\":{\"source\":\"rtsp://127.0.0.1:1/y\","
		"\"sourceOnDemand\":true}}}";
	struct mr_config_report report;
	int rc = mr_config_parse(&f->config, file, strlen(file), &report);

	for (size_t i = 0; i < report.count; i++)
		print_message("%s: %s\n", report.problems[i].path, report.problems[i].message);
	mr_config_report_fini(&report);
	assert_int_equal(rc, 0);
	f->port = free_port();
	inet_pton(AF_INET6, "::ffff:127.0.0.1", f->config.webrtc_address.addr);
	f->config.webrtc_address.port = htons(f->port);
	if (auth)
		f->config.auth_http_address = strdup(auth);
	assert_int_equal(http_server_create(&f->server, &f->config, NULL, NULL), 0);
	f->session = soup_session_new_with_options("timeout", 15, NULL);
}

void stop(struct fixture *f)
{
	soup_session_abort(f->session);
	g_object_unref(f->session);
	http_server_destroy(f->server);
	mr_config_fini(&f->config);
}

void on_body(GObject *source, GAsyncResult *result, gpointer user)
{
	GBytes **body = user;

	*body = soup_session_send_and_read_finish(SOUP_SESSION(source), result, NULL);
	if (!*body)
		*body = g_bytes_new_static("", 0);
}

GBytes *send_message(struct fixture *f, SoupMessage *m)
{
	GBytes *got = NULL;

	soup_session_send_and_read_async(f->session, m, G_PRIORITY_DEFAULT, NULL, on_body, &got);
	while (!got)
		g_main_context_iteration(NULL, TRUE);
	return got;
}

SoupMessage *ask_if(struct fixture *f, const char *method, const char *path, const char *type,
	const char *text, size_t len, const char *if_match, GBytes **body)
{
	char *uri = g_strdup_printf("http://127.0.0.1:%u%s", f->port, path);
	SoupMessage *m = soup_message_new(method, uri);
	GBytes *got;

	g_free(uri);
	soup_message_add_flags(m, SOUP_MESSAGE_NO_REDIRECT);
	if (if_match)
		soup_message_headers_replace(
			soup_message_get_request_headers(m), "If-Match", if_match);
	if (text) {
		GBytes *bytes = g_bytes_new(text, len);

		soup_message_set_request_body_from_bytes(m, type, bytes);
		g_bytes_unref(bytes);
	}
	got = send_message(f, m);
	if (body)
		*body = got;
	else
		g_bytes_unref(got);
	return m;
}

SoupMessage *ask(struct fixture *f, const char *method, const char *path, const char *type,
	const char *text, size_t len, GBytes **body)
{
	return ask_if(f, method, path, type, text, len, NULL, body);
}

const char *header(SoupMessage *m, const char *name)
{
	const char *value =
		soup_message_headers_get_list(soup_message_get_response_headers(m), name);

	return value ? value : "";
}
