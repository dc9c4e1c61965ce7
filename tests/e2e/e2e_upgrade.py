# SPDX-License-Identifier: BSD-3-Clause
"""The control plane is replaced by one of another release, then by the one of before."""
import time

from cases import Group, case, check, group
from lab import view
from restarts import Restarts


@group('upgrade, camera over UDP')
class Upgrade(Group):
    def setup(self):
        self.scene = Restarts(self.lab, 'udp', viewers=2, browser=False,
                              dump=self.lab.path('packets.dump'))

    def refusal(self):
        """What a new viewer is told."""
        url = self.scene.gateway.url('cam1', whep=True)
        return view(self.lab, url, seconds=2)['viewers'][0]

    @case('statistics of another version: everything is taken over')
    def statistics(self):
        gateway = self.scene.gateway
        self.scene.kill()
        gateway.start_controlplane(other='stats')
        self.scene.await_taken_over()
        gateway.controlplane.await_line(r'event=statistics_unknown version=\d+ ours=99', 5)
        check('event=taken_over' in gateway.controlplane.output(), 'the source was not taken over')
        result = self.refusal()
        check(result['connected'] and result['packetsLost'] == 0, f'new viewer: {result["error"]}')
        check(self.scene.lost_sessions() == 0, 'sessions ended with it')

    @case('a channel of another version: said, nothing opened, the data plane left alone')
    def channel(self):
        gateway = self.scene.gateway
        self.scene.kill()
        attaches = gateway.dataplane.output().count('attached')
        gateway.start_controlplane(other='channel')
        log = gateway.controlplane
        log.await_line(r'event=other_dataplane .*version \d+, this control plane has 99', 10)
        time.sleep(2)
        for line in ('event=receiving', 'event=taken_over', 'event=attached', 'to=connecting'):
            check(line not in log.output(), f'{line} without a data plane')
        more = gateway.dataplane.output().count('attached') - attaches
        check(more <= 3, f'the data plane was attached to {more} times')
        result = self.refusal()
        check(not result['connected'], 'a viewer was let in')
        check('503' in result['error'], f'refused by "{result["error"]}"')
        check('other_dataplane' in log.output(), 'not said')
        check('offer_refused status=503 why="the data plane is of another release' in
              log.output(), 'the 503 does not say why')
        check(self.scene.lost_sessions() == 0, 'sessions ended with it')

    @case('the one of before put back takes everything over; what the viewers saw')
    def back(self):
        self.scene.gateway.controlplane.kill()
        self.scene.restart()
        check('event=taken_over' in self.scene.gateway.controlplane.output(),
              'the source was not taken over')
        figures = self.scene.result()
        check(figures['sessionsLost'] == 0, f'{figures["sessionsLost"]} sessions lost')
        check(figures['packetsMissing'] == 0, f'{figures["packetsMissing"]} packets missing')
        check(figures['authFailures'] == 0, f'{figures["authFailures"]} not authentic')
        check(figures['nonceReuse'] == 0, f'{figures["nonceReuse"]} nonces used twice')
        return f'{figures["packets"]} packets, longest gap {figures["longestGapMs"]} ms'
