/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTCP both ways, one packet at a time. Runs on the worker that owns the viewer. */
#include "crypto/srtcp.h"

#include "crypto/crypto_device_ops.h"
#include "crypto/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#define CLEAR_LEN 8   /* bytes of RTCP header that stay readable: RFC 3711 3.4 */
#define TRAILER_LEN 4 /* bytes: E flag and index */
#define E_FLAG (UINT32_C(1) << 31)
#define INDEX_END (UINT32_C(1) << 31) /* one past the last index */
#define AEAD_TAG_LEN 16               /* bytes */
#define SHA1_LEN 20                   /* bytes */

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void xor_salt(uint8_t *iv, const struct srtp_tx_layout *key)
{
	for (uint8_t i = 0; i < key->profile->salt_len; i++)
		iv[i] ^= key->salt[i];
}

/* RFC 7714 9.1: (00 00 || SSRC || 00 00 || 0 and index) XOR salt. */
static void aead_iv(uint8_t iv[12], const struct srtp_tx_layout *key, uint32_t ssrc, uint32_t index)
{
	memset(iv, 0, 12);
	put_be32(iv + 2, ssrc);
	put_be32(iv + 8, index);
	xor_salt(iv, key);
}

/* RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16. */
static void ctr_iv(uint8_t iv[16], const struct srtp_tx_layout *key, uint32_t ssrc, uint32_t index)
{
	memset(iv, 0, 16);
	put_be32(iv + 4, ssrc);
	put_be32(iv + 10, index);
	xor_salt(iv, key);
}

/* RFC 7714 9.2: the clear header, then the word of E flag and index. */
static void aead_aad(uint8_t aad[CLEAR_LEN + TRAILER_LEN], const uint8_t *buf, uint32_t trailer)
{
	memcpy(aad, buf, CLEAR_LEN);
	put_be32(aad + CLEAR_LEN, trailer);
}

static bool is_aead(const struct srtp_profile *profile)
{
	return profile->auth_key_len == 0;
}

/* Checks that the key can be expanded at all. */
static int key_set(const struct crypto_device *dev, struct srtcp_key *key,
	const struct srtp_profile *profile, const struct srtp_session_keys *keys)
{
	struct srtp_tx expanded;
	int err = srtp_message_key_init(dev, &expanded, profile, keys);

	srtp_tx_fini(&expanded);
	memset(key, 0, sizeof(*key));
	if (err != 0)
		return err;
	key->profile = profile;
	key->keys = *keys;
	return 0;
}

int srtcp_tx_init(const struct crypto_device *dev, struct srtcp_tx *s,
	const struct srtp_profile *profile, const struct srtp_session_keys *rtcp_keys,
	uint32_t first_index)
{
	if (first_index > INDEX_END)
		return -EINVAL;
	s->next_index = first_index;
	s->reserved = 0;
	return key_set(dev, &s->key, profile, rtcp_keys);
}

int srtcp_rx_init(const struct crypto_device *dev, struct srtcp_rx *s,
	const struct srtp_profile *profile, const struct srtp_session_keys *rtcp_keys)
{
	memset(s->sender, 0, sizeof(s->sender));
	s->n_senders = 0;
	return key_set(dev, &s->key, profile, rtcp_keys);
}

void srtcp_tx_fini(struct srtcp_tx *s)
{
	secret_wipe(s, sizeof(*s));
}

void srtcp_rx_fini(struct srtcp_rx *s)
{
	secret_wipe(s, sizeof(*s));
}

/* header, ciphertext, tag, E and index: RFC 7714 9.2 */
static int seal_aead(struct crypto_device *dev, const struct srtp_tx *tx, uint8_t *buf, size_t len,
	uint32_t ssrc, uint32_t index)
{
	const struct srtp_tx_layout *key = srtp_tx_layout(tx);
	size_t tag_len = key->profile->rtcp_tag_len;
	uint8_t iv[12], aad[CLEAR_LEN + TRAILER_LEN];

	aead_iv(iv, key, ssrc, index);
	aead_aad(aad, buf, E_FLAG | index);
	dev->ops->aead_seal(
		dev, tx, iv, aad, sizeof(aad), buf + CLEAR_LEN, len - CLEAR_LEN, buf + len);
	put_be32(buf + len + tag_len, E_FLAG | index);
	return (int)(len + tag_len + TRAILER_LEN);
}

/* header, ciphertext, E and index, tag: RFC 3711 3.4 */
static int seal_ctr(struct crypto_device *dev, const struct srtp_tx *tx, uint8_t *buf, size_t len,
	uint32_t ssrc, uint32_t index)
{
	const struct srtp_tx_layout *key = srtp_tx_layout(tx);
	size_t tag_len = key->profile->rtcp_tag_len;
	uint8_t digest[SHA1_LEN], iv[16];
	int err;

	ctr_iv(iv, key, ssrc, index);
	err = dev->ops->cipher(dev, tx, iv, buf + CLEAR_LEN, len - CLEAR_LEN);
	if (err != 0)
		return err;
	put_be32(buf + len, E_FLAG | index);
	err = dev->ops->authenticate(dev, tx, buf, len + TRAILER_LEN, digest);
	if (err != 0)
		return err;
	memcpy(buf + len + TRAILER_LEN, digest, tag_len);
	return (int)(len + TRAILER_LEN + tag_len);
}

