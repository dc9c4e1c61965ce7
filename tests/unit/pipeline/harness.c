/* SPDX-License-Identifier: BSD-3-Clause */
/* See harness.h. */
#include "tests/unit/pipeline/harness.h"

#include "dataplane/api/command.h"
#include "tests/unit/crypto/backend.h"

#include <arpa/inet.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEADERS 42      /* bytes: Ethernet, IPv4, UDP */
#define NOTICES 1024    /* entries of the ring */
#define RING_BYTES 2048 /* per packet of a stream's ring */

int harness_eal(void **state)
{
	const char *argv[] = {"test", "--no-huge", "-m", "256", "--no-pci", "--no-shconf",
		"--no-telemetry", "--file-prefix=mr-unit", "--log-level", "lib.eal:error"};
	cpu_set_t cpus;
	int rc;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	/* The EAL only reorders the array. */
	rc = rte_eal_init(sizeof(argv) / sizeof(argv[0]), (char **)(uintptr_t)argv);
	/* Tests run side by side: none of them keeps to the first processor. */
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return rc < 0 ? -1 : 0;
}

int harness_eal_end(void **state)
{
	return rte_eal_cleanup();
}

static void *array_entry(const struct harness *h, const struct mr_stats_array *a, uint32_t i)
{
	void *entry = (void *)(uintptr_t)mr_stats_entry(&h->view, a, i);

	assert_non_null(entry);
	return entry;
}

static struct rte_ring *notices_create(void)
{
	struct rte_ring *r = rte_ring_create_elem("notices", sizeof(struct notice), NOTICES,
		SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);

	assert_non_null(r);
	return r;
}

void harness_init(struct harness *h)
{
	static const struct mr_stats_geometry geometry = {
		.ports = 1, .workers = 1, .paths = 1, .streams = 64, .viewers = HARNESS_VIEWERS};
	struct worker *w;

	memset(h, 0, sizeof(*h));
	assert_int_equal(mr_stats_create(&geometry, &h->stats, &h->stats_fd), 0);
	h->view = (struct mr_stats_view){.stats = h->stats, .size = h->stats->size};
	w = rte_zmalloc("worker", sizeof(*w), 64);
	assert_non_null(w);
	h->w = w;
	w->n_workers = 1;
	w->n_ports = 1;
	w->stats = array_entry(h, &h->stats->workers, 0);
	w->pool = rte_pktmbuf_pool_create("tx", HARNESS_MBUFS, 0,
		RTE_ALIGN_CEIL(sizeof(struct packet_meta), 64), RTE_MBUF_DEFAULT_BUF_SIZE,
		SOCKET_ID_ANY);
	assert_non_null(w->pool);
	w->crypto = crypto_device_create(backend_name());
	assert_non_null(w->crypto);
	w->notices = notices_create();
	w->streams_capacity = HARNESS_STREAMS;
	w->streams = calloc(w->streams_capacity, sizeof(w->streams[0]));
	w->viewers_capacity = HARNESS_VIEWERS;
	w->viewers = calloc(w->viewers_capacity, sizeof(w->viewers[0]));
	w->nexthops = calloc(NEXTHOPS_MAX, sizeof(w->nexthops[0]));
	assert_true(w->streams != NULL && w->viewers != NULL && w->nexthops != NULL);
	w->repair_window_ns = SECOND;
	w->repair_bytes = 1000000;
	w->wall_offset_ns = 1700000000ll * (int64_t)SECOND;
	clock_path_init(&h->clock);
	harness_advance(h, 1000 * SECOND);
	harness_nexthop(h, true);
}

void harness_nexthop(struct harness *h, bool known)
{
	struct order o = {.type = ORDER_NEXTHOP,
		.nexthop = {.id = HARNESS_NEXTHOP, .valid = 1, .dst = {2, 0, 0, 0, 0, 1}},
		.remove = !known};

	order_carry_out(h->w, &o);
	assert_int_equal(o.status, 0);
}

void harness_fini(struct harness *h)
{
	struct worker *w = h->w;

	while (w->n_viewers > 0)
		harness_leave(h, w->viewers[0]);
	while (w->n_streams > 0)
		harness_stream_end(h, w->streams[0]);
	assert_int_equal(rte_mempool_in_use_count(w->pool), 0);
	rte_mempool_free(w->pool);
	rte_ring_free(w->notices);
	crypto_device_destroy(w->crypto);
	free(w->streams);
	free(w->viewers);
	free(w->nexthops);
	rte_free(w);
	mr_stats_destroy(h->stats);
	close(h->stats_fd);
}

void harness_advance(struct harness *h, uint64_t ns)
{
	h->w->now_ns += ns;
	h->w->wall_ns = h->w->wall_offset_ns + (int64_t)h->w->now_ns;
}

