/* SPDX-License-Identifier: BSD-3-Clause */
/* Adoption records of paths: see path_record.h. Any thread. */
#include "controlplane/source/path_record.h"

#include "controlplane/pack.h"

#include <errno.h>
#include <string.h>

#define MAGIC 0x5052524du /* "MRRP" */
#define VERSION 2u        /* raise it with every change of what follows */

static void pack_track(struct packer *p, const struct track *t)
{
	pack_u32(p, t->stream_id);
	pack_u8(p, (uint8_t)t->kind);
	pack_u8(p, (uint8_t)t->codec);
	pack_text(p, t->codec_name);
	pack_u32(p, t->clock_rate);
	pack_u8(p, t->channels);
	pack_u8(p, t->payload_type);
	pack_u8(p, t->packetization_mode);
	pack_u8(p, t->has_profile_level_id);
	pack_raw(p, t->profile_level_id, sizeof(t->profile_level_id));
}

static uint8_t unpack_u8_max(struct unpacker *u, uint8_t max)
{
	uint8_t value = unpack_u8(u);

	if (value <= max)
		return value;
	u->bad = true;
	return 0;
}

static void unpack_track(struct unpacker *u, struct track *t)
{
	t->stream_id = unpack_u32(u);
	t->kind = unpack_u8_max(u, MR_KIND_AUDIO);
	t->codec = unpack_u8_max(u, MR_CODEC_PCMA);
	unpack_text(u, t->codec_name, sizeof(t->codec_name));
	t->clock_rate = unpack_u32(u);
	t->channels = unpack_u8(u);
	t->payload_type = unpack_u8_max(u, 127);
	t->packetization_mode = unpack_u8_max(u, 2);
	t->has_profile_level_id = unpack_bool(u);
	unpack_raw(u, t->profile_level_id, sizeof(t->profile_level_id));
}

static void pack_input(struct packer *p, const struct path_record_input *in)
{
	pack_u8(p, (uint8_t)in->track);
	pack_u8(p, in->bind.input);
	pack_u32(p, in->bind.flags);
	pack_u32(p, in->bind.ssrc);
	pack_u8(p, in->bind.payload_type);
	pack_endpoint(p, &in->bind.local);
	pack_endpoint(p, &in->bind.remote);
	pack_block(p, in->bind.parameter_sets, in->bind.parameter_sets_len);
	pack_u16(p, in->remote_port[0]);
	pack_u16(p, in->remote_port[1]);
	pack_raw(p, in->channel, sizeof(in->channel));
}

static void unpack_input(
	struct unpacker *u, struct path_record_input *in, const struct path_record *r)
{
	in->track = unpack_u8(u);
	if (in->track >= r->n_tracks || r->track[in->track].codec == MR_CODEC_NONE) {
		u->bad = true;
		in->track = 0;
	}
	in->bind.input = unpack_u8_max(u, MR_INPUT_RING);
	in->bind.flags = unpack_u32_max(u, MR_BIND_SSRC | MR_BIND_MODE0);
	in->bind.ssrc = unpack_u32(u);
	in->bind.payload_type = unpack_u8_max(u, 127);
	unpack_endpoint(u, &in->bind.local);
	unpack_endpoint(u, &in->bind.remote);
	in->bind.parameter_sets_len =
		unpack_block(u, in->bind.parameter_sets, sizeof(in->bind.parameter_sets));
	in->remote_port[0] = unpack_u16(u);
	in->remote_port[1] = unpack_u16(u);
	unpack_raw(u, in->channel, sizeof(in->channel));
	in->bind.stream_id = r->track[in->track].stream_id;
	if (in->bind.input == MR_INPUT_NONE)
		u->bad = true;
}

static void pack_auth(struct packer *p, const struct rtsp_auth_state *a)
{
	pack_u8(p, (uint8_t)a->scheme);
	pack_u8(p, a->sha256);
	pack_u8(p, a->session_hash);
	pack_u8(p, a->qop);
	pack_u8(p, a->has_opaque);
	pack_u32(p, a->requests);
	pack_text(p, a->algorithm);
	pack_text(p, a->realm);
	pack_text(p, a->nonce);
	pack_text(p, a->opaque);
	pack_text(p, a->cnonce);
}

