# SPDX-License-Identifier: BSD-3-Clause
"""A virtual wire that loses packets: nftables at one end of it, as netem is not everywhere.

	with Loss(lab, RANDOM2) as loss:            # on the way to the viewers
		...
		seen, lost = loss.counters()
"""
import json

# What picks the packets to drop.
RANDOM1 = 'numgen random mod 100 < 1'
RANDOM2 = 'numgen random mod 100 < 2'
RANDOM5 = 'numgen random mod 100 < 5'
BURST3 = 'numgen inc mod 150 < 3'  # 2 %, three in a row
TO_VIEWERS = 'udp sport 8189'


class Loss:
    """Drops `which` of the packets that match, where they enter (or leave) the clients' link."""

    def __init__(self, lab, which, match=TO_VIEWERS, hook='ingress'):
        self.lab, self.which, self.match, self.hook = lab, which, match, hook

    def __enter__(self):
        path = self.lab.path('loss.nft')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'table netdev loss {{ chain wire {{\n'
                    f'type filter hook {self.hook} device "{self.lab.lan_link}" priority 0;\n'
                    f'{self.match} counter\n{self.match} {self.which} counter drop\n}}\n}}\n')
        self.lab.execute(self.lab.lan, 'nft', '-f', path)
        return self

    def counters(self):
        """Packets that matched, and those of them that were dropped."""
        listing = json.loads(self.lab.execute(
            self.lab.lan, 'nft', '-j', 'list', 'table', 'netdev', 'loss'))['nftables']
        seen, lost = [e['counter']['packets'] for r in listing if 'rule' in r
                      for e in r['rule']['expr'] if 'counter' in e]
        return seen, lost

    def __exit__(self, *_):
        self.lab.execute(self.lab.lan, 'nft', 'delete', 'table', 'netdev', 'loss')
