/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a control plane must know of an established viewer to carry on with it: the
 * adoption record that the data plane keeps (MR_RECORD_VIEWER). secret: it holds the
 * WHEP resource and the ICE password; wipe what was made of it. No SRTP key is in it,
 * and nothing of DTLS, which an established viewer does not need any more.
 * Pure; any thread.
 */
#ifndef CONTROLPLANE_VIEWER_VIEWER_RECORD_H
#define CONTROLPLANE_VIEWER_VIEWER_RECORD_H

#include "controlplane/viewer/ice_lite.h"
#include "dataplane/api/command.h"

#define VIEWER_RESOURCE_LEN 32 /* characters: 128 random bits in hex */
#define VIEWER_ETAG_LEN 16     /* characters */
#define VIEWER_CNAME_LEN 16    /* characters */

struct viewer_record {
	char path[MR_NAME_MAX];
	char resource[VIEWER_RESOURCE_LEN + 1]; /* secret */
	char etag[VIEWER_ETAG_LEN + 1];
	char cname[VIEWER_CNAME_LEN + 1];
	char ufrag[ICE_LITE_UFRAG_LEN + 1];
	char pwd[ICE_LITE_PWD_LEN + 1]; /* secret */
	char remote_ufrag[MR_UFRAG_MAX + 1];
	/* of an ICE restart that is under way; empty: none is */
	char next_ufrag[ICE_LITE_UFRAG_LEN + 1];
	char next_pwd[ICE_LITE_PWD_LEN + 1]; /* secret */
	char next_remote_ufrag[MR_UFRAG_MAX + 1];
	struct mr_endpoint local, remote; /* of the pair in use */
	struct mr_viewer_track track[MR_VIEWER_TRACKS];
};

/* The bytes written, or -EMSGSIZE. */
int viewer_record_format(const struct viewer_record *r, uint8_t out[MR_RECORD_MAX]);
/* 0; -EPROTONOSUPPORT: of another version; -EINVAL: not a record of a viewer. */
int viewer_record_parse(struct viewer_record *r, const uint8_t *data, size_t len);

#endif