struct stream *harness_stream(
	struct harness *h, uint8_t kind, uint32_t clock_rate, uint32_t ring_packets)
{
	struct mr_stream_add add = {
		.stream_id = ++h->n_streams,
		.path_id = 1,
		.clock_rate = clock_rate,
		.max_payload = 1400,
		.kind = kind,
		.codec = kind == MR_KIND_VIDEO ? MR_CODEC_H264 : MR_CODEC_OPUS,
		.ring_packets = ring_packets,
		.ring_bytes = ring_packets * RING_BYTES,
	};
	struct order o = {.type = ORDER_STREAM_LINK, .path_clock = &h->clock};

	o.stream = stream_create(&add, "test", array_entry(h, &h->stats->streams, h->n_streams));
	assert_non_null(o.stream);
	order_carry_out(h->w, &o);
	assert_int_equal(o.status, 0);
	return o.stream;
}

uint64_t harness_put(
	struct harness *h, struct stream *s, const void *payload, uint16_t len, uint32_t timestamp)
{
	memcpy(plain_ring_reserve(&s->ring, len), payload, len);
	clock_arrival(&s->clock, timestamp, h->w->wall_ns);
	worker_fresh_stream(h->w, s);
	return plain_ring_commit(&s->ring, len, timestamp, 0, h->w->now_ns);
}

void harness_stream_end(struct harness *h, struct stream *s)
{
	struct order o = {.type = ORDER_STREAM_UNLINK, .stream = s};

	order_carry_out(h->w, &o);
	assert_int_equal(o.status, 0);
	stream_destroy(s);
}

struct srtp_master harness_master(uint32_t viewer_id, bool ours)
{
	struct srtp_master m;

	memset(&m, 0, sizeof(m));
	for (unsigned int i = 0; i < sizeof(m.key); i++)
		m.key[i] = (uint8_t)(viewer_id * 31 + i * 7 + (ours ? 1 : 128) + (viewer_id >> 8));
	for (unsigned int i = 0; i < sizeof(m.salt); i++)
		m.salt[i] = (uint8_t)(viewer_id * 13 + i * 5 + (ours ? 3 : 77) + (viewer_id >> 8));
	return m;
}

void harness_local_ufrag(uint32_t viewer_id, char ufrag[MR_CNAME_MAX])
{
	snprintf(ufrag, MR_CNAME_MAX, "local%07u", viewer_id);
}

static void set_keys(struct mr_viewer_add *add)
{
	const struct srtp_profile *profile = srtp_profile_by_id(add->srtp_profile);
	struct srtp_master ours = harness_master(add->viewer_id, true);
	struct srtp_master theirs = harness_master(add->viewer_id, false);
	struct srtp_session_keys rtp, rtcp;

	assert_int_equal(srtp_keys_derive(profile, &ours, &rtp, &rtcp), 0);
	memcpy(&add->tx_rtp, &rtp, sizeof(rtp));
	memcpy(&add->tx_rtcp, &rtcp, sizeof(rtcp));
	assert_int_equal(srtp_keys_derive(profile, &theirs, NULL, &rtcp), 0);
	memcpy(&add->rx_rtcp, &rtcp, sizeof(rtcp));
}

struct mr_viewer_add harness_viewer_add(
	struct harness *h, uint16_t profile, struct stream *const streams[MR_VIEWER_TRACKS])
{
	uint32_t id = ++h->n_viewers;
	struct mr_viewer_add add = {
		.viewer_id = id,
		.nexthop_id = HARNESS_NEXTHOP,
		.local = {.addr = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, .port = htons(8189)},
		.remote = {.addr = {[10] = 0xff,
				   [11] = 0xff,
				   198,
				   51,
				   (uint8_t)(id >> 8),
				   (uint8_t)id},
			.port = htons(40000)},
		.srtp_profile = profile,
		.local_pwd_len = sizeof(HARNESS_PWD) - 1,
		.local_pwd = HARNESS_PWD,
		.remote_ufrag_len = sizeof(HARNESS_REMOTE_UFRAG) - 1,
		.remote_ufrag = HARNESS_REMOTE_UFRAG,
		.cname = "cname-of-viewer",
	};

	harness_local_ufrag(id, add.local_ufrag);
	add.local_ufrag_len = (uint8_t)strlen(add.local_ufrag);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		if (streams[i] == NULL)
			continue;
		add.track[i] = (struct mr_viewer_track){
			.stream_id = streams[i]->id,
			.ssrc = 0x10000000u * (i + 1) + id,
			.timestamp_base = 0xfffff000u + id * 1000 + i,
			.sequence_base = (uint16_t)(id * 257 % 0x8000),
			.payload_type = (uint8_t)(96 + i),
		};
	}
	set_keys(&add);
	return add;
}

struct viewer *harness_join(struct harness *h, const struct mr_viewer_add *add,
	struct stream *const streams[MR_VIEWER_TRACKS])
{
	struct order o = {.type = ORDER_VIEWER_LINK};

