/* SPDX-License-Identifier: BSD-3-Clause */
/* The session file: defaults, reading, validation as a whole. Any one thread. */
#include "controlplane/config/config.h"
#include "controlplane/config/known_keys.h"
#include "controlplane/config/memory.h"
#include "controlplane/config/report.h"
#include "controlplane/config/sections.h"
#include "controlplane/config/source.h"
#include "controlplane/config/text.h"
#include "crypto/secret.h"
#include "dataplane/api/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const root_keys[] = {"$schema", "logLevel", "stateDirectory", "dataplane", "api",
	"apiAddress", "webrtcAddress", "webrtcLocalUDPAddress", "webrtcAdditionalHosts",
	"webrtcICEServers2", "webrtcAllowOrigin", "srtpProfiles", "udpMaxPayloadSize",
	"readTimeout", "writeTimeout", "authMethod", "authHTTPAddress", "paths", "sessions", NULL};

/* Memory that jansson frees is wiped first: the document is full of keys and
 * passwords. The length stands before each block. */
#define BLOCK_HEADER 16

static void *wiping_malloc(size_t size)
{
	char *block;

	if (size > SIZE_MAX - BLOCK_HEADER)
		return NULL;
	block = malloc(size + BLOCK_HEADER);
	if (block == NULL)
		return NULL;
	memcpy(block, &size, sizeof(size));
	return block + BLOCK_HEADER;
}

static void wiping_free(void *p)
{
	char *block;
	size_t size;

	if (p == NULL)
		return;
	block = (char *)p - BLOCK_HEADER;
	memcpy(&size, block, sizeof(size));
	secret_wipe(block, size + BLOCK_HEADER);
	free(block);
}

static struct mr_endpoint any_address(uint16_t port)
{
	return (struct mr_endpoint){.port = htons(port)};
}

static struct mr_endpoint loopback_address(uint16_t port)
{
	return (struct mr_endpoint){
		.addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, .port = htons(port)};
}

static void dataplane_defaults(struct mr_config_dataplane *d)
{
	d->n_workers = 1;
	d->workers[0] = 1;
	d->idle = MR_IDLE_ADAPTIVE;
	d->hugepages = MR_HUGEPAGES_AUTO;
	d->max_streams = MR_CONFIG_STREAMS_LEAST;
	d->max_viewers = 10000;
	d->repair_window_ms = 1000;
	d->repair_bitrate = 4000000;
	d->stream_ring_packets = 4096; /* 10 s at 3 Mbit/s */
	d->stream_ring_bytes = 4u << 20;
	d->burst_rate = 20;
	d->max_burst_packets = 16;
	d->key_frame_start = true;
	snprintf(d->crypto, sizeof(d->crypto), "ipsec-mb");
	snprintf(d->file_prefix, sizeof(d->file_prefix), "millrace");
	snprintf(d->control_socket, sizeof(d->control_socket), "%s", MR_CONTROL_SOCKET);
	snprintf(d->stats_socket, sizeof(d->stats_socket), "%s", MR_STATS_SOCKET);
}

int mr_config_defaults(struct mr_config *config)
{
	memset(config, 0, sizeof(*config));
	config->log_level = MR_LEVEL_INFO;
	dataplane_defaults(&config->dataplane);
	config->webrtc_address = any_address(8889);
	config->api_address = loopback_address(9997);
	config->webrtc_local_udp = any_address(8189);
	config->profiles[0] = srtp_profile_by_id(SRTP_PROFILE_GCM_128);
	config->profiles[1] = srtp_profile_by_id(SRTP_PROFILE_GCM_256);
	config->profiles[2] = srtp_profile_by_id(SRTP_PROFILE_AES128_CM_SHA1_80);
	config->n_profiles = 3;
	config->udp_max_payload = 1452; /* IPv6 in 1500 bytes of Ethernet */
	config->read_timeout_ms = 10000;
	config->write_timeout_ms = 10000;
	config->state_directory = strdup("/var/lib/millrace");
	config->webrtc_allow_origin = strdup("*");
	if (config->state_directory == NULL || config->webrtc_allow_origin == NULL) {
		mr_config_fini(config);
		return -ENOMEM;
	}
	return 0;
}

static void free_secret(char *text)
{
	if (text == NULL)
		return;
	secret_wipe(text, strlen(text));
	free(text);
}

void mr_config_fini(struct mr_config *config)
{
	for (uint32_t i = 0; i < config->n_paths; i++) {
		config_source_fini(&config->paths[i].source);
		free(config->paths[i].rtp_sdp);
	}
	free(config->paths);
	if (config->sessions != NULL)
		secret_wipe(config->sessions, config->n_sessions * sizeof(*config->sessions));
	free(config->sessions);
	for (uint32_t i = 0; i < config->n_hosts; i++)
		free(config->hosts[i]);
	for (uint32_t i = 0; i < config->n_ice_servers; i++) {
		free(config->ice_servers[i].url);
		free_secret(config->ice_servers[i].username);
		free_secret(config->ice_servers[i].password);
	}
	free_secret(config->auth_http_address);
	free(config->webrtc_allow_origin);
	free(config->state_directory);
	free(config->dataplane.xdp_object);
	memset(config, 0, sizeof(*config));
}

const struct mr_config_path *mr_config_find_path(const struct mr_config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_paths; i++)
		if (strcmp(config->paths[i].name, name) == 0)
			return &config->paths[i];
	return NULL;
}

