#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench wire: starts a data plane behind a net_memif, and what measures it.

In a network namespace of their own, because an owned port has a tap beside it. The last CPU is
the worker's, the one before it generates and receives.
"""
import argparse
import os
import sys

from lab import Gateway, session_file
from measuring import laboratory, millrace_bench, run, wants_help

CPUS = sorted(os.sched_getaffinity(0))


def wire(args):
    if wants_help(args):
        return millrace_bench('wire', '--help')
    p = argparse.ArgumentParser(add_help=False)
    p.add_argument('--idle', choices=('poll', 'adaptive'), default='poll')
    options, rest = p.parse_known_args(args)
    with laboratory('wire') as lab:
        lab.gw = lab.namespace('gw')
        memif = lab.path('m')
        session = session_file(lab, {}, {
            'ports': [{'name': 'wan', 'device':
                       f'net_memif,role=server,socket={memif},socket-abstract=no'}],
            'idle': options.idle, 'maxViewers': 10000})
        Gateway(lab, session).start_dataplane()
        return millrace_bench(
            'wire', '--control', session['dataplane']['controlSocket'],
            '--stats', session['dataplane']['statsSocket'], '--memif', memif,
            '--cpu', str(CPUS[-2] if len(CPUS) > 1 else CPUS[0]), *rest, namespace=lab.gw)


if __name__ == '__main__':
    sys.exit(run(lambda: wire(sys.argv[1:])))