static void unpack_auth(struct unpacker *u, struct rtsp_auth_state *a)
{
	a->scheme = unpack_u8_max(u, RTSP_AUTH_DIGEST);
	a->sha256 = unpack_bool(u);
	a->session_hash = unpack_bool(u);
	a->qop = unpack_bool(u);
	a->has_opaque = unpack_bool(u);
	a->requests = unpack_u32(u);
	unpack_text(u, a->algorithm, sizeof(a->algorithm));
	unpack_text(u, a->realm, sizeof(a->realm));
	unpack_text(u, a->nonce, sizeof(a->nonce));
	unpack_text(u, a->opaque, sizeof(a->opaque));
	unpack_text(u, a->cnonce, sizeof(a->cnonce));
}

static void pack_session(struct packer *p, const struct path_record_session *s)
{
	pack_text(p, s->id);
	pack_text(p, s->aggregate);
	pack_u32(p, s->timeout_s);
	pack_u8(p, s->get_parameter);
	pack_u32(p, s->cseq);
	pack_u16(p, s->local_port);
	pack_u8(p, s->tcp);
	pack_auth(p, &s->auth);
}

static void unpack_session(struct unpacker *u, struct path_record_session *s)
{
	unpack_text(u, s->id, sizeof(s->id));
	unpack_text(u, s->aggregate, sizeof(s->aggregate));
	s->timeout_s = unpack_u32_max(u, 86400);
	s->get_parameter = unpack_bool(u);
	s->cseq = unpack_u32(u);
	s->local_port = unpack_u16(u);
	s->tcp = unpack_bool(u);
	unpack_auth(u, &s->auth);
	/* Both go into requests. */
	if (!rtsp_url_is_plain(s->id) || !rtsp_url_is_plain(s->aggregate) || !s->aggregate[0])
		u->bad = true;
}

/* What is needed to carry on with the source. */
static void pack_source(struct packer *p, const struct path_record *r)
{
	pack_u8(p, (uint8_t)r->n_inputs);
	for (unsigned int i = 0; r->n_inputs > 0 && i < r->n_tracks; i++)
		pack_text(p, r->track[i].note);
	for (unsigned int i = 0; i < r->n_inputs; i++)
		pack_input(p, &r->input[i]);
	pack_u8(p, r->has_session);
	if (r->has_session)
		pack_session(p, &r->session);
}

int path_record_format(const struct path_record *r, uint8_t out[MR_RECORD_MAX], bool *whole)
{
	struct packer p = {.bytes = out, .size = MR_RECORD_MAX};
	size_t mark;

	pack_u32(&p, MAGIC);
	pack_u16(&p, VERSION);
	pack_text(&p, r->name);
	pack_raw(&p, r->source_hash, sizeof(r->source_hash));
	pack_u8(&p, (uint8_t)r->n_tracks);
	for (unsigned int i = 0; i < r->n_tracks; i++)
		pack_track(&p, &r->track[i]);
	mark = p.len;
	pack_source(&p, r);
	*whole = !p.full;
	if (p.full && mark + 2 <= p.size) {
		p.len = mark;
		p.full = false;
		pack_u8(&p, 0);
		pack_u8(&p, 0);
	}
	return p.full ? -EMSGSIZE : (int)p.len;
}

int path_record_parse(struct path_record *r, const uint8_t *data, size_t len)
{
	struct unpacker u = {.at = data, .left = len};

	memset(r, 0, sizeof(*r));
	if (unpack_u32(&u) != MAGIC)
		return -EINVAL;
	if (unpack_u16(&u) != VERSION)
		return u.bad ? -EINVAL : -EPROTONOSUPPORT;
	unpack_text(&u, r->name, sizeof(r->name));
	unpack_raw(&u, r->source_hash, sizeof(r->source_hash));
	r->n_tracks = unpack_u8_max(&u, PATH_TRACKS_MAX);
	for (unsigned int i = 0; i < r->n_tracks; i++)
		unpack_track(&u, &r->track[i]);
	r->n_inputs = unpack_u8_max(&u, PATH_BINDINGS);
	for (unsigned int i = 0; r->n_inputs > 0 && i < r->n_tracks; i++)
		unpack_text(&u, r->track[i].note, sizeof(r->track[i].note));
	for (unsigned int i = 0; i < r->n_inputs; i++)
		unpack_input(&u, &r->input[i], r);
	if (r->n_inputs == 2 && r->input[0].track == r->input[1].track)
		return -EINVAL;
	r->has_session = unpack_bool(&u);
	if (r->has_session)
		unpack_session(&u, &r->session);
	return unpack_done(&u) && r->name[0] ? 0 : -EINVAL;
}
