/* SPDX-License-Identifier: BSD-3-Clause */
/* The session file's `paths`. Any one thread. */
#include "controlplane/config/known_keys.h"
#include "controlplane/config/sections.h"
#include "controlplane/config/source.h"
#include "controlplane/config/text.h"

#include <stdlib.h>
#include <string.h>

static const char *const path_keys[] = {"source", "rtspTransport", "sourceOnDemand", "rtpSDP",
	"maxReaders", "sourceFingerprint", NULL};

static void read_transport(const struct config_node *n, enum mr_config_transport *to)
{
	static const struct config_choice choices[] = {{"automatic", MR_TRANSPORT_AUTOMATIC},
		{"udp", MR_TRANSPORT_UDP}, {"tcp", MR_TRANSPORT_TCP}, {NULL, 0}};
	const char *text = json_string_value(n->json);
	int value;

	if (text != NULL && strcmp(text, "multicast") == 0)
		node_fail(n,
			"\"automatic\", \"udp\" or \"tcp\" (multicast is known in MediaMTX, not "
			"supported)");
	else if (node_choice(n, choices, &value))
		*to = (enum mr_config_transport)value;
}

/* Two plain RTP sources cannot share an endpoint, nor take the viewers' one. */
static void check_local(
	const struct config_node *n, const struct mr_config *config, const struct mr_config_path *p)
{
	if (text_endpoint_overlaps(&p->source.local, &config->webrtc_local_udp))
		node_error(n,
			"this is the address and port of webrtcLocalUDPAddress; expected another "
			"port");
	for (const struct mr_config_path *other = config->paths; other < p; other++)
		if (other->source.kind == MR_SOURCE_UDP_RTP &&
			text_endpoint_overlaps(&p->source.local, &other->source.local))
			node_error(n,
				"the path \"%s\" has the same address and port; expected another",
				other->name);
}

static void read_path(const struct config_node *o, struct mr_config *config)
{
	struct config_node source = node_get(o, "source");
	struct config_node transport = node_get(o, "rtspTransport");
	struct config_node on_demand = node_get(o, "sourceOnDemand");
	struct config_node sdp = node_get(o, "rtpSDP");
	struct config_node readers = node_get(o, "maxReaders");
	struct config_node fingerprint = node_get(o, "sourceFingerprint");
	struct mr_config_path *p = &config->paths[config->n_paths];
	const char *problem = text_path_name_problem(o->key);

	if (problem != NULL) {
		node_error(o, "expected %s", problem);
		return;
	}
	if (!json_is_object(o->json)) {
		node_fail(o, "an object with at least \"source\"");
		return;
	}
	known_keys_check(o, path_keys, KEYS_MEDIAMTX_PATH);
	config->n_paths++;
	memcpy(p->name, o->key, strlen(o->key));
	read_transport(&transport, &p->rtsp_transport);
	node_boolean(&on_demand, &p->source_on_demand);
	node_uint32(&readers, 0, 1000000, &p->max_readers);
	if (!config_source_read(&source, &p->source))
		return;
	if (node_present(&fingerprint))
		config_fingerprint_read(&fingerprint, &p->source);
	if (p->source.tls && p->rtsp_transport == MR_TRANSPORT_UDP)
		node_error(&transport,
			"expected \"tcp\" or \"automatic\" with rtsps://: packets over UDP would "
			"not be encrypted");
	if (p->source.tls)
		p->rtsp_transport = MR_TRANSPORT_TCP;
	if (p->source.kind == MR_SOURCE_UDP_RTP) {
		check_local(&source, config, p);
		p->rtp_sdp = config_sdp_read(&sdp);
		if (node_present(&transport))
			node_warn(&transport, "ignored: it is for rtsp:// sources");
		if (p->source_on_demand)
			node_warn(&on_demand, "ignored: it is for rtsp:// sources");
	} else if (node_present(&sdp)) {
		node_error(&sdp,
			"expected only with a udp+rtp:// source; an rtsp:// source brings its own");
	}
}

void section_paths(const struct config_node *n, struct mr_config *config)
{
	uint32_t *max_streams = &config->dataplane.max_streams;
	bool given = *max_streams != 0;
	const char *name;
	json_t *value;

	if (!given)
		*max_streams = MR_CONFIG_STREAMS_LEAST;
	if (!node_object(n, "an object: {\"cam1\": {\"source\": \"rtsp://...\"}}"))
		return;
	if (json_object_size(n->json) > MR_CONFIG_PATHS_MAX) {
		node_error(n, "found %zu paths, expected at most %u", json_object_size(n->json),
			MR_CONFIG_PATHS_MAX);
		return;
	}
	config->paths = calloc(json_object_size(n->json) + 1, sizeof(*config->paths));
	if (config->paths == NULL) {
		n->reader->no_memory = true;
		return;
	}
	json_object_foreach (n->json, name, value) {
		struct config_node member = node_get(n, name);

		read_path(&member, config);
	}
	if (!given && 2 * config->n_paths > *max_streams)
		*max_streams = 2 * config->n_paths; /* video and audio */
	if (config->n_paths > *max_streams)
		node_error(n, "found %u paths, expected at most dataplane.maxStreams (%u)",
			config->n_paths, *max_streams);
}
