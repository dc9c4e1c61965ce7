/* SPDX-License-Identifier: BSD-3-Clause */
/* controlplane/config: what each mistake in a session file is answered with. */
#include "controlplane/config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PORTS "\"ports\": [{\"name\": \"wan\", \"device\": \"net_af_xdp,iface=mr0\"}]"
#define DP "\"dataplane\": {" PORTS "}"
#define ROOT(members) "{" DP ", " members "}"
#define DATAPLANE(members) "{\"dataplane\": {" PORTS ", " members "}}"
#define PORT(members) "{\"dataplane\": {\"ports\": [{" members "}]}}"
#define PATH(members) ROOT("\"paths\": {\"cam1\": {" members "}}")
#define SOURCE(url) PATH("\"source\": \"" url "\"")
#define SDP "v=0\\r\\nm=video 5004 RTP/AVP 96\\r\\n"
#define FEED "\"feed\": {\"source\": \"udp+rtp://10.0.0.1:5004\", \"rtpSDP\": \"" SDP "\"}"
#define SESSIONS(items) ROOT("\"paths\": {" FEED "}, \"sessions\": [" items "]")
#define KEY "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHA=="
#define KEY_OTHER_SALT "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHQ=="
#define KEY_ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define GCM "\"profile\": \"AEAD_AES_128_GCM\""
#define FIXED(to, rest)                                                                            \
	"{\"path\": \"feed\", \"track\": \"video\", \"to\": \"" to                                 \
	"\", \"payloadType\": 96, " rest "}"

