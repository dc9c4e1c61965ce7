/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP of one viewer, see media.h. Owned by the thread of its viewer. */
#include "apps/viewer/media.h"

#include "apps/viewer/dump.h"
#include "apps/viewer/nack.h"

#include <errno.h>
#include <string.h>

#define RTP_HEADER_SIZE 12 /* bytes */
#define RTX_OSN_SIZE 2     /* bytes: RFC 4588 4 */
#define NACK_NUMBERS_MAX 200
#define REPLAY_WINDOW 4096u /* packets, as sequence.h */

struct media {
	struct media_options options;
	const struct sdp_answer *answer; /* borrowed */
	srtp_t srtp;                     /* any inbound SSRC, and our own for reports */
	uint32_t ssrc;                   /* ours, for receiver reports only */
	char cname[RTCP_CNAME_SIZE];
	struct media_counters counters;
	size_t track_count;
	struct track tracks[MEDIA_TRACKS_MAX];
	struct nack *nacks[MEDIA_TRACKS_MAX]; /* owned; NULL: nothing is asked for */
};

/* What the clear header says; offsets are checked against the length. */
struct rtp_header {
	uint8_t payload_type;
	bool marker;
	bool padding;
	uint16_t sequence;
	uint32_t timestamp;
	uint32_t ssrc;
	size_t size; /* bytes: fixed header, CSRCs, extension */
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static int parse_header(const uint8_t *data, size_t length, struct rtp_header *header)
{
	size_t size;

	if (length < RTP_HEADER_SIZE || data[0] >> 6 != 2)
		return -EBADMSG;
	size = RTP_HEADER_SIZE + 4u * (data[0] & 15);
	if (data[0] & 0x10) { /* RFC 3550 5.3.1 */
		if (length < size + 4)
			return -EBADMSG;
		size += 4 + 4u * get16(data + size + 2);
	}
	if (length < size)
		return -EBADMSG;
	header->padding = data[0] & 0x20;
	header->marker = data[1] & 0x80;
	header->payload_type = data[1] & 0x7f;
	header->sequence = get16(data + 2);
	header->timestamp = get32(data + 4);
	header->ssrc = get32(data + 8);
	header->size = size;
	return 0;
}

static struct track *find_track(struct media *media, uint32_t ssrc)
{
	for (size_t i = 0; i < media->track_count; i++)
		if (media->tracks[i].ssrc == ssrc)
			return &media->tracks[i];
	return NULL;
}

static struct track *add_track(struct media *media, uint32_t ssrc, uint8_t payload_type)
{
	const struct sdp_payload *payload;
	struct track *track;

	if (media->track_count == MEDIA_TRACKS_MAX)
		return NULL;
	track = &media->tracks[media->track_count++];
	payload = sdp_answer_payload(media->answer, payload_type);
	track_init(track, ssrc, payload);
	track->payload_type = payload_type;
	if (media->options.nack && media->options.decrypt && payload != NULL && payload->nack)
		media->nacks[media->track_count - 1] = g_new0(struct nack, 1);
	return track;
}

/*
 * Authenticate and decrypt: 0 and the new length; -EALREADY for what libsrtp's
 * replay window has seen or forgotten; -EBADMSG for what failed, counted.
 */
static int unprotect(struct media *media, struct track *track, uint8_t *data, int *length)
{
	switch (srtp_unprotect(media->srtp, data, length)) {
	case srtp_err_status_ok:
		return 0;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return -EALREADY;
	case srtp_err_status_auth_fail:
		media->counters.auth_failures++;
		if (track)
			track->auth_failures++;
		return -EBADMSG;
	default:
		media->counters.malformed++;
		return -EBADMSG;
	}
}

static struct nack *nack_of(struct media *media, const struct track *track)
{
	return media->nacks[track - media->tracks];
}

/* The track that packets of an RTX payload type repair: one of each type is enough. */
static struct track *find_repaired(struct media *media, uint8_t rtx_type)
{
	const struct sdp_payload *payload = sdp_answer_payload(media->answer, rtx_type);

