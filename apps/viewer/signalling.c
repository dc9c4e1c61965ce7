/* SPDX-License-Identifier: BSD-3-Clause */
/* WHEP, or Janus by way of janus.h, see signalling.h. Runs on the thread of its main context. */
#include "apps/viewer/signalling.h"

#include "apps/viewer/janus.h"

struct signalling {
	struct http_client *http;
	struct janus *janus; /* NULL: WHEP */
};

struct signalling *signalling_create(const struct options *options, unsigned int timeout_seconds)
{
	struct signalling *signalling = g_new0(struct signalling, 1);

	signalling->http =
		http_client_create(options->headers, options->header_count, timeout_seconds);
	if (options->janus)
		signalling->janus = janus_create(signalling->http, options->janus);
	return signalling;
}

void signalling_destroy(struct signalling *signalling)
{
	if (signalling == NULL)
		return;
	http_client_destroy(signalling->http);
	janus_destroy(signalling->janus);
	g_free(signalling);
}

int signalling_open(struct signalling *signalling, const char *url, const struct sdp_offer *ours,
	GCancellable *cancellable, http_callback *callback, void *user)
{
	char *offer;
	int rc;

	if (signalling->janus)
		return janus_watch(signalling->janus, url, ours, cancellable, callback, user);
	offer = sdp_offer_format(ours);
	rc = http_send(signalling->http, &(struct http_request){
						 .method = "POST",
						 .url = url,
						 .type = "application/sdp",
						 .body = offer,
						 .cancellable = cancellable,
						 .callback = callback,
						 .user = user,
					 });
	g_free(offer);
	return rc;
}

int signalling_close(struct signalling *signalling, const char *resource, GCancellable *cancellable,
	http_callback *callback, void *user)
{
	if (signalling->janus)
		return janus_end(signalling->janus, resource, cancellable, callback, user);
	return http_send(signalling->http, &(struct http_request){
						   .method = "DELETE",
						   .url = resource,
						   .cancellable = cancellable,
						   .callback = callback,
						   .user = user,
					   });
}

int signalling_parse(const struct signalling *signalling, const struct http_reply *reply,
	struct sdp_answer *answer, char *error)
{
	if (signalling->janus)
		return sdp_remote_offer_parse(reply->body, reply->length, answer, error);
	return sdp_answer_parse(reply->body, reply->length, answer, error);
}

const char *signalling_name(const struct signalling *signalling)
{
	return signalling->janus ? "Janus" : "WHEP POST";
}
