#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The work of scripts/bench restart: kills the control plane at random moments while viewers
play, and says what they noticed. Exits with 1 if that is more than it may be."""
import sys
import time

from measuring import laboratory, parser, report, run, say, within
from restarts import Restarts

BATCH = 10  # kills between two words


def parse(args):
    p = parser('restart', 'Kills the control plane at random moments while viewers play, and says '
               'what they noticed. Exits with 1 if that is more than it may be.')
    p.add_argument('--kills', type=within(1, 1000000), default=100, metavar='N', help='of them')
    p.add_argument('--viewers', type=within(1, 1000), default=5, metavar='N',
                   help='one of them is Chromium')
    p.add_argument('--transport', choices=('udp', 'tcp'), default='udp',
                   help='how the camera is pulled')
    p.add_argument('--no-browser', action='store_true', help='millrace-viewer alone')
    return p.parse_args(args)


def measure(options):
    with laboratory('restart') as lab:
        scene = Restarts(lab, options.transport, options.viewers, not options.no_browser,
                         seconds=24 * 3600, dump=lab.path('packets.dump'))
        start = time.monotonic()
        done = 0
        while done < options.kills:
            n = min(BATCH, options.kills - done)
            scene.kills(n)
            done += n
            say(f'{done} kills, {scene.lost_sessions()} sessions lost, '
                f'{time.monotonic() - start:.0f} s')
        time.sleep(1)
        figures = scene.result()
    return {'kills': options.kills, 'viewers': options.viewers,
            'packetsMissing': figures['packetsMissing'], 'sessionsLost': figures['sessionsLost'],
            'nonceReuse': figures['nonceReuse'], 'longestGapMs': figures['longestGapMs'],
            'transport': options.transport, 'packets': figures['packets'],
            'authFailures': figures['authFailures'],
            'longestOutageMs': scene.longest_outage_ms,
            'freezeCount': figures['browser']['freezeCount'] if 'browser' in figures else None,
            'plays': figures['plays'],
            'seconds': round(time.monotonic() - start)}


def unnoticed(r):
    """Whether all is as it has to be; over TCP what was being read is lost with a kill."""
    lost = r['packetsMissing'] if r['transport'] == 'udp' else 0
    return (not lost and r['plays'] == 1 and r['packets'] > 0 and
            not r['sessionsLost'] and not r['nonceReuse'] and not r['authFailures'])


def table(r):
    rows = [
        ('measured', f'{r["kills"]} kills in {r["seconds"]} s, {r["viewers"]} viewers, camera over '
                     f'{r["transport"]}'),
        ('packets compared', r['packets']),
        ('packets missing', r['packetsMissing']),
        ('times the camera was told to play', r['plays']),
        ('sessions lost', r['sessionsLost']),
        ('nonces used twice', r['nonceReuse']),
        ('not authentic', r['authFailures']),
        ('longest gap between packets', f'{r["longestGapMs"]} ms'),
        ('longest time without a control plane', f'{r["longestOutageMs"]} ms'),
        ('freezes in Chromium', '-' if r['freezeCount'] is None else r['freezeCount']),
    ]
    return '\n'.join(f'  {name:<38}{value}' for name, value in rows)


def main():
    options = parse(sys.argv[1:])
    result = measure(options)
    report(result, table(result), options.json)
    return 0 if unnoticed(result) else 1


if __name__ == '__main__':
    sys.exit(run(main))
