/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: any bytes as a source's datagrams, through RTP parsing,
 * acceptance and ordering. What comes out rises, each number once.
 *
 * Input: datagrams: a byte of length, a byte of milliseconds, the datagram; bit 7
 * of the second: the source reconnects before.
 */
#include "dataplane/stream/reorder.h"
#include "dataplane/stream/rtp.h"
#include "dataplane/stream/rtp_receiver.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
	if (!truth)
		abort();
}

struct sequence {
	struct rtp_receiver receiver;
	struct reorder reorder;
	uint64_t next; /* what may come out at the earliest */
	uint64_t now_ns;
};

static const uint8_t something;

static void out(struct sequence *s, uint64_t number, uint64_t gap)
{
	expect(number == s->next + gap);
	s->next = number + 1;
}

static void take(struct sequence *s, uint64_t before)
{
	struct input_packet p;
	uint64_t gap;

	while (reorder_take_before(&s->reorder, before, &p, &gap) == 1)
		out(s, (uint64_t)(uintptr_t)p.mbuf, gap);
	while (reorder_take(&s->reorder, s->now_ns, &p, &gap) == 1)
		out(s, (uint64_t)(uintptr_t)p.mbuf, gap);
	expect(s->reorder.held < REORDER_SLOTS);
}

static void accept(struct sequence *s, enum rtp_verdict v, uint64_t number, bool staged)
{
	/* The number itself travels in place of the buffer. */
	struct input_packet p = {.data = &something,
		.mbuf = (struct rte_mbuf *)(uintptr_t)number,
		.arrival_ns = s->now_ns};

	if (v == RTP_ACCEPT_RESTART || !s->reorder.started) {
		take(s, UINT64_MAX);
		reorder_start(&s->reorder, number);
		s->next = number;
	}
	if (!reorder_due(&s->reorder, number))
		return;
	if (staged || number == s->reorder.next) {
		take(s, number);
		if (reorder_due(&s->reorder, number))
			out(s, number, reorder_pass(&s->reorder, number));
	} else {
		if (number - s->reorder.next >= REORDER_SLOTS)
			take(s, number - REORDER_SLOTS + 1);
		reorder_put(&s->reorder, number, &p);
	}
	take(s, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sequence s;

	memset(&s, 0, sizeof(s));
	s.now_ns = 1000000000;
	rtp_receiver_init(&s.receiver, 90000);
	while (size >= 2) {
		size_t len = data[0] < size - 2 ? data[0] : size - 2;
		uint8_t how = data[1];
		uint8_t *datagram = malloc(len == 0 ? 1 : len);
		struct rtp_packet p;
		uint64_t number;

		expect(datagram != NULL);
		memcpy(datagram, data + 2, len);
		s.now_ns += (how & 0x3fu) * 1000000u;
		if ((how & 0x80) != 0)
			rtp_receiver_restart(&s.receiver);
		if (rtp_parse(datagram, len, &p) == 0) {
			enum rtp_verdict v;

			expect(p.payload >= datagram &&
				p.payload + p.payload_len <= datagram + len);
			v = rtp_receiver_accept(
				&s.receiver, p.ssrc, p.seq, p.timestamp, s.now_ns, &number);
			if (v <= RTP_ACCEPT_RESTART)
				accept(&s, v, number, (how & 0x40) != 0);
			expect(rtp_receiver_received(&s.receiver) <=
				rtp_receiver_expected(&s.receiver));
			/* Each number counts once. */
			if (v <= RTP_ACCEPT_RESTART)
				expect(rtp_receiver_accept(&s.receiver, p.ssrc, p.seq, p.timestamp,
					       s.now_ns, &number) == RTP_DROP_DUPLICATE);
		}
		free(datagram);
		data += 2 + len;
		size -= 2 + len;
	}
	return 0;
}
