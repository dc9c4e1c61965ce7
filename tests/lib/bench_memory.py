#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench memory: what established viewers take of both processes' memory.

One camera, few viewers, then many; each time it is waited until their DTLS states are gone, 30 s
after the first SRTCP. What the processes have grown by, divided by the viewers: private memory
(RssAnon). The region that both processes share is beside it: it has one size (6.6 MB), however
many viewers there are, and is resident as far as its rings have been used.
"""
import re
import sys
import time

from lab import Camera, Failure, Gateway, program, session_file
from measuring import laboratory, parser, report, run, say, within

DTLS_KEPT = 30  # seconds after a viewer's first SRTCP
TICK = 16       # the first SRTCP takes a moment, and memory is given back every 10 s


def parse():
    p = parser('memory', 'What established viewers take of both processes\' memory, 46 s after '
               'they came: their DTLS states are gone then.',
               lambda o: o.few >= o.viewers and '--viewers must be more than --few')
    p.add_argument('--few', type=within(1, 9999), default=1, metavar='N', help='viewers at first')
    p.add_argument('--viewers', type=within(2, 10000), default=500, metavar='N',
                   help='... and in the end')
    return p.parse_args()


def resident_kib(process, kind='Anon'):
    with open(f'/proc/{process.pid}/status', encoding='ascii') as f:
        return int(re.search(rf'Rss{kind}:\s+(\d+)', f.read())[1])


def established(gateway, more, viewers):
    """`more` come, and there are `viewers`. They play, and their handshakes are forgotten: what
    both processes have, and what the control plane had before that, [KiB]."""
    lab = gateway.lab
    process = lab.start(f'viewer{viewers}', [
        program('millrace-viewer'), '--url', gateway.url('cam1', whep=True), '--viewers', more,
        '--seconds', 3600, '--decrypt-every', max(1, more // 5), '--connect-timeout', 60],
        lab.lan)
    until = time.monotonic() + 60 + viewers * 0.1
    while len(gateway.viewers()) < viewers:
        if time.monotonic() > until or not process.running():
            raise Failure(f'{len(gateway.viewers())} of {viewers} viewers', process,
                          gateway.controlplane, gateway.dataplane)
        time.sleep(0.5)
    say(f'{viewers} viewers; their DTLS states go after {DTLS_KEPT} s')
    during = resident_kib(gateway.controlplane)
    time.sleep(DTLS_KEPT + TICK)
    if len(gateway.viewers()) != viewers:
        raise Failure('viewers have gone', process, gateway.controlplane)
    return {'viewers': viewers, 'controlplaneKiB': resident_kib(gateway.controlplane),
            'controlplaneKiBWithDtls': during,
            'sharedKiB': resident_kib(gateway.controlplane, 'Shmem'),
            'dataplaneKiB': resident_kib(gateway.dataplane)}


def table(f):
    lines = ['| viewers | control plane, handshakes kept | forgotten | shared | data plane |',
             '|---|---|---|---|---|']
    for r in f['rows']:
        lines.append(f'| {r["viewers"]} | {r["controlplaneKiBWithDtls"]} KiB '
                     f'| {r["controlplaneKiB"]} KiB | {r["sharedKiB"]} KiB '
                     f'| {r["dataplaneKiB"]} KiB |')
    return '\n'.join([*lines, '', f'Each viewer more: {f["controlplaneKiBPerViewer"]} KiB in the '
                      f'control plane, {f["dataplaneKiBPerViewer"]} KiB in the data plane.'])


def memory():
    options = parse()
    with laboratory('memory') as lab:
        lab.wire()
        camera = Camera(lab, '--bitrate', '200k', '--size', '320x240', auth=False)
        gateway = Gateway(lab, session_file(
            lab, {'cam1': {'source': camera.url(), 'rtspTransport': 'udp'}}))
        gateway.start()
        gateway.await_streams(2, 30)
        each = options.viewers - options.few
        few = established(gateway, options.few, options.few)
        many = established(gateway, each, options.viewers)
    result = {'rows': [few, many], **{
        f'{name}KiBPerViewer': round((many[f'{name}KiB'] - few[f'{name}KiB']) / each, 2)
        for name in ('controlplane', 'dataplane')}}
    report(result, table(result), options.json)


if __name__ == '__main__':
    sys.exit(run(memory))
