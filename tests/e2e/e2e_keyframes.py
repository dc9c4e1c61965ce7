# SPDX-License-Identifier: BSD-3-Clause
"""Viewers that want key frames, by PLI and by FIR: what reaches the camera, and what they get."""
import json
import signal
import time

from cases import Group, case, check, group
from lab import Camera, Gateway, Viewer, session_file

VIEWERS = 2  # that ask in the same way
EVERY_MS = 100


class Wishes:
    """Viewers of a path that ask ten times a second for six seconds, half of them by PLI and
    half by FIR: what they, the data plane and the camera counted."""

    def __init__(self, group_, path):
        gateway, camera = group_.gateway, group_.cameras[path].process
        before, start = self.of_stream(gateway, path), time.monotonic()
        clients = [Viewer(group_.lab, gateway.url(path, whep=True), f'--{how}', EVERY_MS, '--no-audio',
                          seconds=6, viewers=VIEWERS) for how in ('pli', 'fir')]
        self.tracks = {}  # as the data plane saw them last
        while any(c.process.running() for c in clients):
            self.tracks.update({t['ssrc']: t for v in gateway.viewers() for t in v['tracks']})
            time.sleep(0.1)
        self.seconds = time.monotonic() - start
        self.of_camera = self.of_stream(gateway, path) - before
        by_pli, by_fir = (c.result() for c in clients)
        self.plis, self.firs = by_pli['totals']['plisSent'], by_fir['totals']['firsSent']
        self.viewers = by_pli['viewers'] + by_fir['viewers']
        camera.signal(signal.SIGINT)
        check(camera.wait(5) is not None, 'the camera does not end')
        video = json.loads(camera.output().strip().splitlines()[-1])['mounts'][0]['video']
        self.requests, self.made = video['keyframeRequests'], video['keyframesMade']
        self.judge()

    @staticmethod
    def of_stream(gateway, path):
        return next(s['keyFrames'] for s in gateway.cli('streams')['streams'] if s['path'] == path)

    def judge(self):
        """What goes for every camera."""
        check(len(self.tracks) == 2 * VIEWERS, f'{len(self.tracks)} tracks were seen')
        for t in self.tracks.values():
            check(t['plis'] > 2 * self.requests, f'{t["plis"]} requests of a viewer were heard')
        heard = sum(t['plis'] for t in self.tracks.values())
        check(self.plis > 0 and self.firs > 0, f'{self.plis} PLIs and {self.firs} FIRs were sent')
        check(heard <= self.plis + self.firs, f'{heard} heard, {self.plis} + {self.firs} sent')
        check(2 <= self.requests <= 1 + self.seconds,
              f'the camera was asked {self.requests} times in {self.seconds:.1f} s')

    def refreshes(self):
        return [t['refreshes'] for t in self.tracks.values()]

    def key_frames(self):
        return [v['keyFrames'] for v in self.viewers]

    def __str__(self):
        return (f'{self.plis} PLIs and {self.firs} FIRs, {self.requests} requests, {self.made} key frames '
                f'made for them; viewers got {self.key_frames()}, from the last one again '
                f'{self.refreshes()} times')


@group('key frames wanted')
class Wanted(Group):
    def setup(self):
        self.lab.wire()
        # no key frame of its own within a case; two that do not answer, and one that does
        self.cameras = {
            name: Camera(self.lab, '--size', '320x180', '--bitrate', '300k', '--gop', '600',
                         '--audio', 'none', '--json', *options, port=8554 + i)
            for i, (name, options) in enumerate((('udp', ()), ('tcp', ()), ('obeys', ('--obey',))))}
        self.gateway = Gateway(self.lab, session_file(
            self.lab, {name: {'source': c.url(), 'rtspTransport': 'tcp' if name == 'tcp' else 'udp'}
                       for name, c in self.cameras.items()}))
        self.gateway.start()
        self.gateway.await_streams(3, 20)

    def unanswered(self, path):
        w = Wishes(self, path)
        check(w.made == 0, f'{w.made} key frames were made')
        check(min(w.refreshes()) >= 1, f'started again {w.refreshes()} times')
        # the last one, when it joined; the last one again; those that the camera made for itself
        check(min(w.key_frames()) >= max(2, 1 + w.of_camera),
              f'{w.key_frames()} key frames, {w.of_camera} of the camera')
        return w

    @case('a camera over UDP is asked once per second at most; as it does not answer, viewers get the '
          'last key frame again')
    def udp(self):
        return self.unanswered('udp')

    @case('so is one over TCP')
    def tcp(self):
        return self.unanswered('tcp')

    @case('one that answers is asked no more often, and makes key frames for its viewers')
    def obeys(self):
        w = Wishes(self, 'obeys')
        check(2 <= w.made <= w.requests, f'{w.made} key frames for {w.requests} requests')
        check(w.of_camera >= w.made - 1, f'{w.of_camera} of {w.made} key frames came')
        check(min(w.key_frames()) >= w.made - 1, f'{w.key_frames()} of {w.made} key frames')
        # who asks within the second in which the camera may not be asked again
        check(max(w.refreshes()) < w.made, f'started again {w.refreshes()} times')
        return w
