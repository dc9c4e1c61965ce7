/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session file: one JSON document that every program of millrace reads.
 * Text in, one plain struct out, validated whole; nothing is opened, resolved
 * or logged here, so the same answer comes from `millrace check` on a laptop
 * and from the processes on the server. Keys and their meaning: the man page
 * millrace.json(5), the schema docs/schema/millrace.schema.json.
 *
 *	struct mr_config config;
 *	struct mr_config_report report;
 *
 *	int rc = mr_config_load(&config, "millrace.json", &report);
 *	for (size_t i = 0; i < report.count; i++)
 *		fprintf(stderr, "%s\n",
 *			mr_config_problem_text(&report.problems[i], line, sizeof(line)));
 *	mr_config_report_fini(&report);
 *	if (rc != 0)
 *		return 1;
 *	... pass `const struct mr_config *` on ...
 *	mr_config_fini(&config);
 *
 * Errors and warnings. All problems of a file are found in one go, each with
 * its JSON path (`paths.cam1.source`, `sessions[0].key`), what was found and
 * what is expected; of keys and passwords only the length is shown. An error
 * refuses the file. A key that is not known is a warning and ignored: a typing
 * mistake is answered with the nearest key, a key of MediaMTX that millrace
 * does not have is called so. Exception: a key of MediaMTX that closes
 * something (authInternalUsers, webrtcEncryption, ...) is an error, because
 * ignoring it would open what the operator wanted closed.
 *
 * Threads: any one, but not while another thread uses jansson (the parser
 * borrows its allocator in order to wipe all text it read); programs read the
 * file at their start. Strings of the struct are UTF-8 without control
 * characters; rtp_sdp alone has line ends.
 */
#ifndef CONTROLPLANE_CONFIG_CONFIG_H
#define CONTROLPLANE_CONFIG_CONFIG_H

#include "crypto/srtp_keys.h"
#include "crypto/srtp_profile.h"
#include "dataplane/api/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_CONFIG_FILE_MAX (4u << 20)  /* bytes of a session file */
#define MR_CONFIG_PATHS_MAX 1024       /* paths of one file */
#define MR_CONFIG_STREAMS_LEAST 512    /* maxStreams where the file says nothing */
#define MR_CONFIG_SESSIONS_MAX 1024    /* fixed sessions of one file */
#define MR_CONFIG_ADDRESSES_MAX 8      /* addresses of one owned port */
#define MR_CONFIG_HOSTS_MAX 16         /* webrtcAdditionalHosts */
#define MR_CONFIG_ICE_SERVERS_MAX 16   /* webrtcICEServers2 */
#define MR_CONFIG_PROFILES_MAX 3       /* srtpProfiles */
#define MR_CONFIG_SDP_MAX 8192         /* bytes of an rtpSDP */
#define MR_CONFIG_UDP_PAYLOAD_MIN 1200 /* bytes: udpMaxPayloadSize */
#define MR_CONFIG_UDP_PAYLOAD_MAX 1472
#define MR_CONFIG_SOCKET_MAX 108 /* bytes of a Unix socket's path, the final 0 included */

enum mr_config_level { MR_LEVEL_ERROR, MR_LEVEL_WARN, MR_LEVEL_INFO, MR_LEVEL_DEBUG };
enum mr_config_idle { MR_IDLE_ADAPTIVE, MR_IDLE_POLL };
enum mr_config_hugepages {
	MR_HUGEPAGES_AUTO, /* without when the machine has none reserved */
	MR_HUGEPAGES_ON,
	MR_HUGEPAGES_OFF,
};

/* "192.0.2.10/24": an address of an owned port's tap. */
struct mr_config_prefix {
	struct mr_endpoint address; /* port 0; IPv4 is v4-mapped */
	uint8_t length;             /* bits, of the family's own 32 or 128 */
	bool ipv6;
};

struct mr_config_port {
	char name[32];
	char device[96]; /* as DPDK takes it: "net_af_xdp,iface=eth0", "0000:03:00.0" */
	char netdev[16]; /* shared: the iface= of `device`; else empty */
	bool shared;     /* net_af_xdp: the kernel keeps the interface */
	bool has_gateway;
	uint32_t queues; /* pairs; as many as workers unless the file says otherwise */
	uint32_t n_addresses;
	struct mr_config_prefix addresses[MR_CONFIG_ADDRESSES_MAX]; /* owned ports only */
	struct mr_endpoint gateway;                                 /* owned ports only; port 0 */
};

struct mr_config_dataplane {
	uint32_t n_ports; /* at least 1 */
	uint32_t n_workers;
	struct mr_config_port ports[MR_PORTS_MAX];
	uint16_t workers[MR_WORKERS_MAX]; /* lcores, each once; the first also owns the rings */
	enum mr_config_idle idle;
	enum mr_config_hugepages hugepages;
	uint32_t memory_mb; /* 0: as much as is needed (memory.h) */
	uint32_t max_streams;
	uint32_t max_viewers;         /* fixed sessions included */
	uint32_t stream_ring_packets; /* per stream, power of two */
	uint32_t stream_ring_bytes;   /* per stream */
	uint32_t repair_window_ms;    /* how long packets are sent again; 0: never */
	uint32_t repair_bitrate;      /* [bit/s] per viewer; 0: no repairs */
	uint32_t burst_rate;          /* times the stream's rate, from the last key frame on */
	uint32_t max_burst_packets;   /* of one viewer within 1 ms; 0: no limit */
	bool key_frame_start;         /* new viewers begin at the last key frame, not the next */
	char crypto[64];              /* "ipsec-mb", "cryptodev:crypto_aesni_mb" */
	char crypto_pci[16];          /* the PCI address in it; empty: none */
	char file_prefix[64];         /* EAL's --file-prefix */
	char control_socket[MR_CONFIG_SOCKET_MAX];
	char stats_socket[MR_CONFIG_SOCKET_MAX];
	char *xdp_object; /* NULL: the one installed with the program */
};

