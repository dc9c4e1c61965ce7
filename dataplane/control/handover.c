/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane's end of both sockets: see handover.h. The data plane's main
 * thread, but handover_notify(). */
#include "dataplane/control/handover.h"

#include "dataplane/control/attachment.h"
#include "dataplane/control/fd_store.h"
#include "dataplane/control/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define ACCEPTS_PER_POLL 16
#define MESSAGES_PER_POLL 64
#define PAUSE_MS 100     /* of accepting, when there are no descriptors left */
#define GREET_RETRY_MS 5 /* when too many descriptors are under way */

enum handover_state {
	STATE_FREE,     /* nobody; accepting */
	STATE_GREETING, /* HELLO is sent, descriptors are on their way; the rings are in use */
	STATE_ATTACHED,
	STATE_LOST,      /* the client went, DETACHED is yet to be told; not accepting */
	STATE_RELEASING, /* told; not accepting until handover_release_channel() */
};

/* What an epoll entry stands for. */
enum source {
	SOURCE_CONTROL,
	SOURCE_STATS,
	SOURCE_CLIENT,
	SOURCE_DOORBELL,
	SOURCE_BELL,
	SOURCE_COUNT
};

struct handover {
	enum handover_state state;
	int epoll;               /* owned */
	struct listener control; /* owned */
	struct listener stats;   /* owned */
	int stats_fd;            /* owned: read-only, what readers get */
	uint64_t stats_size;     /* [bytes] */
	gid_t group;             /* whose members are let in */
	int64_t resume_ms;       /* CLOCK_MONOTONIC; 0: accepting is not paused */
	bool greet_retry;        /* on the next call, not when the socket is writable */
	struct attachment guest;
	struct fd_store kept;
	struct handover_counters counters;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int watch(const struct handover *h, int fd, enum source source, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.u32 = source};

	return epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

/* Of an entry that is there: cannot fail. */
static void rewatch(const struct handover *h, int fd, enum source source, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.u32 = source};

	epoll_ctl(h->epoll, EPOLL_CTL_MOD, fd, &e);
}

static bool client_is_there(const struct handover *h)
{
	return h->state == STATE_GREETING || h->state == STATE_ATTACHED;
}

/* While a channel waits for its release the next client waits in the backlog;
 * while there are no descriptors everybody does. */
static void listeners_watch(const struct handover *h)
{
	bool paused = h->resume_ms != 0;
	bool open = h->state != STATE_LOST && h->state != STATE_RELEASING;

	rewatch(h, h->control.fd, SOURCE_CONTROL, open && !paused ? EPOLLIN : 0);
	rewatch(h, h->stats.fd, SOURCE_STATS, paused ? 0 : EPOLLIN);
}

static void state_set(struct handover *h, enum handover_state state)
{
	h->state = state;
	listeners_watch(h);
}

/* ---- the client ---- */

static void client_lost(struct handover *h)
{
	attachment_hang_up(&h->guest); /* which also takes both out of the epoll set */
	state_set(h, STATE_LOST);
}

static void client_admit(struct handover *h, int fd, int *events)
{
	if (attachment_open(&h->guest, fd) != 0)
		return;
	if (watch(h, h->guest.client, SOURCE_CLIENT, EPOLLIN | EPOLLOUT) != 0 ||
		watch(h, h->guest.doorbell, SOURCE_DOORBELL, EPOLLIN) != 0) {
		attachment_hang_up(&h->guest);
		attachment_release(&h->guest);
		return;
	}
	h->counters.attached++;
	h->greet_retry = false;
	state_set(h, STATE_GREETING);
	*events |= HANDOVER_ATTACHED;
}

