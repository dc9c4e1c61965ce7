/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server sends to millrace-viewer, decrypted: payloads that may begin a key frame,
 * and RTCP. */
#include "apps/viewer/key_frame.h"
#include "apps/viewer/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rtcp_packet packet;
	size_t offset = 0;

	key_frame_begins("H264", data, len);
	key_frame_begins("VP8", data, len);
	while (rtcp_next(data, len, &offset, &packet) > 0)
		if (offset > len)
			__builtin_trap();
	return 0;
}
