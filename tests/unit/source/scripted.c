/* SPDX-License-Identifier: BSD-3-Clause */
/* A scripted RTSP server; its own thread, nothing of ours in it. */
#include "tests/unit/source/scripted.h"

#include <arpa/inet.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct scripted {
	struct script *script;
	int listener;
	uint16_t port;
	_Atomic bool stop;
	GThread *thread;
	/* of the connection */
	char request[8192];
	size_t have;
	bool playing, tcp;
	unsigned int nonce;
	uint16_t sequence;
	bool hung_up;
};

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		return;
}

static void answer(
	struct scripted *s, int fd, const char *status, const char *headers, const char *body)
{
	const char *cseq = strcasestr(s->request, "\r\nCSeq: ");
	char *text = g_strdup_printf("RTSP/1.0 %s\r\nCSeq: %d\r\n%sContent-Length: %zu\r\n\r\n%s",
		status, cseq ? atoi(cseq + 8) : 0, headers, strlen(body), body);

	say(fd, text);
	g_free(text);
}

/* True: the request may go on. */
static bool is_authorized(struct scripted *s, int fd)
{
	char nonce[64], header[256];

	if (!s->script->stale_nonce)
		return true;
	snprintf(nonce, sizeof(nonce), "nonce=\"n%u\"", s->nonce);
	if (strstr(s->request, nonce) && strstr(s->request, "Authorization: Digest"))
		return true;
	snprintf(header, sizeof(header),
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"n%u\"%s\r\n", s->nonce,
		strstr(s->request, "Authorization") ? ", stale=true" : "");
	s->script->unauthorized++;
	answer(s, fd, "401 Unauthorized", header, "");
	return false;
}

static void on_setup(struct scripted *s, int fd)
{
	const char *transport = strstr(s->request, "Transport: ");
	const char *port = strstr(s->request, "client_port=");
	char header[256];

	s->tcp = transport && strstr(transport, "RTP/AVP/TCP");
	if (!s->tcp && s->script->refuse_udp) {
		answer(s, fd, "461 Unsupported Transport", "", "");
		return;
	}
	if (s->tcp)
		snprintf(header, sizeof(header),
			"Session: 12345678;timeout=%d\r\nTransport: "
			"RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
			s->script->timeout_s ? s->script->timeout_s : 60);
	else
		snprintf(header, sizeof(header),
			"Session: 12345678\r\nTransport: "
			"RTP/AVP;unicast;client_port=%d-%d;server_port=50000-50001%s\r\n",
			port ? atoi(port + 12) : 0, port ? atoi(port + 12) + 1 : 0,
			s->script->transport ? s->script->transport : "");
	answer(s, fd, "200 OK", header, "");
}

