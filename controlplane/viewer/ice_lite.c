/* SPDX-License-Identifier: BSD-3-Clause */
/* Connectivity checks of an ICE-lite agent: see ice_lite.h. Main thread. */
#include "controlplane/viewer/ice_lite.h"

#include "crypto/secret.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <stun/usages/ice.h>
#include <sys/random.h>
#include <sys/socket.h>

/* Attributes that a check may have; another comprehension-required one is
 * answered with 420 (RFC 8489 6.3.1). */
static uint16_t known_attributes[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
	STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_USE_CANDIDATE, STUN_ATTRIBUTE_ICE_CONTROLLED,
	STUN_ATTRIBUTE_ICE_CONTROLLING, STUN_ATTRIBUTE_FINGERPRINT, 0};

/* State of one validation. */
struct validation {
	struct ice_lite *ice;
	struct ice_lite_user found;
	bool known;
};

void ice_lite_init(struct ice_lite *ice, ice_lite_lookup_fn lookup, void *arg)
{
	memset(ice, 0, sizeof(*ice));
	ice->lookup = lookup;
	ice->arg = arg;
	stun_agent_init(&ice->agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
		STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

/* USERNAME is "ours:theirs" (RFC 8445 7.2.2). */
static bool find_password(StunAgent *agent, StunMessage *message, uint8_t *username,
	uint16_t username_len, uint8_t **password, size_t *password_len, void *arg)
{
	struct validation *v = arg;
	const uint8_t *colon = memchr(username, ':', username_len);
	char local[ICE_LITE_UFRAG_LEN + 1];
	size_t local_len, remote_len;

	if (!colon || (size_t)(colon - username) != ICE_LITE_UFRAG_LEN)
		return false;
	local_len = colon - username;
	remote_len = username_len - local_len - 1;
	memcpy(local, username, local_len);
	local[local_len] = '\0';
	if (memchr(local, '\0', local_len) || !v->ice->lookup(local, &v->found, v->ice->arg))
		return false;
	v->known = true;
	if (strlen(v->found.remote_ufrag) != remote_len ||
		!secret_equal(v->found.remote_ufrag, colon + 1, remote_len))
		return false;
	*password = (uint8_t *)(uintptr_t)v->found.pwd; /* libnice only reads it */
	*password_len = strlen(v->found.pwd);
	return true;
}

static socklen_t to_sockaddr(const struct mr_endpoint *e, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	memcpy(&in6->sin6_addr, e->addr, 16);
	if (!IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = e->port;
		return sizeof(*in6);
	}
	memset(out, 0, sizeof(*out));
	in->sin_family = AF_INET;
	in->sin_port = e->port;
	memcpy(&in->sin_addr, e->addr + 12, 4);
	return sizeof(*in);
}

static void answer(struct ice_lite *ice, StunMessage *request, const struct mr_endpoint *remote,
	struct ice_lite_check *check)
{
	struct sockaddr_storage source;
	socklen_t source_len = to_sockaddr(remote, &source);
	bool controlling = false; /* a lite agent always is controlled */
	StunMessage reply;
	StunUsageIceReturn rc;

	check->reply_len = sizeof(check->reply);
	/* A tie-breaker of 0 never wins: a role conflict becomes 487 (RFC 8445 7.3.1.1). */
	rc = stun_usage_ice_conncheck_create_reply(&ice->agent, request, &reply, check->reply,
		&check->reply_len, &source, source_len, &controlling, 0,
		STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	if (rc == STUN_USAGE_ICE_RETURN_SUCCESS && check->reply_len > 0) {
		check->verdict = ICE_LITE_VALID;
		check->nominated = stun_usage_ice_conncheck_use_candidate(request);
		check->priority = stun_usage_ice_conncheck_priority(request);
		return;
	}
	if (rc == STUN_USAGE_ICE_RETURN_ROLE_CONFLICT)
		ice->conflicts++;
	else
		ice->malformed++;
	check->verdict = check->reply_len > 0 ? ICE_LITE_REFUSE : ICE_LITE_DROP;
}

/* Whoever forges a viewer's address makes us send it no more than that. */
static void bound(struct ice_lite *ice, size_t request_len, struct ice_lite_check *check)
{
	if (check->reply_len <= ICE_LITE_AMPLIFICATION_MAX * request_len)
		return;
	ice->malformed++;
	check->reply_len = 0;
	check->verdict = ICE_LITE_DROP;
}

/* Whoever has heard one check of a viewer may repeat it from any address. */
static bool is_too_often(const struct ice_lite_user *u)
{
	int64_t due;

	if (!u->reply_due_us)
		return false;
	due = *u->reply_due_us > u->now_us ? *u->reply_due_us : u->now_us;
	if (due > u->now_us + ICE_LITE_REPLY_BURST_US)
		return true;
	*u->reply_due_us = due + ICE_LITE_REPLY_INTERVAL_US;
	return false;
}

void ice_lite_receive(struct ice_lite *ice, const uint8_t *data, size_t len,
	const struct mr_endpoint *remote, struct ice_lite_check *check)
{
	struct validation v = {.ice = ice};
	StunMessage request, reply;
	StunValidationStatus status;

	memset(check, 0, sizeof(*check));
	if (len > UINT16_MAX) {
		ice->malformed++;
		return;
	}
	status = stun_agent_validate(&ice->agent, &request, data, len, find_password, &v);
	check->user = v.known ? v.found.user : NULL;
	check->renewed = v.known && v.found.renewed;
	switch (status) {
	case STUN_VALIDATION_SUCCESS:
	case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
		break;
	case STUN_VALIDATION_UNAUTHORIZED:
		check->unauthorized = v.known;
		if (v.known)
			ice->unauthorized++;
		else
			ice->unknown_user++;
		return;
	default:
		ice->malformed++;
		return;
	}
	/* An indication (consent of old clients) or a response passes validation, too. */
	if (stun_message_get_class(&request) != STUN_REQUEST ||
		stun_message_get_method(&request) != STUN_BINDING || !v.known) {
		ice->malformed++;
		return;
	}
	if (is_too_often(&v.found)) {
		ice->rate++;
		return;
	}
	if (status == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE) {
		check->reply_len = stun_agent_build_unknown_attributes_error(
			&ice->agent, &reply, check->reply, sizeof(check->reply), &request);
		check->verdict = check->reply_len > 0 ? ICE_LITE_REFUSE : ICE_LITE_DROP;
		ice->malformed++;
		bound(ice, len, check);
		return;
	}
	answer(ice, &request, remote, check);
	bound(ice, len, check);
}

int ice_lite_random(char *out, size_t len)
{
	static const char chars[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t bytes[64];

	if (len > sizeof(bytes) || getrandom(bytes, len, 0) != (ssize_t)len)
		return -EIO;
	for (size_t i = 0; i < len; i++)
		out[i] = chars[bytes[i] & 63];
	out[len] = '\0';
	secret_wipe(bytes, sizeof(bytes));
	return 0;
}