	for (size_t i = 0; payload != NULL && i < media->track_count; i++)
		if (media->tracks[i].payload_type == payload->repairs &&
			media->tracks[i].kind != MEDIA_RTX)
			return &media->tracks[i];
	return NULL;
}

/* The original packet inside a decrypted RTX packet (RFC 4588 4). */
static void receive_repair(struct media *media, const struct rtp_header *rtx,
	const uint8_t *payload, size_t length, uint64_t now_us)
{
	struct track *track = find_repaired(media, rtx->payload_type);
	struct dump_packet packet;
	enum sequence_verdict verdict;

	if (track == NULL)
		return;
	if (length < RTX_OSN_SIZE) {
		media->counters.malformed++;
		return;
	}
	packet = (struct dump_packet){
		.viewer = media->options.viewer,
		.kind = media_kind_name(track->kind),
		.ssrc = track->ssrc,
		.index = sequence_guess(&track->sequence, get16(payload)),
		.timestamp = rtx->timestamp,
		.marker = rtx->marker,
		.payload_type = track->payload_type,
	};
	verdict = track_receive(track, packet.index, rtx->timestamp, length - RTX_OSN_SIZE, now_us);
	if (verdict == SEQUENCE_DUPLICATE || verdict == SEQUENCE_TOO_LATE) {
		track->repairs_unneeded++;
		return;
	}
	track->rtx_packets++;
	track_look_for_key(
		track, packet.index, rtx->timestamp, payload + RTX_OSN_SIZE, length - RTX_OSN_SIZE);
	if (nack_of(media, track) != NULL && nack_remove(nack_of(media, track), packet.index))
		track->repaired++;
	dump_plain(
		media->options.plain_dump, &packet, payload + RTX_OSN_SIZE, length - RTX_OSN_SIZE);
}

/* A packet of the track itself: what it shows to be missing, what it repairs. */
static void note_arrival(
	struct media *media, struct track *track, uint64_t highest, uint64_t index, uint64_t now_us)
{
	struct nack *nack = nack_of(media, track);

