#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Pulls millrace-camera over UDP and TCP on loopback and looks at what comes:
both tracks, no gap, timestamps that go on across the clip's loop, sender reports
as asked for, and nothing without the password. Prints TAP.

usage: camera_test.py MILLRACE-CAMERA
"""
import base64
import hashlib
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlparse

PATIENCE = 20  # seconds for any one answer


class RtspError(Exception):
    pass


class Camera:
    """A camera process, small enough that its clip is made in no time."""

    SMALL = ['--listen', '127.0.0.1:0', '--size', '160x120', '--bitrate', '200k', '--json']

    def __init__(self, *args):
        # under ASan: GLib leaks its old tables of quarks on purpose
        env = {'ASAN_OPTIONS': 'detect_leaks=0', **os.environ, 'XDG_CACHE_HOME': CACHE}
        self.process = subprocess.Popen([PROGRAM, *self.SMALL, *args], env=env,
                                        stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if ready else ''
        if not line:
            self.process.kill()
            raise RtspError('the camera did not get ready')
        self.url = json.loads(line)['url']

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def end(self):
        """Ends it as an operator would; gives its exit status and its counters."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, json.loads(out.splitlines()[-1])


class Track:
    def __init__(self):
        self.rtp = []      # (sequence number, timestamp, marker, payload, arrival)
        self.reports = []  # (NTP seconds as float, RTP timestamp)
        self.clock = 90000

    def take(self, packet):
        if len(packet) < 12:
            return
        if 200 <= packet[1] <= 204:
            if packet[1] == 200:
                seconds, fraction, stamp = struct.unpack_from('!III', packet, 8)
                self.reports.append((seconds + fraction / 2**32, stamp))
            return
        seq, stamp = struct.unpack_from('!HI', packet, 2)
        self.rtp.append((seq, stamp, packet[1] >> 7, packet[12:], time.monotonic()))

    def gaps(self):
        return sum((b[0] - a[0]) % 65536 != 1 for a, b in zip(self.rtp, self.rtp[1:]))

    def steps(self):
        """The distances between the timestamps of frames, in RTP ticks."""
        stamps = [p[1] for p in self.rtp if p[2] or self.clock != 90000]
        return [(b - a + 2**31) % 2**32 - 2**31 for a, b in zip(stamps, stamps[1:])]

    def nal_types(self):
        return {p[3][0] & 31 for p in self.rtp}


