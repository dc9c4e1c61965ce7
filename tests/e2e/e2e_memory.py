# SPDX-License-Identifier: BSD-3-Clause
"""A data plane with less memory than its paths need."""
import time

from cases import Group, case, check, group
from lab import Camera, Gateway, offer, request, session_file, view

PATHS = 4  # 32 MiB of video and 4 MiB of audio each, of 160 MiB


@group('memory')
class Memory(Group):
    def setup(self):
        self.lab.wire()
        camera = Camera(self.lab, '--size', '320x180', '--bitrate', '200k')
        self.gateway = Gateway(self.lab, session_file(
            self.lab, {f'cam{i}': {'source': camera.url(), 'rtspTransport': 'udp'}
                       for i in range(PATHS)},
            dataplane={'memory': 160, 'hugepages': False, 'maxViewers': 100,
                       'streamRingBytes': 32 << 20}))
        self.gateway.start()
        self.gateway.await_streams(2, 20)

    def paths(self):
        """Those that are ready, those that are not."""
        until = time.monotonic() + 10
        while True:
            paths = self.gateway.cli('status')['paths']
            ready = [p for p in paths if p['state'] == 'ready']
            refused = [p for p in paths if 'refused by the data plane' in p['note']]
            if len(ready) + len(refused) == PATHS or time.monotonic() > until:
                return ready, refused
            time.sleep(0.1)

    def post(self, path):
        return request(self.lab, 'POST', self.gateway.url(path['name'], whep=True), offer(),
                       {'Content-Type': 'application/sdp'})

    @case('said at the start, with the figure that is needed')
    def said(self):
        self.gateway.dataplane.await_line(
            r'warning: dataplane.memory: 160 MiB, but 4 paths .* take up to \d+ MiB', 1)

    @case('a path that finds no room says so; its viewers get 503, those of others a picture')
    def refused(self):
        ready, refused = self.paths()
        check(ready and refused and len(ready) + len(refused) == PATHS, f'{ready} {refused}')
        check(all(p['state'] == 'waiting' and 'no memory' in p['note'] for p in refused),
              f'{refused}')
        for path in refused:
            status, headers, body = self.post(path)
            check(status == 503 and headers['Retry-After'], f'{status} {headers}')
            check('memory' in body, body)
        self.gateway.controlplane.await_line(r'event=offers_refused .*stream_refused=', 5)
        result = view(self.lab, self.gateway.url(ready[0]['name'], whep=True), seconds=2)
        check(sum(t['packetsReceived'] for t in result['viewers'][0]['tracks']) > 0,
              'nothing came of a path that is ready')
        time.sleep(3)  # in which each is tried again
        said = self.gateway.controlplane.output()
        check(said.count('event=stream_refused') == len(refused)
              and 'event=refused_by_data_plane' not in said, said)
        return f'{len(ready)} of {PATHS} ready'

    @case('it is ready when others have left room')
    def room(self):
        _, refused = self.paths()
        for name in list(self.gateway.session['paths']):
            if name != refused[0]['name']:
                del self.gateway.session['paths'][name]
        self.gateway.write()
        self.gateway.controlplane.stop()
        self.gateway.start_controlplane()
        self.gateway.await_streams(2, 20, path=refused[0]['name'])
        check(self.post(refused[0])[0] == 201, 'still refused')
