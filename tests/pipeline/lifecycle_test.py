#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How the data plane starts, refuses to start, and ends. Prints TAP.

usage: lifecycle_test.py [PATTERN ...]     cases whose name matches
"""
import base64
import copy
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lib'))
sys.dont_write_bytecode = True

import cases  # noqa: E402
from cases import Group, case, check, group  # noqa: E402
from lab import Gateway, inside, program, session_file  # noqa: E402

SDP = ('v=0\r\no=- 1 1 IN IP4 10.77.0.1\r\ns=-\r\nt=0 0\r\nm=audio 5004 RTP/AVP 97\r\n'
       'c=IN IP4 10.77.0.2\r\na=rtpmap:97 opus/48000/2\r\n')


class Flood:
    """RTP to the source's port, as fast as a thread sends it."""

    def __init__(self, lab):
        with inside(lab.lan):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.to = (lab.gw_address, 5004)
        self.stopped = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        seq = 0
        while not self.stopped:
            for _ in range(16):
                packet = struct.pack('!BBHII', 0x80, 97, seq & 0xffff, seq * 960 & 0xffffffff, 7)
                self.socket.sendto(packet + bytes(100), self.to)
                seq += 1
            time.sleep(0.001)

    def stop(self):
        self.stopped = True
        self.thread.join()
        self.socket.close()