class Client:
    """As much of an RTSP client as the test needs."""

    def __init__(self, url, user=None, password=None):
        self.url, self.user, self.password = url, user, password
        at = urlparse(url)
        self.socket = socket.create_connection((at.hostname, at.port), PATIENCE)
        self.buffer = b''
        self.cseq = 0
        self.session = None
        self.tracks = {}
        self.udp = {}          # socket: Track
        self.interleaved = {}  # channel: Track
        self.sdp = ''
        self.challenge = ''

    def close(self):
        for s in [self.socket, *self.udp]:
            s.close()

    def authorization(self, method, url):
        if self.user is None or not self.challenge:
            return ''
        if self.challenge.startswith('Basic'):
            raw = f'{self.user}:{self.password}'.encode()
            return 'Authorization: Basic ' + base64.b64encode(raw).decode() + '\r\n'
        field = dict(re.findall(r'(\w+)="([^"]*)"', self.challenge))
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
        ha1 = md5(f'{self.user}:{field["realm"]}:{self.password}')
        response = md5(f'{ha1}:{field["nonce"]}:{md5(f"{method}:{url}")}')
        return (f'Authorization: Digest username="{self.user}", realm="{field["realm"]}", '
                f'nonce="{field["nonce"]}", uri="{url}", response="{response}"\r\n')

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise RtspError('the camera closed the connection')
        self.buffer += data

    def frame(self):
        """Takes one interleaved frame off the buffer, if one is whole."""
        if len(self.buffer) < 4 or self.buffer[0] != 0x24:
            return False
        channel, size = struct.unpack_from('!BH', self.buffer, 1)
        if len(self.buffer) < 4 + size:
            return False
        self.interleaved[channel].take(self.buffer[4:4 + size])
        self.buffer = self.buffer[4 + size:]
        return True

    def request(self, method, url=None, headers='', again=True):
        url = url or self.url
        self.cseq += 1
        if self.session:
            headers += f'Session: {self.session}\r\n'
        self.socket.sendall((f'{method} {url} RTSP/1.0\r\nCSeq: {self.cseq}\r\n'
                             f'{self.authorization(method, url)}{headers}\r\n').encode())
        while True:
            while self.frame():
                pass
            if self.buffer.startswith(b'RTSP') and b'\r\n\r\n' in self.buffer:
                break
            self.fill()
        head, self.buffer = self.buffer.split(b'\r\n\r\n', 1)
        head = head.decode()
        size = int((re.findall(r'(?i)^content-length: *(\d+)', head, re.M) or ['0'])[0])
        while len(self.buffer) < size:
            self.fill()
        body, self.buffer = self.buffer[:size].decode(), self.buffer[size:]
        status = int(head.split()[1])
        challenge = re.findall(r'(?im)^www-authenticate: *(.*?)\r?$', head)
        if status == 401 and challenge and self.user is not None and again:
            self.challenge = challenge[0]
            return self.request(method, url, headers, again=False)
        return status, head, body

    def expect(self, *args, **kwargs):
        status, head, body = self.request(*args, **kwargs)
        if status != 200:
            raise RtspError(f'{args[0]}: {head.splitlines()[0]}')
        return head, body

    def describe(self):
        _, self.sdp = self.expect('DESCRIBE', headers='Accept: application/sdp\r\n')

    def setup(self, transport):
        base = self.url
        for i, part in enumerate(self.sdp.split('\r\nm=')[1:]):
            track = self.tracks[part.split()[0]] = Track()
            track.clock = int(re.search(r'a=rtpmap:\d+ [^/]+/(\d+)', part).group(1))
            control = re.search(r'a=control:(\S+)', part).group(1)
            control = control if '://' in control else f'{base}/{control}'
            if transport == 'tcp':
                self.interleaved[2 * i] = self.interleaved[2 * i + 1] = track
                how = f'RTP/AVP/TCP;unicast;interleaved={2 * i}-{2 * i + 1}'
            else:
                ports = []
                for _ in range(2):
                    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                    s.bind(('127.0.0.1', 0))
                    self.udp[s] = track
                    ports.append(str(s.getsockname()[1]))
                how = f'RTP/AVP;unicast;client_port={"-".join(ports)}'
            head, _ = self.expect('SETUP', control, f'Transport: {how}\r\n')
            self.session = re.search(r'(?im)^session: *([^;\r\n]+)', head).group(1)

    def play(self, seconds):
        self.expect('PLAY', headers='Range: npt=0-\r\n')
        self.receive(seconds)

    def receive(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            readable, _, _ = select.select([self.socket, *self.udp], [], [], left)
            for s in readable:
                if s is self.socket:
                    self.fill()
                    while self.frame():
                        pass
                else:
                    self.udp[s].take(s.recv(65536))


def pull(camera, transport, seconds, teardown=True, **who):
    client = Client(camera.url, **who)
    try:
        client.describe()
        client.setup(transport)
        client.play(seconds)
        if teardown:
            client.request('TEARDOWN')
    finally:
        client.close()
    return client


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_tracks(client, seconds, fps):
    video, audio = client.tracks['video'], client.tracks['audio']
    check(video.gaps() == 0 and audio.gaps() == 0, 'sequence numbers with gaps')
    frames = sum(p[2] for p in video.rtp)
    # On a busy machine both sides are late; nobody is early by seconds.
    check(seconds / 2 - 0.5 < frames / fps < seconds + 3, f'{frames} frames in {seconds} s')
    check(seconds / 2 - 0.5 < len(audio.rtp) / 50 < seconds + 3,
          f'{len(audio.rtp)} packets of audio')
    return video, audio


def loops(transport):
    """Longer than the clip: the loop is not to be seen in the timestamps."""
    with Camera('--report-interval', '1') as camera:
        client = pull(camera, transport, 6)
        status, counters = camera.end()
    video, audio = check_tracks(client, 6, 30)
    # the first frame is older than the others: it was made ready before PLAY
    for track, step in ((video, 3000), (audio, 960)):
        odd = [s for s in track.steps()[1:] if s != step]
        check(not odd, f'timestamps step by {odd[:5]}, not {step}')
    check({7, 8, 5} <= video.nal_types() | {p[3][1] & 31 for p in video.rtp if p[3][0] & 31 == 28},
          'no key frame with its parameter sets')
    check(len(video.reports) >= 2 and len(audio.reports) >= 2, 'no sender reports')
    now = time.time() + 2208988800
    check(abs(video.reports[-1][0] - now) < 60, 'NTP time is not now')
    check(status == 0, f'exit status {status}')
    mount = counters['mounts'][0]
    check(mount['clients'] == 1, f'{mount["clients"]} clients counted')
    sent, got = mount['video']['packetsSent'], len(video.rtp)
    check(0 <= sent - got <= 60, f'{sent} packets of video sent, {got} received')


def both_tracks_in_step(transport='udp'):
    """What the reports say was recorded together is sent together."""
    with Camera('--report-interval', '1') as camera:
        client = pull(camera, transport, 4)
    offsets = []
    for track in client.tracks.values():
        ntp, stamp = track.reports[-1]
        # the NTP time of a late packet against its arrival
        late = sorted(arrival - ntp - ((ts - stamp + 2**31) % 2**32 - 2**31) / track.clock
                      for _, ts, _, _, arrival in track.rtp[10:])
        offsets.append(late[len(late) // 2])
    check(abs(offsets[0] - offsets[1]) < 0.02, f'tracks apart by {offsets[0] - offsets[1]:.3f} s')


def late_joiner():
    """A second client of a mount gets frames at once, from the same pipeline."""
    with Camera() as camera:
        first = Client(camera.url)
        first.describe()
        first.setup('tcp')
        first.play(1)
        second = pull(camera, 'udp', 1)
        first.play(0.2)
        first.request('TEARDOWN')
        first.close()
        _, counters = camera.end()
    check_tracks(second, 1, 30)
    check(first.tracks['video'].gaps() == 0, 'the first client lost packets')
    check(counters['mounts'][0]['clients'] >= 2, 'the second client was not counted')


def slow_reader():
    """A client on TCP that never reads holds nobody up, on no mount, gone or not."""
    with Camera('--mounts', '2', '--bitrate', '20M', '--size', '320x240') as camera:
        clients = [Client(camera.url), Client(camera.url.replace('cam1', 'cam2'))]
        for client in clients:
            client.describe()
            client.setup('udp')
            client.play(0.5)
        lazy = Client(camera.url)
        lazy.describe()
        lazy.setup('tcp')
        lazy.expect('PLAY')
        for _ in range(20):
            for client in clients:
                client.receive(0.1)
        lazy.close()
        for client in clients:
            client.tracks['video'].rtp.clear()
            client.receive(1)
            frames = sum(p[2] for p in client.tracks['video'].rtp)
            check(frames >= 5, f'only {frames} frames in a second')
        status, _ = camera.end()
        for client in clients:
            client.close()
    check(status == 0, f'exit status {status}')


def ipv6():
    args = ['--listen', '[::1]:0']
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        return
    with Camera(*args) as camera:
        check(camera.url.startswith('rtsp://[::1]:'), camera.url)
        check_tracks(pull(camera, 'tcp', 1), 1, 30)


def authentication(method):
    with Camera('--user', 'admin', '--password', 'x:y"z', '--auth', method) as camera:
        for why, who in (('no password', {}),
                         ('a wrong password', {'user': 'admin', 'password': 'wrong'}),
                         ('a wrong user', {'user': 'root', 'password': 'x:y"z'})):
            client = Client(camera.url, **who)
            status, head, _ = client.request('DESCRIBE', headers='Accept: application/sdp\r\n')
            client.close()
            check(status == 401, f'{why}: answered {status}')
            check(method in head.lower(), f'{why}: no challenge for {method}')
        client = pull(camera, 'tcp', 1, user='admin', password='x:y"z')
    check_tracks(client, 1, 30)


def transport_refused(allowed, asked):
    with Camera('--transport', allowed) as camera:
        client = Client(camera.url)
        client.describe()
        try:
            client.setup(asked)
        except RtspError as e:
            check('461' in str(e), f'{asked}: {e}')
        else:
            raise AssertionError(f'{asked} was allowed')
        finally:
            client.close()
        check_tracks(pull(camera, allowed, 1), 1, 30)


def packetization_mode_0():
    with Camera('--packetization-mode', '0', '--mtu', '500', '--mounts', '2', '--mount-prefix',
                'door', '--bitrate', '1M') as camera:
        check(camera.url.endswith('/door1'), camera.url)
        camera.url = camera.url.replace('door1', 'door2')
        client = pull(camera, 'udp', 1.5)
    check('packetization-mode=0' in client.sdp, 'mode 0 is not announced')
    types = client.tracks['video'].nal_types()
    check(types <= set(range(1, 24)), f'NAL unit types {types}')
    check(max(len(p[3]) for p in client.tracks['video'].rtp) <= 488, 'packet over the MTU')


def no_parameter_sets():
    with Camera('--no-parameter-sets', '--profile', 'high', '--audio', 'pcmu') as camera:
        client = pull(camera, 'udp', 1.5)
    check(not {7, 8} & client.tracks['video'].nal_types(), 'parameter sets in the stream')
    check('sprop-parameter-sets=' in client.sdp, 'none in the SDP either')
    check('profile-level-id=64' in client.sdp, 'not the high profile')
    check('m=audio 0 RTP/AVP 0' in client.sdp, 'no PCMU')
    check(set(client.tracks['audio'].steps()[1:]) == {160}, 'PCMU is not in 20 ms packets')


def b_frames():
    with Camera('--profile', 'main', '--bframes', '2', '--gop', '30') as camera:
        client = pull(camera, 'tcp', 5)
    video, _ = check_tracks(client, 5, 30)
    steps = video.steps()[2:]
    check(min(steps) < 0, 'timestamps never go back: no B-frames')
    check(sum(steps) > 0.8 * 5 * 90000, 'timestamps do not go on')


def vp8():
    with Camera('--video', 'vp8', '--audio', 'pcma', '--fps', '25') as camera:
        client = pull(camera, 'udp', 5)
    video, _ = check_tracks(client, 5, 25)
    check('VP8/90000' in client.sdp and 'm=audio 0 RTP/AVP 8' in client.sdp, client.sdp)
    check(set(video.steps()[1:]) == {3600}, f'steps of {set(video.steps())}')


def reports_left_out():
    with Camera('--no-reports-on', 'audio', '--clock', '1970', '--report-interval', '0.5') as camera:
        client = pull(camera, 'udp', 3)
    check(not client.tracks['audio'].reports, 'reports on audio')
    check(client.tracks['video'].reports, 'no reports on video')
    uptime = client.tracks['video'].reports[-1][0] - 2208988800
    check(0 <= uptime < 60, f'NTP time is {uptime:.1f} s after 1970')
    with Camera('--no-reports', '--report-interval', '0.5') as camera:
        client = pull(camera, 'tcp', 2)
    check(not any(t.reports for t in client.tracks.values()), 'reports in spite of --no-reports')


def bad_options():
    cases = [
        (['--size', '100'], 'no height'),
        (['--size', '161x120'], 'odd width'),
        (['--listen', '::1:8554'], 'IPv6 without brackets'),
        (['--listen', '127.0.0.1:70000'], 'port too large'),
        (['--bitrate', '-1'], 'negative bit rate'),
        (['--bframes', '2'], 'B-frames in baseline'),
        (['--video', 'none', '--audio', 'none'], 'nothing to send'),
        (['--user', 'a'], 'user without password'),
        (['--gop', '0'], 'no key frames'),
        (['--mount-prefix', '../etc passwd'], 'blank in a path'),
        (['stray'], 'not an option'),
        (['--clip', __file__], 'not a clip of ours'),
    ]
    for args, why in cases:
        done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=PATIENCE)
        check(done.returncode in (1, 2) and done.stderr.startswith('millrace-camera: '),
              f'{why}: exit {done.returncode}, {done.stderr!r}')


TESTS = [
    ('udp, over the loop', lambda: loops('udp')),
    ('tcp, over the loop', lambda: loops('tcp')),
    ('both tracks in step', both_tracks_in_step),
    ('late joiner', late_joiner),
    ('a client that does not read', slow_reader),
    ('IPv6', ipv6),
    ('digest authentication', lambda: authentication('digest')),
    ('basic authentication', lambda: authentication('basic')),
    ('only tcp', lambda: transport_refused('tcp', 'udp')),
    ('only udp', lambda: transport_refused('udp', 'tcp')),
    ('packetization mode 0', packetization_mode_0),
    ('parameter sets in the SDP alone', no_parameter_sets),
    ('B-frames', b_frames),
    ('VP8 and PCMA', vp8),
    ('reports left out, 1970', reports_left_out),
    ('bad options', bad_options),
]


def outcome(test):
    try:
        test()
    except Exception as e:  # whatever it is, the other tests still run
        return f'{type(e).__name__}: {e}'
    return None


def main():
    failed = 0
    print(f'1..{len(TESTS)}')
    # most of the time each of them waits for packets
    with ThreadPoolExecutor(4) as pool:
        outcomes = pool.map(outcome, (test for _, test in TESTS))
        for i, ((name, _), error) in enumerate(zip(TESTS, outcomes), 1):
            failed += error is not None
            print(f'ok {i} - {name}' if error is None else
                  f'not ok {i} - {name}\n# {error}', flush=True)
    return failed != 0


if __name__ == '__main__':
    PROGRAM = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix='millrace-camera-') as CACHE:
        sys.exit(main())
