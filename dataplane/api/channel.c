/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel's memory: one memfd, first the counters of the four rings, then
 * their slots, at places that both sides know and nothing in the memory says.
 * Each side's main thread.
 */
#include "dataplane/api/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u /* the slots start here */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

enum { RING_COMMANDS, RING_EVENTS, RING_PACKETS_DOWN, RING_PACKETS_UP, RING_COUNT };

static_assert(RING_COUNT * sizeof(struct mr_ring_shared) <= PAGE, "counters fit their page");

static const struct {
	uint32_t slot_size; /* [bytes] */
	uint32_t capacity;  /* slots */
} geometry[RING_COUNT] = {
	[RING_COMMANDS] = {sizeof(struct mr_command), MR_CHANNEL_COMMANDS},
	[RING_EVENTS] = {sizeof(struct mr_event), MR_CHANNEL_EVENTS},
	[RING_PACKETS_DOWN] = {sizeof(struct mr_packet), MR_CHANNEL_PACKETS},
	[RING_PACKETS_UP] = {sizeof(struct mr_packet), MR_CHANNEL_PACKETS},
};

size_t mr_channel_size(void)
{
	size_t size = PAGE;

	for (int i = 0; i < RING_COUNT; i++)
		size += (size_t)geometry[i].slot_size * geometry[i].capacity;
	return size;
}

static void channel_reset(struct mr_channel *ch)
{
	memset(ch, 0, sizeof(*ch));
	ch->memfd = -1;
}

/* Maps ch->memfd, which has the right size, and points the rings into it. */
static int channel_map(struct mr_channel *ch)
{
	struct mr_ring *rings[RING_COUNT] = {
		[RING_COMMANDS] = &ch->commands,
		[RING_EVENTS] = &ch->events,
		[RING_PACKETS_DOWN] = &ch->packets_down,
		[RING_PACKETS_UP] = &ch->packets_up,
	};
	size_t size = mr_channel_size();
	uint8_t *slots;
	void *base;

	/* Populated: a worker must not take page faults on its first packets. */
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ch->memfd, 0);
	if (base == MAP_FAILED)
		return -errno;
	/* Keys pass through here: not into core files. */
	if (madvise(base, size, MADV_DONTDUMP) != 0) {
		int err = -errno;

		munmap(base, size);
		return err;
	}
	ch->base = base;
	ch->size = size;
	slots = (uint8_t *)base + PAGE;
	for (int i = 0; i < RING_COUNT; i++) {
		mr_ring_init(rings[i], (struct mr_ring_shared *)base + i, slots,
			geometry[i].slot_size, geometry[i].capacity);
		slots += (size_t)geometry[i].slot_size * geometry[i].capacity;
	}
	return 0;
}

int mr_channel_create(struct mr_channel *ch)
{
	int err;

	channel_reset(ch);
	ch->memfd = memfd_create("millrace-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ch->memfd < 0)
		return -errno;
	/* Memory taken now cannot be missing (SIGBUS) later. */
	err = -posix_fallocate(ch->memfd, 0, (off_t)mr_channel_size());
	if (err)
		goto err_memfd;
	if (fcntl(ch->memfd, F_ADD_SEALS, SEALS) != 0) {
		err = -errno;
		goto err_memfd;
	}
	err = channel_map(ch);
	if (err)
		goto err_memfd;
	return 0;

err_memfd:
	mr_channel_detach(ch);
	return err;
}

int mr_channel_attach(struct mr_channel *ch, int memfd)
{
	struct stat st;
	int seals, err;

	channel_reset(ch);
	ch->memfd = memfd;
	seals = fcntl(memfd, F_GET_SEALS);
	if (seals < 0 || fstat(memfd, &st) != 0) {
		err = errno == EINVAL ? -EPROTO : -errno;
		goto err_memfd;
	}
	if ((seals & SEALS) != SEALS || st.st_size != (off_t)mr_channel_size()) {
		err = -EPROTO;
		goto err_memfd;
	}
	err = channel_map(ch);
	if (err)
		goto err_memfd;
	return 0;

err_memfd:
	mr_channel_detach(ch);
	return err;
}

void mr_channel_detach(struct mr_channel *ch)
{
	if (ch->base)
		munmap(ch->base, ch->size);
	if (ch->memfd >= 0)
		close(ch->memfd);
	channel_reset(ch);
}

void mr_channel_destroy(struct mr_channel *ch)
{
	if (ch->base)
		explicit_bzero((uint8_t *)ch->base + PAGE, ch->size - PAGE);
	mr_channel_detach(ch);
}
