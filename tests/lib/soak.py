# SPDX-License-Identifier: BSD-3-Clause
"""What a server takes of its CPUs, by what it leaves: millrace-bench soak runs in the scheduler's
idle class on each of them, counts loops and how long it was interrupted.

The same is counted while the server and its camera are stopped: that the machine takes for itself.
Nobody's accounts are needed for the difference.
"""
import collections
import contextlib
import signal
import statistics
import struct
import time

from lab import Failure, program

ALONE = 0.5     # seconds of a round without the server
SETTLE = 0.5    # after the server goes on
BEGIN = 0.05    # what was under way when it was stopped

Counts = collections.namedtuple('Counts', 'loops away_ns now_ns')


class Soaker:
    """One process on each CPU, with the scheduler's idle class."""

    def __init__(self, lab, cpus):
        self.files = [lab.path(f'soak{cpu}') for cpu in cpus]
        self.processes = [lab.start(f'soak{cpu}', [program('millrace-bench'), 'soak', '--cpu', cpu,
                                                   '--file', file])
                          for cpu, file in zip(cpus, self.files)]
        until = time.monotonic() + 20
        while not all(c.loops for c in self.counts()):
            if time.monotonic() > until or not all(p.running() for p in self.processes):
                raise Failure('millrace-bench soak does not start', *self.processes)
            time.sleep(0.05)

    def counts(self):
        counts = []
        for file in self.files:
            try:
                with open(file, 'rb') as f:
                    counts.append(Counts(*struct.unpack('3Q', f.read(24))))
            except (OSError, struct.error):
                counts.append(Counts(0, 0, 0))  # not there yet
        return counts

    def end(self):
        for process in self.processes:
            process.signal(signal.SIGTERM)
            process.wait(10)


class Window:
    """What the soakers did meanwhile."""

    def __init__(self, soaker, seconds):
        before, start = soaker.counts(), time.monotonic_ns()
        time.sleep(seconds)
        after, end = soaker.counts(), time.monotonic_ns()
        self.seconds = (end - start) / 1e9
        self.loops = [(a.loops - b.loops) / self.seconds for b, a in zip(before, after)]
        # an interruption that has not ended is not counted yet
        self.away = sum(a.away_ns - b.away_ns + max(0, end - a.now_ns) - max(0, start - b.now_ns)
                        for b, a in zip(before, after)) / 1e9 / self.seconds
        self.packets = 0

    def micros(self, cores):
        return 1e6 * cores * self.seconds / max(1, self.packets)


def quartile(values):
    """The lower one: what else runs on the machine only adds."""
    return statistics.quantiles(values, n=4, method='inclusive')[0] if values[1:] else values[0]


@contextlib.contextmanager
def stopped(processes):
    for process in processes:
        process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.signal(signal.SIGCONT)


def rounds(soaker, camera, server, packets, seconds, number):
    """Alternating: the CPUs without the server, then with it. `packets()` tells the viewers'.

    Gives what the server takes, CPUs and microseconds per packet: the time in which the loops
    were interrupted, less that of the CPUs alone. Beside it, per packet and round, the loops that
    are missing from those before and after: the same, but for what else changes their pace.
    """
    alone, beside = [], []
    for i in range(number + 1):
        with stopped([camera, *server]):
            time.sleep(BEGIN)
            alone.append(Window(soaker, ALONE))
        time.sleep(SETTLE)
        if i < number:
            received = packets()
            beside.append(Window(soaker, seconds / number))
            beside[-1].packets = packets() - received
    machine = quartile([w.away for w in alone])
    lost = [sum(1 - 2 * r / max(1, a + b) for a, r, b in zip(was.loops, w.loops, then.loops))
            for was, w, then in zip(alone, beside, alone[1:])]
    return {
        'soakCores': round(quartile([w.away for w in beside]) - machine, 4),
        'soakMicrosPerPacket': round(quartile([w.micros(w.away - machine) for w in beside]), 3),
        'soakMicrosOfRounds': [round(w.micros(w.away - machine), 2) for w in beside],
        'soakMachineCores': [round(w.away, 4) for w in alone],
        'soakLoopsMicrosOfRounds': [round(w.micros(n), 2) for w, n in zip(beside, lost)],
    }
