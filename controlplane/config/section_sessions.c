/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session file's `sessions`: fixed sessions with keys of the operator's.
 * One key never serves two sessions: each numbers its packets from the start,
 * and a nonce used twice gives the key away (RFC 7714 8.1, 17). Any one thread.
 */
#include "controlplane/config/known_keys.h"
#include "controlplane/config/sections.h"
#include "controlplane/config/text.h"
#include "crypto/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const session_keys[] = {
	"path", "track", "to", "profile", "key", "payloadType", "ssrc", NULL};

static void read_path_name(
	const struct config_node *n, const struct mr_config *config, uint32_t *index)
{
	const char *text = json_string_value(n->json);
	const struct mr_config_path *p = text != NULL ? mr_config_find_path(config, text) : NULL;

	if (p == NULL) {
		node_fail(n, "the name of one of the paths");
		return;
	}
	*index = (uint32_t)(p - config->paths);
}

static void read_track(const struct config_node *n, enum mr_media_kind *to)
{
	static const struct config_choice choices[] = {
		{"video", MR_KIND_VIDEO}, {"audio", MR_KIND_AUDIO}, {NULL, 0}};
	int value;

	if (!node_present(n))
		node_fail(n, "\"video\" or \"audio\"");
	else if (node_choice(n, choices, &value))
		*to = (enum mr_media_kind)value;
}

static void read_destination(
	const struct config_node *n, const struct mr_config *config, struct mr_config_session *s)
{
	if (!node_present(n)) {
		node_fail(n, "an address and port: \"192.0.2.1:6000\" or \"[2001:db8::1]:6000\"");
		return;
	}
	if (!node_endpoint(n, false, &s->to))
		return;
	if (text_endpoint_multicast(&s->to)) {
		node_fail(n, "the address of one machine, not of a group");
		return;
	}
	for (const struct mr_config_session *other = config->sessions; other < s; other++)
		if (memcmp(&other->to, &s->to, sizeof(s->to)) == 0)
			node_warn(n,
				"sessions[%zu] sends to the same address and port: the receiver "
				"has to "
				"tell them apart by SSRC",
				(size_t)(other - config->sessions));
}

static void read_profile(const struct config_node *n, struct mr_config_session *s)
{
	const char *text = json_string_value(n->json);

	s->profile = text != NULL ? srtp_profile_by_name(text) : NULL;
	if (s->profile == NULL)
		node_fail(n, "\"AEAD_AES_128_GCM\", \"AEAD_AES_256_GCM\" or "
			     "\"AES128_CM_HMAC_SHA1_80\"");
}

static bool is_one_byte_repeated(const uint8_t *bytes, size_t len)
{
	uint8_t difference = 0;

	for (size_t i = 1; i < len; i++)
		difference |= bytes[i] ^ bytes[0];
	return difference == 0;
}

/* The key is not shown, not even a character of it: what is wrong with it is. */
static void fail_key(const struct config_node *n, const char *text, const struct srtp_profile *p)
{
	size_t key_len = p->key_len, salt_len = p->salt_len, wanted = key_len + salt_len, len, at;
	char expected[128];

	snprintf(expected, sizeof(expected),
		"base64 of %zu bytes (%zu of key, %zu of salt), %zu characters", wanted, key_len,
		salt_len, (wanted + 2) / 3 * 4);
	if (text == NULL) {
		node_fail(n, "%s", expected);
		return;
	}
	at = text_base64_problem(text, &len);
	if (at == SIZE_MAX)
		node_error(n, "found base64 of %zu bytes, expected %s", len, expected);
	else if (text[at] == '\0')
		node_error(n, "found base64 that is cut off after %zu characters, expected %s", at,
			expected);
	else
		node_error(n, "found what is not base64 at character %zu of %zu, expected %s",
			at + 1, strlen(text), expected);
}

