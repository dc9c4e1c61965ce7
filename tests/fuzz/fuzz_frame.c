/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer target: any bytes as a frame of a port. The first byte chooses what the
 * device says it has checked. */
#include "dataplane/pipeline/frame_parse.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame f;

	if (size == 0)
		return 0;
	if (frame_parse(&f, data + 1, size - 1, data[0] & 7) != FRAME_UDP)
		return 0;
	if (f.l3 < 14 || f.l4 < f.l3 + 20 || f.payload != f.l4 + 8 ||
		(size_t)f.payload + f.payload_len > size - 1)
		abort();
	return 0;
}
