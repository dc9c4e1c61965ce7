# SPDX-License-Identifier: BSD-3-Clause
"""What is to be refused: with a clear answer, no key installed, nothing left behind."""
import json
import os
import subprocess
import time

from cases import Group, case, check, group
from lab import Viewer, offer, one_camera, program, raw_request, request, view

SDP = {'Content-Type': 'application/sdp'}


@group('refusals')
class Refusals(Group):
    def setup(self):
        self.gateway = one_camera(self.lab)
        self.url = self.gateway.url('cam1', whep=True)
        # what is allocated once is there after one viewer has come and gone
        view(self.lab, self.url, seconds=1)
        time.sleep(1)
        self.descriptors = self.count_descriptors()

    def count_descriptors(self):
        return {p.name: len(os.listdir(f'/proc/{p.pid}/fd'))
                for p in (self.gateway.controlplane, self.gateway.dataplane)}

    def nothing_left(self):
        check(self.gateway.viewers() == [], f'{len(self.gateway.viewers())} viewers are installed')
        until = time.monotonic() + 5
        while (now := self.count_descriptors()) != self.descriptors:
            check(time.monotonic() < until,
                  f'descriptors open: {now}, before: {self.descriptors}')
            time.sleep(0.2)

    def post(self, body, headers=None, url=None, method='POST'):
        return request(self.lab, method, url or self.url, body, SDP if headers is None else headers)

    def expect(self, cases):
        """(why, status expected, (status, headers, body))"""
        for why, expected, (status, _, body) in cases:
            check(status == expected, f'{why}: {status}, not {expected} ({body[:120]!r})')
            if status >= 400:
                check(len(body) > 10, f'{why}: {status} without a word of why')
        self.nothing_left()

    def get_nothing(self, *args):
        """Of a viewer that does that wrong no key is installed, not for an instant. Gives what
        the control plane said of it."""
        before = len(self.gateway.controlplane.output())
        client = Viewer(self.lab, self.url, *args, seconds=4)
        while client.process.running():
            check(self.gateway.viewers() == [], 'a key is installed')
            time.sleep(0.05)
        viewer, = client.result()['viewers']
        check(viewer['whepStatus'] == 201, f'the offer was answered with {viewer["whepStatus"]}')
        check(viewer['packetsReceived'] == 0, f'{viewer["packetsReceived"]} packets received')
        self.nothing_left()
        said = self.gateway.controlplane.output()[before:]
        check('to=new' in said, 'the log knows no such viewer')
        check('to=installing' not in said and 'to=established' not in said, 'a key was installed')
        return said

    def one_plays(self):
        """And who does nothing wrong gets all."""
        before = len(self.gateway.controlplane.output())
        viewer, = view(self.lab, self.url, seconds=1)['viewers']
        check(viewer['connected'] and viewer['packetsReceived'] > 0,
              f'a viewer that does nothing wrong: {viewer["error"]}')
        check('to=established' in self.gateway.controlplane.output()[before:],
              'the log does not say that it was installed')
        check(self.gateway.await_viewers(0, 5) is not None, 'it does not leave')

    @case('a wrong DTLS fingerprint')
    def fingerprint(self):
        said = self.get_nothing('--bad-fingerprint')
        check('fingerprint' in said, 'the log does not name the fingerprint')
        # the DTLS alert has left: its next hop did not go before it
        lost = self.gateway.figures()['drops'].get('down_invalid', 0)
        check(lost == 0, f'{lost} packets of the control plane did not leave')
        self.one_plays()

    @case('a wrong STUN password')
    def stun_password(self):
        said = self.get_nothing('--bad-stun-password', '--connect-timeout', '4')
        check('to=checked' not in said, 'a check was good')
        check('no check was good' in said, 'the log does not say why')
        self.one_plays()

    @case('SDP with no common codec')
    def no_codec(self):
        self.expect([
            ('AV1 and G722 only', 400, self.post(offer(video=['AV1/90000'], audio=['G722/8000']))),
            ('no codec at all', 400, self.post(offer(video=[], audio=[]))),
        ])

    @case('malformed SDP')
    def bad_sdp(self):
        good = offer()
        self.expect([
            ('empty', 400, self.post('')),
            ('not SDP', 400, self.post('{"sdp": "no"}')),
            ('no media', 400, self.post(good[:good.index('m=')])),
            ('no fingerprint', 400, self.post(
                '\r\n'.join(l for l in good.split('\r\n') if 'fingerprint' not in l))),
            ('no ICE credentials', 400, self.post(
                '\r\n'.join(l for l in good.split('\r\n') if 'a=ice' not in l))),
            ('half of it', 400, self.post(good[:40])),
            ('a NUL in it', 400, self.post(good.replace('m=video', 'm=\0video'))),
            ('fingerprint of nonsense', 400, self.post(good.replace('sha-256 ', 'sha-256 XX:'))),
            ('endless line', 400, self.post('v=0\r\na=' + 'x' * 60000)),
            ('longer than is taken', 413, self.post(good + 'a=x:' + 'y' * 70000 + '\r\n')),
        ])

    @case('HTTP that is wrong')
    def bad_http(self):
        good = offer()
        self.expect([
            ('no such path', 404, self.post(good, url=self.gateway.url('nosuch', whep=True))),
            ('no such resource', 404, self.post(None, {}, self.url + '/nosuch', 'DELETE')),
            ('not SDP', 415, self.post(good, {'Content-Type': 'application/json'})),
            ('no type', 415, self.post(good, {})),
            ('GET', 405, self.post(None, {}, method='GET')),
            ('PUT', 405, self.post(good, method='PUT')),
            ('page of no path', 404, self.post(None, {}, self.gateway.url('nosuch'), 'GET')),
            ('out of the tree', 404, self.post(None, {}, self.gateway.url('') + '../../etc/passwd',
                                               'GET')),
        ])
        status, headers, _ = self.post(None, {}, method='OPTIONS')
        check(status == 204, f'OPTIONS: {status}')
        check('POST' in headers.get('Access-Control-Allow-Methods', ''), 'POST is not named')

    @case('bytes that are not HTTP')
    def not_http(self):
        address, port = self.lab.gw_address, self.gateway.http_port()
        for why, data in (
                ('nonsense', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' * 20),
                ('no version', b'POST\r\n\r\n'),
                ('length below zero', b'POST /cam1/whep HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n'
                                      b'Content-Type: application/sdp\r\n\r\n'),
                ('endless header', b'GET / HTTP/1.1\r\nX: ' + b'a' * 100000)):
            answer = raw_request(self.lab, address, port, data, timeout=2)
            check(not answer.startswith(b'HTTP/1.1 2'), f'{why}: {answer[:40]!r}')
        check(self.gateway.controlplane.running(), 'the control plane ended')
        self.nothing_left()

    @case('session files that are wrong')
    def bad_json(self):
        key = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=='
        session = {'path': 'cam1', 'track': 'video', 'to': '10.77.0.1:6000',
                   'profile': 'AEAD_AES_128_GCM', 'key': key, 'payloadType': 96}
        good = self.gateway.session
        for why, text, named in (
                ('not JSON', '{"paths": [}', '1'),
                ('no ports', json.dumps({**good, 'dataplane': {}}), 'dataplane.ports'),
                ('a wrong URL', json.dumps({**good, 'paths': {'x': {'source': 'http://a'}}}),
                 'paths.x.source'),
                ('one key twice', json.dumps({**good, 'sessions': [
                    session, {**session, 'to': '10.77.0.1:6002'}]}), 'sessions[1].key'),
                ('a short key', json.dumps({**good, 'sessions': [{**session, 'key': key[:8]}]}),
                 'sessions[0].key')):
            file = self.lab.path('wrong.json')
            with open(file, 'w', encoding='utf-8') as f:
                f.write(text)
            for command in ([program('millrace'), 'check', file],
                            [program('millrace-dataplane'), file],
                            [program('millrace-controlplane'), file]):
                done = subprocess.run(command, capture_output=True, text=True, timeout=20)
                output = done.stdout + done.stderr
                check(done.returncode == 1, f'{why}: {command[0]} ended with {done.returncode}')
                check(named in output, f'{why}: {named} is not named in {output!r}')
                check(key not in output, f'{why}: the key is shown')

    @case('a data plane that is not there')
    def no_data_plane(self):
        done = subprocess.run([program('millrace'), '--socket', self.lab.path('nosuch.sock'),
                               'status'], capture_output=True, text=True, timeout=20)
        check(done.returncode == 1, f'exit {done.returncode}')
        check(len(done.stderr.strip().splitlines()) == 1, f'more than one line: {done.stderr!r}')
        check('nosuch.sock' in done.stderr, done.stderr)

    @case('datagrams of strangers at the public port')
    def strangers(self):
        from lab import inside
        import socket
        with inside(self.lab.lan):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        binding = bytes.fromhex('000100002112a442') + os.urandom(12)
        with s:
            for data in (binding, b'\x16\xfe\xfd' + os.urandom(60), b'\x80\x60' + os.urandom(40),
                         b'\x80\xc8' + os.urandom(40), os.urandom(1200), b'\x00', b'',
                         b'\x00\x01\xff\xff' + os.urandom(16)):
                for _ in range(50):
                    s.sendto(data, (self.lab.gw_address, 8189))
        time.sleep(0.5)
        self.nothing_left()
        viewer = view(self.lab, self.url, seconds=2)['viewers'][0]
        check(viewer['connected'] and viewer['packetsLost'] == 0, f'afterwards: {viewer["error"]}')
