#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench kernel: makes the wire that millrace-bench kernel sends to, and runs it there.

A veth pair between two namespaces. What reaches the far end is dropped at its ingress, so that
nobody's receiving is measured. Checksums and segments are finished before the wire, as the
frames on it are what a network card would send.
"""
import os
import sys

from lab import BUILD
from measuring import laboratory, millrace_bench, run, wants_help

PORT = 40000


def drop_at_ingress(lab):
    rules = (f'table netdev bench {{ chain arrivals {{ '
             f'type filter hook ingress device {lab.lan_link} priority 0; policy accept; '
             f'udp dport {PORT} counter drop; }}; }};')
    lab.execute(lab.lan, 'nft', rules)


def mac(lab, namespace, link):
    return lab.execute(namespace, 'cat', f'/sys/class/net/{link}/address').strip()


def kernel(args):
    if wants_help(args):
        return millrace_bench('kernel', '--help')
    with laboratory('kernel') as lab:
        lab.wire()
        drop_at_ingress(lab)
        far = mac(lab, lab.lan, lab.lan_link)
        # the kernel's sender finds its neighbour known
        lab.ip(lab.gw, 'neighbour', 'replace', lab.lan_address, 'lladdr', far, 'dev', 'mr0', 'nud',
               'permanent')
        return millrace_bench(
            'kernel', '--interface', 'mr0', '--address', lab.gw_address, '--nexthop', far,
            '--xdp-object', os.path.join(BUILD, 'dataplane', 'port', 'millrace_xdp.o'), *args,
            namespace=lab.gw)


if __name__ == '__main__':
    sys.exit(run(lambda: kernel(sys.argv[1:])))
