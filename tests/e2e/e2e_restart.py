# SPDX-License-Identifier: BSD-3-Clause
"""The control plane is killed, upgraded and restarted while everybody keeps watching."""
import re
import signal
import subprocess
import time

from cases import Group, busy, case, check, group
from lab import Browser, Camera, Gateway, Viewer, one_camera, play, request, session_file, view
from restarts import Restarts


def unnoticed(figures):
    check(figures['sessionsLost'] == 0, f'{figures["sessionsLost"]} sessions lost')
    check(figures['authFailures'] == 0, f'{figures["authFailures"]} not authentic')
    check(figures.get('nonceReuse', 0) == 0, f'{figures.get("nonceReuse")} nonces used twice')


@group('restart, camera over UDP')
class Udp(Group):
    def setup(self):
        self.dump = self.lab.path('packets.dump')
        self.scene = Restarts(self.lab, 'udp', seconds=600, dump=self.dump)

    @case('a hundred kills at random moments, five viewers: 0 packets missing')
    def kills(self):
        self.scene.kills(100)

    @case('SIGTERM and a new one: everybody stays')
    def upgrade(self):
        check(self.scene.gateway.controlplane.stop(), 'did not end when asked')
        check(self.scene.lost_sessions() == 0, 'sessions ended with it')
        self.scene.restart()

    @case('new viewers, and DELETE of old ones')
    def after(self):
        result = view(self.lab, self.scene.gateway.url('cam1', whep=True), seconds=2)['viewers'][0]
        check(result['connected'], f'not connected: {result["error"]}')
        check(result['packetsLost'] == 0, f'{result["packetsLost"]} packets lost')
        check(result['deleteStatus'] in (200, 204), f'DELETE: {result["deleteStatus"]}')
        check(self.scene.gateway.controlplane.output().count('event=taken_over') == 1,
              'the source was not taken over')

    @case('the operator ends one that a former control plane has installed')
    def kicked(self):
        gateway = self.scene.gateway
        plain = view(self.lab, gateway.url('cam1', whep=True), '--no-delete', seconds=2)
        check(plain['viewers'][0]['connected'], 'not connected')
        left, = {v['id'] for v in gateway.viewers()} - self.scene.before
        self.scene.kill()
        self.scene.restart()
        why = gateway.kick(left)
        check(why is None, f'the kick was refused: {why}')
        check(gateway.await_viewers(5, 5) is not None, 'the viewer is still there')
        check({v['id'] for v in gateway.viewers()} == self.scene.before, 'another one was ended')
        why = gateway.kick(left)
        check(why is not None and f'no viewer {left}' in why, f'ended twice: {why}')

    @case('what the viewers saw')
    def seen(self):
        figures = self.scene.result()
        unnoticed(figures)
        check(figures['packetsMissing'] == 0, f'{figures["packetsMissing"]} packets missing')
        check(figures['plays'] == 1, f'the camera was told to play {figures["plays"]} times')
        check(figures['longestGapMs'] < 2000, f'a gap of {figures["longestGapMs"]} ms')
        check(self.scene.gateway.await_viewers(0, 5) is not None, 'DELETE did not end them')
        return f'{figures["packets"]} packets, longest gap {figures["longestGapMs"]} ms'


@group('restart, camera over TCP')
class Tcp(Group):
    def setup(self):
        self.scene = Restarts(self.lab, 'tcp', viewers=2, browser=False)

    @case('three kills: no frame more than the outage itself')
    def kills(self):
        scene = self.scene
        scene.kills(3, pause=(0.5, 1.0))
        check('event=taken_over' in scene.gateway.controlplane.output(),
              'the source was not taken over')
        figures = scene.result()
        unnoticed(figures)
        # a frame that was being read may be lost with each kill
        check(figures['packetsMissing'] <= 3 * 2 * 100, f'{figures["packetsMissing"]} missing')
        check(figures['longestGapMs'] < scene.longest_outage_ms + 1000,
              f'a gap of {figures["longestGapMs"]} ms, {scene.longest_outage_ms} ms of outage')
        return (f'{figures["packetsMissing"]} packets missing, longest gap '
                f'{figures["longestGapMs"]} ms, longest outage {scene.longest_outage_ms} ms')


