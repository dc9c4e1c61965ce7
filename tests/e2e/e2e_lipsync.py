# SPDX-License-Identifier: BSD-3-Clause
"""Audio and video stay in step, whatever the camera's sender reports are worth.

The clip's tracks are in step: its sound is a beep at every full second, its pictures differ. A
client of the camera's own learns by the payloads' hashes where in a second each one stands, a
viewer of the gateway learns at which NTP time it is said to stand. The two tracks' answers must
agree.
"""
import hashlib
import os
import sys
import time

from cases import Group, case, check, group
from lab import Camera, Gateway, Viewer, inside, session_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'pipeline'))
from camera_test import Client  # noqa: E402  the camera's own test knows RTSP

CLIP = ['--size', '320x180', '--bitrate', '300k', '--report-interval', '1']
PERIOD = 1.0   # seconds: the beep's
APART = 0.040  # seconds; people notice from 0.045 on
NTP_1970 = 2208988800

VARIANTS = {
    'with reports': [],
    'without reports': ['--no-reports'],
    'reports on one track only': ['--no-reports-on', 'audio'],
    'a clock that says 1970': ['--clock', '1970'],
}


def sha(payload):
    return hashlib.sha256(payload).hexdigest()


def signed32(value):
    return (value + 2**31) % 2**32 - 2**31


@group('lip-sync')
class LipSync(Group):
    def setup(self):
        lab = self.lab
        lab.wire()
        reference = Camera(lab, *CLIP, port=8554, auth=False)
        self.paths = {name: f'cam{i}' for i, name in enumerate(VARIANTS, 1)}
        sources = {}
        for i, (name, options) in enumerate(VARIANTS.items(), 1):
            camera = Camera(lab, *CLIP, *options, port=8554 + i)
            sources[self.paths[name]] = {'source': camera.url(), 'rtspTransport': 'udp'}
        self.gateway = Gateway(lab, session_file(lab, sources))
        self.gateway.start()
        self.gateway.await_streams(2 * len(sources), 20)
        time.sleep(3)  # everything that has reports has had some
        self.viewers = {}
        for name, path in self.paths.items():
            dump = lab.path(f'{path}.dump')
            self.viewers[name] = (Viewer(lab, self.gateway.url(path, whep=True), '--report-log',
                                         '--plain-dump', dump, seconds=12), dump)
        self.learn(reference)

    def learn(self, reference):
        """self.phase: {kind: {hash of a payload: its place in a second of the clip}}

        Payloads that come more than once in a second (silence) are left out.
        """
        with inside(self.lab.lan):
            client = Client(reference.url())
        client.describe()
        client.setup('tcp')
        client.play(10)
        client.close()
        instants = {}
        for kind, track in client.tracks.items():
            ntp, stamp = track.reports[-1]
            instants[kind] = {}
            for _, ts, _, payload, _ in track.rtp:
                at = ntp + signed32(ts - stamp) / track.clock
                instants[kind].setdefault(sha(payload), []).append(at)
        self.phase = {kind: {digest: times[0] % PERIOD for digest, times in of_kind.items()
                             if all(abs(self.around(t - times[0])) < 0.01 for t in times)}
                      for kind, of_kind in instants.items()}
        for kind, phases in self.phase.items():
            check(len(phases) >= 3, f'{len(phases)} payloads of {kind} can be told from the others')

    def around(self, seconds):
        """The same but for whole periods, the nearest to 0."""
        return (seconds + PERIOD / 2) % PERIOD - PERIOD / 2

    def offsets(self, name):
        """{kind: [what the gateway says minus the place in the second, for each packet]}"""
        viewer, dump = self.viewers[name]
        result = viewer.result()['viewers'][0]
        check(result['connected'], f'not connected: {result["error"]}')
        tracks = {t['kind']: t for t in result['tracks'] if t['kind'] in ('audio', 'video')}
        found = {kind: [] for kind in tracks}
        for kind, t in tracks.items():
            check(t['senderReports'] > 3, f'{kind}: {t["senderReports"]} sender reports')
            check(abs(t['ntpSeconds'] - NTP_1970 - time.time()) < 30,
                  f'{kind}: NTP is {t["ntpSeconds"] - NTP_1970:.0f} s after 1970')
        with open(dump, encoding='utf-8') as f:
            for line in f:
                _, kind, _, _, stamp, _, _, _, digest = line.split()
                if kind not in tracks or digest not in self.phase[kind]:
                    continue
                t = tracks[kind]
                said = t['ntpSeconds'] + signed32(int(stamp) - t['rtpTimestamp']) / t['clockRate']
                found[kind].append(said - self.phase[kind][digest])
        return found

    def in_step(self, name):
        found = self.offsets(name)
        for kind in ('video', 'audio'):
            check(len(found.get(kind, [])) >= 5,
                  f'{len(found.get(kind, []))} packets of {kind} recognised')
        video, audio = (self.middle(found[kind]) for kind in ('video', 'audio'))
        apart = self.around(video - audio)
        check(abs(apart) < APART, f'audio and video are {round(1000 * apart)} ms apart')
        return f'{round(1000 * apart)} ms apart'

    def middle(self, values):
        near = sorted(self.around(v - values[-1]) for v in values)
        return values[-1] + near[len(near) // 2]


for _name in VARIANTS:
    def _case(self, name=_name):
        return self.in_step(name)
    setattr(LipSync, f'case_{_name.replace(" ", "_")}', case(_name)(_case))