static void read_log_level(const struct config_node *n, enum mr_config_level *to)
{
	static const struct config_choice choices[] = {{"error", MR_LEVEL_ERROR},
		{"warn", MR_LEVEL_WARN}, {"info", MR_LEVEL_INFO}, {"debug", MR_LEVEL_DEBUG},
		{NULL, 0}};
	int value;

	if (node_choice(n, choices, &value))
		*to = (enum mr_config_level)value;
}

/* After all that takes some. */
static void check_memory(const struct config_node *dataplane, const struct mr_config *config)
{
	struct config_node memory = node_get(dataplane, "memory");
	uint32_t needed = mr_config_memory_needed(config), given = config->dataplane.memory_mb;

	if (given == 0 || given >= needed)
		return;
	node_warn(&memory,
		"%u MiB, but %u paths with video and audio, %u viewers and %u worker%s take up to "
		"%u MiB; give it as much or leave it out: streams that find no room are refused",
		given, config->n_paths, config->dataplane.max_viewers, config->dataplane.n_workers,
		config->dataplane.n_workers == 1 ? "" : "s", needed);
}

static void read_root(const struct config_node *root, struct mr_config *config)
{
	struct config_node level = node_get(root, "logLevel");
	struct config_node state = node_get(root, "stateDirectory");
	struct config_node dataplane = node_get(root, "dataplane");
	struct config_node paths = node_get(root, "paths");
	struct config_node sessions = node_get(root, "sessions");

	if (!json_is_object(root->json)) {
		node_fail(root, "an object: {\"dataplane\": ..., \"paths\": ...}");
		return;
	}
	known_keys_check(root, root_keys, KEYS_MEDIAMTX_ROOT);
	read_log_level(&level, &config->log_level);
	if (node_duplicate(&state, &config->state_directory, "an absolute path") &&
		config->state_directory[0] != '/')
		node_fail(&state, "an absolute path");
	section_dataplane(&dataplane, &config->dataplane);
	section_webrtc(root, config);
	section_paths(&paths, config);
	section_sessions(&sessions, config);
	if (root->reader->report->errors == 0)
		check_memory(&dataplane, config);
}

/* jansson's words for a syntax error, without what it quotes of the text. */
static void report_syntax(struct mr_config_report *report, const json_error_t *error)
{
	struct mr_config_problem *p = config_report_add(report, false);
	const char *near;

	if (p == NULL)
		return;
	p->line = error->line > 0 ? (uint32_t)error->line : 1;
	p->column = error->column > 0 ? (uint32_t)error->column : 1;
	if (json_error_code(error) == json_error_duplicate_key) {
		snprintf(p->message, sizeof(p->message), "a key stands twice in the same object");
		return;
	}
	snprintf(p->message, sizeof(p->message), "not valid JSON: %s", error->text);
	near = strstr(p->message, " near ");
	if (near != NULL)
		p->message[near - p->message] = 0;
}

int mr_config_parse(
	struct mr_config *config, const char *text, size_t len, struct mr_config_report *report)
{
	struct config_reader reader = {.report = report};
	json_malloc_t old_malloc;
	json_free_t old_free;
	json_error_t error;
	json_t *root;
	int rc;

	config_report_init(report);
	rc = mr_config_defaults(config);
	if (rc != 0)
		return rc;
	json_get_alloc_funcs(&old_malloc, &old_free);
	json_set_alloc_funcs(wiping_malloc, wiping_free);
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (root != NULL) {
		struct config_node node = {.json = root, .reader = &reader};

		read_root(&node, config);
		json_decref(root);
	} else if (json_error_code(&error) == json_error_out_of_memory) {
		reader.no_memory = true;
	} else {
		report_syntax(report, &error);
	}
	json_set_alloc_funcs(old_malloc, old_free);
	secret_wipe(&error, sizeof(error));
	if (reader.no_memory)
		rc = -ENOMEM;
	else if (report->errors > 0)
		rc = -EINVAL;
	if (rc != 0)
		mr_config_fini(config);
	return rc;
}

static int report_file(struct mr_config_report *report, const char *file, const char *what, int rc)
{
	struct mr_config_problem *p = config_report_add(report, false);

	if (p != NULL)
		snprintf(p->message, sizeof(p->message), "cannot read %.200s: %s", file, what);
	return rc;
}

/* The whole of `fd` into `text`, which has room for one byte above the limit. */
static int read_all(int fd, char *text, size_t *len)
{
	*len = 0;
	while (*len <= MR_CONFIG_FILE_MAX) {
		ssize_t n = read(fd, text + *len, MR_CONFIG_FILE_MAX + 1 - *len);

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		*len += (size_t)n;
	}
	return -EFBIG;
}

int mr_config_load(struct mr_config *config, const char *file, struct mr_config_report *report)
{
	size_t len = 0;
	char *text;
	int fd, rc;

	memset(config, 0, sizeof(*config));
	config_report_init(report);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		return report_file(report, file, strerror(-rc), rc);
	}
	text = malloc(MR_CONFIG_FILE_MAX + 1);
	if (text == NULL) {
		rc = -ENOMEM;
		goto err_file;
	}
	rc = read_all(fd, text, &len);
	if (rc == -EFBIG)
		report_file(report, file, "larger than 4 MiB", rc);
	else if (rc != 0)
		report_file(report, file, strerror(-rc), rc);
	else
		rc = mr_config_parse(config, text, len, report);
	secret_wipe(text, len);
	free(text);
err_file:
	close(fd);
	return rc;
}
