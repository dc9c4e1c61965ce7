# SPDX-License-Identifier: BSD-3-Clause
"""Firefox ESR, with VP8: its H.264 is a plugin that distributions do not bring. What Chromium is
asked in e2e_join.py and e2e_loss.py: joins, losses, and a wire that was dead.

With figures: scripts/bench join --browser firefox.
"""
import os
import time

from cases import Group, Skip, case, check, group
from joins import Joins, Samples, scene, watched
from lab import RANDOM2, Dead, Loss

FIREFOX = '/usr/bin/firefox-esr'
FPS = 30
GOP_SECONDS = 20


def until(seconds, condition, message):
    limit = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < limit, message)
        time.sleep(0.1)


def rate(samples):
    """Frames decoded in a second."""
    first, last = samples[0], samples[-1]
    return 1000 * (last['framesDecoded'] - first['framesDecoded']) / (last['at'] - first['at'])


@group('Firefox ESR')
class Firefox(Group):
    """One camera, which obeys no PLI and whose next key frame is far."""

    def setup(self):
        if not os.access(FIREFOX, os.X_OK):
            raise Skip(f'no {FIREFOX}: scripts/setup installs it')
        self.gateway = scene(self.lab, '--video', 'vp8', '--size', '640x360', '--bitrate', '1500k',
                             gop=GOP_SECONDS * FPS)
        self.start = time.monotonic()  # as good as a key frame's time
        time.sleep(2)

    def await_keyframe(self, seconds):
        """Unless the next one is so far away."""
        left = GOP_SECONDS - (time.monotonic() - self.start) % GOP_SECONDS
        if left < seconds:
            time.sleep(left + 0.5)

    def keyframes(self):
        return self.gateway.cli('streams')['streams'][0]['keyFrames']

    def track(self):
        track, = [t for v in self.gateway.viewers() for t in v['tracks'] if t['kind'] == 'video']
        return track

    @case('begins at the last key frame, and goes on from there')
    def joins(self):
        joins, tracks = watched(Joins(self.lab, self.gateway.url('cam1'), 2, '--settle', 2,
                                      seconds=4, every=1.5, browser='firefox'), self.gateway)
        check([t['join'] for t in tracks] == ['cache'] * 2,
              f'joined by {[t["join"] for t in tracks]}')
        for j in joins:
            check(j['firstFrameMs'] is not None, 'no frame')
            check(j['pliCount'] == 0, f'{j["pliCount"]} PLI: the key frame has not come whole')
            check(j['packetsLost'] == 0, f'{j["packetsLost"]} packets lost')
            check(j['totalFreezesMs'] <= 500, f'frozen for {j["totalFreezesMs"]} ms')
            check(j['framesPerSecond'] >= 0.9 * FPS, f'{j["framesPerSecond"]} frames/s')
        return (f'{max(j["firstFrameMs"] for j in joins):.0f} ms to the first frame, live after '
                f'{max(t["burstMs"] for t in tracks)} ms')

    @case('losses are repaired, and a lost picture begins again at the last key frame')
    def losses(self):
        client = Samples(self.lab, self.gateway.url('cam1'), 60, browser='firefox')
        check(self.gateway.await_viewers(1, 20) is not None, 'Firefox did not connect')
        until(5, lambda: self.track()['burstMs'], 'not live after 5 s')
        time.sleep(0.5)
        lossy = time.time()
        with Loss(self.lab, RANDOM2) as loss:
            time.sleep(3)
            _, lost = loss.counters()
        time.sleep(0.5)
        repaired, track = time.time(), self.track()
        self.await_keyframe(12)
        keys = self.keyframes()
        with Dead(self.lab):
            time.sleep(2.5)  # more than can be repaired
        back = time.time()
        until(8, lambda: self.track()['refreshes'] == 1, 'not started again')
        keys = self.keyframes() - keys
        time.sleep(2.5)
        seen = [s for s in client.result() if s.get('framesDecoded')]
        self.repaired([s for s in seen if s['at'] / 1000 < repaired], lossy, lost, track)
        took = self.started_again(seen, back)
        check(keys == 0, f'{keys} key frames of the camera')
        return (f'{lost} lost, {track["nacks"]} NACKs, {track["repairs"]["packets"]} repairs; '
                f'{1000 * took:.0f} ms from the PLI to the picture')

    def repaired(self, seen, lossy, lost, track):
        check(lost > 3 and track['nacks'] > 0, f'{lost} lost, {track["nacks"]} NACKs')
        check(track['repairs']['packets'] >= lost / 2, f'{lost} lost, {track["repairs"]}')
        check(seen[-1]['pliCount'] == 0, f'{seen[-1]["pliCount"]} PLI in spite of the repairs')
        check(seen[-1]['freezeCount'] == 0, f'{seen[-1]["freezeCount"]} freezes')
        decoded = rate([s for s in seen if s['at'] / 1000 > lossy])
        check(decoded >= 0.9 * FPS, f'{decoded:.0f} frames/s while packets get lost')

    def started_again(self, seen, back):
        """Gives the seconds from the PLI to the picture."""
        dead = max((s for s in seen if s['at'] / 1000 < back), key=lambda s: s['at'])
        asked = next((s for s in seen if s['pliCount'] > dead['pliCount']), None)
        check(asked, 'it has not asked')
        again = next((s for s in seen if s['framesDecoded'] > dead['framesDecoded'] + 5), None)
        check(again, 'no picture')
        check(seen[-1]['pliCount'] == asked['pliCount'], 'it asks again')
        decoded = rate(seen[-10:])
        check(decoded >= 0.9 * FPS, f'{decoded:.0f} frames/s afterwards')
        return (again['at'] - asked['at']) / 1000