static void read_key(const struct config_node *given, const struct mr_config *config,
	struct mr_config_session *s)
{
	uint8_t bytes[SRTP_KEY_MAX_LEN + SRTP_SALT_MAX_LEN];
	struct config_node n = *given;
	const char *text = json_string_value(n.json);
	size_t key_len, salt_len;
	int len;

	n.secret = true;
	if (s->profile == NULL) {
		if (text == NULL)
			node_fail(&n, "base64 of the master key and salt");
		return; /* how long it has to be is not known */
	}
	key_len = s->profile->key_len;
	salt_len = s->profile->salt_len;
	len = text != NULL ? text_base64(text, bytes, sizeof(bytes)) : -1;
	if (len != (int)(key_len + salt_len)) {
		fail_key(&n, text, s->profile);
		secret_wipe(bytes, sizeof(bytes));
		return;
	}
	memcpy(s->master.key, bytes, key_len);
	memcpy(s->master.salt, bytes + key_len, salt_len);
	secret_wipe(bytes, sizeof(bytes));
	if (is_one_byte_repeated(s->master.key, key_len))
		node_fail(&n, "a random key, such as openssl rand -base64 %zu gives",
			key_len + salt_len);
	for (const struct mr_config_session *other = config->sessions; other < s; other++) {
		if (other->profile == NULL || other->profile->key_len != key_len ||
			!secret_equal(other->master.key, s->master.key, key_len))
			continue;
		node_error(&n,
			"the same key as sessions[%zu].key; expected a key of its own, because one "
			"that "
			"serves two sessions protects neither",
			(size_t)(other - config->sessions));
		break;
	}
}

static void read_payload_type(const struct config_node *n, struct mr_config_session *s)
{
	static const char expected[] = "a whole number from 0 to 63 or 96 to 127";
	uint32_t value;

	if (!node_present(n)) {
		node_fail(n, "%s", expected);
		return;
	}
	if (!node_uint32(n, 0, 127, &value))
		return;
	if (value >= 64 && value <= 95) /* RFC 5761 4: would look like RTCP */
		node_fail(n, "%s", expected);
	s->payload_type = (uint8_t)value;
}

static void read_session(const struct config_node *o, struct mr_config *config)
{
	struct config_node path = node_get(o, "path");
	struct config_node track = node_get(o, "track");
	struct config_node to = node_get(o, "to");
	struct config_node profile = node_get(o, "profile");
	struct config_node key = node_get(o, "key");
	struct config_node type = node_get(o, "payloadType");
	struct config_node ssrc = node_get(o, "ssrc");
	struct mr_config_session *s = &config->sessions[config->n_sessions];

	/* Counted even when it is broken, so that sessions[i] keeps its index. */
	config->n_sessions++;
	if (!node_object(o, "an object with \"path\", \"track\", \"to\", \"profile\", \"key\" and "
			    "\"payloadType\""))
		return;
	known_keys_check(o, session_keys, KEYS_OURS);
	read_path_name(&path, config, &s->path);
	read_track(&track, &s->track);
	read_destination(&to, config, s);
	read_profile(&profile, s);
	read_key(&key, config, s);
	read_payload_type(&type, s);
	s->has_ssrc = node_uint32(&ssrc, 1, UINT32_MAX, &s->ssrc);
}

void section_sessions(const struct config_node *n, struct mr_config *config)
{
	if (!node_array(n, MR_CONFIG_SESSIONS_MAX, "a list of fixed sessions"))
		return;
	config->sessions = calloc(json_array_size(n->json) + 1, sizeof(*config->sessions));
	if (config->sessions == NULL) {
		n->reader->no_memory = true;
		return;
	}
	(void)secret_dont_dump(
		config->sessions, (json_array_size(n->json) + 1) * sizeof(*config->sessions));
	for (size_t i = 0; i < json_array_size(n->json); i++) {
		struct config_node item = node_item(n, i);

		read_session(&item, config);
	}
	if (config->n_sessions > config->dataplane.max_viewers)
		node_error(n, "found %u sessions, expected at most dataplane.maxViewers (%u)",
			config->n_sessions, config->dataplane.max_viewers);
}
