/* SPDX-License-Identifier: BSD-3-Clause */
/* libFuzzer target: any bytes as a viewer's STUN; a request is judged and answered. */
#include "dataplane/viewer/stun.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto_device *device;
static struct hmac_sha1_key key;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	device = crypto_device_create("ipsec-mb");
	if (device == NULL || hmac_sha1_init(device, &key, "password", 8) != 0)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mr_endpoint mapped = {.port = 1};
	uint8_t reply[BINDING_REPLY_MAX];
	struct binding_request r;

	if (binding_request_parse(data, size, &r) != 0)
		return 0;
	if (binding_request_is_for(&r, "local", 5, "remote", 6) &&
		binding_request_authenticate(device, &key, data, &r) == 0)
		abort(); /* nobody finds an HMAC by chance */
	binding_request_authenticate(device, &key, data, &r);
	if (binding_reply_format(device, &key, &r, &mapped, reply, sizeof(reply)) < 0)
		abort();
	return 0;
}
