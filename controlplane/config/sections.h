/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of the session file, each read into its part of struct mr_config,
 * in this order (later ones look at what earlier ones found). Private to
 * controlplane/config.
 */
#ifndef CONTROLPLANE_CONFIG_SECTIONS_H
#define CONTROLPLANE_CONFIG_SECTIONS_H

#include "controlplane/config/node.h"

void section_dataplane(const struct config_node *n, struct mr_config_dataplane *d);
void section_webrtc(const struct config_node *root, struct mr_config *config);
void section_paths(const struct config_node *n, struct mr_config *config);
void section_sessions(const struct config_node *n, struct mr_config *config);

#endif
