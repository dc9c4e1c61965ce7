# SPDX-License-Identifier: BSD-3-Clause
"""Joining in the middle of a group of pictures of 10 s, in Chromium.

The long version, with figures, is scripts/bench join.
"""
import signal
import threading
import time

from cases import Group, case, check, group
from jitter import JitterySource
from joins import Capture, Joins, Samples, scene, slow_link, watched
from lab import Dead

FPS = 30


def video_tracks(gateway):
    return [t for v in gateway.viewers() for t in v['tracks'] if t['kind'] == 'video']


def join(lab, gateway, *args, **options):
    """Joins, and what the data plane says of the tracks meanwhile."""
    return watched(Joins(lab, gateway.url('cam1'), *args, **options), gateway)


@group('joining')
class Joining(Group):
    def setup(self):
        self.gateway = scene(self.lab, '--size', '640x360', '--bitrate', '2500k')
        self.far = slow_link(self.lab, '10mbit')
        time.sleep(3)

    @case('viewers begin at the last key frame, paced, and go on without a freeze')
    def cached(self):
        capture = Capture(self.lab)
        packets = threading.Thread(target=capture.run, args=(12,))
        packets.start()
        joins, tracks = join(self.lab, self.gateway, 2, '--settle', 3, seconds=6, every=2)
        packets.join()
        check(len(tracks) == 2 and all(t['join'] == 'cache' for t in tracks),
              f'joined by {[t["join"] for t in tracks]}')
        check(all(t['burstMs'] for t in tracks), 'not live after seconds')
        check(all(t['burstMs'] < 3000 for t in tracks),
              f'live after {[t["burstMs"] for t in tracks]} ms')
        for j in joins:
            check(j['firstFrameMs'] is not None, 'no frame')
            check(j['firstFrameMs'] < 5000, f'{j["firstFrameMs"]} ms: it waited')
            check(j['framesPerSecond'] >= 0.9 * FPS, f'{j["framesPerSecond"]} frames/s')
        burst = capture.longest_burst()
        check(0 < burst <= 16, f'{burst} packets of one viewer within 1 ms')
        return (f'{max(j["firstFrameMs"] for j in joins):.0f} ms to the first frame, live after '
                f'{max(t["burstMs"] for t in tracks)} ms, {burst} packets within 1 ms')

    @case('a wire of 10 Mbit/s carries a stream of 2.5 from the last key frame on')
    def slow(self):
        joins, tracks = join(self.lab, self.gateway, 1, '--settle', 5, seconds=8, every=1, namespace=self.far)
        joined, = joins
        track = max(tracks, key=lambda t: t['burstMs'] or 0)
        check(joined['firstFrameMs'] is not None, 'no frame')
        check(joined['totalFreezesMs'] <= 1000, f'frozen for {joined["totalFreezesMs"]} ms')
        check(joined['framesPerSecond'] >= 0.9 * FPS, f'{joined["framesPerSecond"]} frames/s')
        check(track['burstMs'], 'not live after seconds')
        # what was kept, over what the stream itself leaves of the wire
        bits = 8 * track['burstBytes']
        least = 1000 * bits / (10e6 - 2.5e6)
        return (f'{joined["packetsLost"]} lost, {joined["totalFreezesMs"]} ms frozen, '
                f'{bits / 1e6:.1f} Mbit kept: live after {track["burstMs"]} ms, at best {least:.0f}')


