/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a control plane must know of a path to carry on with it: the adoption record
 * that the data plane keeps (MR_RECORD_PATH). The streams' ids and what they carry are
 * always in it; how the packets come and the RTSP session only while the source plays,
 * and only where it all fits. Pure; any thread.
 */
#ifndef CONTROLPLANE_SOURCE_PATH_RECORD_H
#define CONTROLPLANE_SOURCE_PATH_RECORD_H

#include "controlplane/source/path.h"
#include "controlplane/source/rtsp_auth.h"
#include "controlplane/source/rtsp_url.h"

#define PATH_BINDINGS 2    /* one video, one audio track are bound at most */
#define PATH_HASH_BYTES 32 /* SHA-256 */
#define PATH_SESSION_MAX 128

/* How the packets of one track come. */
struct path_record_input {
	unsigned int track; /* index into track[] */
	struct mr_stream_bind bind;
	uint16_t remote_port[2]; /* wire: RTP and RTCP of the source, host order; 0: any */
	uint8_t channel[2];      /* RTSP over TCP */
};

struct path_record_session {
	char id[PATH_SESSION_MAX];
	char aggregate[RTSP_URL_MAX]; /* what PLAY and TEARDOWN name */
	uint32_t timeout_s;
	bool get_parameter;  /* keep-alive by GET_PARAMETER */
	uint32_t cseq;       /* of the last request */
	uint16_t local_port; /* of our end of the connection, host order: whether it is the one */
	bool tcp;            /* packets are interleaved */
	struct rtsp_auth_state auth;
};

struct path_record {
	char name[MR_NAME_MAX];
	uint8_t source_hash[PATH_HASH_BYTES]; /* of what the session file says of the source */
	unsigned int n_tracks;
	struct track track[PATH_TRACKS_MAX]; /* without readiness */
	unsigned int n_inputs;               /* 0: the source does not play */
	struct path_record_input input[PATH_BINDINGS];
	bool has_session; /* RTSP */
	struct path_record_session session;
};

/* The bytes written; `*whole` false: the inputs and the session found no room. -EMSGSIZE. */
int path_record_format(const struct path_record *r, uint8_t out[MR_RECORD_MAX], bool *whole);
/* 0; -EPROTONOSUPPORT: of another version; -EINVAL: not a record of a path. */
int path_record_parse(struct path_record *r, const uint8_t *data, size_t len);

#endif
