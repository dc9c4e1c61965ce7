/* SPDX-License-Identifier: BSD-3-Clause */
/* Collecting the problems of a session file. Private to controlplane/config. */
#ifndef CONTROLPLANE_CONFIG_REPORT_H
#define CONTROLPLANE_CONFIG_REPORT_H

#include "controlplane/config/config.h"

void config_report_init(struct mr_config_report *report);
/* Counts one more and gives its zeroed place; NULL when no more are kept. */
struct mr_config_problem *config_report_add(struct mr_config_report *report, bool warning);

#endif
