/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What runs on the data plane of another process: one stream and its viewers,
 * installed over the control socket as a control plane does it
 * (dataplane/api/client.h). One thread, before the measurement.
 */
#ifndef APPS_BENCH_WIRE_INSTALL_H
#define APPS_BENCH_WIRE_INSTALL_H

#include "crypto/srtp_keys.h"

#include <stddef.h>
#include <stdint.h>

#define WIRE_SAMPLED 8 /* viewers at most whose packets are decrypted */
#define WIRE_UFRAG "gateway0"
#define WIRE_REMOTE_UFRAG "viewer00"
#define WIRE_PASSWORD "ABCDEFGHIJKLMNOPQRSTUVWX"
#define WIRE_PUBLIC_PORT 8189

struct wire_sampled {
	uint32_t viewer; /* index */
	struct srtp_master master;
};

struct wire_population {
	uint32_t viewers;
	const struct srtp_profile *profile;
	uint8_t ours[6];    /* MAC of the generator, next hop of all viewers */
	uint8_t gateway[6]; /* out: MAC of the data plane's port */
	uint32_t n_sampled; /* out */
	struct wire_sampled sampled[WIRE_SAMPLED]; /* out: first, last, some between; secret */
};

/* 0, or -1 with a text in `error`. The data plane goes on with them afterwards. */
int wire_install(struct wire_population *p, const char *socket, char *error, size_t error_len);

#endif
