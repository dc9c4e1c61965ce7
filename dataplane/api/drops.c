/* SPDX-License-Identifier: BSD-3-Clause */
/* The texts of the table of drop reasons. Pure; any thread. */
#include "dataplane/api/drops.h"

static const char *const names[MR_DROP_COUNT] = {
#define DROP_TEXT(name, text, help) [MR_DROP_##name] = text,
	MR_DROPS(DROP_TEXT)
#undef DROP_TEXT
};

static const char *const helps[MR_DROP_COUNT] = {
#define DROP_HELP(name, text, help) [MR_DROP_##name] = help,
	MR_DROPS(DROP_HELP)
#undef DROP_HELP
};

const char *mr_drop_name(unsigned int reason)
{
	return reason < MR_DROP_COUNT ? names[reason] : "?";
}

const char *mr_drop_help(unsigned int reason)
{
	return reason < MR_DROP_COUNT ? helps[reason] : "?";
}
