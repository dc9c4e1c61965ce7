#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench kernel: makes the wire that millrace-bench kernel sends to, and runs it there.

A veth pair between two namespaces. What reaches the far end is dropped at its ingress, so that
nobody's receiving is measured. Checksums and segments are finished before the wire, as the
frames on it are what a network card would send.
"""
import os
import signal
import subprocess
import sys

from lab import BUILD, Lab, LabError, program

PORT = 40000


def drop_at_ingress(lab):
    rules = (f'table netdev bench {{ chain arrivals {{ '
             f'type filter hook ingress device {lab.lan_link} priority 0; policy accept; '
             f'udp dport {PORT} counter drop; }}; }};')
    lab.execute(lab.lan, 'nft', rules)


def mac(lab, namespace, link):
    return lab.execute(namespace, 'cat', f'/sys/class/net/{link}/address').strip()


def kernel(args):
    binary = program('millrace-bench')
    if '--help' in args or '-h' in args:
        return subprocess.run([binary, 'kernel', '--help'], check=False).returncode
    try:
        with Lab('kernel') as lab:
            lab.wire()
            drop_at_ingress(lab)
            # the kernel's sender finds its neighbour known
            lab.ip(lab.gw, 'neighbour', 'replace', lab.lan_address, 'lladdr',
                   mac(lab, lab.lan, lab.lan_link), 'dev', 'mr0', 'nud', 'permanent')
            return subprocess.run(
                ['ip', 'netns', 'exec', lab.gw, binary, 'kernel', '--interface', 'mr0', '--address',
                 lab.gw_address, '--nexthop', mac(lab, lab.lan, lab.lan_link), '--xdp-object',
                 os.path.join(BUILD, 'dataplane', 'port', 'millrace_xdp.o'), *args],
                check=False).returncode
    except LabError as e:
        print(f'bench: {e}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    def stop(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    sys.exit(kernel(sys.argv[1:]))
