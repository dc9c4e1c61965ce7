# SPDX-License-Identifier: BSD-3-Clause
"""scripts/demo --host, in a network namespace that stands for the one it is called in."""
import fcntl
import os
import pty
import re
import subprocess
import sys
import termios
import threading
import time

from cases import Group, case, check, group
from lab import TOP, request, view

COLOUR = r'\x1b\[[0-9;]*m'


class Terminal:
    """A program on a terminal of its own; what it writes there is kept."""

    def __init__(self, args):
        self.master, slave = pty.openpty()
        self.child = subprocess.Popen(
            args, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=dict(os.environ, TERM='xterm'),
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.text = ''
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            while data := os.read(self.master, 65536):
                self.text += data.decode(errors='replace')
        except OSError:
            pass  # nobody writes to it any more

    def await_text(self, pattern, seconds):
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            check(self.child.poll() is None and time.monotonic() < until,
                  f'no {pattern!r} in {self.text[-800:]!r}')
            time.sleep(0.05)
        return found

    def press(self, keys):
        os.write(self.master, keys)

    def end(self):
        """Whatever happened before."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.thread.join(5)
        os.close(self.master)


@group('demo --host')
class Host(Group):
    def setup(self):
        self.lab.lan = self.lab.namespace('host')
        self.lab.lan_link = None

    def state(self):
        return [re.sub(r' (valid|preferred)_lft .*', '', self.lab.ip(self.lab.lan, *what))
                for what in (('address',), ('route',), ('-6', 'route'), ('rule',))]

    @case('the page and viewers of that namespace play; Ctrl-C leaves it as it was')
    def plays(self):
        before = self.state()
        demo = Terminal(['nsenter', f'--net=/run/netns/{self.lab.lan}', sys.executable,
                         os.path.join(TOP, 'tests', 'lib', 'demo.py'), '--host'])
        try:
            page = demo.await_text(r'The player page: (http://\S+)', 60)[1]
            status, _, body = request(self.lab, 'GET', page)
            check(status == 200 and 'RTCPeerConnection' in body, f'the page: {status}')
            viewers = view(self.lab, page + 'whep', seconds=3, viewers=2)['viewers']
            for v in viewers:
                check(v['connected'] and v['packetsReceived'] > 100 and v['packetsLost'] == 0,
                      f'{v["packetsReceived"]} packets, {v["packetsLost"]} lost, {v["error"]}')
            demo.await_text(r'millrace-dataplane [\s\S]*cam1', 10)
            check(re.search(COLOUR, demo.text), 'a status without colours')
            demo.press(b'\x03')
            demo.await_text('nothing is left behind', 20)
            check(demo.child.wait(5) == 0, f'status {demo.child.returncode}')
        finally:
            demo.end()
        after = self.state()
        check(after == before, f'before: {before}, after: {after}')
        left = [n for n in os.listdir('/run/netns') if n.startswith(f'mr-demo-{demo.child.pid}')]
        check(not left, f'left behind: {left}')
