# SPDX-License-Identifier: BSD-3-Clause
"""A virtual wire that loses or delays packets: nftables at one end of it, as netem is not
everywhere.

	with Loss(lab, RANDOM2) as loss:            # on the way to the viewers
		...
		seen, lost = loss.counters()
"""
import contextlib
import json
import socket
import threading
import time

from .net import inside

# What picks the packets to drop.
RANDOM1 = 'numgen random mod 100 < 1'
RANDOM2 = 'numgen random mod 100 < 2'
RANDOM5 = 'numgen random mod 100 < 5'
BURST3 = 'numgen inc mod 150 < 3'  # 2 %, three in a row
TO_VIEWERS = 'udp sport 8189'
FROM_VIEWERS = 'udp dport 8189'


class Table:
    """An nftables table at the clients' link, while it lasts."""

    def __init__(self, lab, rules, hook='ingress', name='wire'):
        self.lab, self.rules, self.hook, self.name = lab, rules, hook, name

    def __enter__(self):
        path = self.lab.path('wire.nft')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(f'table netdev {self.name} {{ chain wire {{\n'
                    f'type filter hook {self.hook} device "{self.lab.lan_link}" priority 0;\n'
                    + '\n'.join(self.rules) + '\n}\n}\n')
        self.lab.execute(self.lab.lan, 'nft', '-f', path)
        return self

    def counters(self):
        """Packets that matched, and those of them that the other rules took."""
        listing = json.loads(self.lab.execute(
            self.lab.lan, 'nft', '-j', 'list', 'table', 'netdev', self.name))['nftables']
        seen, *taken = [e['counter']['packets'] for r in listing if 'rule' in r
                       for e in r['rule']['expr'] if 'counter' in e]
        return seen, sum(taken)

    def __exit__(self, *_):
        self.lab.execute(self.lab.lan, 'nft', 'delete', 'table', 'netdev', self.name)


class Loss(Table):
    """Drops `which` of the packets that match, where they enter (or leave) the clients' link."""

    def __init__(self, lab, which, match=TO_VIEWERS, hook='ingress'):
        super().__init__(lab, [f'{match} counter', f'{match} {which} counter drop'], hook)


class Dead:
    """Nothing of the viewers' traffic gets through, either way."""

    def __init__(self, lab):
        self.tables = [Table(lab, [f'{TO_VIEWERS} counter drop']),
                       Table(lab, [f'{FROM_VIEWERS} counter drop'], 'egress', 'back')]

    def __enter__(self):
        for table in self.tables:
            table.__enter__()
        return self

    def __exit__(self, *_):
        for table in self.tables:
            table.__exit__()


class Reorder(Table):
    """Holds `which` of the packets to viewers back, so that later ones pass them, and drops as
    many of the others."""

    HOLD, RETURN = 'hold0', 'hold1'  # a wire that they go out by, and come back

    def __init__(self, lab, which, seconds):
        super().__init__(lab, [f'{TO_VIEWERS} counter', f'{TO_VIEWERS} {which} counter drop',
                               f'{TO_VIEWERS} {which} counter fwd to "{self.HOLD}"'])
        self.seconds = seconds
        self.ending = False

    def __enter__(self):
        lab = self.lab
        mac = json.loads(lab.ip(lab.lan, '-j', 'link', 'show', lab.lan_link))[0]['address']
        lab.ip(lab.lan, 'link', 'add', self.HOLD, 'address', mac, 'type', 'veth', 'peer', 'name',
               self.RETURN)
        for link in (self.HOLD, self.RETURN):
            lab.ip(lab.lan, 'link', 'set', link, 'up')
        for name in ('all', self.HOLD):
            lab.execute(lab.lan, 'sysctl', '-qw', f'net.ipv4.conf.{name}.rp_filter=0')
        with inside(lab.lan):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
            self.socket.bind((self.RETURN, 0))
        self.socket.settimeout(0.002)
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()
        return super().__enter__()

    def carry(self):
        waiting = []
        while not self.ending or waiting:
            with contextlib.suppress(TimeoutError):
                frame, address = self.socket.recvfrom(65536)
                if address[2] != socket.PACKET_OUTGOING:
                    waiting.append((time.monotonic() + self.seconds, frame))
            while waiting and waiting[0][0] <= time.monotonic():
                self.socket.send(waiting.pop(0)[1])

    def __exit__(self, *_):
        super().__exit__()
        time.sleep(0.05)
        self.ending = True
        self.thread.join()
        self.socket.close()
        self.lab.ip(self.lab.lan, 'link', 'del', self.HOLD)
