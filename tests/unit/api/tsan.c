/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two threads, one mapping, always under ThreadSanitizer (see meson.build): the
 * rings' order of reads and writes has no data race. One ring in each direction
 * at once; every message and every datagram arrives whole and in order.
 */
#include "dataplane/api/channel.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES 60000u
#define DATAGRAMS 6000u

struct side {
	struct mr_channel *channel; /* this side's ends, on the one mapping */
	unsigned long long broken;
	const char *failed;
};

static size_t datagram_len(uint32_t i)
{
	return 1 + (i * 7919u) % (3 * MR_PACKET_DATA);
}

static void *control_plane(void *arg)
{
	struct side *s = arg;
	struct mr_ring *commands = &s->channel->commands, *events = &s->channel->events;
	struct mr_packet head = {.kind = MR_PACKET_DOWN_SEND};
	static struct mr_command command;
	static struct mr_event event;
	static uint8_t data[3 * MR_PACKET_DATA];
	uint32_t put = 0, taken = 0, packets = 0;

	while (put < MESSAGES || taken < MESSAGES || packets < DATAGRAMS) {
		command.cookie = put;
		memset(command.bytes, (int)put, 64);
		if (put < MESSAGES && mr_ring_enqueue(commands, &command, sizeof(command)) == 0)
			put++;
		if (taken < MESSAGES && mr_ring_dequeue(events, &event) == 1) {
			if (event.cookie != taken || event.bytes[63] != (uint8_t)taken)
				s->failed = "event";
			taken++;
		}
		memset(data, (int)packets, datagram_len(packets));
		if (packets < DATAGRAMS && mr_packet_put(&s->channel->packets_down, &head, data,
						   datagram_len(packets)) == 0)
			packets++;
		else
			sched_yield();
	}
	return NULL;
}

static void *data_plane(void *arg)
{
	struct side *s = arg;
	struct mr_ring *commands = &s->channel->commands, *events = &s->channel->events;
	static struct mr_packet_joiner joiner;
	static struct mr_command command;
	static struct mr_event event;
	uint32_t put = 0, taken = 0, packets = 0;

	while (put < MESSAGES || taken < MESSAGES || packets < DATAGRAMS) {
		unsigned int budget = 8;

		event.cookie = put;
		memset(event.bytes, (int)put, 64);
		if (put < MESSAGES && mr_ring_enqueue(events, &event, sizeof(event)) == 0)
			put++;
		if (taken < MESSAGES && mr_ring_dequeue(commands, &command) == 1) {
			if (command.cookie != taken || command.bytes[63] != (uint8_t)taken)
				s->failed = "command";
			taken++;
		}
		if (mr_packet_take(&s->channel->packets_down, &joiner, &budget) == 1) {
			size_t len = datagram_len(packets);

			if (joiner.head.total != len || joiner.data[0] != (uint8_t)packets ||
				joiner.data[len - 1] != (uint8_t)packets)
				s->failed = "datagram";
			packets++;
		} else {
			sched_yield();
		}
	}
	s->broken = joiner.broken;
	return NULL;
}

int main(void)
{
	struct mr_channel ours, theirs;
	struct side down = {.channel = &theirs}, up = {.channel = &ours};
	pthread_t a, b;
	int err = mr_channel_create(&ours);

	if (err) {
		fprintf(stderr, "channel: %s\n", strerror(-err));
		return 1;
	}
	theirs = ours; /* other ends, the same addresses: ThreadSanitizer goes by them */
	if (pthread_create(&a, NULL, control_plane, &down) != 0 ||
		pthread_create(&b, NULL, data_plane, &up) != 0)
		return 1;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	mr_channel_destroy(&ours);
	if (down.failed || up.failed || up.broken) {
		fprintf(stderr, "wrong: %s %s, broken: %llu\n", down.failed ? down.failed : "-",
			up.failed ? up.failed : "-", up.broken);
		return 1;
	}
	return 0;
}
