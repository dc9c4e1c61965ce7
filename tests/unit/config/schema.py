#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the JSON schema against the parser: every example is taken by both
(`millrace check --strict`), every broken file is refused by both, but for what
a schema cannot say.

usage: schema.py MILLRACE SCHEMA EXAMPLES
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is missing")
    sys.exit(77)

PORT = ("dataplane", "ports", 0)
SHARED, OWNED, FIXED = "shared-nic.json", "owned-nic.json", "fixed-session.json"
CAM = ("paths", "cam1")
FEED = ("paths", "feed")
SESSION = ("sessions", 0)
REMOVE = object()
ONLY_CHECK = "only check can say it"

# example, where, what to put there, and ONLY_CHECK
BROKEN = [
    (SHARED, ("dataplane",), REMOVE),
    (SHARED, ("dataplane", "ports"), []),
    (SHARED, ("dataplane", "ports"), REMOVE),
    (SHARED, PORT + ("name",), REMOVE),
    (SHARED, PORT + ("name",), "a b"),
    (SHARED, PORT + ("device",), "net_af_xdp"),
    (SHARED, PORT + ("device",), "net_af_xdp,iface=abcdefghijklmnop"),
    (SHARED, PORT + ("addresses",), ["192.0.2.1/24"]),
    (SHARED, PORT + ("gateway",), "192.0.2.1"),
    (SHARED, PORT + ("mtu",), 1500),
    (OWNED, PORT + ("addresses",), ["192.0.2.1"]),
    (OWNED, PORT + ("gateway",), "router"),
    (OWNED, PORT + ("gateway",), "999.0.0.1", ONLY_CHECK),
    (OWNED, PORT + ("queues",), 0),
    (OWNED, ("dataplane", "workers"), []),
    (OWNED, ("dataplane", "workers"), [2, 2]),
    (OWNED, ("dataplane", "workers"), [128]),
    (OWNED, ("dataplane", "idle"), "sleep"),
    (OWNED, ("dataplane", "crypto"), "openssl"),
    (OWNED, ("dataplane", "crypto"), "cryptodev:"),
    (OWNED, ("dataplane", "crypto"), "cryptodev:crypto_aesni_mb,x=1"),
    (OWNED, ("dataplane", "crypto"), "cryptodev:0000:3d:01.8"),
    (OWNED, ("dataplane", "crypto"), "cryptodev:crypto_" + "x" * 60),
    (OWNED, ("dataplane", "hugepages"), "yes"),
    (OWNED, ("dataplane", "memory"), "1G"),
    (OWNED, ("dataplane", "streamRingPackets"), 1000),
    (OWNED, ("dataplane", "streamRingBytes"), 1),
    (OWNED, ("dataplane", "repairWindow"), "61s", ONLY_CHECK),
    (OWNED, ("dataplane", "repairBitrate"), -1),
    (OWNED, ("dataplane", "burstRate"), 1),
    (OWNED, ("dataplane", "maxBurstPackets"), 5),
    (OWNED, ("dataplane", "keyFrameStart"), "yes"),
    (OWNED, ("dataplane", "maxViewers"), 0),
    (OWNED, ("dataplane", "maxStreams"), 1, ONLY_CHECK),
    (OWNED, ("dataplane", "filePrefix"), "../x"),
    (OWNED, ("dataplane", "controlSocket"), "control.sock"),
    (OWNED, ("dataplane", "controlSocket"), "/run/millrace/stats.sock", ONLY_CHECK),
    (OWNED, ("logLevel",), "trace"),
    (OWNED, ("logLevl",), "info"),
    (OWNED, ("stateDirectory",), "state"),
    (OWNED, ("webrtcAddress",), 8889),
    (OWNED, ("webrtcAddress",), "localhost:8889"),
    (OWNED, ("webrtcLocalUDPAddress",), ""),
    (OWNED, ("webrtcLocalUDPAddress",), ":70000", ONLY_CHECK),
    (OWNED, ("srtpProfiles",), []),
    (OWNED, ("srtpProfiles",), ["AEAD_AES_128_GCM", "AEAD_AES_128_GCM"]),
    (OWNED, ("srtpProfiles",), ["AES_CM"]),
    (OWNED, ("udpMaxPayloadSize",), 1473),
    (OWNED, ("readTimeout",), 10),
    (OWNED, ("readTimeout",), "10"),
    (OWNED, ("writeTimeout",), "2h", ONLY_CHECK),
    (OWNED, ("authInternalUsers",), [{"user": "any"}]),
    (OWNED, ("hlsAddress",), ":8888"),
    (SHARED, ("authHTTPAddress",), REMOVE),
    (SHARED, ("authHTTPAddress",), "ftp://127.0.0.1/"),
    (SHARED, ("authMethod",), "internal"),
    (SHARED, ("webrtcAllowOrigin",), "https://a/b"),
    (SHARED, ("webrtcAdditionalHosts",), ["a b"]),
    (SHARED, ("webrtcICEServers2", 0, "url"), "http://x"),
    (SHARED, ("webrtcICEServers2", 1, "password"), REMOVE),
    (OWNED, ("paths",), []),
    (OWNED, ("paths", "/cam"), {"source": "rtsp://192.0.2.9/"}),
    (OWNED, ("paths", "cam/whep"), {"source": "rtsp://192.0.2.9/"}),
    (OWNED, ("paths", "a/../b"), {"source": "rtsp://192.0.2.9/"}),
    (OWNED, ("paths", "all_others"), {"source": "rtsp://192.0.2.9/"}),
    (OWNED, CAM + ("source",), REMOVE),
    (OWNED, CAM + ("source",), "rtsps://192.0.2.9/"),
    (OWNED, CAM + ("source",), "publisher"),
    (OWNED, CAM + ("source",), "rtsp://192.0.2.9:70000/", ONLY_CHECK),
    (OWNED, CAM + ("source",), "rtsp://192.0.2.9/a b"),
    (OWNED, CAM + ("rtspTransport",), "multicast"),
    (OWNED, CAM + ("sourceOnDemand",), "yes"),
    (OWNED, CAM + ("maxReaders",), -1),
    (OWNED, CAM + ("rtpSDP",), "v=0\r\nm=video 1 RTP/AVP 96\r\n"),
    (OWNED, CAM + ("record",), True),
    (FIXED, FEED + ("source",), "udp+rtp://camera:5004"),
    (FIXED, FEED + ("source",), "udp+rtp://192.0.2.10:8189", ONLY_CHECK),
    (FIXED, FEED + ("source",), "udp+rtp://239.0.0.1:5004", ONLY_CHECK),
    (FIXED, FEED + ("rtpSDP",), REMOVE),
    (FIXED, FEED + ("rtpSDP",), "m=video 5004 RTP/AVP 96\r\n"),
    (FIXED, FEED + ("rtpSDP",), "v=0\r\n"),
    (FIXED, FEED + ("rtspTransport",), "udp"),
    (FIXED, SESSION + ("path",), "other", ONLY_CHECK),
    (FIXED, SESSION + ("track",), "text"),
    (FIXED, SESSION + ("to",), "0.0.0.0:6000"),
    (FIXED, SESSION + ("to",), "198.51.100.7"),
    (FIXED, SESSION + ("profile",), "AEAD_AES_256_GCM"),
    (FIXED, SESSION + ("profile",), "NULL"),
    (FIXED, SESSION + ("key",), "AAAA"),
    (FIXED, SESSION + ("key",), "not base64!"),
    (FIXED, SESSION + ("key",), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", ONLY_CHECK),
    (FIXED, SESSION + ("payloadType",), 72),
    (FIXED, SESSION + ("payloadType",), REMOVE),
    (FIXED, SESSION + ("ssrc",), 0),
]


def changed(document, where, value):
    document = copy.deepcopy(document)
    place = document
    for step in where[:-1]:
        place = place[step]
    if value is REMOVE:
        del place[where[-1]]
    else:
        place[where[-1]] = value
    return document


def check(millrace, path):
    done = subprocess.run([millrace, "check", "--strict", "--json", str(path)],
                          capture_output=True, text=True, timeout=20, check=False)
    answer = json.loads(done.stdout)
    if (done.returncode == 0) != answer["valid"]:
        raise SystemExit(f"{path}: exit {done.returncode}, but valid is {answer['valid']}")
    return answer


def main():
    millrace, schema_file, examples = sys.argv[1:]
    schema = json.loads(pathlib.Path(schema_file).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failures = 0
    documents = {}

    for path in sorted(pathlib.Path(examples).glob("*.json")):
        documents[path.name] = json.loads(path.read_text(encoding="utf-8"))
        for error in validator.iter_errors(documents[path.name]):
            print(f"{path.name}: the schema refuses it: {error.json_path}: {error.message}")
            failures += 1
        for problem in check(millrace, path)["problems"]:
            print(f"{path.name}: check refuses it: {problem}")
            failures += 1
    if len(documents) < 4:
        print(f"only {len(documents)} examples in {examples}")
        failures += 1

    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch) / "broken.json"
        for name, where, value, *rest in BROKEN:
            document = changed(documents[name], where, value)
            shown = f"{name} {'.'.join(map(str, where))} = " \
                    f"{'(removed)' if value is REMOVE else json.dumps(value)}"
            file.write_text(json.dumps(document), encoding="utf-8")
            if check(millrace, file)["valid"]:
                print(f"check takes {shown}")
                failures += 1
            if validator.is_valid(document) != (ONLY_CHECK in rest):
                print(f"the schema {'takes' if ONLY_CHECK not in rest else 'refuses'} {shown}")
                failures += 1
    print(f"{len(documents)} examples, {len(BROKEN)} broken files, {failures} failures")
    return 1 if failures else 0


sys.exit(main())
