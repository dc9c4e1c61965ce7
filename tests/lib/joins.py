# SPDX-License-Identifier: BSD-3-Clause
"""Joining a camera with 10 s between its key frames: for scripts/bench join and the tests."""
import json
import os
import signal
import socket
import struct
import threading
import time

from lab import Camera, Failure, Gateway, inside, private_places, session_file

GOP = 300  # frames: 10 s
SCRIPT = os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'e2e', 'join.mjs')
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
ETH_P_ALL = 3


def scene(lab, *camera, cache=True, source=None, gop=GOP, **dataplane):
    """A gateway with that camera, and its ring filled with a group of pictures."""
    if lab.gw is None:
        lab.wire()
    if source is None:
        source = {'source': Camera(lab, '--gop', gop, *camera).url(), 'rtspTransport': 'udp'}
    gateway = Gateway(lab, session_file(lab, {'cam1': source},
                                        {'keyFrameStart': cache, **dataplane}))
    gateway.start()
    gateway.await_streams(1, 20)
    return gateway


def slow_link(lab, rate):
    """A namespace behind the clients' one, by a wire of that rate; for Chromium."""
    far = lab.namespace('far')
    lab.ip(lab.lan, 'link', 'add', 'mr2', 'type', 'veth', 'peer', 'name', 'mr3', 'netns', far)
    lab.address(lab.lan, 'mr2', '10.78.0.1', 'fd78::1')
    lab.address(far, 'mr3', '10.78.0.2', 'fd78::2')
    lab.ip(far, 'route', 'add', 'default', 'via', '10.78.0.1')
    lab.execute(lab.lan, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    lab.execute(lab.lan, 'tc', 'qdisc', 'add', 'dev', 'mr2', 'root', 'tbf', 'rate', rate,
                'burst', '16kb', 'latency', '50ms')
    return far


class Joins:
    """A browser, joining in the background."""

    def __init__(self, lab, url, joins, *args, seconds=8, every=4, namespace=None,
                 browser='chromium'):
        self.limit = joins * every * 1.5 + seconds + 60
        self.process = lab.start(f'joins{len(lab.processes)}', [
            'node', os.path.realpath(SCRIPT), '--browser', browser, '--url', url, '--joins', joins,
            '--seconds', seconds, '--every', every,
            '--profile-dir', lab.path(f'joins{len(lab.processes)}'), *args],
            namespace or lab.lan, env=private_places(lab), pipe=True)

    def result(self):
        text = self.process.read_all(self.limit).strip()
        if not text:
            raise Failure('the browser did not join', self.process)
        joins = json.loads(text.splitlines()[-1])['joins']
        for j in joins:
            if 'error' in j:
                raise Failure(j['error'], self.process)
        return joins


def watched(client, gateway):
    """What the browser saw of its joins, and what the data plane says of their video meanwhile."""
    tracks = {}
    found = []
    done = threading.Thread(target=lambda: found.append(client.result()))
    done.start()
    while done.is_alive():
        tracks.update({t['ssrc']: t for v in gateway.viewers() for t in v['tracks']
                       if t['kind'] == 'video'})
        time.sleep(0.2)
    if not found:
        raise Failure('the browser did not join', client.process)
    return found[0], list(tracks.values())


class Samples:
    """A browser, playing in the background; what its video looked like, ten times a second. result() ends it."""

    def __init__(self, lab, url, seconds, namespace=None, browser='chromium'):
        self.process = lab.start(f'samples{len(lab.processes)}', [
            'node', os.path.join(os.path.dirname(os.path.realpath(SCRIPT)), 'sample.mjs'),
            '--browser', browser, '--url', url, '--seconds', seconds,
            '--profile-dir', lab.path(f'samples{len(lab.processes)}')],
            namespace or lab.lan, env=private_places(lab), pipe=True)

    def result(self):
        self.process.signal(signal.SIGUSR2)
        text = self.process.read_all(60).strip()
        if not text:
            raise Failure('the browser did not play', self.process)
        return json.loads(text.splitlines()[-1])['samples']


class Capture:
    """When each packet of media left, per receiving port, as the clients' end of the wire has it."""

    def __init__(self, lab, port=8189):
        self.port = port
        with inside(lab.lan):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((lab.lan_link, ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.at = {}

    def run(self, seconds):
        end = time.monotonic() + seconds
        self.socket.settimeout(0.2)
        while time.monotonic() < end:
            try:
                data, ancillary, _, _ = self.socket.recvmsg(64, 128)
            except TimeoutError:
                continue
            # IPv4 without options, UDP from the public port, RTP of version 2
            if len(data) < 46 or data[12:15] != b'\x08\x00\x45' or data[23] != 17:
                continue
            source, to = struct.unpack_from('!HH', data, 34)
            if source != self.port or data[42] & 0xc0 != 0x80 or 192 <= data[43] <= 223:
                continue
            seconds_, ns = struct.unpack('qq', ancillary[0][2])
            self.at.setdefault(to, []).append(seconds_ * 10**9 + ns)
        self.socket.close()
        return self

    def longest_burst(self, window_ns=1_000_000):
        """Packets of one receiver within that time, at most."""
        most = 0
        for times in self.at.values():
            times.sort()
            first = 0
            for i, t in enumerate(times):
                while t - times[first] > window_ns:
                    first += 1
                most = max(most, i - first + 1)
        return most
