#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a viewer takes of the data plane's memory, held against the limits it must keep.

usage: memory.py    with MILLRACE_BUILD: a release build

10,000 viewers with audio, video and SRTCP both ways are made in the benchmark's worker;
resident memory before and after tells what each takes beyond the first, and what all
take over the idle process.
"""
import json
import os
import subprocess
import sys

VIEWERS = 10000
LIMITS = [('bytesPerViewer', 4096, 'bytes of each viewer beyond the first'),
          ('viewersMB', 64, 'MB over the idle process')]


def main():
    bench = os.path.join(os.environ['MILLRACE_BUILD'], 'apps', 'bench', 'millrace-bench')
    done = subprocess.run(
        [bench, 'fanout', '--viewers', str(VIEWERS), '--no-bound', '--virtual-time', '--rounds',
         '1', '--packets', '8000', '--json'],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    have = json.loads(done.stdout.strip().splitlines()[-1])
    failed = 0
    print(f'1..{len(LIMITS)}', flush=True)
    for i, (key, limit, what) in enumerate(LIMITS, 1):
        good = 0 < have[key] <= limit
        failed += not good
        print(f'{"ok" if good else "not ok"} {i} - {VIEWERS} viewers: {have[key]:.1f} {what}, '
              f'at most {limit}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