int srtcp_protect(
	struct crypto_device *dev, struct srtcp_tx *s, uint8_t *buf, size_t len, size_t cap)
{
	const struct srtp_profile *profile = s->key.profile;
	uint32_t index = s->next_index, ssrc;
	struct srtp_tx tx;
	int rc;

	if (profile == NULL || len < CLEAR_LEN)
		return -EINVAL;
	if (cap > CRYPTO_MESSAGE_MAX)
		cap = CRYPTO_MESSAGE_MAX;
	if (len > cap || cap - len < (size_t)profile->rtcp_tag_len + TRAILER_LEN)
		return -ENOSPC;
	if (index >= INDEX_END)
		return -EOVERFLOW;
	rc = srtp_message_key_init(dev, &tx, profile, &s->key.keys);
	if (rc != 0)
		return rc;
	s->next_index = index + 1; /* spent, whatever happens below */
	ssrc = get_be32(buf + 4);
	if (is_aead(profile))
		rc = seal_aead(dev, &tx, buf, len, ssrc, index);
	else
		rc = seal_ctr(dev, &tx, buf, len, ssrc, index);
	srtp_tx_fini(&tx);
	return rc;
}

/* Decrypts `len` bytes in place; wipes them again when the tag is wrong. */
static int open_aead(struct crypto_device *dev, const struct srtp_tx *tx, uint8_t *buf, size_t len,
	uint32_t ssrc, uint32_t index)
{
	uint8_t tag[AEAD_TAG_LEN], iv[12], aad[CLEAR_LEN + TRAILER_LEN];

	aead_iv(iv, srtp_tx_layout(tx), ssrc, index);
	aead_aad(aad, buf, E_FLAG | index);
	dev->ops->aead_open(dev, tx, iv, aad, sizeof(aad), buf + CLEAR_LEN, len - CLEAR_LEN, tag);
	if (secret_equal(tag, buf + len, sizeof(tag)))
		return 0;
	secret_wipe(buf + CLEAR_LEN, len - CLEAR_LEN);
	return -EBADMSG;
}

static int open_ctr(struct crypto_device *dev, const struct srtp_tx *tx, uint8_t *buf, size_t len,
	uint32_t ssrc, uint32_t index)
{
	const struct srtp_tx_layout *key = srtp_tx_layout(tx);
	uint8_t digest[SHA1_LEN], iv[16];
	int err;

	err = dev->ops->authenticate(dev, tx, buf, len + TRAILER_LEN, digest);
	if (err != 0)
		return err;
	if (!secret_equal(digest, buf + len + TRAILER_LEN, key->profile->rtcp_tag_len))
		return -EBADMSG;
	ctr_iv(iv, key, ssrc, index);
	return dev->ops->cipher(dev, tx, iv, buf + CLEAR_LEN, len - CLEAR_LEN);
}

/* The sender's entry; the first free one, not counted yet, for a new sender;
 * NULL when there is no room. */
static struct srtcp_sender *sender_find(struct srtcp_rx *s, uint32_t ssrc)
{
	for (uint32_t i = 0; i < s->n_senders; i++)
		if (s->sender[i].ssrc == ssrc)
			return &s->sender[i];
	if (s->n_senders == SRTCP_SENDERS_MAX)
		return NULL;
	srtp_replay_init(&s->sender[s->n_senders].replay);
	return &s->sender[s->n_senders];
}

/* An authenticated packet came from it. */
static void sender_accept(
	struct srtcp_rx *s, struct srtcp_sender *from, uint32_t ssrc, uint32_t index)
{
	if (from == &s->sender[s->n_senders]) {
		from->ssrc = ssrc;
		s->n_senders++;
	}
	srtp_replay_accept(&from->replay, index);
}

int srtcp_unprotect(struct crypto_device *dev, struct srtcp_rx *s, uint8_t *buf, size_t len)
{
	const struct srtp_profile *profile = s->key.profile;
	uint32_t trailer, index, ssrc;
	struct srtcp_sender *from;
	struct srtp_tx tx;
	size_t tag_len, plain_len;
	int err;

	if (profile == NULL)
		return -EINVAL;
	tag_len = profile->rtcp_tag_len;
	if (len < CLEAR_LEN + TRAILER_LEN + tag_len || len > CRYPTO_MESSAGE_MAX)
		return -EINVAL;
	plain_len = len - TRAILER_LEN - tag_len;
	trailer = get_be32(buf + plain_len + (is_aead(profile) ? tag_len : 0));
	if ((trailer & E_FLAG) == 0)
		return -EINVAL;
	index = trailer & ~E_FLAG;
	ssrc = get_be32(buf + 4);

	/* RFC 3711 3.3: the replay list is asked first and told last. */
	from = sender_find(s, ssrc);
	if (from == NULL || srtp_replay_check(&from->replay, index) != 0)
		return -EALREADY;
	err = srtp_message_key_init(dev, &tx, profile, &s->key.keys);
	if (err != 0)
		return err;
	if (is_aead(profile))
		err = open_aead(dev, &tx, buf, plain_len, ssrc, index);
	else
		err = open_ctr(dev, &tx, buf, plain_len, ssrc, index);
	srtp_tx_fini(&tx);
	if (err != 0)
		return err;
	sender_accept(s, from, ssrc, index);
	return (int)plain_len;
}
