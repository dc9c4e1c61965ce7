/* SPDX-License-Identifier: BSD-3-Clause */
/* The session file's settings of the viewers' side, all at its top level. Any one thread. */
#include "controlplane/config/known_keys.h"
#include "controlplane/config/sections.h"
#include "controlplane/config/text.h"

#include <glib.h>

#include <string.h>

static const char *const ice_server_keys[] = {"url", "username", "password", NULL};

static void read_hosts(const struct config_node *n, struct mr_config *config)
{
	if (!node_array(n, MR_CONFIG_HOSTS_MAX, "a list of addresses and host names"))
		return;
	for (size_t i = 0; i < json_array_size(n->json); i++) {
		struct config_node item = node_item(n, i);
		const char *text = json_string_value(item.json);

		if (text == NULL || !text_is_host(text))
			node_fail(&item,
				"an address or host name under which viewers reach this machine");
		else if ((config->hosts[config->n_hosts] = node_strdup(&item, text)) != NULL)
			config->n_hosts++;
	}
}

/* RFC 7064 and 7065: scheme, host, perhaps a port and a transport. */
static bool is_ice_url(const char *text)
{
	static const char *const schemes[] = {"stun:", "stuns:", "turn:", "turns:", NULL};

	if (text_has_control(text) || strpbrk(text, " \"<>\\") != NULL || strlen(text) > 512)
		return false;
	for (const char *const *s = schemes; *s != NULL; s++) {
		const char *host = text + strlen(*s);

		if (strncmp(text, *s, strlen(*s)) == 0)
			return *host != 0 && strncmp(host, "//", 2) != 0 &&
			       strchr(host, '@') == NULL;
	}
	return false;
}

static void read_ice_server(const struct config_node *o, struct mr_config *config)
{
	static const char expected[] = "\"stun:host:port\", \"turn:host:port\" or "
				       "\"turns:host:port?transport=tcp\"";
	struct config_node url = node_get(o, "url");
	struct config_node username = node_get(o, "username");
	struct config_node password = node_get(o, "password");
	struct mr_config_ice_server *s = &config->ice_servers[config->n_ice_servers];
	const char *text;

	if (!node_object(o, "an object with \"url\", \"username\" and \"password\""))
		return;
	known_keys_check(o, ice_server_keys, KEYS_OURS);
	password.secret = true;
	config->n_ice_servers++;
	text = json_string_value(url.json);
	if (text == NULL || !is_ice_url(text))
		node_fail(&url, "%s", expected);
	else
		s->url = node_strdup(&url, text);
	node_duplicate(&username, &s->username, "a user name");
	node_duplicate(&password, &s->password, "a password");
	if (s->url != NULL && strncmp(s->url, "turn", 4) == 0 &&
		(s->username == NULL || s->password == NULL))
		node_error(o, "a TURN server needs \"username\" and \"password\"");
}

static void read_ice_servers(const struct config_node *n, struct mr_config *config)
{
	if (!node_array(n, MR_CONFIG_ICE_SERVERS_MAX, "a list of STUN and TURN servers"))
		return;
	for (size_t i = 0; i < json_array_size(n->json); i++) {
		struct config_node item = node_item(n, i);

		read_ice_server(&item, config);
	}
}

static void read_profiles(const struct config_node *n, struct mr_config *config)
{
	static const char expected[] =
		"\"AEAD_AES_128_GCM\", \"AEAD_AES_256_GCM\" or \"AES128_CM_HMAC_SHA1_80\"";

	if (!node_present(n))
		return;
	if (!json_is_array(n->json) || json_array_size(n->json) == 0) {
		node_fail(n, "a list of at least one of %s", expected);
		return;
	}
	if (!node_array(n, MR_CONFIG_PROFILES_MAX, expected))
		return;
	config->n_profiles = 0;
	for (size_t i = 0; i < json_array_size(n->json); i++) {
		struct config_node item = node_item(n, i);
		const char *text = json_string_value(item.json);
		const struct srtp_profile *p = text != NULL ? srtp_profile_by_name(text) : NULL;
		bool again = false;

		for (uint32_t k = 0; k < config->n_profiles; k++)
			again = again || config->profiles[k] == p;
		if (p == NULL)
			node_fail(&item, "%s", expected);
		else if (again)
			node_fail(&item, "each profile once");
		else
			config->profiles[config->n_profiles++] = p;
	}
}