static const struct {
	const char *text;
	const char *path; /* of a problem */
	const char *part; /* of its message */
	bool warning;
	const char *why;
} cases[] = {
	/* the document */
	{"", "", "not valid JSON", false, "empty"},
	{"[]", "", "expected an object", false, "a list"},
	{"{\"logLevel\": \"info\",}", "", "not valid JSON", false, "trailing comma"},
	{"{\"a\": \"\\u0000\"}", "", "not valid JSON", false, "NUL inside a string"},
	{"{\"a\": \"\xff\"}", "", "not valid JSON", false, "not UTF-8"},
	{"{" DP ", " DP "}", "", "stands twice", false, "the same key twice"},
	{ROOT("\"paths\": {\"a\": {\"source\": \"rtsp://h/\"}, \"a\": {}}"), "", "stands twice",
		false, "the same path twice"},
	{"{}", "dataplane", "found nothing", false, "no data plane"},
	{ROOT("\"logLevel\": \"trace\""), "logLevel", "\"debug\"", false, "unknown level"},
	{ROOT("\"logLevel\": 7"), "logLevel", "found the number 7", false, "wrong type"},
	{ROOT("\"stateDirectory\": \"state\""), "stateDirectory", "absolute", false, "relative"},
	{ROOT("\"stateDirectory\": \"/a\\nb\""), "stateDirectory", "control characters", false,
		"a line end would break the log"},

	/* memory */
	{DATAPLANE("\"memory\": 64"), "dataplane.memory", "64 MiB, but 0 paths", true,
		"less than it needs without a path"},
	{"{\"dataplane\": {" PORTS ", \"memory\": 90, \"maxViewers\": 10}, \"paths\": {" FEED "}}",
		"dataplane.memory", "take up to", true, "a path too many"},

	/* unknown keys */
	{ROOT("\"logLevl\": \"info\""), "logLevl", "is \"logLevel\" meant?", true,
		"typing mistake"},
	{ROOT("\"loglevel\": \"info\""), "loglevel", "is \"logLevel\" meant?", true, "case"},
	{ROOT("\"colour\": 1"), "colour", "unknown key, ignored", true, "nothing like it"},
	{ROOT("\"hlsAddress\": \":8888\""), "hlsAddress", "known in MediaMTX", true,
		"by the prefix hls"},
	{ROOT("\"metrics\": true"), "metrics", "known in MediaMTX", true, "exactly"},
	{ROOT("\"a.b\": 1"), "[\"a.b\"]", "unknown", true, "a key with a dot is quoted"},
	{ROOT("\"authInternalUsers\": [{}]"), "authInternalUsers", "could let in", false,
		"ignoring it would open"},
	{ROOT("\"authInternalUsers\": []"), "authInternalUsers", "ignored", true, "closes nothing"},
	{ROOT("\"webrtcEncryption\": true"), "webrtcEncryption", "proxy", false, "would be plain"},
	{ROOT("\"webrtcEncryption\": false"), "webrtcEncryption", "ignored", true, "as it is"},
	{ROOT("\"authJWTJWKS\": \"https://x\""), "authJWTJWKS", "could let in", false, "prefix"},
	{DATAPLANE("\"wokers\": [1]"), "dataplane.wokers", "\"workers\"", true, "nested"},
	{PATH("\"source\": \"rtsp://h/\", \"record\": true"), "paths.cam1.record",
		"known in MediaMTX", true, "path setting"},
	{PATH("\"source\": \"rtsp://h/\", \"readPass\": \"x\""), "paths.cam1.readPass",
		"could let in", false, "a path's password"},
	{PATH("\"source\": \"rtsp://h/\", \"sorce\": \"x\""), "paths.cam1.sorce", "\"source\"",
		true, "typing mistake in a path"},

	/* dataplane */
	{"{\"dataplane\": {}}", "dataplane.ports", "at least one port", false, "no ports"},
	{"{\"dataplane\": {\"ports\": []}}", "dataplane.ports", "found a list of 0", false,
		"empty"},
	{"{\"dataplane\": {\"ports\": [1]}}", "dataplane.ports[0]", "an object", false, "a number"},
	{"{\"dataplane\": {\"ports\": [{},{},{},{},{},{},{},{},{}]}}", "dataplane.ports",
		"at most 8", false, "too many"},
	{PORT("\"device\": \"net_null0\""), "dataplane.ports[0].name", "found nothing", false,
		"no name"},
	{PORT("\"name\": \"a b\", \"device\": \"net_null0\""), "dataplane.ports[0].name", "letters",
		false, "blank in a name"},
	{PORT("\"name\": \"abcdefghijklmnopqrstuvwxyz0123456789\", \"device\": \"net_null0\""),
		"dataplane.ports[0].name", "1 to 31 bytes", false, "long name"},
	{PORT("\"name\": \"a\""), "dataplane.ports[0].device", "DPDK device", false, "no device"},
	{PORT("\"name\": \"a\", \"device\": \",x\""), "dataplane.ports[0].device", "DPDK device",
		false, "no driver"},
	{PORT("\"name\": \"a\", \"device\": \"net_af_xdp\""), "dataplane.ports[0].device",
		"interface's name", false, "shared without iface"},
	{PORT("\"name\": \"a\", \"device\": \"net_af_xdp,iface=\""), "dataplane.ports[0].device",
		"interface's name", false, "empty iface"},
	{PORT("\"name\": \"a\", \"device\": \"net_af_xdp,iface=abcdefghijklmnop\""),
		"dataplane.ports[0].device", "interface's name", false, "longer than IFNAMSIZ"},
	{PORT("\"name\": \"a\", \"device\": \"net_af_xdp,iface=e\", \"addresses\": "
	      "[\"10.0.0.1/8\"]"),
		"dataplane.ports[0].addresses", "the kernel keeps", false, "addresses, shared"},
	{PORT("\"name\": \"a\", \"device\": \"net_af_xdp,iface=e\", \"gateway\": \"10.0.0.1\""),
		"dataplane.ports[0].gateway", "the kernel keeps", false, "gateway, shared"},
	{PORT("\"name\": \"a\", \"device\": \"net_null0\", \"addresses\": [\"10.0.0.1\"]"),
		"dataplane.ports[0].addresses[0]", "prefix", false, "no prefix"},
	{PORT("\"name\": \"a\", \"device\": \"net_null0\", \"addresses\": [\"10.0.0.1/8\", "
	      "\"10.0.0.1/9\"]"),
		"dataplane.ports[0].addresses[1]", "once", false, "the same address twice"},
	{PORT("\"name\": \"a\", \"device\": \"net_null0\", \"gateway\": \"router\""),
		"dataplane.ports[0].gateway", "address of a router", false, "a name"},
	{PORT("\"name\": \"a\", \"device\": \"net_null0\", \"queues\": 0"),
		"dataplane.ports[0].queues", "from 1 to 32", false, "no queue"},
	{"{\"dataplane\": {\"ports\": [{\"name\": \"a\", \"device\": \"net_null0\"}, "
	 "{\"name\": \"a\", \"device\": \"net_null1\"}]}}",
		"dataplane.ports[1].name", "another name", false, "two of a name"},
	{"{\"dataplane\": {\"ports\": [{\"name\": \"a\", \"device\": \"net_null0\"}, "
	 "{\"name\": \"b\", \"device\": \"net_null0\"}]}}",
		"dataplane.ports[1].device", "another device", false, "two of a device"},
	{"{\"dataplane\": {\"ports\": [{\"name\": \"a\", \"device\": \"net_af_xdp,iface=e\"}, "
	 "{\"name\": \"b\", \"device\": \"net_af_xdp1,iface=e\"}]}}",
		"dataplane.ports[1].device", "another device", false, "two of an interface"},
	{DATAPLANE("\"workers\": []"), "dataplane.workers", "at least one", false, "no worker"},
	{DATAPLANE("\"workers\": [1, 1]"), "dataplane.workers[1]", "once", false, "a core twice"},
	{DATAPLANE("\"workers\": [128]"), "dataplane.workers[0]", "from 0 to 127", false,
		"beyond DPDK's cores"},
	{DATAPLANE("\"workers\": [1.5]"), "dataplane.workers[0]", "found the number 1.5", false,
		"no whole number"},
	{DATAPLANE("\"idle\": \"sleep\""), "dataplane.idle", "\"adaptive\" or \"poll\"", false,
		"unknown word"},
	{DATAPLANE("\"crypto\": \"openssl\""), "dataplane.crypto", "\"ipsec-mb\"", false,
		"no such back end"},
	{DATAPLANE("\"crypto\": \"cryptodev:\""), "dataplane.crypto", "crypto_aesni_mb", false,
		"no device"},
	{DATAPLANE("\"crypto\": \"cryptodev:crypto_\""), "dataplane.crypto", "DPDK device", false,
		"half a device"},
	{DATAPLANE("\"crypto\": \"cryptodev:net_null0\""), "dataplane.crypto", "DPDK device", false,
		"a device that does not encrypt"},
	{DATAPLANE("\"crypto\": \"cryptodev:crypto_openssl,x=1\""), "dataplane.crypto",
		"DPDK device", false, "arguments are ours to give"},
	{DATAPLANE("\"crypto\": \"cryptodev:3d:01.0\""), "dataplane.crypto", "PCI address", false,
		"no domain"},
	{DATAPLANE("\"crypto\": \"cryptodev:0000:3d:01.8\""), "dataplane.crypto", "PCI address",
		false, "a function has 3 bits"},
	{DATAPLANE("\"crypto\": \"cryptodev:0000:3D:01.0\""), "dataplane.crypto", "PCI address",
		false, "DPDK writes small letters"},
	{DATAPLANE("\"crypto\": 7"), "dataplane.crypto", "found the number 7", false, "no text"},
	{DATAPLANE("\"hugepages\": \"yes\""), "dataplane.hugepages", "\"auto\", true or false",
		false, "a word"},
	{DATAPLANE("\"memory\": 1"), "dataplane.memory", "from 64", false, "too little"},
	{DATAPLANE("\"controlSocket\": \"c.sock\""), "dataplane.controlSocket", "absolute", false,
		"relative"},
	{DATAPLANE("\"controlSocket\": \"/s\", \"statsSocket\": \"/s\""), "dataplane.statsSocket",
		"different", false, "one path for both"},
	{DATAPLANE("\"maxStreams\": 0"), "dataplane.maxStreams", "from 1", false, "none"},
	{DATAPLANE("\"maxViewers\": -1"), "dataplane.maxViewers", "found the number -1", false,
		"negative"},
	{DATAPLANE("\"streamRingPackets\": 1000"), "dataplane.streamRingPackets", "power of two",
		false, "not a power of two"},
	{DATAPLANE("\"streamRingBytes\": 1"), "dataplane.streamRingBytes", "from 65536", false,
		"tiny"},
	{DATAPLANE("\"repairWindow\": \"61s\""), "dataplane.repairWindow", "duration", false,
		"longer than any ring"},
	{DATAPLANE("\"repairBitrate\": -1"), "dataplane.repairBitrate", "from 0", false,
		"negative"},
	{DATAPLANE("\"burstRate\": 1"), "dataplane.burstRate", "from 2", false,
		"would never catch up"},
	{DATAPLANE("\"maxBurstPackets\": 5"), "dataplane.maxBurstPackets", "from 6 to 1024", false,
		"quanta of less than a packet"},
	{DATAPLANE("\"keyFrameStart\": 1"), "dataplane.keyFrameStart", "true or false", false,
		"a number"},
	{DATAPLANE("\"filePrefix\": \"../x\""), "dataplane.filePrefix", "letters", false,
		"would leave the directory"},
	{DATAPLANE("\"xdpObject\": \"\""), "dataplane.xdpObject", "BPF", false, "empty"},

	/* viewers' side */
	{ROOT("\"webrtcAddress\": 8889"), "webrtcAddress", "address and port", false, "a number"},
	{ROOT("\"webrtcLocalUDPAddress\": \"\""), "webrtcLocalUDPAddress", "found an empty string",
		false, "MediaMTX's way to switch it off"},
	{ROOT("\"webrtcAdditionalHosts\": [\"a b\"]"), "webrtcAdditionalHosts[0]", "host name",
		false, "no host"},
	{ROOT("\"webrtcICEServers2\": [{\"url\": \"http://x\"}]"), "webrtcICEServers2[0].url",
		"\"stun:host:port\"", false, "no ICE scheme"},
	{ROOT("\"webrtcICEServers2\": [{\"url\": \"turn:x\"}]"), "webrtcICEServers2[0]",
		"needs \"username\"", false, "TURN without credentials"},
	{ROOT("\"webrtcICEServers2\": [{\"url\": \"stun:x\\u0022>;y\"}]"),
		"webrtcICEServers2[0].url", "\"stun:host:port\"", false,
		"would break the Link header"},
	{ROOT("\"apiAddress\": \":9997\""), "apiAddress", "loopback", false, "every address"},
	{ROOT("\"apiAddress\": \"192.0.2.1:9997\""), "apiAddress", "proxy", false,
		"where nobody is asked who he is"},
	{ROOT("\"srtpProfiles\": []"), "srtpProfiles", "at least one", false, "none"},
	{ROOT("\"srtpProfiles\": [\"AES_CM\"]"), "srtpProfiles[0]", "\"AEAD_AES_128_GCM\"", false,
		"unknown"},
	{ROOT("\"srtpProfiles\": [\"AEAD_AES_128_GCM\", \"AEAD_AES_128_GCM\"]"), "srtpProfiles[1]",
		"once", false, "twice"},
	{ROOT("\"udpMaxPayloadSize\": 1473"), "udpMaxPayloadSize", "from 1200 to 1472", false,
		"beyond Ethernet"},
	{ROOT("\"readTimeout\": 10"), "readTimeout", "\"10s\"", false, "a bare number"},
	{ROOT("\"writeTimeout\": \"2h\""), "writeTimeout", "3600 s", false, "too long"},
	{ROOT("\"webrtcAllowOrigin\": \"https://a/b\""), "webrtcAllowOrigin", "without a path",
		false, "a path"},
	{ROOT("\"webrtcAllowOrigin\": \"example.org\""), "webrtcAllowOrigin", "an origin", false,
		"no scheme"},
	{ROOT("\"authMethod\": \"internal\""), "authMethod", "\"http\"", false, "another method"},
	{ROOT("\"authMethod\": \"http\""), "authHTTPAddress", "authMethod is set", false,
		"no address"},
	{ROOT("\"authHTTPAddress\": \"ftp://x/\""), "authHTTPAddress", "http://", false, "scheme"},

	/* paths */
	{ROOT("\"paths\": []"), "paths", "an object", false, "a list"},
	{ROOT("\"paths\": {\"/a\": {}}"), "paths./a", "slash", false, "slash first"},
	{ROOT("\"paths\": {\"a b\": {}}"), "paths[\"a b\"]", "letters", false, "blank"},
	{ROOT("\"paths\": {\"a\": 1}"), "paths.a", "an object", false, "a number"},
	{PATH(""), "paths.cam1.source", "found nothing", false, "no source"},
	{SOURCE("rtmps://h/x"), "paths.cam1.source", "\"rtmps\" is a source known in MediaMTX",
		false, "another protocol"},
	{PATH("\"source\": \"rtsps://h/\", \"rtspTransport\": \"udp\""), "paths.cam1.rtspTransport",
		"would not be encrypted", false, "UDP beside TLS"},
	{PATH("\"source\": \"rtsps://h/\", \"sourceFingerprint\": \"AB:CD\""),
		"paths.cam1.sourceFingerprint", "64 hexadecimal", false, "half a fingerprint"},
	{PATH("\"source\": \"rtsp://h/\", \"sourceFingerprint\": \"AB\""),
		"paths.cam1.sourceFingerprint", "rtsps://", false, "a fingerprint of nothing"},
	{SOURCE("publisher"), "paths.cam1.source", "known in MediaMTX", false,
		"a word of MediaMTX"},
	{SOURCE("udp+mpegts://1.2.3.4:5"), "paths.cam1.source", "known in MediaMTX", false,
		"another scheme"},
	{SOURCE("gopher://h/x"), "paths.cam1.source", "\"rtsp://", false, "unknown scheme"},
	{SOURCE("rtsp:/h"), "paths.cam1.source", "\"rtsp://", false, "half a scheme"},
	{SOURCE("rtsp://"), "paths.cam1.source", "name or address", false, "no host"},
	{SOURCE("rtsp://h:0/x"), "paths.cam1.source", "port", false, "port 0"},
	{SOURCE("rtsp://h:70000/x"), "paths.cam1.source", "rtsp://user:password@host", false,
		"port beyond 16 bits"},
	{SOURCE("rtsp://u:%zz@h/x"), "paths.cam1.source", "%XX", false, "broken percent"},
	{SOURCE("rtsp://u:a%0d%0ab@h/x"), "paths.cam1.source", "control characters", false,
		"would break into a header"},
	{SOURCE("rtsp://h/a b"), "paths.cam1.source", "blanks written", false, "blank"},
	{SOURCE("udp+rtp://camera:5004"), "paths.cam1.source", "udp+rtp://192.0.2.1", false,
		"name"},
	{SOURCE("udp+rtp://:5004"), "paths.cam1.source", "not all of them", false, "any address"},
	{SOURCE("udp+rtp://239.0.0.1:5004"), "paths.cam1.source", "multicast", false, "a group"},
	{SOURCE("udp+rtp://10.0.0.1:5004"), "paths.cam1.rtpSDP", "found nothing", false, "no SDP"},
	{SOURCE("udp+rtp://10.0.0.1:8189"), "paths.cam1.source", "webrtcLocalUDPAddress", false,
		"the viewers' port"},
	{ROOT("\"paths\": {" FEED ", \"b\": {\"source\": \"udp+rtp://10.0.0.1:5004\"}}"),
		"paths.b.source", "\"feed\" has the same", false, "two on one port"},
	{PATH("\"source\": \"rtsp://h/\", \"rtpSDP\": \"" SDP "\""), "paths.cam1.rtpSDP",
		"brings its own", false, "SDP for RTSP"},
	{PATH("\"source\": \"udp+rtp://10.0.0.1:5004\", \"rtpSDP\": \"m=video 1 RTP/AVP 96\""),
		"paths.cam1.rtpSDP", "\"v=0\"", false, "no version"},
	{PATH("\"source\": \"udp+rtp://10.0.0.1:5004\", \"rtpSDP\": \"v=0\\r\\nhello\""),
		"paths.cam1.rtpSDP", "RFC 8866", false, "no SDP line"},
	{PATH("\"source\": \"udp+rtp://10.0.0.1:5004\", \"rtpSDP\": \"v=0\\r\\n\""),
		"paths.cam1.rtpSDP", "m=video", false, "no media"},
	{PATH("\"source\": \"rtsp://h/\", \"rtspTransport\": \"multicast\""),
		"paths.cam1.rtspTransport", "known in MediaMTX", false, "multicast"},
	{PATH("\"source\": \"rtsp://h/\", \"sourceOnDemand\": \"yes\""),
		"paths.cam1.sourceOnDemand", "true or false", false, "YAML's yes"},
	{PATH("\"source\": \"rtsp://h/\", \"maxReaders\": -1"), "paths.cam1.maxReaders", "from 0",
		false, "negative"},
	{"{\"dataplane\": {" PORTS ", \"maxStreams\": 1}, \"paths\": {\"a\": {\"source\": "
	 "\"rtsp://h/1\"}, \"b\": {\"source\": \"rtsp://h/2\"}}}",
		"paths", "maxStreams (1)", false, "more than the data plane takes"},

	/* sessions */
	{ROOT("\"sessions\": {}"), "sessions", "a list", false, "an object"},
	{SESSIONS("{}"), "sessions[0].path", "one of the paths", false, "nothing in it"},
	{SESSIONS("{}"), "sessions[0].track", "\"video\" or \"audio\"", false, "no track"},
	{SESSIONS("{}"), "sessions[0].to", "found nothing", false, "no destination"},
	{SESSIONS("{}"), "sessions[0].profile", "found nothing", false, "no profile"},
	{SESSIONS("{}"), "sessions[0].key", "found nothing", false, "no key"},
	{SESSIONS("{}"), "sessions[0].payloadType", "found nothing", false, "no payload type"},
	{SESSIONS("{\"path\": \"fed\"}"), "sessions[0].path", "found \"fed\"", false,
		"no such path"},
	{SESSIONS(FIXED("0.0.0.0:6000", GCM ", \"key\": \"" KEY "\"")), "sessions[0].to",
		"one machine", false, "unspecified"},
	{SESSIONS(FIXED("[::]:6000", GCM ", \"key\": \"" KEY "\"")), "sessions[0].to",
		"one machine", false, "unspecified"},
	{SESSIONS(FIXED("10.0.0.2", GCM ", \"key\": \"" KEY "\"")), "sessions[0].to",
		"address and port", false, "no port"},
	{SESSIONS(FIXED("239.0.0.2:6000", GCM ", \"key\": \"" KEY "\"")), "sessions[0].to",
		"not of a group", false, "multicast"},
	{SESSIONS(FIXED("10.0.0.2:6000", "\"profile\": \"AES\", \"key\": \"" KEY "\"")),
		"sessions[0].profile", "found \"AES\"", false, "unknown profile"},
	{SESSIONS(
		 FIXED("10.0.0.2:6000", "\"profile\": \"AEAD_AES_256_GCM\", \"key\": \"" KEY "\"")),
		"sessions[0].key", "found base64 of 28 bytes, expected base64 of 44 bytes", false,
		"too short for the profile"},
	{SESSIONS(FIXED("10.0.0.2:6000", GCM ", \"key\": \"not base64!\"")), "sessions[0].key",
		"not base64 at character 4 of 11, expected base64 of 28 bytes", false,
		"not base64"},
	{SESSIONS(FIXED("10.0.0.2:6000", GCM ", \"key\": \"AAECAwQFBg\"")), "sessions[0].key",
		"cut off after 10 characters", false, "no padding"},
	{SESSIONS(FIXED("10.0.0.2:6000", GCM ", \"key\": 12345")), "sessions[0].key",
		"found a number,", false, "a number is not shown either"},
	{SESSIONS(FIXED("10.0.0.2:6000", GCM ", \"key\": \"" KEY_ZERO "\"")), "sessions[0].key",
		"openssl rand", false, "all bytes the same"},
	{SESSIONS(FIXED("10.0.0.2:6000", GCM ", \"key\": \"" KEY "\"") ", " FIXED(
		 "10.0.0.2:6002", GCM ", \"key\": \"" KEY "\"")),
		"sessions[1].key", "same key as sessions[0].key", false, "one key twice"},
	{SESSIONS(FIXED("10.0.0.2:6000", GCM ", \"key\": \"" KEY "\"") ", " FIXED(
		 "10.0.0.2:6002", GCM ", \"key\": \"" KEY_OTHER_SALT "\"")),
		"sessions[1].key", "same key as sessions[0].key", false, "the salt does not help"},
	{SESSIONS(FIXED("10.0.0.2:6000", GCM ", \"key\": \"" KEY "\"") ", " FIXED(
		 "10.0.0.2:6000", GCM ", \"key\": \"AgIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHA==\"")),
		"sessions[1].to", "tell them apart", true, "one destination twice"},
	{SESSIONS("{\"payloadType\": 72}"), "sessions[0].payloadType", "96 to 127", false,
		"looks like RTCP"},
	{SESSIONS("{\"payloadType\": 128}"), "sessions[0].payloadType", "from 0 to 127", false,
		"8 bits"},
	{SESSIONS("{\"ssrc\": 0}"), "sessions[0].ssrc", "from 1 to 4294967295", false, "zero"},
	{SESSIONS("{\"ssrc\": 4294967296}"), "sessions[0].ssrc", "from 1 to 4294967295", false,
		"33 bits"},
	{"{\"dataplane\": {" PORTS ", \"maxViewers\": 1}, \"sessions\": [{}, {}]}", "sessions",
		"maxViewers (1)", false, "more than the data plane takes"},
};

