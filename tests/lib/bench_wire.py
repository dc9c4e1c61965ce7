#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench wire: starts a data plane behind a net_memif, and what measures it.

In a network namespace of their own, because an owned port has a tap beside it. The last CPU is
the worker's, the one before it generates and receives.
"""
import argparse
import os
import signal
import subprocess
import sys

from lab import Failure, Gateway, Lab, LabError, program, session_file

CPUS = sorted(os.sched_getaffinity(0))


def wire(args):
    binary = program('millrace-bench')
    if '--help' in args or '-h' in args:
        return subprocess.run([binary, 'wire', '--help'], check=False).returncode
    p = argparse.ArgumentParser(add_help=False)
    p.add_argument('--idle', choices=('poll', 'adaptive'), default='poll')
    options, rest = p.parse_known_args(args)
    try:
        with Lab('wire') as lab:
            lab.gw = lab.namespace('gw')
            memif = lab.path('m')
            session = session_file(lab, {}, {
                'ports': [{'name': 'wan', 'device':
                           f'net_memif,role=server,socket={memif},socket-abstract=no'}],
                'idle': options.idle, 'maxViewers': 10000})
            gateway = Gateway(lab, session)
            try:
                gateway.start_dataplane()
                return subprocess.run(
                    ['ip', 'netns', 'exec', lab.gw, binary, 'wire',
                     '--control', session['dataplane']['controlSocket'],
                     '--stats', session['dataplane']['statsSocket'], '--memif', memif,
                     '--cpu', str(CPUS[-2] if len(CPUS) > 1 else CPUS[0]), *rest],
                    check=False).returncode
            except Failure as e:
                print(f'bench: {e}\n{e.tails()}', file=sys.stderr)
                return 1
    except LabError as e:
        print(f'bench: {e}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    def stop(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    sys.exit(wire(sys.argv[1:]))
