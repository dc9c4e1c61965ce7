#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Instructions per viewer's packet, counted by callgrind and held against instructions.json.

usage: instructions.py [--update]    with MILLRACE_BUILD: a release build for x86-64-v3

Time says nothing on a shared machine; the number of instructions is the same in every
run: fixed seed, no clock, and valgrind's own CPU, which has AVX2 and no AVX-512 whatever
the machine has. What runs inside libIPSec_MB is counted apart: its instructions change with
its versions, our calls of it (once per packet, by the fastest interface) do not.

Of each part a case may be 2 % above its figure. 2 % below it asks for a new figure, too:
what was won must not be lost again unseen. --update writes the figures.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
FIGURES = os.path.join(HERE, 'instructions.json')
TOLERANCE = 0.02
COMMON = ['--no-bound', '--virtual-time', '--rounds', '1', '--packets', '8000', '--json']
CASES = {
    'gcm-1188': ['--viewers', '200'],
    'sha1-200-software-checksum': ['--viewers', '200', '--payload', '200', '--profile',
                                   'AES128_CM_HMAC_SHA1_80', '--checksum', 'software'],
}


def costs_by_object(path):
    """Own instructions of every function, summed by the file it was loaded from."""
    names, costs, current = {}, {}, None
    skip = False
    with open(path, encoding='ascii', errors='replace') as f:
        for line in f:
            found = re.match(r'ob=\((\d+)\)(?: (.*))?', line)
            if found:
                if found[2]:
                    names[found[1]] = found[2].strip()
                current = found[1]
            elif line.startswith('cob='):
                found = re.match(r'cob=\((\d+)\) (.*)', line)
                if found:
                    names[found[1]] = found[2].strip()
            elif line.startswith('calls='):
                skip = True  # the next line is what the called one took
            elif re.match(r'[+\-*\d]', line):
                if not skip:
                    costs[current] = costs.get(current, 0) + int(line.split()[1])
                skip = False
    return {names.get(k, '?'): v for k, v in costs.items()}


def count(bench, args):
    with tempfile.TemporaryDirectory(prefix='millrace-perf-') as scratch:
        out = os.path.join(scratch, 'callgrind.out')
        done = subprocess.run(
            ['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}', '--collect-atstart=no',
             '--toggle-collect=lane_turn', bench, 'fanout', *COMMON, *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        packets = json.loads(done.stdout.strip().splitlines()[-1])['packets']
        costs = costs_by_object(out)
    ipsec_mb = sum(v for k, v in costs.items() if 'libIPSec_MB' in k)
    ours = sum(costs.values()) - ipsec_mb
    return {'ours': round(ours / packets, 1), 'ipsecMb': round(ipsec_mb / packets, 1)}


def judge(have, want):
    """None, or what is wrong."""
    for part, where in (('ours', ''), ('ipsecMb', ' in ipsec-mb')):
        change = have[part] / want[part] - 1
        if change > TOLERANCE:
            return f'{100 * change:.1f} % more than {want[part]}{where}'
        if change < -TOLERANCE:
            return (f'{-100 * change:.1f} % fewer than {want[part]}{where}: keep it with '
                    'tests/perf/instructions.py --update')
    return None


def main():
    bench = os.path.join(os.environ['MILLRACE_BUILD'], 'apps', 'bench', 'millrace-bench')
    with open(FIGURES, encoding='ascii') as f:
        figures = json.load(f)
    failed = 0
    print(f'1..{len(CASES)}', flush=True)
    for i, (name, args) in enumerate(CASES.items(), 1):
        have = count(bench, args)
        what = f'{name}: {have["ours"]} instructions per packet, {have["ipsecMb"]} in ipsec-mb'
        problem = None if '--update' in sys.argv else judge(have, figures[name])
        figures[name] = have if '--update' in sys.argv else figures[name]
        failed += problem is not None
        print(f'{"not ok" if problem else "ok"} {i} - {what}{", " + problem if problem else ""}',
              flush=True)
    if '--update' in sys.argv:
        with open(FIGURES, 'w', encoding='ascii') as f:
            json.dump(figures, f, indent=2)
            f.write('\n')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
