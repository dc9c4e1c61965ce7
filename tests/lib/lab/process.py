# SPDX-License-Identifier: BSD-3-Clause
"""One process of a run: started in a namespace, its output kept in a file, ended by its pid."""
import os
import re
import signal
import subprocess
import time


class Failure(Exception):
    """What failed, and the ends of the logs that may say why."""

    def __init__(self, text, *processes):
        super().__init__(text)
        self.processes = processes

    def tails(self, lines=15):
        return '\n'.join(p.tail(lines) for p in self.processes)


class Process:
    """Its standard error, and its standard output unless that is wanted by pipe, go to a file.

    It gets SIGTERM should this program end without having ended it.
    """

    def __init__(self, name, args, log, namespace=None, env=None, pipe=False):
        self.name = name
        self.log = log
        enter = ['ip', 'netns', 'exec', namespace] if namespace else []
        with open(log, 'ab') as out:
            self.child = subprocess.Popen(
                ['setpriv', '--pdeathsig', 'TERM', *enter, *map(str, args)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if pipe else out, stderr=out,
                env=dict(os.environ, **(env or {})), start_new_session=True)
        self.pid = self.child.pid

    def running(self):
        return self.child.poll() is None

    def output(self):
        with open(self.log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def tail(self, lines=15):
        text = [line[:300] for line in self.output().rstrip().splitlines()[-lines:]]
        state = 'running' if self.running() else f'ended with status {self.child.returncode}'
        return '\n'.join([f'--- {self.name} ({state}), the end of its log:', *text])

    def await_line(self, pattern, seconds):
        """Waits until the log has a line that matches."""
        until = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.output(), re.M)
            if found:
                return found
            if not self.running():
                raise Failure(f'{self.name} ended with status {self.child.returncode}', self)
            if time.monotonic() > until:
                raise Failure(f'{self.name} is not ready after {seconds} s', self)
            time.sleep(0.02)

    def wait(self, seconds):
        """Its exit status; None when it still runs."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def read_all(self, seconds):
        """Its standard output, if that was to be piped, once it has ended."""
        try:
            return self.child.communicate(timeout=seconds)[0].decode(errors='replace')
        except subprocess.TimeoutExpired:
            raise Failure(f'{self.name} did not end within {seconds} s', self) from None

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def stop(self, seconds=5):
        """SIGTERM, and SIGKILL when that is not heard. True: it ended when asked."""
        self.signal(signal.SIGTERM)
        heard = self.wait(seconds) is not None
        if not heard:
            self.kill()
        if self.child.stdout:
            self.child.stdout.close()
        return heard

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait()