@group('joining a sender with jitter')
class Jitter(Group):
    """Frames leave it up to 40 ms late. A jitter buffer that has learnt the wrong clock from the
    cached frames stays too short for that: 1 ms and not 25, and a frame that comes after its
    time may be left out."""

    LEAST_BUFFER_MS = 6

    def setup(self):
        self.lab.wire()
        self.source = JitterySource(self.lab, 0.04, 150)
        self.delay = None
        self.start(True)

    def start(self, cache):
        self.gateway = scene(self.lab, source=self.source.source, cache=cache)
        until = time.monotonic() + 20
        while self.gateway.cli('streams')['streams'][0]['keyFrames'] == 0:
            check(time.monotonic() < until, 'no key frame has come')
            time.sleep(0.1)
        time.sleep(1)

    @case('every frame is rendered after a start at the last key frame')
    def rendered(self):
        (joined,), tracks = join(self.lab, self.gateway, 1, '--settle', 5, seconds=9, every=1)
        check([t['join'] for t in tracks] == ['cache'], f'joined by {[t["join"] for t in tracks]}')
        buffered = joined['jitterBufferDelayMs']
        check(buffered >= self.LEAST_BUFFER_MS, f'a jitter buffer of {buffered} ms')
        came, dropped = joined['framesReceivedThen'], joined['framesDroppedThen']
        rendered = joined['framesDecodedThen'] - dropped
        check(came >= 3.5 * FPS, f'{came} frames came in 4 s')
        check(dropped == 0, f'{dropped} frames dropped')
        # those on their way at either end of the time
        check(rendered >= came - 3, f'{rendered} of {came} frames rendered')
        self.delay = joined['delayMs']
        return (f'{rendered} of {came} frames, delay {self.delay} ms, {buffered} ms of it to wait, '
                f'{joined["freezeCount"]} freezes')

    @case('after 5 s it is no more than 100 ms behind one who joined on a key frame')
    def delayed(self):
        check(self.delay is not None, 'no delay was measured')
        for process in (self.gateway.controlplane, self.gateway.dataplane):
            process.signal(signal.SIGTERM)
            check(process.wait(10) is not None, 'it does not end')
        self.start(False)
        (joined,), _ = join(self.lab, self.gateway, 1, '--settle', 9, seconds=12, every=1)
        check(joined['firstFrameMs'] is not None, 'no frame')
        check(self.delay <= joined['delayMs'] + 100,
              f'{self.delay} ms, and {joined["delayMs"]} ms by a key frame')
        return f'{self.delay} ms, and {joined["delayMs"]} ms by a key frame'


@group('a viewer that has lost the picture')
class Lost(Group):
    """The camera obeys no PLI, and its next key frame is far."""

    def setup(self):
        self.gateway = scene(self.lab, '--size', '640x360', '--bitrate', '1500k')

    def key_frames(self):
        return self.gateway.cli('streams')['streams'][0]['keyFrames']

    @case('is started again from the last key frame where the camera does not answer its PLI')
    def again(self):
        client = Samples(self.lab, self.gateway.url('cam1'), 60)
        check(self.gateway.await_viewers(1, 20) is not None, 'the browser did not connect')
        time.sleep(1.5)
        before, limit = self.key_frames(), time.monotonic() + 12
        while self.key_frames() == before:
            check(time.monotonic() < limit, 'no key frame comes')
            time.sleep(0.05)
        key = time.time()
        with Dead(self.lab):
            time.sleep(4)  # more than can be repaired
        back = time.time()
        track = {}
        while time.time() < key + 9.5:
            track = max(video_tracks(self.gateway), key=lambda t: t['refreshes'])
            time.sleep(0.2)
        seen = [s for s in client.result() if s.get('framesDecoded')]
        until = key + 9.5  # when a key frame of the camera's own comes
        frozen = max(s['framesDecoded'] for s in seen if s['at'] / 1000 < back)
        again = next((s for s in seen if s['framesDecoded'] > frozen + 5), None)
        check(again and again['at'] / 1000 < until, 'no picture before the next key frame')
        # what it said while the wire was dead has not been heard
        unheard = max(s['pliCount'] for s in seen if s['at'] / 1000 < back)
        asked = next((s for s in seen if s['pliCount'] > unheard), None)
        check(asked, 'it has not asked')
        took = (again['at'] - asked['at']) / 1000
        check(track['refreshes'] == 1, f'started again {track["refreshes"]} times')
        check(track['burstsGivenUp'] == 0, 'given up on the way')
        last = [s for s in seen if until - 2 < s['at'] / 1000 < until]
        rate = ((last[-1]['framesDecoded'] - last[0]['framesDecoded']) * 1000
                / (last[-1]['at'] - last[0]['at']))
        check(rate >= 0.9 * FPS, f'{rate:.0f} frames/s afterwards')
        check(last[-1]['pliCount'] == asked['pliCount'], 'it asks again')
        return (f'{1000 * took:.0f} ms from the PLI to the picture, {rate:.0f} frames/s afterwards, '
                f'{track["burstMs"]} ms to catch up')
