# SPDX-License-Identifier: BSD-3-Clause
"""What viewers notice of losses on their wire: scripts/bench loss.

usage: scripts/bench loss [--seconds N] [--scenario NAME ...] [--json]

For each scenario a headless Chromium and two millrace-viewers are connected first; then a source
sends as many frames as fit into the seconds. So it is known which frames Chromium had to decode.
The last half second is without losses: what nobody follows, nobody misses.

  packetsSent        to the two millrace-viewers, each packet once
  packetsTakenByWire of all three, of whatever kind: dropped, or held back
  packetsLostOnWire  of packetsSent, did not come (or not before its repair)
  repairedPercent    how many of those came again
  freezeCount, framesDecoded, framesSent  of Chromium
"""
import contextlib
import json
import socket
import struct
import sys
import threading
import time

from lab import (BURST3, RANDOM2, RANDOM5, Browser, Failure, Gateway, Lab, Loss, Reorder, Viewer,
                 inside, session_file)
from measuring import parser, within

FPS = 30
PORT = 5004
SSRC = 0x4d520001
HELD = 0.015  # seconds that a packet is held back where they are reordered
SDP = '\r\n'.join(('v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=-', 't=0 0', f'm=video {PORT} RTP/AVP 96',
                   'a=rtpmap:96 H264/90000', 'a=fmtp:96 packetization-mode=1', ''))

# name: what the wire does, whether the gateway repairs
SCENARIOS = {
    'random2': (lambda lab: Loss(lab, RANDOM2), True),
    'random5': (lambda lab: Loss(lab, RANDOM5), True),
    'burst3': (lambda lab: Loss(lab, BURST3), True),
    'reorder2': (lambda lab: Reorder(lab, RANDOM2, HELD), True),
    'off': (lambda lab: Loss(lab, RANDOM2), False),
}


class Primer:
    """Packets of no use, twice a second: a path is there once something arrives. What follows
    them goes on with their numbers."""

    def __init__(self, lab):
        self.lab, self.sent = lab, 0
        self.ending = threading.Event()
        with inside(lab.lan):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending.wait(0.5 if self.sent > 3 else 0.05):
            slice_of_no_picture = b'\x41\x9a\x00\x00'
            self.socket.sendto(struct.pack('!BBHII', 0x80, 0x80 | 96, self.sent, 3000 * self.sent,
                                           SSRC) + slice_of_no_picture,
                               (self.lab.gw_address, PORT))
            self.sent += 1

    def stop(self):
        self.ending.set()
        self.thread.join()
        self.socket.close()
        return self.sent


def source(lab, frames, first):
    return lab.start('source', [
        'gst-launch-1.0', '-q', 'videotestsrc', 'is-live=true', f'num-buffers={frames}',
        'pattern=zone-plate', 'kx2=20', 'ky2=20', 'kt=5', '!',
        f'video/x-raw,width=640,height=360,framerate={FPS}/1', '!',
        'x264enc', 'tune=zerolatency', 'speed-preset=ultrafast', 'bitrate=1500', 'key-int-max=60',
        '!', 'video/x-h264,profile=constrained-baseline', '!',
        'rtph264pay', 'pt=96', 'mtu=1200', 'config-interval=-1', f'ssrc={SSRC}',
        f'seqnum-offset={first}', f'timestamp-offset={3000 * first}', '!',
        'udpsink', f'host={lab.gw_address}', f'port={PORT}', 'sync=false'], lab.lan)


def connect(lab, gateway, seconds):
    """Everybody is there before the first frame."""
    url = gateway.url('feed')
    crowd = Viewer(lab, gateway.url('feed', whep=True), '--nack', '--no-audio', viewers=2,
                   seconds=seconds + 20)
    if gateway.await_viewers(2, 20) is None:
        raise Failure('millrace-viewer did not connect', gateway.controlplane, gateway.dataplane)
    browser = Browser(lab, url, 1, seconds + 4)
    if gateway.await_viewers(3, 20) is None:
        raise Failure('Chromium did not connect', gateway.controlplane, browser.process)
    time.sleep(1)
    return browser, crowd


def video(gateway):
    return next(s for s in gateway.cli('streams')['streams'] if s['kind'] == 'video')


