/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands and their replies: see command_queue.h. Main thread. */
#include "controlplane/command_queue.h"

#include "crypto/secret.h"

#include <errno.h>

#define OUTSTANDING_MAX MR_CHANNEL_COMMANDS /* unanswered: replies must fit the event ring */

struct pending {
	uint64_t cookie;
	install_reply_fn reply; /* NULL: nobody asks */
	void *user;
	struct mr_command *command; /* owned, secret; NULL once in the ring */
};

static void command_free(struct pending *p)
{
	if (!p->command)
		return;
	secret_wipe(p->command, sizeof(*p->command));
	g_free(p->command);
	p->command = NULL;
}

static void pending_free(gpointer data)
{
	command_free(data);
	g_free(data);
}

static void pending_finish(struct pending *p, int status)
{
	if (p->reply)
		p->reply(status, p->user);
	pending_free(p);
}

void command_queue_init(struct command_queue *q)
{
	q->cookie = 0;
	g_queue_init(&q->waiting);
	g_queue_init(&q->sent);
}

void command_queue_fini(struct command_queue *q)
{
	g_queue_clear_full(&q->waiting, pending_free);
	g_queue_clear_full(&q->sent, pending_free);
}

int command_queue_add(struct command_queue *q, const struct mr_command *command,
	install_reply_fn reply, void *user)
{
	struct pending *p;

	if (q->waiting.length >= INSTALL_QUEUE_MAX)
		return -ENOBUFS;
	p = g_new0(struct pending, 1);
	p->cookie = ++q->cookie;
	p->reply = reply;
	p->user = user;
	p->command = g_memdup2(command, sizeof(*command));
	p->command->cookie = p->cookie;
	g_queue_push_tail(&q->waiting, p);
	return 0;
}

bool command_queue_flush(struct command_queue *q, struct mr_ring *ring)
{
	bool any = false;
	struct pending *p;

	while (q->sent.length < OUTSTANDING_MAX && (p = g_queue_peek_head(&q->waiting)) != NULL) {
		/* Full: the next reply makes room. -EPROTO shows on reading. */
		if (mr_ring_enqueue(ring, p->command, sizeof(*p->command)) < 0)
			break;
		command_free(p);
		g_queue_push_tail(&q->sent, g_queue_pop_head(&q->waiting));
		any = true;
	}
	return any;
}

void command_queue_reply(struct command_queue *q, uint64_t cookie, int status)
{
	struct pending *p;

	/* In order: one that was skipped (event ring full) will not come any more. */
	while ((p = g_queue_peek_head(&q->sent)) != NULL && p->cookie < cookie) {
		g_queue_pop_head(&q->sent);
		pending_finish(p, -EPROTO);
	}
	if (!p || p->cookie != cookie)
		return;
	g_queue_pop_head(&q->sent);
	pending_finish(p, status > 0 ? -EPROTO : status);
}

void command_queue_fail(struct command_queue *q, int status)
{
	struct pending *p;

	while ((p = g_queue_pop_head(&q->sent)) != NULL ||
		(p = g_queue_pop_head(&q->waiting)) != NULL)
		pending_finish(p, status);
}

static void forget_in(GQueue *queue, const void *user, bool all)
{
	for (GList *l = queue->head; l; l = l->next) {
		struct pending *p = l->data;

		if (all || p->user == user)
			p->reply = NULL;
	}
}

void command_queue_forget(struct command_queue *q, const void *user)
{
	forget_in(&q->waiting, user, false);
	forget_in(&q->sent, user, false);
}

void command_queue_forget_all(struct command_queue *q)
{
	forget_in(&q->waiting, NULL, true);
	forget_in(&q->sent, NULL, true);
}

uint64_t command_queue_last_open(const struct command_queue *q)
{
	return q->waiting.length + q->sent.length > 0 ? q->cookie : 0;
}
