#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tables of docs/PERFORMANCE.md, from what the measurements print.

usage: bench_page.py NAME    copies standard input to standard output; the JSON object on its last
                             line becomes the table between the page's marks for NAME
"""
import json
import os
import signal
import sys

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
PAGE = os.path.join(TOP, 'docs', 'PERFORMANCE.md')
END = '<!-- end -->'
SENDERS = {'sendto': '`sendto`', 'sendmmsg': '`sendmmsg`',
           'gso': 'UDP GSO, packets of one viewer held back', 'millrace': 'millrace on AF_XDP'}


def write(name, text):
    """Puts `text` between `<!-- bench NAME -->` and `<!-- end -->`."""
    mark = f'<!-- bench {name} -->'
    with open(PAGE, encoding='utf-8') as f:
        before, rest = f.read().split(mark, 1)
    _, after = rest.split(END, 1)
    with open(PAGE, 'w', encoding='utf-8') as f:
        f.write(f'{before}{mark}\n{text}\n{END}{after}')


def rows(head, body):
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    lines += ['| ' + ' | '.join(str(x) for x in row) + ' |' for row in body]
    return '\n'.join(lines)


def kernel(j):
    return f'Measured on: {j["cpu"]}, {j["crypto"]}; {j["rounds"]} rounds.\n\n' + rows(
        ('sender', 'CPU per packet', 'of it in the kernel', "of millrace's (p10 to p90)"),
        ((SENDERS[name], f'{m["cpuNsPerPacket"]:,.0f} ns', f'{m["systemNsPerPacket"]:,.0f} ns',
          f'{m["ratio"]:.2f} ({m["ratioP10"]:.2f} to {m["ratioP90"]:.2f})')
         for name, m in j['methods'].items()))


def wire(j):
    def waits(w):
        return ', '.join(f'{w[k]:,.0f}' for k in ('p50', 'p99', 'p999')) + ' us'
    loss = j['firstLoss']
    much = f'{loss["packetsPerSecond"] / 1e6:.3f} Mpps: {loss["why"]}' if loss['why'] else 'not found'
    return f'Measured on: {j["cpu"]}, {j["crypto"]}; trials of {j["trialSeconds"]:g} s.\n\n' + rows(
        ('measured', ''),
        (('highest rate with at most one packet in a million lost, best of 3',
          f'{j["packetsPerSecond"] / 1e6:.3f} Mpps, {j["GbitPerSecond"]:.1f} Gbit/s '
          f'({j["inputPacketsPerSecond"]:,.0f} packets of the stream per second)'),
         ('came through when flooded', f'{j["floodPacketsPerSecond"] / 1e6:.3f} Mpps'),
         ('too much', much),
         ('decrypted and compared', f'{j["opened"]:,} packets, {j["wrong"]} of them wrong'))
    ) + '\n\n' + rows(
        ('latency at', 'packets per second, lost', "first viewer's copy: p50, p99, p99.9",
         "last viewer's copy"),
        ((f'{l["load"]} % of the rate',
          f'{l["packetsPerSecond"]:,.0f}, {100 * l["lostShare"]:.2g} %',
          waits(l['firstMicros']), waits(l['lastMicros'])) for l in j['latency']))


def neighbour(j):
    def row(name, what):
        idle, loaded = j[what]['idle'], j[what]['loaded']
        return (name, f'{idle["p50Micros"]:.0f} / {idle["p99Micros"]:.0f} us',
                f'{loaded["p50Micros"]:.0f} / {loaded["p99Micros"]:.0f} us',
                f'{j[what]["p99Ratio"]:.2f}', '2')
    return rows(('`idle`', 'alone, p50 / p99', 'beside, p50 / p99', 'p99 to p99', 'to reach'),
                (row('adaptive, frames are looked for', 'adaptive'), row('poll', 'poll')))


def peers(j):
    def ratio(r):
        each = [x for x in r['processRatios'] if x]
        return f'{r["processRatio"]:.2f} ({min(each):.2f} to {max(each):.2f})' if each else ''
    return f'Medians of {j["turns"]} turns (and their least and greatest ratio).\n\n' + rows(
        ('viewers', 'server', 'packets/s', 'CPU per packet', "of millrace's", 'by soak', 'lost',
         'KiB per viewer'),
        ((r['viewers'], r['title'], f'{r["packetsPerSecond"]:,.0f}',
          f'{r["processMicrosPerPacket"]:.2f} us', ratio(r),
          r['soakRatio'] or '', f'{r["packetsLost"]:,}', f'{r["kibPerViewer"]:.0f}')
         for r in j['rows']))


TABLES = {'kernel': kernel, 'wire': wire, 'neighbour': neighbour, 'peers': peers}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in TABLES:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ends with what it reads from
    last = ''
    for line in sys.stdin:
        print(line, end='', flush=True)
        last = line if line.strip() else last
    try:
        figures = json.loads(last)
    except ValueError:
        print(f'bench: {sys.argv[1]}: no figures, its table stays', file=sys.stderr)
        return 1
    write(sys.argv[1], TABLES[sys.argv[1]](figures))
    return 0


if __name__ == '__main__':
    sys.exit(main())
