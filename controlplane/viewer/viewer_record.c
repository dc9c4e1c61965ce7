/* SPDX-License-Identifier: BSD-3-Clause */
/* Adoption records of viewers: see viewer_record.h. Any thread. */
#include "controlplane/viewer/viewer_record.h"

#include "controlplane/pack.h"

#include <errno.h>
#include <string.h>

#define MAGIC 0x5652524du /* "MRRV" */
#define VERSION 2u        /* raise it with every change of what follows */

/* What a viewer's packets go to: it has a port. */
static void unpack_place(struct unpacker *u, struct mr_endpoint *e)
{
	unpack_endpoint(u, e);
	if (e->port == 0)
		u->bad = true;
}

static void pack_track(struct packer *p, const struct mr_viewer_track *t)
{
	pack_u32(p, t->stream_id);
	pack_u32(p, t->ssrc);
	pack_u32(p, t->rtx_ssrc);
	pack_u32(p, t->timestamp_base);
	pack_u16(p, t->sequence_base);
	pack_u8(p, t->payload_type);
	pack_u8(p, t->rtx_payload_type);
}

static void unpack_track(struct unpacker *u, struct mr_viewer_track *t)
{
	t->stream_id = unpack_u32(u);
	t->ssrc = unpack_u32(u);
	t->rtx_ssrc = unpack_u32(u);
	t->timestamp_base = unpack_u32(u);
	t->sequence_base = unpack_u16(u);
	t->payload_type = unpack_u8(u);
	t->rtx_payload_type = unpack_u8(u);
}

int viewer_record_format(const struct viewer_record *r, uint8_t out[MR_RECORD_MAX])
{
	struct packer p = {.bytes = out, .size = MR_RECORD_MAX};

	pack_u32(&p, MAGIC);
	pack_u16(&p, VERSION);
	pack_text(&p, r->path);
	pack_text(&p, r->resource);
	pack_text(&p, r->etag);
	pack_text(&p, r->cname);
	pack_text(&p, r->ufrag);
	pack_text(&p, r->pwd);
	pack_text(&p, r->remote_ufrag);
	pack_text(&p, r->next_ufrag);
	pack_text(&p, r->next_pwd);
	pack_text(&p, r->next_remote_ufrag);
	pack_endpoint(&p, &r->local);
	pack_endpoint(&p, &r->remote);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		pack_track(&p, &r->track[i]);
	return p.full ? -EMSGSIZE : (int)p.len;
}

static bool is_hex(const char *text, size_t len)
{
	return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

static bool is_restart_plausible(const struct viewer_record *r)
{
	if (!r->next_ufrag[0])
		return !r->next_pwd[0] && !r->next_remote_ufrag[0];
	return strlen(r->next_ufrag) == ICE_LITE_UFRAG_LEN &&
	       strlen(r->next_pwd) == ICE_LITE_PWD_LEN && r->next_remote_ufrag[0];
}

static bool is_plausible(const struct viewer_record *r)
{
	return r->path[0] && is_hex(r->resource, VIEWER_RESOURCE_LEN) &&
	       is_hex(r->etag, VIEWER_ETAG_LEN) && is_hex(r->cname, VIEWER_CNAME_LEN) &&
	       strlen(r->ufrag) == ICE_LITE_UFRAG_LEN && strlen(r->pwd) == ICE_LITE_PWD_LEN &&
	       is_restart_plausible(r) && r->remote_ufrag[0] &&
	       (r->track[0].stream_id || r->track[1].stream_id);
}

int viewer_record_parse(struct viewer_record *r, const uint8_t *data, size_t len)
{
	struct unpacker u = {.at = data, .left = len};

	memset(r, 0, sizeof(*r));
	if (unpack_u32(&u) != MAGIC)
		return -EINVAL;
	if (unpack_u16(&u) != VERSION)
		return u.bad ? -EINVAL : -EPROTONOSUPPORT;
	unpack_text(&u, r->path, sizeof(r->path));
	unpack_text(&u, r->resource, sizeof(r->resource));
	unpack_text(&u, r->etag, sizeof(r->etag));
	unpack_text(&u, r->cname, sizeof(r->cname));
	unpack_text(&u, r->ufrag, sizeof(r->ufrag));
	unpack_text(&u, r->pwd, sizeof(r->pwd));
	unpack_text(&u, r->remote_ufrag, sizeof(r->remote_ufrag));
	unpack_text(&u, r->next_ufrag, sizeof(r->next_ufrag));
	unpack_text(&u, r->next_pwd, sizeof(r->next_pwd));
	unpack_text(&u, r->next_remote_ufrag, sizeof(r->next_remote_ufrag));
	unpack_place(&u, &r->local);
	unpack_place(&u, &r->remote);
	for (unsigned int i = 0; i < MR_VIEWER_TRACKS; i++)
		unpack_track(&u, &r->track[i]);
	return unpack_done(&u) && is_plausible(r) ? 0 : -EINVAL;
}