static bool is_http_url(const char *text)
{
	char *scheme = NULL, *host = NULL;
	int port = -1;
	bool ok;

	ok = g_uri_split(
		     text, G_URI_FLAGS_NONE, &scheme, NULL, &host, &port, NULL, NULL, NULL, NULL) &&
	     scheme != NULL && host != NULL && text_is_host(host) && port != 0 &&
	     (g_ascii_strcasecmp(scheme, "http") == 0 || g_ascii_strcasecmp(scheme, "https") == 0);
	g_free(scheme);
	g_free(host);
	return ok;
}

/* MediaMTX's two keys: authMethod "http" and the address it asks. */
static void read_authorisation(const struct config_node *root, struct mr_config *config)
{
	static const char expected[] = "a URL such as \"http://127.0.0.1:9000/auth\"";
	struct config_node method = node_get(root, "authMethod");
	struct config_node address = node_get(root, "authHTTPAddress");
	const char *text = json_string_value(method.json);

	if (node_present(&method) && (text == NULL || strcmp(text, "http") != 0))
		node_fail(&method, "\"http\" (others are known in MediaMTX, not supported)");
	address.secret = true; /* may carry a token */
	if (node_duplicate(&address, &config->auth_http_address, expected)) {
		if (strpbrk(config->auth_http_address, " @") != NULL ||
			!is_http_url(config->auth_http_address))
			node_fail(&address, "%s, without user and password", expected);
	} else if (node_present(&method) && !node_present(&address)) {
		node_fail(&address, "%s, because authMethod is set", expected);
	}
}

static void read_allow_origin(const struct config_node *n, struct mr_config *config)
{
	static const char expected[] = "\"*\" or an origin such as \"https://example.org\"";
	const char *origin, *authority;

	if (!node_duplicate(n, &config->webrtc_allow_origin, expected))
		return;
	origin = config->webrtc_allow_origin;
	authority = strstr(origin, "://");
	if (strcmp(origin, "*") != 0 &&
		(!is_http_url(origin) || strpbrk(authority + 3, "/ ,@*") != NULL))
		node_fail(n, "%s, without a path", expected);
}

/* MediaMTX's two keys; here nobody is asked who may, so it stays on this machine. */
static void read_api(const struct config_node *root, struct mr_config *config)
{
	static const uint8_t ipv4[13] = {[10] = 0xff, [11] = 0xff, [12] = 127},
			     ipv6[16] = {[15] = 1};
	struct config_node on = node_get(root, "api");
	struct config_node address = node_get(root, "apiAddress");
	const uint8_t *addr = config->api_address.addr;

	node_boolean(&on, &config->api);
	node_endpoint(&address, true, &config->api_address);
	if (node_present(&address) && memcmp(addr, ipv4, sizeof(ipv4)) != 0 &&
		memcmp(addr, ipv6, sizeof(ipv6)) != 0)
		node_error(&address,
			"expected a loopback address such as \"127.0.0.1:9997\"; for others put a "
			"proxy in front of it that asks who they are");
}

void section_webrtc(const struct config_node *root, struct mr_config *config)
{
	struct config_node address = node_get(root, "webrtcAddress");
	struct config_node udp = node_get(root, "webrtcLocalUDPAddress");
	struct config_node hosts = node_get(root, "webrtcAdditionalHosts");
	struct config_node servers = node_get(root, "webrtcICEServers2");
	struct config_node profiles = node_get(root, "srtpProfiles");
	struct config_node origin = node_get(root, "webrtcAllowOrigin");
	struct config_node payload = node_get(root, "udpMaxPayloadSize");
	struct config_node reading = node_get(root, "readTimeout");
	struct config_node writing = node_get(root, "writeTimeout");

	node_endpoint(&address, true, &config->webrtc_address);
	node_endpoint(&udp, true, &config->webrtc_local_udp);
	read_api(root, config);
	read_hosts(&hosts, config);
	read_ice_servers(&servers, config);
	read_profiles(&profiles, config);
	read_allow_origin(&origin, config);
	read_authorisation(root, config);
	node_uint32(&payload, MR_CONFIG_UDP_PAYLOAD_MIN, MR_CONFIG_UDP_PAYLOAD_MAX,
		&config->udp_max_payload);
	node_duration(&reading, 100, 3600000, &config->read_timeout_ms);
	node_duration(&writing, 100, 3600000, &config->write_timeout_ms);
}