static void each_mistake(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mr_config c;
		struct mr_config_report r;
		char line[600];
		int rc = mr_config_parse(&c, cases[i].text, strlen(cases[i].text), &r);
		bool found = false;

		for (size_t k = 0; k < r.count; k++)
			found = found ||
				(r.problems[k].warning == cases[i].warning &&
					strcmp(r.problems[k].path, cases[i].path) == 0 &&
					strstr(r.problems[k].message, cases[i].part) != NULL);
		if (!found || (!cases[i].warning && rc != -EINVAL)) {
			for (size_t k = 0; k < r.count; k++)
				print_error("%s\n",
					mr_config_problem_text(&r.problems[k], line, sizeof(line)));
			fail_msg("%s (%d): wanted %s: %s\n%s", cases[i].why, rc, cases[i].path,
				cases[i].part, cases[i].text);
		}
		mr_config_fini(&c);
		mr_config_report_fini(&r);
	}
}

static void line_and_column(void **state)
{
	static const char text[] = "{\n  \"logLevel\": \"info\",\n  \"paths\" {}\n}";
	struct mr_config c;
	struct mr_config_report r;
	char line[400];

	assert_int_equal(mr_config_parse(&c, text, strlen(text), &r), -EINVAL);
	assert_int_equal(r.problems[0].line, 3);
	mr_config_problem_text(&r.problems[0], line, sizeof(line));
	assert_non_null(strstr(line, "error: line 3, column "));
	mr_config_report_fini(&r);
}