/* Until the client hangs up. */
static void flood(struct scripted *s, int fd)
{
	size_t len = strlen(s->script->flood);
	char *text = g_malloc(100 * len);

	for (size_t i = 0; i < 100; i++)
		memcpy(text + i * len, s->script->flood, len);
	say(fd, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n");
	while (!s->stop && send(fd, text, 100 * len, MSG_NOSIGNAL) > 0)
		continue;
	g_free(text);
}

static void refuse_again(struct scripted *s, int fd)
{
	char header[128];

	snprintf(header, sizeof(header),
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"n%u\", stale=true\r\n",
		s->script->unauthorized++);
	answer(s, fd, "401 Unauthorized", header, "");
}

static void handle(struct scripted *s, int fd)
{
	struct script *x = s->script;

	if (strstr(s->request, "secret"))
		x->password_seen = true;
	if (x->garbage) {
		say(fd, x->garbage);
		return;
	}
	if (x->flood) {
		flood(s, fd);
		return;
	}
	if (x->new_nonces) {
		refuse_again(s, fd);
		return;
	}
	if (!is_authorized(s, fd))
		return;
	if (g_str_has_prefix(s->request, "OPTIONS")) {
		if (s->playing)
			x->keep_alives++;
		answer(s, fd, "200 OK", "Public: DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n", "");
	} else if (g_str_has_prefix(s->request, "DESCRIBE")) {
		x->described++;
		answer(s, fd, "200 OK", "Content-Type: application/sdp\r\n", x->sdp);
	} else if (g_str_has_prefix(s->request, "SETUP")) {
		on_setup(s, fd);
	} else if (g_str_has_prefix(s->request, "PLAY")) {
		answer(s, fd, "200 OK", "", "");
		x->played++;
		s->nonce++;
		s->playing = true;
	} else if (g_str_has_prefix(s->request, "GET_PARAMETER")) {
		x->keep_alives++;
		answer(s, fd, "200 OK", "", "");
	} else if (g_str_has_prefix(s->request, "TEARDOWN")) {
		x->teardowns++;
		s->playing = false;
		answer(s, fd, "200 OK", "", "");
	} else {
		answer(s, fd, "501 Not Implemented", "", "");
	}
}

static void send_media(struct scripted *s, int fd)
{
	static uint8_t frame[4 + 65535];
	size_t len = s->script->big ? s->script->big : 100;

	frame[0] = '$';
	frame[1] = 0;
	frame[2] = (uint8_t)(len >> 8);
	frame[3] = (uint8_t)len;
	frame[4] = 0x80;
	frame[5] = 96;
	frame[6] = (uint8_t)(s->sequence >> 8);
	frame[7] = (uint8_t)s->sequence++;
	for (size_t at = 0; at < 4 + len;) {
		ssize_t n = send(fd, frame + at, 4 + len - at, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += (size_t)n;
	}
}

/* Frames and requests out of what was read; true: go on. */
static void consume(struct scripted *s, int fd)
{
	for (;;) {
		char *end;
		size_t len;

		if (s->have >= 4 && s->request[0] == '$') {
			len = 4 + ((size_t)(uint8_t)s->request[2] << 8 | (uint8_t)s->request[3]);
			if (s->have < len)
				return;
			s->script->reports++;
		} else {
			s->request[s->have] = 0;
			end = strstr(s->request, "\r\n\r\n");
			if (!end)
				return;
			len = (size_t)(end - s->request) + 4;
			end[2] = 0;
			handle(s, fd);
		}
		s->have -= len;
		memmove(s->request, s->request + len, s->have);
	}
}

static void serve(struct scripted *s, int fd)
{
	s->have = 0;
	s->playing = false;
	s->script->connections++;
	while (!s->stop) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 20) > 0) {
			ssize_t n =
				read(fd, s->request + s->have, sizeof(s->request) - 1 - s->have);

			if (n <= 0)
				return;
			s->have += (size_t)n;
			consume(s, fd);
		}
		if (s->playing && s->tcp && s->script->media)
			send_media(s, fd);
		if (s->playing && s->script->hang_up && !s->hung_up) {
			s->hung_up = true;
			return;
		}
	}
}

static gpointer run(gpointer data)
{
	struct scripted *s = data;

	while (!s->stop) {
		struct pollfd p = {.fd = s->listener, .events = POLLIN};
		int fd;

		if (poll(&p, 1, 20) <= 0)
			continue;
		fd = accept(s->listener, NULL, NULL);
		if (fd < 0)
			continue;
		serve(s, fd);
		close(fd);
	}
	return NULL;
}

struct scripted *scripted_start(struct script *script)
{
	struct scripted *s = g_new0(struct scripted, 1);
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);

	s->script = script;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert(bind(s->listener, (struct sockaddr *)&address, len) == 0);
	g_assert(listen(s->listener, 4) == 0);
	g_assert(getsockname(s->listener, (struct sockaddr *)&address, &len) == 0);
	s->port = ntohs(address.sin_port);
	s->thread = g_thread_new("scripted", run, s);
	return s;
}

uint16_t scripted_port(const struct scripted *s)
{
	return s->port;
}

void scripted_stop(struct scripted *s)
{
	s->stop = true;
	g_thread_join(s->thread);
	close(s->listener);
	g_free(s);
}
