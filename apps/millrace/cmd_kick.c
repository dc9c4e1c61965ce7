/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * millrace kick: asks the control plane to end a viewer, at the operator's address
 * (controlplane/http/api.h). That is asked, not the data plane: a viewer is the control
 * plane's to end, also one that a former control plane has let in. Main thread.
 */
#include "apps/millrace/commands.h"

#include "dataplane/api/abi.h"

#include <libsoup/soup.h>

#define TIMEOUT_SECONDS 5
#define ANSWER_MAX 4096 /* [bytes] of an answer that are read */
#define WHY_MAX 512     /* [bytes] */

/* The URL of a kick; NULL: `api` is no address and port. Free it. */
static char *kick_url(const char *api, uint32_t id)
{
	GSocketConnectable *at = g_network_address_parse(api, 0, NULL);
	char *path, *url = NULL;
	guint16 port;

	if (at == NULL)
		return NULL;
	port = g_network_address_get_port(G_NETWORK_ADDRESS(at));
	path = g_strdup_printf("/v3/webrtcsessions/kick/%u", id);
	if (port != 0)
		url = g_uri_join(G_URI_FLAGS_NONE, "http", NULL,
			g_network_address_get_hostname(G_NETWORK_ADDRESS(at)), port, path, NULL,
			NULL);
	g_free(path);
	g_object_unref(at);
	return url;
}

/* Why nothing answers. */
static void no_answer(const struct options *o, const GError *error, char *why)
{
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
		snprintf(why, WHY_MAX,
			"%s: nobody takes requests there (is millrace-controlplane running, with "
			"\"api\": true in its session file?)",
			o->api);
	else
		snprintf(why, WHY_MAX, "%s: %s", o->api, error->message);
}

/* What the answer says: whether the viewer was ended, or why not. */
static bool judge(
	const struct options *o, unsigned int status, const char *body, gsize len, char *why)
{
	json_t *json = json_loadb(body, len, 0, NULL);
	const char *error = json_string_value(json_object_get(json, "error"));
	bool ended = false;
	json_t *clean = error != NULL ? json_text(error, WHY_MAX / 2) : NULL;

	if (json == NULL)
		snprintf(why, WHY_MAX, "%s: what answers is not millrace-controlplane", o->api);
	else if (status == SOUP_STATUS_OK)
		ended = true;
	else if (status == SOUP_STATUS_NOT_FOUND && o->viewer >= MR_VIEWER_FIXED_BASE)
		snprintf(why, WHY_MAX, "%u is a fixed session: it ends with the session file",
			o->viewer);
	else if (status == SOUP_STATUS_NOT_FOUND)
		snprintf(why, WHY_MAX, "no viewer %u ('millrace viewers' lists them)", o->viewer);
	else if (status == SOUP_STATUS_SERVICE_UNAVAILABLE && clean != NULL)
		snprintf(why, WHY_MAX, "%s", json_string_value(clean));
	else
		snprintf(why, WHY_MAX, "%s: refused with status %u: %s", o->api, status,
			clean != NULL ? json_string_value(clean) : "no reason given");
	json_decref(clean);
	json_decref(json);
	return ended;
}

/* Asks and waits; whether the viewer was ended. */
static bool kick(const struct options *o, const char *url, char *why)
{
	/* No proxy of the environment: it is this machine that is asked. */
	SoupSession *session = soup_session_new_with_options("proxy-resolver", NULL, "timeout",
		TIMEOUT_SECONDS, "user-agent", "millrace/" MILLRACE_VERSION, NULL);
	SoupMessage *message = soup_message_new(SOUP_METHOD_POST, url);
	GError *error = NULL;
	GInputStream *in = NULL;
	char body[ANSWER_MAX];
	gsize len = 0;
	bool ended = false;

	if (message == NULL) {
		snprintf(why, WHY_MAX, "%s: no address to ask", o->api);
		goto out;
	}
	soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
	in = soup_session_send(session, message, NULL, &error);
	if (in == NULL || !g_input_stream_read_all(in, body, sizeof(body), &len, NULL, &error))
		no_answer(o, error, why);
	else
		ended = judge(o, soup_message_get_status(message), body, len, why);
out:
	g_clear_error(&error);
	g_clear_object(&in);
	g_clear_object(&message);
	g_object_unref(session);
	return ended;
}

static void print_json(const struct options *o, bool ended, const char *why, FILE *out)
{
	json_t *object = json_pack("{s:I s:b}", "id", (json_int_t)o->viewer, "ended", ended);

	if (!ended)
		json_object_set_new(object, "error", json_text(why, WHY_MAX));
	json_dumpf(object, out, JSON_INDENT(2));
	fputc('\n', out);
	json_decref(object);
}

int cmd_kick(const struct options *o, FILE *out)
{
	char why[WHY_MAX] = "";
	char *url = kick_url(o->api, o->viewer);
	bool ended;

	if (url == NULL) {
		fprintf(stderr, "millrace: --api takes an address such as 127.0.0.1:9997: %s\n",
			o->api);
		return 2;
	}
	ended = kick(o, url, why);
	if (o->json)
		print_json(o, ended, why, out);
	else if (ended)
		fprintf(out, "viewer %u ended\n", o->viewer);
	else
		fprintf(stderr, "millrace: %s\n", why);
	g_free(url);
	return ended ? 0 : 1;
}
