/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a path's media comes from: the URL and the SDP. Private to controlplane/config. */
#ifndef CONTROLPLANE_CONFIG_SOURCE_H
#define CONTROLPLANE_CONFIG_SOURCE_H

#include "controlplane/config/node.h"

/* Parses `source` of a path. False: reported. */
bool config_source_read(const struct config_node *n, struct mr_config_source *source);
/* Parses `sourceFingerprint`, after `source`. */
void config_fingerprint_read(const struct config_node *n, struct mr_config_source *source);
void config_source_fini(struct mr_config_source *source);

/* Checks the shape of an SDP (RFC 8866 5: lines, v=, m=) and gives a copy with
 * CRLF at the end of each line. NULL: reported. What it describes is judged by
 * who plays it. */
char *config_sdp_read(const struct config_node *n);

#endif
