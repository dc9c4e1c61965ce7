# SPDX-License-Identifier: BSD-3-Clause
"""How viewers' sessions begin, end and outlive the control plane."""
import signal
import time

from cases import Group, case, check, group
from lab import Camera, Gateway, Viewer, offer, request, session_file, view

SILENCE = 30  # seconds after which a session ends


@group('sessions')
class Sessions(Group):
    def setup(self):
        self.lab.wire()
        self.camera = Camera(self.lab, '--size', '640x360', '--bitrate', '800k', '--mounts', '2')
        self.gateway = Gateway(self.lab, session_file(self.lab, {
            'cam1': {'source': self.camera.url('cam1'), 'rtspTransport': 'udp'},
            'quiet': {'source': self.camera.url('cam2'), 'rtspTransport': 'tcp'}}))
        self.gateway.start()
        self.gateway.await_streams(4, 20)
        # falls silent at once and is looked at in the end
        self.silent = Viewer(self.lab, self.gateway.url('quiet', whep=True), '--silent-after', '2',
                             '--no-delete', seconds=SILENCE + 15)
        self.await_viewing(1, 15, 'quiet')
        self.silent_since = time.monotonic() + 2

    def viewing(self, path='cam1'):
        return [v for v in self.gateway.viewers() if v['path'] == path]

    def await_viewing(self, count, seconds, path='cam1'):
        start = time.monotonic()
        while len(self.viewing(path)) != count:
            check(time.monotonic() - start < seconds,
                  f'{len(self.viewing(path))} viewers, not {count}, after {seconds} s')
            time.sleep(0.1)
        return time.monotonic() - start

    @case('gone within 5 s of DELETE')
    def delete(self):
        viewer = Viewer(self.lab, self.gateway.url('cam1', whep=True), seconds=4)
        self.await_viewing(1, 10)
        result = viewer.result()['viewers'][0]
        check(result['deleteStatus'] in (200, 204), f'DELETE: {result["deleteStatus"]}')
        check(result['packetsLost'] == 0, f'{result["packetsLost"]} packets lost')
        self.await_viewing(0, 5)

    @case('feedback of viewers is shown, in the CLI and by telemetry')
    def feedback(self):
        viewer = Viewer(self.lab, self.gateway.url('cam1', whep=True), seconds=6)
        time.sleep(5)
        shown = self.viewing()[0]
        tracks = shown['tracks']
        ids = self.gateway.telemetry('/millrace/viewers')
        told = self.gateway.telemetry(f'/millrace/viewer,{shown["id"]}')
        nobody = self.gateway.telemetry('/millrace/viewer,4294967295')
        viewer.result()
        check(len(tracks) == 2, f'{len(tracks)} tracks')
        for track in tracks:
            check(track['reports'] > 0, f'{track["kind"]}: no receiver report')
            check(track['cumulativeLost'] == 0, f'{track["cumulativeLost"]} lost')
            check(track['roundTripMs'] is not None and track['roundTripMs'] < 500,
                  f'round trip {track["roundTripMs"]} ms')
            kind = track['kind']
            check(told[f'{kind}_lost'] == 0 and told[f'{kind}_loss_permille'] == 0, told)
            check(abs(told[f'{kind}_jitter_us'] / 1000 - track['jitterMs']) < 50, told)
            check(0 < told[f'{kind}_round_trip_us'] < 500000, told)
        check(shown['id'] in ids and nobody is None, f'{ids}, {nobody}')

    @case('forty viewers come and go, none loses a packet')
    def many(self):
        result = view(self.lab, self.gateway.url('cam1', whep=True), '--ramp-ms', '50', seconds=5,
                      viewers=40)
        totals = result['totals']
        check(totals['viewersConnected'] == 40, f'{totals["viewersConnected"]} connected: '
              f'{totals["errors"]}')
        check(totals['packetsLost'] == 0 and totals['authFailures'] == 0,
              f'{totals["packetsLost"]} lost, {totals["authFailures"]} not authentic')
        self.await_viewing(0, 5)

    @case('gone within 30 s of silence')
    def silence(self):
        check(self.viewing('quiet'), 'gone before its time')
        left = SILENCE + 5 - (time.monotonic() - self.silent_since)
        self.await_viewing(0, left, 'quiet')

    @case('the control plane killed while packets flow: none missing')
    def control_plane_killed(self):
        viewer = Viewer(self.lab, self.gateway.url('cam1', whep=True), '--no-delete', seconds=12)
        self.await_viewing(1, 10)
        time.sleep(2)
        before = self.viewing()[0]['tracks'][0]['packets']
        self.gateway.controlplane.kill()
        time.sleep(5)
        check(not self.gateway.cli('status')['dataplane']['controlAttached'], 'still attached')
        after = self.viewing()[0]['tracks'][0]['packets']
        check(after - before > 200, f'only {after - before} packets in 5 s without it')
        result = viewer.result()['viewers'][0]
        check(result['packetsLost'] == 0, f'{result["packetsLost"]} packets lost')
        check(result['authFailures'] == 0, f'{result["authFailures"]} not authentic')
        check(result['silentMs'] is None or result['silentMs'] < 1000, f'{result["silentMs"]} ms')

    @case('a new control plane serves new viewers')
    def control_plane_again(self):
        self.gateway.controlplane.kill()
        self.gateway.start_controlplane()
        self.gateway.await_streams(4, 20)
        result = view(self.lab, self.gateway.url('cam1', whep=True), seconds=3)['viewers'][0]
        check(result['connected'], f'not connected: {result["error"]}')
        check(result['packetsLost'] == 0, f'{result["packetsLost"]} packets lost')

    @case('the camera goes away and comes back')
    def camera_again(self):
        viewer = Viewer(self.lab, self.gateway.url('cam1', whep=True), seconds=20)
        self.await_viewing(1, 10)
        self.camera.process.kill()
        time.sleep(2)
        self.camera = Camera(self.lab, '--size', '640x360', '--bitrate', '800k', '--mounts', '2')
        before = self.viewing()[0]['tracks'][0]['packets']
        until = time.monotonic() + 10
        while self.viewing()[0]['tracks'][0]['packets'] < before + 100:
            check(time.monotonic() < until, 'nothing reaches the viewer after it came back')
            time.sleep(0.2)
        viewer.process.signal(signal.SIGINT)
        result = viewer.result()['viewers'][0]
        check(result['authFailures'] == 0, f'{result["authFailures"]} not authentic')
        check(result['packetsDuplicated'] == 0, f'{result["packetsDuplicated"]} numbers twice')


