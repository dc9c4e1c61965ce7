/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two generations of digests: when the younger is full, the older is forgotten.
 * See key_history.h. Main thread.
 */
#include "dataplane/control/key_history.h"

#include "crypto/secret.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS (1u << 18)

struct digest {
	uint64_t word[2]; /* both 0: empty */
};

struct generation {
	uint32_t count;
	struct digest slot[SLOTS];
};

struct key_history {
	uint8_t secret[32]; /* makes the digests worthless to anybody else */
	struct generation *young;
	struct generation *old;
};

struct key_history *key_history_create(void)
{
	struct key_history *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	/* Pages of zeroes cost nothing until keys come. */
	h->young = calloc(1, sizeof(*h->young));
	h->old = calloc(1, sizeof(*h->old));
	if (h->young == NULL || h->old == NULL ||
		getrandom(h->secret, sizeof(h->secret), 0) != (ssize_t)sizeof(h->secret)) {
		key_history_destroy(h);
		return NULL;
	}
	return h;
}

void key_history_destroy(struct key_history *h)
{
	if (h == NULL)
		return;
	free(h->young);
	free(h->old);
	secret_wipe(h, sizeof(*h));
	free(h);
}

static int digest_make(
	const struct key_history *h, const struct mr_srtp_keys *keys, struct digest *d)
{
	uint8_t text[sizeof(h->secret) + sizeof(keys->cipher) + sizeof(keys->salt)];
	uint8_t md[EVP_MAX_MD_SIZE];
	int ok;

	memcpy(text, h->secret, sizeof(h->secret));
	memcpy(text + sizeof(h->secret), keys->cipher, sizeof(keys->cipher));
	memcpy(text + sizeof(h->secret) + sizeof(keys->cipher), keys->salt, sizeof(keys->salt));
	ok = EVP_Digest(text, sizeof(text), md, NULL, EVP_sha256(), NULL);
	secret_wipe(text, sizeof(text));
	if (ok != 1)
		return -EIO;
	memcpy(d, md, sizeof(*d));
	d->word[0] |= 1; /* never empty */
	return 0;
}

/* The slot that holds `d`, or the empty one where it belongs. */
static struct digest *find(struct generation *g, const struct digest *d)
{
	uint32_t at = (uint32_t)(d->word[1] & (SLOTS - 1));

	while (g->slot[at].word[0] != 0 && memcmp(&g->slot[at], d, sizeof(*d)) != 0)
		at = (at + 1) & (SLOTS - 1);
	return &g->slot[at];
}

int key_history_claim(struct key_history *h, const struct mr_srtp_keys *keys)
{
	struct digest d;
	struct digest *slot;
	int rc = digest_make(h, keys, &d);

	if (rc != 0)
		return rc;
	slot = find(h->young, &d);
	if (slot->word[0] != 0 || find(h->old, &d)->word[0] != 0)
		return -EEXIST;
	if (h->young->count == KEY_HISTORY_MIN) {
		struct generation *g = h->old;
		memset(g, 0, sizeof(*g));
		h->old = h->young;
		h->young = g;
		slot = find(h->young, &d);
	}
	*slot = d;
	h->young->count++;
	return 0;
}
