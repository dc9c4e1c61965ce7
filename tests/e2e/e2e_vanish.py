# SPDX-License-Identifier: BSD-3-Clause
"""What changes or goes away under those who watch: their addresses, the next hop, the camera,
the control plane for a while."""
import signal
import time

from cases import Group, case, check, group
from lab import RANDOM2, Browser, Camera, Gateway, Loss, Viewer, one_camera, session_file


def await_that(seconds, what, condition):
    start = time.monotonic()
    while not condition():
        check(time.monotonic() - start < seconds, f'{what} not after {seconds} s')
        time.sleep(0.05)
    return time.monotonic() - start


@group('addresses that change')
class Addresses(Group):
    def setup(self):
        self.gateway = one_camera(self.lab)

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
        client, viewer = self.watch(30)
        host, port = viewer['remote'].rsplit(':', 1)
        self.translate(port, 41000)
        try:
            def moved():
                v = [v for v in self.gateway.viewers() if v['id'] == viewer['id']]
                check(v, 'the viewer was ended')
                return v[0]['remote'] == f'{host}:41000'
            took = await_that(10, 'followed', moved)
            time.sleep(1.5)
            client.process.signal(signal.SIGINT)
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


@group('a camera that comes back as another one')
class CameraAgain(Group):
    def setup(self):
        self.lab.wire()
        self.start_camera()
        self.gateway = Gateway(self.lab, session_file(
            self.lab, {'cam1': {'source': self.camera.url(), 'rtspTransport': 'udp'}}))
        self.gateway.start()
        self.gateway.await_streams(2, 20)
        self.browser = Browser(self.lab, self.gateway.url('cam1'), 1, 60)
        self.browser.process.await_line(r'viewer 1: plays', 40)

    def start_camera(self, *args):
        self.camera = Camera(self.lab, '--bitrate', '800k', *args)

    def sent(self):
        return sum(t['packets'] for v in self.gateway.viewers() for t in v['tracks'])

    def again(self, *args):
        """Gives the seconds until its packets reach viewers."""
        def video():
            return [(s['id'], s['ssrc']) for s in self.gateway.cli('streams')['streams']
                    if s['kind'] == 'video' and s['receiving']]
        before = video()
        self.camera.process.kill()
        self.start_camera(*args)
        start = time.monotonic()
        await_that(20, 'the camera', lambda: set(video()) - set(before))
        sent = self.sent()
        await_that(20, 'packets for viewers', lambda: self.sent() > sent + 100)
        return time.monotonic() - start

    @case('with another SSRC, clock and size: the same viewers play on')
    def clock(self):
        viewers = {v['id'] for v in self.gateway.viewers()}
        took = self.again('--clock', '1970', '--size', '320x180', '--gop', '30')
        check({v['id'] for v in self.gateway.viewers()} == viewers, 'the viewer did not stay')
        log = self.gateway.controlplane.await_line(
            r'event=stream_again codec=H264 gap_ms=(\d+)', 10)
        return f'a gap of {log[1]} ms, media {took:.1f} s after its start'

    @case('with another codec: the page connects again by itself')
    def codec(self):
        viewers = {v['id'] for v in self.gateway.viewers()}
        took = self.again('--video', 'vp8', '--audio', 'pcmu', '--size', '320x180')
        check(not viewers & {v['id'] for v in self.gateway.viewers()}, 'the old viewer stayed')
        return f'media {took:.1f} s after its start'

    @case('without its audio: the page connects again by itself')
    def silent(self):
        viewers = {v['id'] for v in self.gateway.viewers()}
        took = self.again('--video', 'vp8', '--audio', 'none', '--size', '320x180')
        viewer, = self.gateway.viewers()
        check(viewer['id'] not in viewers, 'the old viewer stayed')
        check(len(viewer['tracks']) == 1, f'{len(viewer["tracks"])} tracks')
        return f'media {took:.1f} s after its start'

    @case('what Chromium saw')
    def seen(self):
        time.sleep(2)
        self.browser.process.signal(signal.SIGUSR2)
        seen = self.browser.result()['viewers'][0]
        check(seen['state'] == 'connected' and seen['framesDecoded'] > 0, f'{seen["state"]}')
        check(seen['videoCodec'] == 'video/VP8', f'it plays {seen["videoCodec"]}')
        check(seen['attempts'] >= 3, 'it did not connect again')
        return f'{seen["framesDecoded"]} frames, connection {seen["attempts"]}'


@group('the data plane alone')
class Alone(Group):
    def setup(self):
        self.gateway = one_camera(self.lab, api=True)

    def alone(self, client, seconds):
        """Gives what the data plane has done for the one viewer without a control plane."""
        gateway = self.gateway
        gateway.controlplane.kill()
        before, = gateway.viewers()
        time.sleep(seconds)
        after, = gateway.viewers()
        client.process.signal(signal.SIGUSR2 if isinstance(client, Browser) else signal.SIGINT)

        def more(key):
            return sum(key(t) for t in after['tracks']) - sum(key(t) for t in before['tracks'])
        figures = {'answered': after['stunAnswered'] - before['stunAnswered'],
                   'reports': more(lambda t: t['reports']),
                   'repaired': more(lambda t: t['repairs']['packets'])}
        check(figures['answered'] > 0, 'no check was answered')
        check(figures['reports'] > 0, 'no receiver report was taken in')
        return client.result(), figures

    @case('repairs what is lost')
    def repairs(self):
        client = Viewer(self.lab, self.gateway.url('cam1', whep=True), '--nack', '--no-audio',
                        '--no-delete', seconds=60)
        check(self.gateway.await_viewers(1, 15) is not None, 'does not play')
        time.sleep(1)
        with Loss(self.lab, RANDOM2) as loss:
            result, figures = self.alone(client, 6)
            _, lost = loss.counters()
        missing = result['totals']['packetsLost']
        check(lost > 3 and figures['repaired'] > 0, f'{lost} lost, {figures["repaired"]} repaired')
        check(missing <= 2, f'{missing} packets not repaired')  # the last ones are on their way
        return f'{lost} lost, {figures["repaired"]} repaired'

    @case('keeps Chromium for longer than that waits for answers')
    def chromium(self):
        if not self.gateway.controlplane.running():
            self.gateway.start_controlplane()
        for viewer in self.gateway.viewers():
            await_that(5, 'the end of the one before',
                       lambda v=viewer: self.gateway.kick(v['id']) is None)
        check(self.gateway.await_viewers(0, 5) is not None, 'not ended')
        client = Browser(self.lab, self.gateway.url('cam1'), 1, 60)
        client.process.await_line(r'viewer 1: plays', 40)
        result, figures = self.alone(client, 18)
        seen = result['viewers'][0]
        check(seen['state'] == 'connected' and seen['attempts'] == 1, f'{seen["state"]}')
        check(seen['packetsLost'] == 0, f'{seen["packetsLost"]} packets lost')
        return f'{figures["answered"]} checks answered, {figures["reports"]} reports'