	o.viewer = viewer_create(
		h->w->crypto, add, array_entry(h, &h->stats->viewers, add->viewer_id - 1));
	assert_non_null(o.viewer);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++) {
		struct stream *s = streams[i];

		if (s == NULL)
			continue;
		o.audience[i] = &s->audience;
		if (s->audience.n_tracks + s->audience.n_behind < s->audience.tracks_capacity)
			continue;
		o.larger_capacity[i] = s->audience.tracks_capacity * 2;
		o.larger[i] =
			rte_zmalloc("tracks", o.larger_capacity[i] * sizeof(o.larger[i][0]), 64);
		assert_non_null(o.larger[i]);
	}
	order_carry_out(h->w, &o);
	assert_int_equal(o.status, 0);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		rte_free(o.larger[i]);
	return o.viewer;
}

struct viewer *harness_viewer(struct harness *h, uint16_t profile, struct stream *s)
{
	struct stream *const streams[MR_VIEWER_TRACKS] = {s};
	struct mr_viewer_add add = harness_viewer_add(h, profile, streams);

	return harness_join(h, &add, streams);
}

struct stream *harness_crowd(struct harness *h, unsigned int viewers)
{
	struct stream *s;

	harness_init(h);
	s = harness_stream(h, MR_KIND_VIDEO, 90000, 64);
	for (unsigned int i = 0; i < viewers; i++)
		harness_viewer(h, SRTP_PROFILE_GCM_128, s);
	return s;
}

void harness_leave(struct harness *h, struct viewer *v)
{
	struct order o = {.type = ORDER_VIEWER_UNLINK, .viewer = v};

	order_carry_out(h->w, &o);
	assert_int_equal(o.status, 0);
	viewer_destroy(v);
}

static unsigned int list_length(const struct repair_list *l)
{
	const struct viewer *last = NULL;
	unsigned int n = 0;

	for (const struct viewer *v = l->head; v != NULL; v = v->repair.next_queued) {
		last = v;
		n++;
	}
	assert_ptr_equal(l->tail, last);
	return n;
}

unsigned int harness_later(const struct worker *w)
{
	unsigned int n = list_length(&w->repairs_later.due);

	for (unsigned int i = 0; i < REPAIR_SLOTS; i++)
		n += list_length(&w->repairs_later.slot[i].list);
	assert_int_equal(n, w->repairs_later.n);
	return n;
}

struct rte_mbuf *harness_datagram(
	struct harness *h, struct viewer *v, uint8_t kind, const void *data, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(h->w->pool);
	struct packet_meta *meta;

	assert_non_null(m);
	assert_in_range(len, 0, 1500);
	memset(rte_pktmbuf_append(m, HEADERS), 0, HEADERS);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), data, len);
	meta = packet_meta(m);
	memset(meta, 0, sizeof(*meta));
	meta->kind = kind;
	meta->ip_version = 4;
	meta->l3 = 14;
	meta->l4 = 34;
	meta->payload = HEADERS;
	meta->payload_len = (uint16_t)len;
	meta->arrival_ns = h->w->now_ns;
	meta->viewer = v;
	return m;
}

uint64_t harness_drops(const struct harness *h, enum mr_drop reason)
{
	return atomic_load_explicit(&h->w->stats->drops[reason], memory_order_relaxed);
}

uint64_t harness_all_drops(const struct harness *h)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < MR_DROP_COUNT; i++)
		n += harness_drops(h, (enum mr_drop)i);
	return n;
}

bool harness_notice(struct harness *h, struct notice *n)
{
	return rte_ring_sc_dequeue_elem(h->w->notices, n, sizeof(*n)) == 0;
}

void harness_no_notice(struct harness *h)
{
	struct notice n = {0};

	if (harness_notice(h, &n))
		fail_msg("notice type=%u id=%u value=%u", n.type, n.id, n.value);
}

void harness_expect_notice(struct harness *h, uint32_t type, uint32_t id, uint32_t value)
{
	struct notice n = {0};

	assert_true(harness_notice(h, &n));
	assert_int_equal(n.type, type);
	assert_int_equal(n.id, id);
	assert_int_equal(n.value, value);
}

struct rtp_header *harness_rtp(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rtp_header *, m->l2_len + m->l3_len + 8);
}

uint16_t harness_rtp_len(const struct rte_mbuf *m)
{
	assert_int_equal(m->data_len, m->pkt_len);
	return (uint16_t)(m->data_len - m->l2_len - m->l3_len - 8);
}

void harness_free_media(struct media_batch *b)
{
	rte_pktmbuf_free_bulk(b->pkts, b->n);
	b->n = 0;
}

void harness_free_batch(struct batch *b)
{
	rte_pktmbuf_free_bulk(b->pkts, b->n);
	b->n = 0;
}

void harness_free_plain(struct plain_batch *b)
{
	rte_pktmbuf_free_bulk(b->pkts, b->n);
	b->n = 0;
	b->n_repairs = 0;
	b->ports = 0;
	b->bytes = 0;
}
