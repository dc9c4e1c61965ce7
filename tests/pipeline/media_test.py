#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plain RTP into the real processes, SRTP of fixed sessions out: every packet is decrypted
by libsrtp2 and compared with what was sent. Prints TAP.

usage: media_test.py shared|owned|workers|cryptodev [PATTERN ...]     cases whose name matches
"""
import base64
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lib'))
sys.dont_write_bytecode = True

import cases  # noqa: E402
from cases import Group, case, check, group  # noqa: E402
from lab import BUILD, Gateway, inside, session_file  # noqa: E402

KIND = sys.argv.pop(1) if len(sys.argv) > 1 else 'shared'
CHECKER = os.path.join(BUILD, 'tests', 'pipeline', 'srtp_check')
KEY_BYTES = {'AEAD_AES_128_GCM': 28, 'AEAD_AES_256_GCM': 44, 'AES128_CM_HMAC_SHA1_80': 30}
VIDEO_SDP = ('v=0\r\no=- 1 1 IN IP4 10.77.0.1\r\ns=-\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n'
             'c=IN IP4 10.77.0.2\r\na=rtpmap:96 H264/90000\r\n'
             'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n')
AUDIO_SDP = ('v=0\r\no=- 1 1 IN IP4 10.77.0.1\r\ns=-\r\nt=0 0\r\nm=audio 5006 RTP/AVP 97\r\n'
             'c=IN IP4 10.77.0.2\r\na=rtpmap:97 opus/48000/2\r\n')
SPS = bytes.fromhex('6742e01f8c8d40500128')
PPS = bytes.fromhex('68ce3c80')


class Sender:
    """RTP of one source; remembers (sequence number, timestamp, marker, payload) of each."""

    def __init__(self, lab, port, payload_type, first=None):
        with inside(lab.lan):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((lab.lan_address, 0))
        self.to = (lab.gw_address, port)
        self.payload_type = payload_type
        self.ssrc = random.getrandbits(32)
        self.seq = random.getrandbits(16) if first is None else first
        self.stamp = random.getrandbits(32)
        self.sent = []

    def put(self, seq, stamp, marker, payload, payload_type=None):
        t = self.payload_type if payload_type is None else payload_type
        self.socket.sendto(struct.pack('!BBHII', 0x80, marker << 7 | t, seq, stamp, self.ssrc)
                           + payload, self.to)

    def send(self, payload, marker=0, step=0):
        self.sent.append((self.seq, self.stamp, marker, payload))
        self.put(*self.sent[-1])
        self.seq = (self.seq + 1) & 0xffff
        self.stamp = (self.stamp + step) & 0xffffffff

    def frame(self, size=1000, key=False):
        """A picture as one NAL unit, after its parameter sets when it is a key frame."""
        if key:
            self.send(SPS)
            self.send(PPS)
        kind = 0x65 if key else 0x41
        self.send(bytes([kind]) + os.urandom(size - 1), marker=1, step=3000)


class Checker:
    """srtp_check at the destination of a session."""

    def __init__(self, lab, port, profile, key):
        self.process = lab.start(f'check-{port}', [CHECKER, lab.lan_address, port, profile,
                                                   key.hex()], lab.lan)
        self.process.await_line('^ready', 10)
        self.mark = 0

    def begin(self):
        """What came before is of no interest."""
        self.settle(1)
        self.mark = len(self.process.output())

    def settle(self, quiet=0.5, seconds=20):
        """Waits until nothing more arrives."""
        until = time.monotonic() + seconds
        size, since = -1, time.monotonic()
        while time.monotonic() < until:
            now = os.path.getsize(self.process.log)
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > quiet:
                return
            time.sleep(0.05)

    def end(self):
        """Ends it; gives [(SSRC, sequence number, timestamp, marker, type, payload)]."""
        self.settle()
        self.process.stop()
        got = []
        for line in self.process.output()[self.mark:].splitlines():
            word = line.split()
            check(word[0] in ('ready', 'rtp', 'rtcp'), f'libsrtp2: {line[:60]}')
            if word[0] == 'rtp':
                payload = bytes.fromhex(word[6]) if len(word) > 6 else b''
                got.append((*map(int, word[1:6]), payload))
        return got


def index_of(packets):
    """[(index counted from the first packet, packet)] by 16-bit sequence numbers."""
    last = index = 0
    result = []
    for i, p in enumerate(packets):
        if i == 0:
            last, index = p[1], 0
        step = (p[1] - last + 2**15) % 2**16 - 2**15
        index, last = index + step, p[1]
        result.append((index, p))
    return result


def compare(sent, got):
    """Everything that was sent arrived once, in order, as it was."""
    check(len(got) == len(sent), f'{len(sent)} packets sent, {len(got)} decrypted')
    check(len({p[0] for p in got}) == 1, 'several SSRCs')
    check(len({p[4] for p in got}) == 1, 'several payload types')
    base = (got[0][2] - sent[0][1]) & 0xffffffff
    for i, ((_, stamp, marker, payload), (index, p)) in enumerate(zip(sent, index_of(got))):
        check(index == i, f'packet {i}: sequence number is {index - i} off')
        check(p[5] == payload, f'packet {i}: the payload differs')
        check(p[3] == marker, f'packet {i}: the marker differs')
        check((p[2] - stamp) & 0xffffffff == base, f'packet {i}: the timestamp differs')


def nal_units(payloads):
    """RFC 6184: what the payloads carry."""
    units, fragments = [], None
    for p in payloads:
        kind = p[0] & 31
        if kind == 24:
            at = 1
            while at + 2 <= len(p):
                size, = struct.unpack_from('!H', p, at)
                units.append(p[at + 2:at + 2 + size])
                at += 2 + size
        elif kind == 28:
            if p[1] & 0x80:
                fragments = bytes([p[0] & 0xe0 | p[1] & 31])
            check(fragments is not None, 'a fragment without its beginning')
            fragments += p[2:]
            if p[1] & 0x40:
                units.append(fragments)
                fragments = None
        else:
            units.append(p)
    return units


class Pipeline(Group):
    """Both processes with two plain RTP sources and a fixed session for each profile."""

    def wire(self):
        self.lab.wire()
        return {}

    def wire_owned(self, more=''):
        lab = self.lab
        lab.wire()
        # The kernel has the tap; what the data plane owns is hidden from it, because
        # net_af_packet copies packets and does not take them.
        lab.ip(lab.gw, 'address', 'flush', 'dev', 'mr0')
        lab.ip(lab.gw, 'link', 'set', 'mr0', 'up')
        lab.execute(lab.gw, 'nft', 'add table netdev t; add chain netdev t c '
                    '{ type filter hook ingress device mr0 priority 0; policy drop; }')
        # Frames as for a worker that gets no core for 100 ms: the kernel counts none that it drops.
        return {'ports': [{'name': 'wan', 'device': f'net_af_packet,iface=mr0,framecnt=4096{more}',
                           'addresses': [f'{lab.gw_address}/24'],
                           'gateway': lab.lan_address}]}

    def setup(self):
        lab = self.lab
        dataplane = self.wire()
        self.keys = []
        sessions = []
        # 6000, 6002, 6004: the video by each profile; 6006: the audio
        for i, profile in enumerate([*KEY_BYTES, 'AEAD_AES_256_GCM']):
            key = os.urandom(KEY_BYTES[profile])
            self.keys.append((6000 + 2 * i, profile, key))
            sessions.append({'path': 'audio' if i == 3 else 'video',
                             'track': 'audio' if i == 3 else 'video',
                             'to': f'{lab.lan_address}:{6000 + 2 * i}', 'profile': profile,
                             'key': base64.b64encode(key).decode(),
                             'payloadType': 111 if i == 3 else 102})
        self.gateway = Gateway(lab, session_file(lab, {
            'video': {'source': f'udp+rtp://{lab.gw_address}:5004', 'rtpSDP': VIDEO_SDP},
            'audio': {'source': f'udp+rtp://{lab.gw_address}:5006', 'rtpSDP': AUDIO_SDP},
        }, dataplane, sessions=sessions))
        self.gateway.start()
        self.await_sessions()
        self.video = Sender(lab, 5004, 96)
        self.audio = Sender(lab, 5006, 97)
        # a source is believed after its first packets
        for _ in range(20):
            self.video.frame(200, key=True)
            self.audio.send(os.urandom(60), step=960)
            time.sleep(0.01)

    def await_sessions(self, count=4):
        until = time.monotonic() + 20
        while True:
            running = [v for v in self.gateway.viewers() if v['fixed'] and v['state'] == 'running']
            if len(running) == count:
                return
            check(time.monotonic() < until, f'{len(running)} of {count} sessions run: '
                  f'{[v["note"] for v in self.gateway.viewers()]}')
            time.sleep(0.1)

    def checkers(self, *ports):
        found = [Checker(self.lab, *k) for k in self.keys if k[0] in ports]
        for c in found:
            c.begin()
        self.video.sent.clear()
        self.audio.sent.clear()
        return found

    def stream(self, path):
        stream, = [s for s in self.gateway.cli('streams')['streams'] if s['path'] == path]
        return stream

    def drops(self):
        return self.gateway.cli('drops')['drops']

    def frames(self, count, per_second=500, sizes=(20, 1400)):
        start = time.monotonic()
        for i in range(count):
            self.video.frame(random.randint(*sizes), key=i % 50 == 0)
            ahead = i / per_second - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)

    # -- the cases of both kinds of port

    def all_profiles(self):
        checkers = self.checkers(6000, 6002, 6004)
        self.frames(1500)
        for (_, profile, _), c in zip(self.keys, checkers):
            got = c.end()
            try:
                compare(self.video.sent, got)
            except AssertionError as e:
                raise AssertionError(f'{profile}: {e}') from None
            check(got[0][4] == 102, f'payload type {got[0][4]}')
        return f'{len(self.video.sent)} packets by three profiles'

    def roll_over(self):
        checker, = self.checkers(6006)
        before = self.drops()
        for i in range(70000):
            self.audio.send(struct.pack('!I', i) + b'millrace', marker=0, step=960)
            if i % 50 == 0:  # time lost is not made up for: no burst after a stall
                time.sleep(50 / 6000)
        got = checker.end()
        # Pacing never costs a packet, however few turns the worker gets.
        drops = {k: n - before.get(k, 0) for k, n in self.drops().items() if n != before.get(k, 0)}
        check(not drops.get('fanout_overrun'), f'{drops}')
        ports = self.gateway.cli('ports')['ports']
        check(len(got) == len(self.audio.sent), f'{len(self.audio.sent)} packets sent, '
              f'{len(got)} decrypted; dropped {drops}; in {self.stream("audio")}; {ports}')
        compare(self.audio.sent, got)
        check(any(a[1] > b[1] for a, b in zip(got, got[1:])), 'no wrap')
        return f'{len(got)} packets'


if KIND == 'shared':
    @group('shared port')
    class Shared(Pipeline):
        @case('every packet is what was sent, by each profile')
        def all(self):
            return self.all_profiles()

        @case('across the wrap of the sequence number')
        def wrap(self):
            return self.roll_over()

        @case('what does not fit is split, and means the same')
        def split(self):
            checker, = self.checkers(6000)
            before = self.stream('video')['resplit']
            for i in range(60):
                self.video.frame(1400 + i, key=i % 20 == 0)
                time.sleep(0.002)
            got = checker.end()
            check(self.stream('video')['resplit'] > before, 'nothing was split')
            check(max(len(p[5]) for p in got) <= 1452 - 12 - 16, 'a packet is too large')
            check([i for i, _ in index_of(got)] == list(range(len(got))), 'numbers with gaps')
            check(nal_units(p[5] for p in got) == nal_units(p[3] for p in self.video.sent),
                  'the NAL units differ')

        @case('duplicates once, reordered ones in their place')
        def reordered(self):
            checker, = self.checkers(6000)
            before = self.stream('video')
            v = self.video
            v.frame(300, key=True)
            for i in range(100):
                packets = [(v.seq + k & 0xffff, v.stamp + 3000 * k, 1,
                            b'\x41' + os.urandom(300)) for k in range(3)]
                for k in (1, 0, 0, 2) if i % 2 else (0, 2, 1, 2):
                    v.put(*packets[k])
                v.sent += packets
                v.seq, v.stamp = v.seq + 3 & 0xffff, v.stamp + 9000 & 0xffffffff
                time.sleep(0.005)
            got = [p for _, p in sorted(index_of(checker.end()), key=lambda x: x[0])]
            compare(v.sent, got)
            after = self.stream('video')
            check(after['duplicated'] - before['duplicated'] == 100,
                  f'{after["duplicated"] - before["duplicated"]} of 100 duplicates counted')
            check(after['reordered'] - before['reordered'] == 100,
                  f'{after["reordered"] - before["reordered"]} of 100 reordered counted')

        @case('what is lost on the way in is counted, and missing in the same place')
        def lost(self):
            checker, = self.checkers(6000)
            before = self.stream('video')['lost']
            for i in range(300):
                self.video.frame(200, key=i % 50 == 0)
                if i % 10 == 5:
                    self.video.seq = self.video.seq + 1 & 0xffff
                time.sleep(0.002)
            got = checker.end()
            check(len(got) == len(self.video.sent), f'{len(got)} of {len(self.video.sent)}')
            steps = [(b[0] - a[0]) & 0xffff for a, b in zip(self.video.sent, self.video.sent[1:])]
            mine = [(b[1] - a[1]) & 0xffff for a, b in zip(got, got[1:])]
            check(steps == mine, 'gaps in other places')
            time.sleep(0.3)
            check(self.stream('video')['lost'] - before == 30,
                  f'{self.stream("video")["lost"] - before} of 30 counted')

        @case('what is no packet of the source is dropped by name')
        def hostile(self):
            checker, = self.checkers(6000)
            v = self.video
            v.frame(300, key=True)
            before = self.drops()
            to = v.to
            header = struct.pack('!BBHII', 0x80, 96, v.seq, v.stamp, v.ssrc)
            wrong = {
                'rtp_short': [b'\x80\x60\0\1' + b'\0' * 4, struct.pack('!BB', 0x8f, 96) + header[2:]],
                'rtp_version': [b'\xff' * 40],
                'rtp_payload_type': [header[:1] + b'\x63' + header[2:] + b'\x41' * 20],
                'rtp_padding': [b'\xa0' + header[1:] + b'\x41' * 20 + b'\xff',
                                b'\xa0' + header[1:] + b'\x41' * 20 + b'\0'],
            }
            for packets in wrong.values():
                for p in packets:
                    for _ in range(10):
                        v.socket.sendto(p, to)
            time.sleep(0.5)
            v.frame(300)
            got = checker.end()
            compare(v.sent, got)
            after = self.drops()
            for name, packets in wrong.items():
                n = after.get(name, 0) - before.get(name, 0)
                check(n == 10 * len(packets), f'{name}: {n} of {10 * len(packets)} counted')

        @case('a control plane killed while packets flow: none missing')
        def killed(self):
            checker, = self.checkers(6000)
            self.frames(400, per_second=200)
            self.gateway.controlplane.kill()
            self.frames(800, per_second=200)
            check(not self.gateway.cli('status')['dataplane']['controlAttached'], 'attached')
            compare(self.video.sent, checker.end())
            return f'{len(self.video.sent)} packets'

if KIND == 'shared':
    @group('without sleep')
    class Polling(Pipeline):
        def wire(self):
            self.lab.wire()
            return {'idle': 'poll'}

        @case('every packet is what was sent, by each profile')
        def all(self):
            return self.all_profiles()

if KIND == 'cryptodev':
    @group('what a DPDK device encrypts')
    class Cryptodev(Pipeline):
        def wire(self):
            self.lab.wire()
            return {'crypto': 'cryptodev:crypto_aesni_mb'}

        @case('every packet is what was sent, by each profile')
        def all(self):
            return self.all_profiles()

        @case('the CLI names the device')
        def named(self):
            crypto = self.gateway.cli('status')['dataplane']['crypto']
            check(crypto.startswith('cryptodev:crypto_aesni_mb, ipsec-mb '), crypto)
            return crypto

if KIND == 'owned':
    @group('owned port')
    class Owned(Pipeline):
        def wire(self):
            return self.wire_owned()

        @case('every packet is what was sent, by each profile')
        def all(self):
            return self.all_profiles()

        @case('across the wrap of the sequence number')
        def wrap(self):
            return self.roll_over()


if KIND == 'workers':
    @group('two workers')
    class Workers(Pipeline):
        """One stream, more viewers than its own worker keeps for itself."""
        SESSIONS = 40

        def setup(self):
            lab = self.lab
            self.cpus = sorted(os.sched_getaffinity(0))[-2:]
            if len(self.cpus) < 2:
                raise cases.Skip('needs two CPUs')
            # AF_XDP has one queue of a veth only.
            dataplane = self.wire_owned(',qpairs=2')
            self.keys = [(6000 + 2 * i, 'AEAD_AES_128_GCM', os.urandom(28))
                         for i in range(self.SESSIONS)]
            self.gateway = Gateway(lab, session_file(
                lab, {'video': {'source': f'udp+rtp://{lab.gw_address}:5004',
                                'rtpSDP': VIDEO_SDP}},
                {**dataplane, 'workers': self.cpus},
                sessions=[{'path': 'video', 'track': 'video', 'to': f'{lab.lan_address}:{port}',
                           'profile': profile, 'key': base64.b64encode(key).decode(),
                           'payloadType': 102} for port, profile, key in self.keys]))
            self.gateway.start()
            self.await_sessions(self.SESSIONS)
            self.video = self.audio = Sender(lab, 5004, 96)
            for _ in range(20):
                self.video.frame(200, key=True)
                time.sleep(0.01)

        def places(self):
            """The workers, and the ports of the viewers that live at each."""
            found = {}
            for v in self.gateway.viewers():
                found.setdefault(v['worker'], []).append(int(v['remote'].rsplit(':', 1)[1]))
            return found

        @case('viewers at both workers get every packet of one stream')
        def both(self):
            places = self.places()
            check(sorted(places) == [0, 1], f'viewers live at {sorted(places)}')
            check(all(len(p) >= 8 for p in places.values()),
                  f'{[len(p) for p in places.values()]} viewers')
            owner = self.stream('video')['worker']
            chosen = random.sample(places[owner], 3) + random.sample(places[1 - owner], 3)
            checkers = self.checkers(*chosen)
            self.frames(800, per_second=200)
            for port, c in zip(sorted(chosen), checkers):
                try:
                    compare(self.video.sent, c.end())
                except AssertionError as e:
                    raise AssertionError(f'port {port}: {e}') from None
            check(self.stream('video')['viewers'] == self.SESSIONS, 'viewers are not counted')
            status = self.gateway.cli('status')
            return (f'{len(self.video.sent)} packets by 6 of '
                    f'{[w["viewers"] for w in status["workers"]]} viewers')

        @case('nothing was dropped between the workers')
        def drops_none(self):
            drops = {k: n for k, n in self.drops().items()
                     if n > 0 and k in ('ring_held', 'handoff_full', 'fanout_overrun')}
            check(not drops, f'{drops}')

if __name__ == '__main__':
    sys.exit(cases.main('pipe-' + KIND))