	if (nack == NULL)
		return;
	if (index > highest)
		nack_add(nack, highest + 1, index, now_us);
	else if (nack_remove(nack, index))
		track->repaired++;
}

static void receive_rtp(struct media *media, uint8_t *data, size_t length, uint64_t now_us)
{
	static const struct sequence nothing;
	struct rtp_header header;
	struct track *track;
	struct dump_packet packet;
	enum sequence_verdict verdict;
	uint64_t highest;
	size_t padding = 0;
	int plain = (int)length;
	int rc = 0;

	if (parse_header(data, length, &header) < 0) {
		media->counters.malformed++;
		return;
	}
	track = find_track(media, header.ssrc);
	packet = (struct dump_packet){
		.viewer = media->options.viewer,
		.ssrc = header.ssrc,
		.index = sequence_guess(track ? &track->sequence : &nothing, header.sequence),
		.timestamp = header.timestamp,
		.marker = header.marker,
		.payload_type = header.payload_type,
	};
	dump_encrypted(media->options.dump, &packet, data, length);
	if (media->options.decrypt)
		rc = unprotect(media, track, data, &plain);
	if (rc == -EBADMSG)
		return;
	if (track == NULL)
		track = add_track(media, header.ssrc, header.payload_type);
	if (track == NULL) {
		media->counters.ignored++;
		return;
	}
	media->counters.bytes += length;
	if (media->options.decrypt && rc == 0 && header.padding && plain > 0)
		padding = data[plain - 1];
	if ((size_t)plain < header.size + padding) {
		media->counters.malformed++;
		return;
	}
	highest = track->sequence.started ? track->sequence.highest : packet.index;
	verdict = track_receive(track, packet.index, header.timestamp,
		(size_t)plain - header.size - padding, now_us);
	if (verdict == SEQUENCE_DUPLICATE || verdict == SEQUENCE_TOO_LATE)
		return;
	media->counters.packets++;
	note_arrival(media, track, highest, packet.index, now_us);
	if (media->options.decrypt && rc == 0) {
		packet.kind = media_kind_name(track->kind);
		dump_plain(media->options.plain_dump, &packet, data + header.size,
			(size_t)plain - header.size - padding);
		track_look_for_key(track, packet.index, header.timestamp, data + header.size,
			(size_t)plain - header.size - padding);
		if (track->kind == MEDIA_RTX)
			receive_repair(media, &header, data + header.size,
				(size_t)plain - header.size - padding, now_us);
	}
}

static void receive_rtcp(struct media *media, uint8_t *data, size_t length, uint64_t now_us)
{
	struct rtcp_packet packet;
	size_t offset = 0;
	int plain = (int)length;
	int rc;

	switch (srtp_unprotect_rtcp(media->srtp, data, &plain)) {
	case srtp_err_status_ok:
		break;
	case srtp_err_status_auth_fail:
		media->counters.auth_failures++;
		return;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return;
	default:
		media->counters.malformed++;
		return;
	}
	media->counters.bytes += length;
	media->counters.rtcp_received++;
	while ((rc = rtcp_next(data, (size_t)plain, &offset, &packet)) > 0) {
		struct track *track = find_track(media, packet.ssrc);

		if (track && packet.type == RTCP_SENDER_REPORT)
			track_receive_report(track, &packet, now_us);
		else if (track && packet.type == RTCP_BYE)
			track->bye = true;
	}
	if (rc < 0)
		media->counters.malformed++;
}

/* ---- public ---- */

static void fill_policy(srtp_policy_t *policy, const struct profile *profile, uint8_t *key)
{
	memset(policy, 0, sizeof(*policy));
	srtp_crypto_policy_set_from_profile_for_rtp(&policy->rtp, profile->srtp);
	srtp_crypto_policy_set_from_profile_for_rtcp(&policy->rtcp, profile->srtp);
	policy->key = key;
	policy->window_size = REPLAY_WINDOW;
}

int media_create(const struct media_options *options, const struct sdp_answer *answer,
	const struct dtls_keys *keys, struct media **result)
{
	struct media *media = g_new0(struct media, 1);
	struct dtls_keys copy = *keys; /* libsrtp wants them writable */
	srtp_policy_t receive, send;
	srtp_err_status_t status;

	media->options = *options;
	media->answer = answer;
	media->ssrc = g_random_int();
	snprintf(media->cname, sizeof(media->cname), "%08x%08x", g_random_int(), g_random_int());

	fill_policy(&receive, keys->profile, copy.receive);
	fill_policy(&send, keys->profile, copy.send);
	receive.ssrc.type = ssrc_any_inbound;
	receive.next = &send;
	send.ssrc.type = ssrc_specific;
	send.ssrc.value = media->ssrc;
	status = srtp_create(&media->srtp, &receive);
	explicit_bzero(&copy, sizeof(copy));
	if (status != srtp_err_status_ok) {
		g_free(media);
		return -EIO;
	}
	*result = media;
	return 0;
}

void media_destroy(struct media *media)
{
	if (media == NULL)
		return;
	srtp_dealloc(media->srtp);
	for (size_t i = 0; i < media->track_count; i++)
		g_free(media->nacks[i]);
	g_free(media);
}

void media_receive(struct media *media, uint8_t *data, size_t length, uint64_t now_us)
{
	/* RFC 5761 4: payload types 64 to 95 are RTCP's */
	if (length >= RTCP_HEADER_SIZE && data[1] >= 192 && data[1] <= 223)
		receive_rtcp(media, data, length, now_us);
	else
		receive_rtp(media, data, length, now_us);
}

int media_format_report(struct media *media, uint64_t now_us, uint8_t *data)
{
	struct rtcp_block blocks[MEDIA_TRACKS_MAX];
	size_t count = 0;
	int length;

	for (; count < media->track_count; count++)
		track_report_block(&media->tracks[count], now_us, &blocks[count]);
	length =
		rtcp_format_report(data, RTCP_REPORT_MAX, media->ssrc, blocks, count, media->cname);
	if (length < 0 || srtp_protect_rtcp(media->srtp, data, &length) != srtp_err_status_ok)
		return -EIO;
	media->counters.reports_sent++;
	return length;
}

int media_format_nack(struct media *media, uint64_t now_us, uint8_t *data)
{
	uint16_t numbers[NACK_NUMBERS_MAX];

	for (size_t i = 0; i < media->track_count; i++) {
		size_t count = 0;
		int length;

		if (media->nacks[i] != NULL)
			count = nack_due(media->nacks[i], numbers, NACK_NUMBERS_MAX, now_us);
		if (count == 0)
			continue;
		length = rtcp_format_nack(
			data, RTCP_REPORT_MAX, media->ssrc, media->tracks[i].ssrc, numbers, count);
		if (length < 0 ||
			srtp_protect_rtcp(media->srtp, data, &length) != srtp_err_status_ok)
			return -EIO;
		media->counters.nacks_sent++;
		return length;
	}
	return 0;
}

static const struct track *first_video(const struct media *media)
{
	for (size_t i = 0; i < media->track_count; i++)
		if (media->tracks[i].kind == MEDIA_VIDEO)
			return &media->tracks[i];
	return NULL;
}

/* A wish for a key frame, of that length; counts it. */
static int protect_wish(struct media *media, uint8_t *data, int length, uint64_t *sent)
{
	if (srtp_protect_rtcp(media->srtp, data, &length) != srtp_err_status_ok)
		return -EIO;
	++*sent;
	return length;
}

int media_format_pli(struct media *media, uint8_t *data)
{
	const struct track *track = first_video(media);

	if (track == NULL)
		return 0;
	return protect_wish(media, data, rtcp_format_pli(data, media->ssrc, track->ssrc),
		&media->counters.plis_sent);
}

int media_format_fir(struct media *media, uint8_t *data)
{
	const struct track *track = first_video(media);
	uint64_t *sent = &media->counters.firs_sent;

	if (track == NULL)
		return 0;
	return protect_wish(
		media, data, rtcp_format_fir(data, media->ssrc, track->ssrc, (uint8_t)*sent), sent);
}

const struct media_counters *media_counters(const struct media *media)
{
	return &media->counters;
}

size_t media_track_count(const struct media *media)
{
	return media->track_count;
}

const struct track *media_track(const struct media *media, size_t index)
{
	return &media->tracks[index];
}