@group('start and end')
class Lifecycle(Group):
    def setup(self):
        self.lab.wire()
        key = base64.b64encode(os.urandom(28)).decode()
        self.session = session_file(self.lab, {
            'audio': {'source': f'udp+rtp://{self.lab.gw_address}:5004', 'rtpSDP': SDP}},
            sessions=[{'path': 'audio', 'track': 'audio', 'to': f'{self.lab.lan_address}:6000',
                       'profile': 'AEAD_AES_128_GCM', 'key': key, 'payloadType': 111}])
        self.number = 0

    def changed(self, dataplane=None, **keys):
        session = copy.deepcopy(self.session)
        session.update(keys)
        session['dataplane'].update(dataplane or {})
        return session

    def dataplane(self, session):
        """A data plane of that session file, besides any other."""
        self.number += 1
        file = self.lab.path(f'session{self.number}.json')
        with open(file, 'w', encoding='utf-8') as f:
            json.dump(session, f)
        return self.lab.start(f'other{self.number}', [program('millrace-dataplane'), file],
                              self.lab.gw)

    def refused(self, session, *words):
        process = self.dataplane(session)
        status = process.wait(20)
        said = [line for line in process.output().splitlines() if line.startswith('error: ')]
        check(status == 1, f'exit status {status}: {process.output()}')
        check(len(said) == 1, f'not one error: {process.output()}')
        for word in words:
            check(word in said[0], f'no "{word}" in: {said[0]}')
        return said[0]

    def xdp_attached(self):
        return 'xdp' in self.lab.ip(self.lab.gw, 'link', 'show', 'dev', 'mr0')

    def sockets(self):
        return [p for p in ('control.sock', 'stats.sock') if os.path.exists(self.lab.path(p))]

    def gateway(self):
        gateway = Gateway(self.lab, self.session)
        gateway.start()
        return gateway

    def end(self, gateway):
        gateway.controlplane.stop()
        gateway.dataplane.stop()

    @case('a second one beside the first is refused, the first lives on')
    def second(self):
        gateway = self.gateway()
        flood = Flood(self.lab)
        try:
            gateway.await_streams(1, 10)
            others = {'controlSocket': self.lab.path('c2'), 'statsSocket': self.lab.path('s2'),
                      'filePrefix': self.lab.prefix + '-2'}
            said = [
                # the same file; the same interface; the same sockets
                self.refused(self.session, 'another'),
                self.refused(self.changed(others), 'mr0', 'another millrace-dataplane'),
                self.refused(self.changed({
                    'ports': [{'name': 'null', 'device': 'net_null0,no-rx=1'}],
                    'filePrefix': self.lab.prefix + '-2'}), 'controlSocket', 'another'),
            ]
            before = gateway.cli('status')['totals']
            time.sleep(0.5)
            after = gateway.cli('status')['totals']
            check(after['rxPackets'] > before['rxPackets'], 'the first receives nothing more')
            check(after['txPackets'] > before['txPackets'], 'the first sends nothing more')
            check(self.sockets() == ['control.sock', 'stats.sock'], f'sockets: {self.sockets()}')
        finally:
            flood.stop()
            self.end(gateway)
        return '; '.join(said)

    @case('SIGTERM under load: it ends at once and leaves nothing behind')
    def terminated(self):
        gateway = self.gateway()
        flood = Flood(self.lab)
        try:
            gateway.await_streams(1, 10)
            until = time.monotonic() + 10
            while gateway.cli('status')['totals']['txPackets'] == 0:
                check(time.monotonic() < until, 'nothing is sent')
                time.sleep(0.1)
            check(self.xdp_attached(), 'no XDP program')
            start = time.monotonic()
            gateway.dataplane.signal(signal.SIGTERM)
            status = gateway.dataplane.wait(10)
            took = time.monotonic() - start
        finally:
            flood.stop()
            self.end(gateway)
        check(status == 0, f'exit status {status}: {gateway.dataplane.tail()}')
        check(not self.xdp_attached(), 'the XDP program is still attached')
        check(self.sockets() == [], f'left: {self.sockets()}')
        return f'{took * 1000:.0f} ms'

    @case('kill -9 under load: the next one takes its place')
    def killed(self):
        for _ in range(3):
            gateway = self.gateway()
            flood = Flood(self.lab)
            try:
                gateway.await_streams(1, 10)
                gateway.dataplane.kill()
            finally:
                flood.stop()
                self.end(gateway)
        return None

    @case("DPDK's tools read its counters, where RUNTIME_DIRECTORY says")
    def telemetry(self):
        process = self.dataplane(self.session)
        process.await_line('^ready ', 20)
        place = self.lab.path(f'dpdk/{self.lab.prefix}/dpdk_telemetry.v2')
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(5)
            s.connect(place)
            s.recv(4096)  # who answers
            s.send(b'/millrace/totals')
            said = json.loads(s.recv(65536))
        check('/millrace/totals' in said, said)
        process.kill()
        # what it leaves is in the lab's directory, and goes with that
        check(not os.path.exists(f'/run/dpdk/{self.lab.prefix}'), 'it left something elsewhere')

    @case('its memory stays out of core dumps')
    def not_dumped(self):
        process = self.dataplane(self.changed({'memory': 300}))
        process.await_line('^ready ', 20)
        with open(f'/proc/{process.pid}/smaps', encoding='utf-8') as f:
            text = f.read()
        process.stop()
        flags, size = [], ''
        for line in text.splitlines():
            if line.startswith('Size:'):
                size = line.split()[1]
            elif line.startswith('VmFlags:') and size == str(300 * 1024):
                flags.append(line.split()[1:])
        check(flags, 'EAL has no mapping of 300 MB')
        check(all('dd' in f for f in flags), f'would be dumped: {flags}')

    @case('without a state directory no fixed session starts, and the rest does')
    def state_directory(self):
        with open(self.lab.path('file'), 'w', encoding='utf-8') as f:
            f.write('not a directory')
        os.makedirs(self.lab.path('strange'))
        with open(self.lab.path('strange/fixed-sessions'), 'w', encoding='utf-8') as f:
            f.write('not ours\n')
        for place in ('file', 'no/such/parent', 'strange'):
            process = self.dataplane(self.changed(stateDirectory=self.lab.path(place)))
            process.await_line('^ready ', 20)
            line = process.await_line('^error: stateDirectory: .*$', 5)[0]
            check(self.lab.path(place) in line, line)
            check(process.running(), 'it has ended')
            check(process.stop(), 'it does not end')
        with open(self.lab.path('strange/fixed-sessions'), encoding='utf-8') as f:
            check(f.read() == 'not ours\n', "somebody else's file was changed")
        return line

    @case('an SSRC of the session file is used once')
    def ssrc_once(self):
        session = self.changed(stateDirectory=self.lab.path('once'))
        session['sessions'][0]['ssrc'] = 4711
        for again in (False, True):
            process = self.dataplane(session)
            process.await_line('^ready ', 20)
            time.sleep(0.2)
            refused = 'sessions[0].ssrc: 0x00001267 was used' in process.output()
            process.kill()
            check(refused == again, process.output())

    @case('what it cannot start with is named, with what to do')
    def named(self):
        cases_ = (
            ({'workers': [63]}, ('dataplane.workers[0]', 'CPU 63', 'choose')),
            ({'hugepages': True, 'memory': 1048576}, ('dataplane.hugepages', 'reserve')),
            ({'ports': [{'name': 'wan', 'device': 'net_af_xdp,iface=nothere'}]}, ('nothere',)),
            ({'controlSocket': '/proc/nothing/here.sock'}, ('dataplane.controlSocket',)),
            ({'controlSocket': self.lab.path('plain')}, ('dataplane.controlSocket', 'no socket')),
            ({'memory': 64, 'maxViewers': 1000000}, ('dataplane.memory',)),
            ({'crypto': 'cryptodev:crypto_aesni_gcm'},
             ('dataplane.crypto', 'crypto_aesni_gcm has no', 'HMAC-SHA1', 'srtpProfiles')),
            ({'crypto': 'cryptodev:crypto_nothing'}, ('dataplane.crypto', 'virtual device')),
            ({'crypto': 'cryptodev:0000:ff:1f.7'}, ('dataplane.crypto', 'vfio-pci')),
        )
        with open(self.lab.path('plain'), 'w', encoding='utf-8') as f:
            f.write('a file of somebody')
        return '; '.join(self.refused(self.changed(d), *words) for d, words in cases_)

    @case('one CPU is enough')
    def one_cpu(self):
        cpu = max(os.sched_getaffinity(0))
        self.number += 1
        file = self.lab.path(f'session{self.number}.json')
        with open(file, 'w', encoding='utf-8') as f:
            json.dump(self.changed({'workers': [cpu], 'idle': 'poll'}), f)
        process = self.lab.start('one-cpu', ['taskset', '-c', str(cpu),
                                             program('millrace-dataplane'), file], self.lab.gw)
        process.await_line('^ready ', 30)
        check(process.stop(), 'it does not end')


if __name__ == '__main__':
    sys.exit(cases.main('pipe-life'))
