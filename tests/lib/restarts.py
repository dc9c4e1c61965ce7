# SPDX-License-Identifier: BSD-3-Clause
"""The control plane is killed again and again while viewers play: what they notice of it.

What the end-to-end tests and scripts/bench share.
"""
import random
import signal
import time

from lab import Browser, Camera, Failure, Gateway, Viewer, session_file

DECIDE = 20  # seconds for everybody to play


class Restarts:
    """One camera, `viewers` viewers of it (one of them Chromium, for at most `seconds`),
    one gateway."""

    def __init__(self, lab, transport='udp', viewers=5, browser=True, seconds=20, dump=None):
        self.lab = lab
        self.count = viewers
        self.away_since = None
        self.longest_outage_ms = 0  # without a control plane that is attached
        lab.wire()
        self.camera = Camera(lab, '--size', '640x360', '--bitrate', '800k')
        self.gateway = Gateway(lab, session_file(lab, {
            'cam1': {'source': self.camera.url(), 'rtspTransport': transport}}, api=True))
        self.gateway.start()
        self.gateway.await_streams(2, 20)
        self.dump = dump
        extra = ['--dump', dump] if dump else []
        plain = viewers - (1 if browser else 0)
        self.plain = Viewer(lab, self.gateway.url('cam1', whep=True), *extra,
                            seconds=24 * 3600, viewers=plain)
        self.browser = Browser(lab, self.gateway.url('cam1'), 1, seconds) if browser else None
        if self.gateway.await_viewers(viewers, DECIDE) is None:
            raise Failure(f'{len(self.gateway.viewers())} of {viewers} viewers play',
                          self.gateway.controlplane, self.gateway.dataplane)
        if browser:
            self.browser.process.await_line(r'viewer 1: plays', DECIDE)
        self.before = {v['id'] for v in self.gateway.viewers()}

    def kill(self):
        if self.away_since is None:
            self.away_since = time.monotonic()
        self.gateway.controlplane.kill()

    def await_taken_over(self):
        self.gateway.controlplane.await_line(r'event=attached', 20)
        if self.away_since is not None:
            away = round(1000 * (time.monotonic() - self.away_since))
            self.longest_outage_ms = max(self.longest_outage_ms, away)
        self.away_since = None

    def restart(self):
        """A new one, which has taken over when this returns."""
        self.gateway.start_controlplane()
        self.await_taken_over()

    def kills(self, n, pause=(0.0, 1.0), away=(0.0, 0.3)):
        """`n` times at random moments, some of them before it has taken over."""
        for i in range(n):
            time.sleep(random.uniform(*pause))
            self.kill()
            time.sleep(random.uniform(*away))
            self.gateway.start_controlplane()
            # most of the time; else the next one may be killed while it takes over
            if i == n - 1 or random.random() < 0.7:
                self.await_taken_over()

    def lost_sessions(self):
        return len(self.before - {v['id'] for v in self.gateway.viewers()})

    def result(self):
        """Ends viewers and camera; the figures of all of them together. `longestGapMs` counts
        to the end, `plays` is how often the camera was told to: once, if taken over."""
        lost = self.lost_sessions()
        self.plain.process.signal(signal.SIGINT)
        totals = self.plain.result()
        tracks = [t for v in totals['viewers'] for t in v['tracks'] if t['kind'] in
                  ('video', 'audio')]
        missing = totals['totals']['packetsLost']
        wrong = totals['totals']['authFailures']
        figures = {'viewers': self.count, 'sessionsLost': lost, 'authFailures': wrong,
                   'longestGapMs': max((t['longestGapMs'] for t in tracks
                                        if t['kind'] == 'video'), default=None)}
        if self.browser:
            self.browser.process.signal(signal.SIGUSR2)
            seen = self.browser.result()['viewers'][0]
            missing += seen['packetsLost'] + seen['audioPacketsLost']
            figures['browser'] = seen
            figures['sessionsLost'] += seen['attempts'] - 1
        figures['packetsMissing'] = missing
        figures['plays'] = self.camera.end()
        if self.dump:
            figures['packets'], figures['nonceReuse'] = nonce_reuse(self.dump)
        return figures


def nonce_reuse(file):
    """Packets in a dump of millrace-viewer, and how many (viewer, SSRC, index) came twice with
    different bytes."""
    seen = {}
    reused = packets = 0
    with open(file, encoding='ascii') as f:
        for line in f:
            viewer, ssrc, index, _, digest = line.split()
            packets += 1
            key = (viewer, ssrc, int(index))
            digest = bytes.fromhex(digest)[:8]
            if seen.setdefault(key, digest) != digest:
                reused += 1
    return packets, reused