enum mr_config_source_kind { MR_SOURCE_RTSP = 1, MR_SOURCE_UDP_RTP = 2 };
enum mr_config_transport { MR_TRANSPORT_AUTOMATIC, MR_TRANSPORT_UDP, MR_TRANSPORT_TCP };

struct mr_config_source {
	enum mr_config_source_kind kind;
	char *url;  /* as written, but without user and password; a query may still be private */
	char *user; /* rtsp, percent-decoded; NULL: none */
	char *password;       /* rtsp, percent-decoded; NULL: none. Secret */
	char *host;           /* rtsp: a name, or an address without brackets */
	uint16_t port;        /* rtsp, host order; unless the URL says otherwise 554, rtsps 322 */
	bool tls;             /* rtsps:// */
	bool has_fingerprint; /* rtsps: sourceFingerprint decides, not who vouches for it */
	uint8_t fingerprint[32];  /* SHA-256 of the camera's certificate */
	struct mr_endpoint local; /* udp+rtp: our address and port that the RTP is sent to */
};

struct mr_config_path {
	char name[MR_NAME_MAX]; /* valid for MediaMTX and as a URL's path: "cam1", "hall/north" */
	struct mr_config_source source;
	enum mr_config_transport rtsp_transport;
	bool source_on_demand;
	uint32_t max_readers; /* 0: no limit */
	char *rtp_sdp;        /* udp+rtp: its SDP, lines ended by CRLF; else NULL */
};

/* A fixed session: SRTP with no signalling. sessions[i] is the data plane's
 * viewer MR_VIEWER_FIXED_BASE + i. */
struct mr_config_session {
	uint32_t path; /* index into paths[] */
	enum mr_media_kind track;
	struct mr_endpoint to;
	const struct srtp_profile *profile;
	struct srtp_master master; /* Secret. No two sessions have the same key */
	uint8_t payload_type;      /* 0 to 63, 96 to 127 (RFC 5761 4) */
	bool has_ssrc;
	uint32_t ssrc; /* never 0 when has_ssrc */
};

struct mr_config_ice_server {
	char *url;      /* "stun:host:port", "turns:host:port?transport=tcp" */
	char *username; /* NULL: none */
	char *password; /* NULL: none. Secret */
};

struct mr_config {
	enum mr_config_level log_level;
	char *state_directory; /* absolute */
	struct mr_config_dataplane dataplane;

	/* A port alone (":8889") is every address of both families: addr all zero. */
	struct mr_endpoint webrtc_address;   /* TCP: WHEP and the page */
	struct mr_endpoint webrtc_local_udp; /* the one UDP port of all viewers */
	struct mr_endpoint api_address;      /* TCP: the operator's requests; a loopback address */
	bool api;                            /* they are taken */
	char *webrtc_allow_origin;           /* "*" or an origin */
	uint32_t n_hosts;
	uint32_t n_ice_servers;
	uint32_t n_profiles;
	char *hosts[MR_CONFIG_HOSTS_MAX]; /* webrtcAdditionalHosts: addresses and names */
	struct mr_config_ice_server ice_servers[MR_CONFIG_ICE_SERVERS_MAX]; /* for clients */
	const struct srtp_profile *profiles[MR_CONFIG_PROFILES_MAX];        /* in our order */
	char *auth_http_address; /* MediaMTX's hook: asked before every answer; NULL: open */

	uint32_t udp_max_payload; /* [bytes] UDP payload of a packet to viewers */
	uint32_t read_timeout_ms;
	uint32_t write_timeout_ms;

	uint32_t n_paths;
	uint32_t n_sessions;
	struct mr_config_path *paths; /* in the file's order */
	struct mr_config_session *sessions;
};

#define MR_CONFIG_PROBLEMS_MAX 64 /* kept; what comes after is only counted */

struct mr_config_problem {
	bool warning;
	uint32_t line; /* of a JSON syntax error, from 1; else 0 */
	uint32_t column;
	char path[224];    /* "paths.cam1.source"; empty: the file itself */
	char message[320]; /* "found the number 7, expected ..."; never a secret */
};

struct mr_config_report {
	struct mr_config_problem *problems; /* in the file's order; owned */
	size_t count;
	size_t errors; /* all, those not kept included */
	size_t warnings;
};

/*
 * Parses `len` bytes. 0: `config` is filled, there may be warnings.
 * -EINVAL: the report names at least one error; -ENOMEM. On failure `config`
 * is empty and needs no fini. The report is always initialised, also on
 * failure.
 */
int mr_config_parse(
	struct mr_config *config, const char *text, size_t len, struct mr_config_report *report);

/* The same from a file. Also -errno of reading it, -EFBIG above
 * MR_CONFIG_FILE_MAX: then the report says it in words, too. */
int mr_config_load(struct mr_config *config, const char *file, struct mr_config_report *report);

/* What a file that says nothing would mean; no ports, paths or sessions.
 * 0 or -ENOMEM. */
int mr_config_defaults(struct mr_config *config);

/* Wipes the secrets and frees. Also after a failure, and twice. */
void mr_config_fini(struct mr_config *config);
void mr_config_report_fini(struct mr_config_report *report);

/* One line: "error: paths.cam1.source: found ..., expected ...". Returns `buf`. */
const char *mr_config_problem_text(const struct mr_config_problem *p, char *buf, size_t size);

/* The path of that name; NULL when there is none. */
const struct mr_config_path *mr_config_find_path(const struct mr_config *config, const char *name);

#endif
