/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of the session file that are not ours. Any one thread. */
#include "controlplane/config/known_keys.h"

#include <ctype.h>
#include <string.h>

struct foreign_key {
	const char *name;
	bool prefix; /* all keys that begin so */
	/* Set: the key closes something or says who may come in, and ignoring it
	 * would open that. What to do instead. */
	const char *closes;
};

/* MediaMTX's global settings that millrace does not have. */
static const struct foreign_key root_keys[] = {
	{"authInternalUsers", .closes = "users are asked for by authHTTPAddress alone"},
	{"authJWT", .prefix = true, .closes = "users are asked for by authHTTPAddress alone"},
	{"externalAuthenticationURL", .closes = "this is authHTTPAddress"},
	{"webrtcEncryption", .closes = "put a proxy that speaks HTTPS in front of webrtcAddress"},
	{"webrtcAllowOrigins", .closes = "this is webrtcAllowOrigin with one origin"},
	{"authHTTPFingerprint"},
	{"authHTTPExclude"},
	{"webrtc"},
	{"webrtcServerKey"},
	{"webrtcServerCert"},
	{"webrtcTrustedProxies"},
	{"webrtcLocalTCPAddress"},
	{"webrtcIPsFromInterfaces", .prefix = true},
	{"webrtcSTUNGatherTimeout"},
	{"webrtcHandshakeTimeout"},
	{"webrtcTrackGatherTimeout"},
	{"webrtcICEServers"},
	{"webrtcICEUDPMuxAddress"},
	{"webrtcICETCPMuxAddress"},
	{"webrtcICEHostNAT1To1IPs"},
	{"logDestinations"},
	{"logStructured"},
	{"logFile"},
	{"sysLogPrefix"},
	{"writeQueueSize"},
	{"udpReadBufferSize"},
	{"runOnConnect", .prefix = true},
	{"runOnDisconnect"},
	{"pathDefaults"},
	{"api", .prefix = true},
	{"metrics", .prefix = true},
	{"pprof", .prefix = true},
	{"playback", .prefix = true},
	{"rtsp", .prefix = true},
	{"rtpAddress"},
	{"rtcpAddress"},
	{"multicast", .prefix = true},
	{"rtmp", .prefix = true},
	{"hls", .prefix = true},
	{"srt", .prefix = true},
	{NULL},
};

/* MediaMTX's settings of a path that millrace does not have. */
static const struct foreign_key path_keys[] = {
	{"readUser", .closes = "users are asked for by authHTTPAddress alone"},
	{"readPass", .closes = "users are asked for by authHTTPAddress alone"},
	{"readIPs", .closes = "users are asked for by authHTTPAddress alone"},
	{"sourceOnDemandStartTimeout"},
	{"sourceOnDemandCloseAfter"},
	{"sourceRedirect"},
	{"sourceProtocol"},
	{"srtReadPassphrase"},
	{"srtPublishPassphrase"},
	{"useAbsoluteTimestamp"},
	{"alwaysAvailable", .prefix = true},
	{"record", .prefix = true},
	{"overridePublisher"},
	{"publish", .prefix = true},
	{"fallback"},
	{"rtspAnyPort"},
	{"rtspRange", .prefix = true},
	{"rtspUDPSourcePortRange"},
	{"whep", .prefix = true},
	{"rpiCamera", .prefix = true},
	{"runOn", .prefix = true},
	{NULL},
};

static const struct foreign_key *find_foreign(
	const char *key, enum known_keys_scope scope, bool prefixes)
{
	const struct foreign_key *k;

	if (scope == KEYS_OURS)
		return NULL;
	for (k = scope == KEYS_MEDIAMTX_ROOT ? root_keys : path_keys; k->name != NULL; k++)
		if (strcmp(key, k->name) == 0 ||
			(prefixes && k->prefix && strncmp(key, k->name, strlen(k->name)) == 0))
			return k;
	return NULL;
}

#define DISTANCE_MAX_LEN 32

/* Levenshtein's distance, letters compared without case; 99 for long words. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[DISTANCE_MAX_LEN + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > DISTANCE_MAX_LEN || lb > DISTANCE_MAX_LEN)
		return 99;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int corner = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			unsigned int best = corner + (same ? 0 : 1);

			corner = row[j];
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (corner + 1 < best)
				best = corner + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

/* The nearest of ours, within a quarter of its letters; NULL. */
static const char *nearest(const char *key, const char *const *ours)
{
	const char *found = NULL;
	unsigned int best = 99;

	for (; *ours != NULL; ours++) {
		unsigned int d = distance(key, *ours);

		if (d < best && (size_t)d * 4 <= strlen(*ours)) {
			best = d;
			found = *ours;
		}
	}
	return found;
}

/* A setting that is switched off closes nothing. */
static bool says_no(const json_t *value)
{
	const char *text = json_string_value(value);

	return json_is_false(value) || json_is_null(value) ||
	       (text != NULL && (text[0] == 0 || strcmp(text, "no") == 0)) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

static void report_key(
	const struct config_node *member, const char *const *ours, enum known_keys_scope scope)
{
	const struct foreign_key *foreign = find_foreign(member->key, scope, false);
	const char *near = foreign == NULL ? nearest(member->key, ours) : NULL;

	if (foreign == NULL && near == NULL)
		foreign = find_foreign(member->key, scope, true);
	if (foreign != NULL && foreign->closes != NULL && !says_no(member->json))
		node_error(member,
			"known in MediaMTX, not supported, and ignoring it could let in whom it "
			"keeps "
			"out; %s",
			foreign->closes);
	else if (foreign != NULL)
		node_warn(member, "known in MediaMTX, not supported: ignored");
	else if (near != NULL)
		node_warn(member, "unknown key, ignored; is \"%s\" meant?", near);
	else
		node_warn(member, "unknown key, ignored");
}

void known_keys_check(
	const struct config_node *object, const char *const *ours, enum known_keys_scope scope)
{
	const char *key;
	json_t *value;

	json_object_foreach (object->json, key, value) {
		const char *const *o = ours;
		struct config_node member;

		while (*o != NULL && strcmp(key, *o) != 0)
			o++;
		if (*o != NULL)
			continue;
		member = node_get(object, key);
		report_key(&member, ours, scope);
	}
}
