# SPDX-License-Identifier: BSD-3-Clause
"""The measurements that scripts/bench makes of whole processes: that they run, not what they say."""
import json
import os
import subprocess
import sys

from cases import Group, case, check, group
from lab import TOP


def run(name, *args):
    """The last line's object."""
    done = subprocess.run([sys.executable, os.path.join(TOP, 'tests', 'lib', f'bench_{name}.py'),
                           *args, '--json'], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 0, done.stderr or done.stdout)
    return json.loads(done.stdout.splitlines()[-1])


@group('benchmarks')
class Benchmarks(Group):
    @case('peers: one viewer against millrace')
    def peers(self):
        row = run('peers', '--viewers', '1', '--seconds', '1', '--turns', '1', '--servers',
                  'millrace')['rows'][0]
        check(row['viewersConnected'] == 1 and row['packets'] > 0, row)

    @case('kernel: every frame of every method leaves')
    def kernel(self):
        methods = run('kernel', '--rounds', '1', '--packets', '20000')['methods']
        check(set(methods) == {'sendto', 'sendmmsg', 'gso', 'millrace'}, methods)
        # the data plane's twice as many as the packet buffers of a worker: none may be unfit
        check(all(m['missing'] == 0 for m in methods.values()), methods)

    @case('wire: what comes through a net_memif is what was sent')
    def wire(self):
        result = run('wire', '--viewers', '20', '--millis', '100')
        check(result['opened'] > 0 and result['wrong'] == 0, result)
        loss = result['firstLoss']
        check((loss['why'] is not None) == (loss['packetsPerSecond'] > 0), loss)
