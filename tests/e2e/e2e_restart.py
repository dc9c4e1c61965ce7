# SPDX-License-Identifier: BSD-3-Clause
"""The control plane is killed, upgraded and restarted while everybody keeps watching."""

from cases import Group, case, check, group
from lab import view
from restarts import Restarts


def unnoticed(figures):
    check(figures['sessionsLost'] == 0, f'{figures["sessionsLost"]} sessions lost')
    check(figures['authFailures'] == 0, f'{figures["authFailures"]} not authentic')
    check(figures.get('nonceReuse', 0) == 0, f'{figures.get("nonceReuse")} nonces used twice')


@group('restart, camera over UDP')
class Udp(Group):
    def setup(self):
        self.dump = self.lab.path('packets.dump')
        self.scene = Restarts(self.lab, 'udp', seconds=9, dump=self.dump)

    @case('five kills at random moments, five viewers: 0 packets missing')
    def kills(self):
        self.scene.kills(5)

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

    @case('what the viewers saw')
    def seen(self):
        figures = self.scene.result()
        unnoticed(figures)
        check(figures['packetsMissing'] == 0, f'{figures["packetsMissing"]} packets missing')
        check(self.scene.gateway.await_viewers(0, 5) is not None, 'DELETE did not end them')
        return f'{figures["packets"]} packets, longest gap {figures["longestGapMs"]} ms'