/* No message quotes any part of a secret, wherever it stands. */
static void secrets_stay(void **state)
{
	static const char *const texts[] = {
		SOURCE("rtsp://admin:hunter2@h:0/x"),
		SOURCE("rtsps://admin:hunter2@h:0/x"),
		SOURCE("rtsp://admin:hunter2@"),
		SOURCE("rtsp://admin:hunter2%zz@h/"),
		SOURCE("hunter2"),
		PATH("\"source\": \"rtsp://h/\", \"rtspTransport\": \"rtsp://admin:hunter2@h/\""),
		PATH("\"source\": \"rtsp://h/\", \"readPass\": \"hunter2\""),
		ROOT("\"webrtcICEServers2\": [{\"url\": \"x\", \"password\": \"hunter2\"}]"),
		ROOT("\"webrtcICEServers2\": [{\"url\": \"x\", \"password\": \"hunter2\\n\"}]"),
		ROOT("\"authHTTPAddress\": \"http://admin:hunter2@x/\""),
		ROOT("\"authHTTPAddress\": \"http://[x/?t=hunter2\""),
		SESSIONS("{\"key\": \"hunter2\"}"),
		SESSIONS(FIXED("10.0.0.2:6000", GCM ", \"key\": \"hunter2\"")),
		"{\"key\": \"hunter2\" \"hunter2\"}",
		"{\"key\": hunter2}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct mr_config c;
		struct mr_config_report r;

		assert_int_equal(mr_config_parse(&c, texts[i], strlen(texts[i]), &r), -EINVAL);
		assert_true(r.count > 0);
		for (size_t k = 0; k < r.count; k++)
			if (strstr(r.problems[k].message, "hunter2") != NULL)
				fail_msg("%s: %s", texts[i], r.problems[k].message);
		mr_config_report_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake),
		cmocka_unit_test(line_and_column),
		cmocka_unit_test(secrets_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