@group('twenty cameras that swallow SYNs')
class Swallowed(Group):
    def setup(self):
        self.lab.wire()
        self.lab.ip(self.lab.lan, 'route', 'add', 'blackhole', '10.78.0.0/24')
        camera = Camera(self.lab, '--size', '640x360', '--bitrate', '800k')
        self.good = {'cam1': {'source': camera.url(), 'rtspTransport': 'udp'}}

    def latencies(self, paths):
        """[ms] of POSTs, one after the other over 6 s."""
        gateway = Gateway(self.lab, session_file(self.lab, paths))
        gateway.start()
        gateway.await_streams(2, 20, path='cam1')
        times = []
        until = time.monotonic() + 6
        while time.monotonic() < until:
            start = time.monotonic()
            status, headers, _ = request(self.lab, 'POST', gateway.url('cam1', whep=True), offer(),
                                         {'Content-Type': 'application/sdp'})
            times.append((time.monotonic() - start) * 1000)
            check(status == 201, f'POST: {status}')
            status, _, _ = request(self.lab, 'DELETE', gateway.at(headers['Location']))
            check(status in (200, 204), f'DELETE: {status}')
            time.sleep(0.05)
        gateway.controlplane.stop()
        gateway.dataplane.stop()
        return sorted(times)

    @case('delay a WHEP POST by less than 100 ms')
    def delay(self):
        alone = self.latencies(self.good)
        # a blackhole swallows what a route leads into, without an answer
        dead = {f'dead{i}': {'source': f'rtsp://10.78.0.{i}:554/x'} for i in range(1, 21)}
        among = self.latencies({**self.good, **dead})
        slower = among[-1] - alone[len(alone) // 2]
        check(slower < 100, f'the slowest of {len(among)} took {among[-1]:.0f} ms, '
              f'{slower:.0f} ms more than usual')
        return f'{slower:.0f} ms at most, of {alone[len(alone) // 2]:.0f} ms'