@group('restart, many cameras over TCP')
class Backlog(Group):
    CAMERAS = 24

    def setup(self):
        self.lab.wire()
        camera = Camera(self.lab, '--bitrate', '2M', '--size', '640x360', '--mounts', self.CAMERAS)
        self.gateway = Gateway(self.lab, session_file(self.lab, {
            f'cam{i + 1}': {'source': camera.url(f'cam{i + 1}'), 'rtspTransport': 'tcp'}
            for i in range(self.CAMERAS)}))
        self.gateway.start()
        self.gateway.await_streams(2 * self.CAMERAS, 30)
        time.sleep(1)

    def streams(self, key):
        return sum(s[key] for s in self.gateway.cli('streams')['streams'])

    @case('two seconds away: what waited in the connections comes, all of it')
    def away(self):
        packets, lost = self.streams('packets'), self.streams('lost')
        self.gateway.controlplane.kill()
        time.sleep(2)
        self.gateway.start_controlplane()
        self.gateway.controlplane.await_line('event=attached', 20)
        time.sleep(2)
        packets, lost = self.streams('packets') - packets, self.streams('lost') - lost
        # 250 packets a second and camera, and the frame that was just being read
        check(packets > self.CAMERAS * 250 * 3, f'{packets} packets in 4 s')
        check(lost <= 2 * self.CAMERAS, f'{lost} packets lost of {packets}')
        return f'{packets} packets of {self.CAMERAS} cameras, {lost} lost'


@group('restart, camera over TLS')
class Tls(Group):
    """A connection of TLS cannot be taken over: it is made again, and the gap is stated."""

    def setup(self):
        lab = self.lab
        lab.wire()
        pem = lab.path('camera.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
                        '-subj', '/CN=camera', '-keyout', pem, '-out', lab.path('cert.pem')],
                       check=True, capture_output=True)
        with open(lab.path('cert.pem'), encoding='ascii') as f, open(pem, 'a', encoding='ascii') as to:
            to.write(f.read())
        printed = subprocess.run(['openssl', 'x509', '-noout', '-fingerprint', '-sha256', '-in', pem],
                                 check=True, capture_output=True, text=True).stdout
        self.fingerprint = printed.strip().split('=')[1]
        self.camera = Camera(lab, '--size', '640x360', '--bitrate', '800k', tls=pem)
        source = {'source': self.camera.url()}
        self.gateway = Gateway(lab, session_file(lab, {
            'cam1': {**source, 'sourceFingerprint': self.fingerprint},
            'other': {**source, 'sourceFingerprint': 'AB' * 32},
            'nobody': source}))
        self.gateway.start()

    @case('plays; who shows another certificate is refused')
    def plays(self):
        self.gateway.await_streams(2, 20, path='cam1')
        result = view(self.lab, self.gateway.url('cam1', whep=True), seconds=3)['viewers'][0]
        check(result['connected'] and result['packetsLost'] == 0, f'{result["error"]}')
        log = self.gateway.controlplane.output()
        check('event=receiving transport=tls' in log, 'not over TLS')
        for path, why in (('other', 'another fingerprint'), ('nobody', 'nobody vouches')):
            check(any(f'session={path} ' in line and why in line for line in log.splitlines()),
                  f'{path} was not refused because of "{why}"')
        check(not self.gateway.cli('streams')['streams'][2:], 'a refused camera has streams')

    @case('the control plane killed: viewers stay, the gap is in log and CLI')
    def killed(self):
        gateway = self.gateway
        client = Viewer(self.lab, gateway.url('cam1', whep=True), '--no-audio', seconds=10)
        check(gateway.await_viewers(1, 15) is not None, 'does not play')
        time.sleep(2)
        before = {v['id'] for v in gateway.viewers()}
        gateway.controlplane.kill()
        gateway.start_controlplane()
        log = gateway.controlplane
        log.await_line(r'event=connecting_again .*TLS cannot be taken over', 10)
        said = int(log.await_line(r'event=stream_again codec=H264 gap_ms=(\d+)', 15)[1])
        check({v['id'] for v in gateway.viewers()} == before, 'the viewer did not stay')
        shown = next(s for s in gateway.cli('streams')['streams']
                     if s['path'] == 'cam1' and s['kind'] == 'video')
        check(shown['gaps'] == 1 and shown['lastGapMs'] == said,
              f'the log says {said} ms, the CLI {shown["gaps"]} times, {shown["lastGapMs"]} ms')
        result = client.result()['viewers'][0]
        video, = [t for t in result['tracks'] if t['kind'] == 'video']
        check(abs(video['longestGapMs'] - said) < 250,
              f'the viewer saw {video["longestGapMs"]} ms, the log says {said}')
        check(result['authFailures'] == 0, f'{result["authFailures"]} not authentic')
        return f'a gap of {said} ms, the viewer saw {video["longestGapMs"]}'


