/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer: adoption records, as a data plane that is not to be believed gives them. */
#include "controlplane/source/path_record.h"
#include "controlplane/viewer/viewer_record.h"

#include <glib.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What can be read can be written, and says the same then. */
static void fuzz_path(const uint8_t *data, size_t len)
{
	static struct path_record first, second;
	uint8_t bytes[MR_RECORD_MAX];
	bool whole;
	int n;

	if (path_record_parse(&first, data, len))
		return;
	n = path_record_format(&first, bytes, &whole);
	if (n < 0 || !whole)
		return;
	if (path_record_parse(&second, bytes, (size_t)n) ||
		strcmp(first.session.id, second.session.id) != 0 ||
		first.n_inputs != second.n_inputs)
		abort();
}

static void fuzz_viewer(const uint8_t *data, size_t len)
{
	struct viewer_record first, second;
	uint8_t bytes[MR_RECORD_MAX];
	int n;

	if (viewer_record_parse(&first, data, len))
		return;
	n = viewer_record_format(&first, bytes);
	if (n < 0 || viewer_record_parse(&second, bytes, (size_t)n) ||
		memcmp(first.track, second.track, sizeof(first.track)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (size < 1 || size > MR_RECORD_MAX + 1)
		return 0;
	/* A copy of just this size, so that a read beyond it is seen. */
	copy = g_memdup2(data + 1, size - 1);
	if (data[0] & 1)
		fuzz_path(copy, size - 1);
	else
		fuzz_viewer(copy, size - 1);
	g_free(copy);
	return 0;
}
