# SPDX-License-Identifier: BSD-3-Clause
"""Losses on the wire: repaired towards viewers, counted exactly where a camera's are lost.

The long version, with figures, is scripts/bench loss.
"""
import time

from cases import Group, case, check, group
from joins import Capture
from lab import RANDOM1, RANDOM2, Browser, Loss, Viewer, one_camera


def payloads(dump):
    """Per viewer and kind: {index: digest of the payload} of what --plain-dump wrote."""
    seen = {}
    with open(dump, encoding='ascii') as f:
        for line in f:
            viewer, kind, _, index, *_, digest = line.split()
            seen.setdefault((int(viewer), kind), {})[int(index)] = digest
    return seen


def agree(one, other):
    """Both are the same packets in the same order where they overlap; gives how many."""
    start = next((i for i in sorted(one) if one[i] == other[min(other)]), None)
    if start is None:
        return agree(other, one) if min(one) != min(other) or len(one) != len(other) else 0
    shift = start - min(other)
    both = [i for i in other if i + shift in one]
    for i in both:
        check(other[i] == one[i + shift], f'packet {i} is another one')
    return len(both)


@group('losses')
class Losses(Group):
    def setup(self):
        self.gateway = one_camera(self.lab, '--bitrate', '1500k', '--gop', '60')

    def lossy(self, client, viewers, seconds, which=RANDOM2):
        """Lets packets get lost for a while; before and after that, none are."""
        check(self.gateway.await_viewers(viewers, 15) is not None, 'the viewers did not connect')
        time.sleep(2)
        with Loss(self.lab, which) as loss:
            time.sleep(seconds)
            seen, lost = loss.counters()
        return client.result(), seen, lost

    def viewer_repairs(self, *options):
        dump = self.lab.path(f'{len(self.lab.processes)}.dump')
        client = Viewer(self.lab, self.gateway.url('cam1', whep=True), '--nack', '--no-audio',
                        '--plain-dump', dump, *options, viewers=3, seconds=10)
        result, seen, lost = self.lossy(client, 3, 6)
        totals = result['totals']
        check(lost > 20, f'only {lost} of {seen} packets were lost on the wire')
        check(totals['packetsRepaired'] > lost / 3, f'{totals["packetsRepaired"]} repaired')
        check(totals['packetsLost'] == 0, f'{totals["packetsLost"]} packets not repaired')
        check(totals['authFailures'] == 0, f'{totals["authFailures"]} do not authenticate')
        seen = payloads(dump)
        for other in (1, 2):
            n = agree(seen[0, 'video'], seen[other, 'video'])
            check(n > 500, f'viewers 0 and {other} have only {n} packets in common')
        return f'{lost} lost, {totals["packetsRepaired"]} repaired'

    @case('2 % are repaired by RTX')
    def rtx(self):
        return self.viewer_repairs()

    @case('2 % are repaired by the same packets again')
    def identical(self):
        return self.viewer_repairs('--no-rtx')

    @case('many lost at once are repaired within the pace')
    def paced(self):
        client = Viewer(self.lab, self.gateway.url('cam1', whep=True), '--nack', '--no-audio',
                        '--local-address', self.lab.lan_address, viewers=2, seconds=9)
        check(self.gateway.await_viewers(2, 15) is not None, 'the viewers did not connect')
        time.sleep(1)
        capture = Capture(self.lab)
        with Loss(self.lab, 'numgen inc mod 400 < 60') as loss:
            capture.run(5)
            _, lost = loss.counters()
        totals = client.result()['totals']
        check(lost >= 120, f'only {lost} packets were lost on the wire')
        check(totals['packetsLost'] == 0, f'{totals["packetsLost"]} packets not repaired')
        burst = capture.longest_burst()
        check(0 < burst <= 16, f'{burst} packets of one viewer within 1 ms')
        return f'{lost} lost, {totals["packetsRepaired"]} repaired, {burst} packets within 1 ms'

    @case('2 % are not noticed in Chromium')
    def chromium(self):
        client = Browser(self.lab, self.gateway.url('cam1'), 1, 13)
        result, _, lost = self.lossy(client, 1, 8)
        viewer, = result['viewers']
        check('error' not in viewer, viewer.get('error'))
        check(lost > 10 and viewer['nackCount'] > 0, f'{lost} lost, {viewer["nackCount"]} NACKs')
        check(viewer['freezeCount'] == 0, f'{viewer["freezeCount"]} freezes')
        check(viewer['framesPerSecond'] >= 29, f'{viewer["framesPerSecond"]} frames/s')
        return f'{lost} lost, {viewer["framesPerSecond"]} frames/s'

    @case('1 % from the camera stands in the input figures')
    def camera(self):
        def video():
            return next(s for s in self.gateway.cli('streams')['streams'] if s['kind'] == 'video')
        before = video()
        port = before['local'].rsplit(':', 1)[1]
        with Loss(self.lab, RANDOM1, f'udp dport {port}', 'egress') as loss:
            time.sleep(5)
            _, lost = loss.counters()
        time.sleep(0.5)
        found = video()['lost'] - before['lost']
        check(lost > 0, 'nothing was lost')
        # one may be lost between the look at the counter and the end of the losses
        check(lost <= found <= lost + 1, f'{lost} lost, {found} counted')
        return f'{lost} lost and counted'