static void client_greet(struct handover *h)
{
	int done = 0;

	for (int i = 0; i < MESSAGES_PER_POLL && done == 0; i++)
		done = attachment_greet(&h->guest, &h->kept);
	h->greet_retry = done == -ETOOMANYREFS;
	if (done == 1)
		state_set(h, STATE_ATTACHED);
	else if (done < 0 && done != -EAGAIN && done != -ETOOMANYREFS)
		client_lost(h);
	if (client_is_there(h))
		rewatch(h, h->guest.client, SOURCE_CLIENT,
			done == 1 || h->greet_retry ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

/* True: there may be more to read. */
static bool client_read(struct handover *h)
{
	int err = attachment_read(&h->guest, &h->kept, MESSAGES_PER_POLL, &h->counters.refused_fds);

	if (err >= 0)
		return err > 0;
	if (err != -ECONNRESET)
		h->counters.protocol_errors++;
	client_lost(h);
	return false;
}

/* ---- the listeners ---- */

/* A connection or -errno; pauses accepting when there are no descriptors. */
static int next_connection(struct handover *h, struct listener *l)
{
	int fd = listener_accept(l);

	if (fd < 0 && fd != -EAGAIN) {
		h->resume_ms = now_ms() + PAUSE_MS;
		listeners_watch(h);
	}
	return fd;
}

static void client_refuse(int fd, enum mr_socket_message_type why)
{
	struct mr_socket_message m = attachment_message(why);

	mr_socket_send(fd, &m, NULL, 0);
	close(fd);
}

static void control_accept(struct handover *h, int *events)
{
	for (int i = 0; i < ACCEPTS_PER_POLL; i++) {
		int fd;

		/* Busy only with one who lives: the next waits for the release of one who went. */
		if (client_is_there(h) && client_read(h))
			return;
		if (h->state == STATE_LOST || h->state == STATE_RELEASING)
			return;
		fd = next_connection(h, &h->control);
		if (fd < 0)
			return;
		if (!peer_is_allowed(fd, h->group)) {
			h->counters.refused_credentials++;
			client_refuse(fd, MR_SOCKET_DENIED);
		} else if (client_is_there(h)) {
			h->counters.refused_busy++;
			client_refuse(fd, MR_SOCKET_BUSY);
		} else {
			client_admit(h, fd, events);
		}
	}
}

static void stats_accept(struct handover *h)
{
	struct mr_socket_message m = attachment_message(MR_SOCKET_STATS);

	m.region_size = h->stats_size;
	for (int i = 0; i < ACCEPTS_PER_POLL; i++) {
		int fd = next_connection(h, &h->stats);

		if (fd < 0)
			return;
		if (mr_socket_send(fd, &m, &h->stats_fd, 1) == 0)
			h->counters.stats_given++;
		close(fd);
	}
}

/* ---- public ---- */

static int stats_reopen(struct handover *h, int memfd)
{
	struct stat st;
	char path[32];

	if (fstat(memfd, &st) != 0)
		return -errno;
	h->stats_size = (uint64_t)st.st_size;
	/* Read-only from the start; that no reader makes it writable again is the seal's. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	h->stats_fd = open(path, O_RDONLY | O_CLOEXEC);
	return h->stats_fd < 0 ? -errno : 0;
}

int handover_create(struct handover **out, const struct handover_config *config)
{
	struct handover *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	attachment_init(&h->guest);
	h->group = config->group == (gid_t)-1 ? getegid() : config->group;
	err = fd_store_init(&h->kept, config->kept_max);
	if (err)
		goto err_free;
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0) {
		err = -errno;
		goto err_store;
	}
	err = stats_reopen(h, config->stats_memfd);
	if (err)
		goto err_epoll;
	err = listener_open(&h->control, config->control_path, config->control_mode, h->group);
	if (err)
		goto err_stats_fd;
	err = listener_open(&h->stats, config->stats_path, config->stats_mode, (gid_t)-1);
	if (err)
		goto err_control;
	err = watch(h, h->control.fd, SOURCE_CONTROL, EPOLLIN);
	if (!err)
		err = watch(h, h->stats.fd, SOURCE_STATS, EPOLLIN);
	if (!err && config->bell >= 0)
		err = watch(h, config->bell, SOURCE_BELL, EPOLLIN);
	if (err)
		goto err_stats;
	*out = h;
	return 0;

err_stats:
	listener_close(&h->stats);
err_control:
	listener_close(&h->control);
err_stats_fd:
	close(h->stats_fd);
err_epoll:
	close(h->epoll);
err_store:
	fd_store_fini(&h->kept);
err_free:
	free(h);
	return err;
}

void handover_destroy(struct handover *h)
{
	if (!h)
		return;
	listener_close(&h->stats);
	listener_close(&h->control);
	attachment_hang_up(&h->guest);
	attachment_release(&h->guest);
	close(h->stats_fd);
	close(h->epoll);
	fd_store_fini(&h->kept);
	free(h);
}

/* How long may the wait for events last? */
static int timeout_bound(const struct handover *h, int timeout_ms)
{
	int limit_ms;

	if (h->state == STATE_LOST)
		return 0;
	if (h->state == STATE_GREETING && h->greet_retry)
		limit_ms = GREET_RETRY_MS;
	else if (h->resume_ms != 0)
		limit_ms = PAUSE_MS;
	else
		return timeout_ms;
	return timeout_ms < 0 || timeout_ms > limit_ms ? limit_ms : timeout_ms;
}

int handover_poll(struct handover *h, int timeout_ms)
{
	struct epoll_event ready[SOURCE_COUNT];
	uint32_t what[SOURCE_COUNT] = {0};
	int events = 0;
	int n;

	if (h->resume_ms != 0 && now_ms() >= h->resume_ms) {
		h->resume_ms = 0;
		listeners_watch(h);
	}
	n = epoll_wait(h->epoll, ready, SOURCE_COUNT, timeout_bound(h, timeout_ms));
	if (n < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < n; i++)
		what[ready[i].data.u32] |= ready[i].events;

	/* The client before the listener: it may make room. */
	if (client_is_there(h) && what[SOURCE_DOORBELL] && attachment_doorbell(&h->guest) > 0)
		events |= HANDOVER_DOORBELL;
	if (client_is_there(h) && (what[SOURCE_CLIENT] & ~(uint32_t)EPOLLOUT))
		client_read(h);
	if (h->state == STATE_GREETING && ((what[SOURCE_CLIENT] & EPOLLOUT) || h->greet_retry))
		client_greet(h);
	if (what[SOURCE_CONTROL])
		control_accept(h, &events);
	if (what[SOURCE_STATS])
		stats_accept(h);
	if (h->state == STATE_LOST && !(events & HANDOVER_ATTACHED)) {
		events = HANDOVER_DETACHED;
		state_set(h, STATE_RELEASING);
	}
	return events;
}

int handover_fd(const struct handover *h)
{
	return h->epoll;
}

struct mr_channel *handover_channel(struct handover *h)
{
	return h->guest.channel.base ? &h->guest.channel : NULL;
}

void handover_disconnect(struct handover *h)
{
	if (client_is_there(h))
		client_lost(h);
}

void handover_release_channel(struct handover *h)
{
	if (h->state != STATE_RELEASING)
		return;
	attachment_release(&h->guest);
	state_set(h, STATE_FREE);
}

void handover_notify(const struct handover *h)
{
	attachment_notify(&h->guest);
}

void handover_forget(struct handover *h, uint32_t kind, uint32_t id)
{
	fd_store_forget(&h->kept, kind, id);
}

void handover_prune(
	struct handover *h, bool (*exists)(void *user, uint32_t kind, uint32_t id), void *user)
{
	fd_store_prune(&h->kept, exists, user);
}

const struct handover_counters *handover_counters(const struct handover *h)
{
	return &h->counters;
}

pid_t handover_peer(const struct handover *h)
{
	return h->guest.peer;
}
