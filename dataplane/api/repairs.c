/* SPDX-License-Identifier: BSD-3-Clause */
/* The texts of the table of refused repairs. Pure; any thread. */
#include "dataplane/api/repairs.h"

static const char *const names[MR_REPAIR_REFUSAL_COUNT] = {
#define REFUSAL_TEXT(name, text, help) [MR_REPAIR_##name] = text,
	MR_REPAIR_REFUSALS(REFUSAL_TEXT)
#undef REFUSAL_TEXT
};

static const char *const helps[MR_REPAIR_REFUSAL_COUNT] = {
#define REFUSAL_HELP(name, text, help) [MR_REPAIR_##name] = help,
	MR_REPAIR_REFUSALS(REFUSAL_HELP)
#undef REFUSAL_HELP
};

const char *mr_repair_refusal_name(unsigned int reason)
{
	return reason < MR_REPAIR_REFUSAL_COUNT ? names[reason] : "?";
}

const char *mr_repair_refusal_help(unsigned int reason)
{
	return reason < MR_REPAIR_REFUSAL_COUNT ? helps[reason] : "?";
}
