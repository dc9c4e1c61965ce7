# SPDX-License-Identifier: BSD-3-Clause
"""What changes or goes away under those who watch: their addresses, the next hop, the camera."""
import time

from cases import Group, case, check, group
from lab import Camera, Gateway, Viewer, session_file


def await_that(seconds, what, condition):
    start = time.monotonic()
    while not condition():
        check(time.monotonic() - start < seconds, f'{what} not after {seconds} s')
        time.sleep(0.05)
    return time.monotonic() - start


@group('addresses that change')
class Addresses(Group):
    def setup(self):
        self.lab.wire()
        camera = Camera(self.lab, '--size', '640x360', '--bitrate', '800k')
        self.gateway = Gateway(self.lab, session_file(
            self.lab, {'cam1': {'source': camera.url(), 'rtspTransport': 'udp'}}))
        self.gateway.start()
        self.gateway.await_streams(2, 20)

    def watch(self, seconds):
        before = {v['id'] for v in self.gateway.viewers()}
        client = Viewer(self.lab, self.gateway.url('cam1', whep=True), '--nack',
                        '--local-address', self.lab.lan_address, seconds=seconds)
        await_that(15, 'a viewer', lambda: len(self.gateway.viewers()) > len(before))
        time.sleep(2)
        return client, next(v for v in self.gateway.viewers() if v['id'] not in before)

    def translate(self, port, as_port):
        """A translator between us that gave the viewer another port, all at once."""
        file = self.lab.path('nat.nft')
        with open(file, 'w', encoding='utf-8') as f:
            f.write('table ip nat-lab {\n'
                    'chain out { type filter hook output priority 0;\n'
                    f'udp dport 8189 udp sport {port} udp sport set {as_port}\n}}\n'
                    'chain in { type filter hook prerouting priority -300;\n'
                    f'udp sport 8189 udp dport {as_port} udp dport set {port}\n}}\n}}\n')
        self.lab.execute(self.lab.lan, 'nft', '-f', file)

    @case('a viewer whose port changes at a translator plays on')
    def translator(self):
        client, viewer = self.watch(18)
        host, port = viewer['remote'].rsplit(':', 1)
        self.translate(port, 41000)
        try:
            def moved():
                v = [v for v in self.gateway.viewers() if v['id'] == viewer['id']]
                check(v, 'the viewer was ended')
                return v[0]['remote'] == f'{host}:41000'
            took = await_that(10, 'followed', moved)
            result = client.result()['viewers'][0]
        finally:
            self.lab.execute(self.lab.lan, 'nft', 'delete', 'table', 'ip', 'nat-lab')
        check(result['authFailures'] == 0, f'{result["authFailures"]} not authentic')
        check(result['silentMs'] is None or result['silentMs'] < 1000,
              f'{result["silentMs"]} ms of silence in the end')
        return f'after {took:.1f} s'

    @case('a next hop whose MAC address changes is followed')
    def next_hop(self):
        client, viewer = self.watch(10)
        lan, link = self.lab.lan, self.lab.lan_link
        # a router that takes over says so (gratuitous ARP)
        self.lab.execute(lan, 'sysctl', '-qw', f'net.ipv4.conf.{link}.arp_notify=1')
        self.lab.ip(lan, 'link', 'set', 'dev', link, 'address', '02:00:00:77:00:01')
        time.sleep(3)
        result = client.result()['viewers'][0]
        video, = [t for t in result['tracks'] if t['kind'] == 'video']
        check(video['longestGapMs'] < 3000, f'a gap of {video["longestGapMs"]} ms')
        check(result['silentMs'] is None or result['silentMs'] < 1000,
              f'{result["silentMs"]} ms of silence in the end')
        return f'longest gap {video["longestGapMs"]} ms'
