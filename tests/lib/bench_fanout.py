#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The work of scripts/bench fanout: millrace-bench fanout with the sizes that
docs/PERFORMANCE.md shows, as its table."""
import json
import os
import subprocess
import sys
import textwrap

import bench_page
from measuring import parser, run, say, within

SHA1 = ['--profile', 'AES128_CM_HMAC_SHA1_80']
# What is measured, the options, the most that the ratio may be on a VAES core.
CASES = [
    ('GCM-128, 1188 B, 1,000 viewers', [], '1.15'),
    ('the same, checksum in software', ['--checksum', 'software'], ''),
    ('the same, checksum zero', ['--checksum', 'zero'], ''),
    ('the same, 10,000 viewers, random order',
     ['--viewers', '10000', '--order', 'random'], '1.30'),
    ('GCM-128, 200 B, 1,000 viewers', ['--payload', '200'], '1.80'),
    ('SHA1_80, 1188 B, 1,000 viewers', SHA1, '1.15'),
    ('GCM-256, 1188 B, 1,000 viewers', ['--profile', 'AEAD_AES_256_GCM'], ''),
    ('GCM-128, 1188 B, 64 streams, 10,000 viewers',
     ['--viewers', '10000', '--streams', '64'], ''),
    ('GCM-128, 1188 B, 1,000 viewers, by cryptodev:crypto_aesni_mb',
     ['--backend', 'cryptodev:crypto_aesni_mb'], ''),
    ('the same by cryptodev:crypto_aesni_gcm',
     ['--backend', 'cryptodev:crypto_aesni_gcm'], ''),
    ('two workers, streams of their own', ['--workers', '2', '--streams', '2'], ''),
    ('two workers, one stream seen by both', ['--workers', '2', '--streams', '1'], ''),
]


def parse():
    p = parser('fanout', 'millrace-bench fanout with the sizes that docs/PERFORMANCE.md shows, as '
               'its table.')
    p.add_argument('--rounds', type=within(1, 10000), default=40, metavar='N', help='of each case')
    p.add_argument('--write', action='store_true', help='put the table into docs/PERFORMANCE.md')
    return p.parse_args()


def measure(args, rounds):
    bench = os.path.join(os.environ['MILLRACE_BUILD'], 'apps', 'bench', 'millrace-bench')
    done = subprocess.run([bench, 'fanout', '--json', '--rounds', str(rounds), *args],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def row(name, f, most):
    spread = f['ratioSpread']
    return (f'| {name} | {f["cyclesPerPacket"]:.0f} | {f["boundCyclesPerPacket"]:.0f} | '
            f'{f["ratio"]:.2f} | {spread["p10"]:.2f} to {spread["p90"]:.2f} | {most} | '
            f'{f["Mpps"]:.2f} |')


def table(results):
    first = results[0][1]
    lines = [
        f'Measured on: {first["cpu"]}, {first["crypto"]}, a virtual machine; TSC cycles.', '',
        '| case | packet | bound | ratio | p10 to p90 | to reach | Mpps |',
        '|---|---|---|---|---|---|---|']
    lines += [row(*r) for r in results]
    said = []
    for name, f, _ in results:
        if 'scaling' in f:
            s = f['scaling']
            goal = '0.95' if f['streams'] > 1 else '0.88'
            said += [f'{name}: {s["workers"]:.2f} times one, the bound {s["bound"]:.2f} times: '
                     f'{s["ofBound"]:.2f} of it ({goal} to reach).']
    said += ['Stages of the first case (cycles per packet): ' + ', '.join(
        f'{k} {v:.0f}' for k, v in first['stages'].items() if v >= 0.5) + '.']
    big = next(f for _, f, _ in results if f['viewers'] == 10000)
    said += [f'10,000 viewers (audio, video, SRTCP both ways): {big["viewersMB"]:.1f} MB over the '
             f'idle process, {big["bytesPerViewer"]:,.0f} bytes each beyond the first.']
    for paragraph in said:
        lines += ['', textwrap.fill(paragraph, 80)]
    return '\n'.join(lines)


def main():
    options = parse()
    results = []
    for name, args, most in CASES:
        say(name)
        figures = measure(args, options.rounds)
        if figures is None:
            say(f'{name}: not measured')
            return 1
        results.append((name, figures, most))
    text = table(results)
    print(text)
    if options.write:
        bench_page.write('fanout', text)
    if options.json:
        print(json.dumps({name: f for name, f, _ in results}))
    return 0


if __name__ == '__main__':
    sys.exit(run(main))