def scenario(name, seconds):
    with Lab('loss') as lab:
        lab.wire()
        try:
            return measure(lab, name, seconds)
        except Failure as failure:
            sys.exit(f'{failure}\n{failure.tails()}')


def measure(lab, name, seconds):
    wire, repairs = SCENARIOS[name]
    gateway = Gateway(lab, session_file(
        lab, {'feed': {'source': f'udp+rtp://{lab.gw_address}:{PORT}', 'rtpSDP': SDP}},
        dataplane={} if repairs else {'repairWindow': '0s'}))
    gateway.start()
    primer = Primer(lab)
    gateway.await_streams(1, 10)
    time.sleep(1)  # until the path is called ready
    browser, crowd = connect(lab, gateway, seconds)
    first = primer.stop()
    time.sleep(0.2)
    before = video(gateway)['frames']
    sent_before = packets_sent(gateway)
    sender = source(lab, seconds * FPS, first)
    time.sleep(0.5)
    with contextlib.ExitStack() as stack:
        table = stack.enter_context(wire(lab))
        time.sleep(seconds - 1)
        taken = table.counters()
    sender.wait(20)
    time.sleep(1)
    tracks = tracks_of(gateway)
    frames = video(gateway)['frames'] - before
    sent = packets_sent(gateway) - sent_before
    played, = browser.result()['viewers']
    crowd.process.signal(2)
    received = [t for v in crowd.result()['viewers'] for t in v['tracks']
                if t['kind'] == 'video']
    return figures(name, sent, tracks, frames, taken, played, received)


def tracks_of(gateway):
    """Of the two millrace-viewers: they came first."""
    viewers = sorted(gateway.viewers(), key=lambda v: v['id'])[:2]
    return [t for v in viewers for t in v['tracks']]


def packets_sent(gateway):
    return sum(t['packets'] for t in tracks_of(gateway))


def figures(name, sent, tracks, frames, taken, played, received):
    repaired = sum(t['packetsRepaired'] for t in received)
    missing = sum(t['packetsLost'] for t in received)
    lost = repaired + missing
    return {
        'name': name,
        'packetsSent': sent,
        'packetsTakenByWire': taken[1],
        'packetsLostOnWire': lost,
        'repairedPercent': round(100 * repaired / lost, 3) if lost else None,
        'repairsSent': sum(t['repairs']['packets'] for t in tracks),
        'repairsUnneeded': sum(t['repairsUnneeded'] for t in received),
        'freezeCount': played.get('freezeCount'),
        'framesDecoded': played.get('framesDecoded'),
        'framesSent': frames,
        'error': played.get('error'),
    }


def show(f):
    if f['error']:
        return f'{f["name"]:<10}{f["error"]}'
    percent = '-' if f['repairedPercent'] is None else f'{f["repairedPercent"]:.2f}'
    return (f'{f["name"]:<10}{f["packetsSent"]:>9}{f["packetsTakenByWire"]:>9}'
            f'{f["packetsLostOnWire"]:>9}{percent:>11}{f["repairsSent"]:>9}'
            f'{f["framesSent"]:>8}{f["framesDecoded"]:>9}{f["freezeCount"]:>9}')


def main():
    p = parser('loss', 'What viewers notice of losses on their wire, with repairs and, as "off", '
               'without: one Chromium and two millrace-viewers for each scenario.')
    p.add_argument('--seconds', type=within(2, 3600), default=60, metavar='N',
                   help='of media per scenario; the first half and the last are without losses')
    p.add_argument('--scenario', action='append', choices=list(SCENARIOS),
                   help='only this one; may be given again')
    options = p.parse_args()
    print(f'{"scenario":<10}{"sent":>9}{"taken":>9}{"lost":>9}{"repaired %":>11}{"repairs":>9}'
          f'{"frames":>8}{"decoded":>9}{"freezes":>9}', flush=True)
    results = []
    for name in options.scenario or SCENARIOS:
        results.append(scenario(name, options.seconds))
        print(show(results[-1]), flush=True)
    if options.json:
        print(json.dumps({'scenarios': results}))
    return 0


if __name__ == '__main__':
    sys.exit(main())
