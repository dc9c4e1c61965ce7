/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys that are not ours: named, with the nearest of ours or what MediaMTX
 * means by them. Private to controlplane/config.
 */
#ifndef CONTROLPLANE_CONFIG_KNOWN_KEYS_H
#define CONTROLPLANE_CONFIG_KNOWN_KEYS_H

#include "controlplane/config/node.h"

enum known_keys_scope {
	KEYS_OURS,          /* an object that only millrace has */
	KEYS_MEDIAMTX_ROOT, /* MediaMTX's global settings */
	KEYS_MEDIAMTX_PATH, /* its settings of a path */
};

/* Reports every member of the object that is not in `ours` (ends with NULL). */
void known_keys_check(
	const struct config_node *object, const char *const *ours, enum known_keys_scope scope);

#endif
