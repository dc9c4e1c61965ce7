# SPDX-License-Identifier: BSD-3-Clause
"""The measurements that scripts/bench makes of whole processes: that they run, not what they say."""
import json
import os
import subprocess
import sys

from cases import Group, case, check, group
from lab import TOP


@group('benchmarks')
class Benchmarks(Group):
    @case('peers: one viewer against millrace')
    def peers(self):
        done = subprocess.run(
            [sys.executable, os.path.join(TOP, 'tests', 'lib', 'bench_peers.py'), '--viewers', '1',
             '--seconds', '1', '--servers', 'millrace', '--json'],
            capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode == 0, done.stderr)
        row = json.loads(done.stdout.splitlines()[-1])['rows'][0]
        check(row['viewersConnected'] == 1 and row['packets'] > 0, row)