@group('restart of ICE')
class Ice(Group):
    def setup(self):
        self.gateway = one_camera(self.lab)

    @case('Chromium restarts ICE by PATCH and plays on')
    def chromium(self):
        return self.judge(play(self.lab, self.gateway.url('cam1'), 1, 8, '--restart-ice'))

    @case('the same, of a session that a killed control plane has answered')
    def taken_over(self):
        client = Browser(self.lab, self.gateway.url('cam1'), 1, 10, '--restart-ice')
        client.process.await_line(r'viewer 1: plays', 40)
        self.gateway.controlplane.kill()
        self.gateway.start_controlplane()
        return self.judge(client.result())

    def judge(self, result):
        seen = result['viewers'][0]
        check(seen['restartStatus'] == 200, f'PATCH: {seen["restartStatus"]}')
        check(seen['state'] == 'connected' and seen['attempts'] == 1, seen['state'])
        check(seen['packetsLost'] == 0, f'{seen["packetsLost"]} packets lost')
        log = self.gateway.controlplane.output()
        check('event=ice_restarted' in log, 'the new credentials were not used')
        refused = [line for line in log.splitlines() if 'event=refused_by' in line]
        check(not refused, f'refused: {refused}')
        return f'{seen["framesDecoded"]} frames'


@group('restart, the data plane killed')
class DataPlane(Group):
    def setup(self):
        self.scene = Restarts(self.lab, 'udp', viewers=2, seconds=60, dump=self.lab.path('dump'))

    @case('before a new control plane knows them, nobody is told that viewers are gone')
    def not_yet(self):
        gateway = self.scene.gateway
        client = Viewer(self.lab, gateway.url('cam1', whep=True), seconds=60)
        check(gateway.await_viewers(3, 15) is not None, 'does not play')
        mine, = {v['id'] for v in gateway.viewers()} - self.scene.before
        gateway.controlplane.kill()
        gateway.dataplane.signal(signal.SIGSTOP)  # which it cannot take over from
        try:
            gateway.start_controlplane()
            client.process.signal(signal.SIGINT)
            result = client.result()['viewers'][0]
            status, headers, body = request(
                self.lab, 'GET', 'http://127.0.0.1:9997/v3/webrtcsessions/list',
                namespace=self.lab.gw)
            why = gateway.kick(mine)
        finally:
            gateway.dataplane.signal(signal.SIGCONT)
        check(result['deleteStatus'] == 503, f'DELETE: {result["deleteStatus"]}')
        check(status == 503 and headers.get('Retry-After') == '1', f'list: {status} {body}')
        check(why is not None and why.endswith('try again'), f'kick: {why}')
        self.scene.await_taken_over()
        check(gateway.kick(mine) is None, 'the operator cannot end it afterwards')
        check(gateway.await_viewers(2, 5) is not None, 'it is still there')
        return why

    @case('the page plays again by itself within 3 s, with keys of its own')
    def killed(self):
        gateway, browser = self.scene.gateway, self.scene.browser
        gateway.dataplane.kill()
        time.sleep(4)  # long enough for the page to try in vain
        known = gateway.controlplane.output()
        gateway.start_dataplane()
        since = time.monotonic()
        while not any(t['packets'] > 0 for v in gateway.viewers() for t in v['tracks']):
            check(time.monotonic() < since + 20, 'no media reaches a viewer')
            time.sleep(0.05)
        took = time.monotonic() - since
        # millrace-viewer does not connect again
        viewer, = gateway.viewers()
        check(took < 3 or busy(), f'{took:.1f} s after the data plane was ready')
        # No key goes to another data plane: who plays has made a handshake of his own.
        check(viewer['id'] not in self.scene.before, 'a former viewer was installed again')
        said = gateway.controlplane.output()[len(known):]
        installed = re.findall(r'session=v(\d+) .* to=established', said)
        shaken = re.findall(r'session=v(\d+) .* from=checked to=handshake', said)
        check(installed and set(installed) <= set(shaken), f'{installed} installed, {shaken} new')
        check(not {f'{v}' for v in self.scene.before} & set(installed), 'an old key was installed')
        time.sleep(3)  # a new data plane has no key frame yet, the camera's next one comes
        browser.process.signal(signal.SIGUSR2)
        seen = browser.result()['viewers'][0]
        check(seen['state'] == 'connected' and seen['framesDecoded'] > 0, f'{seen["state"]}')
        return f'media {took:.1f} s after the data plane was ready'
