# SPDX-License-Identifier: BSD-3-Clause
"""What a server takes of its CPUs, by what it leaves: millrace-bench soak counts loops there.

The loops done while the server and its camera are stopped are what the CPUs have to give; what is
missing from them while both run, the server takes. Nobody's accounts are needed for it.
"""
import collections
import contextlib
import signal
import statistics
import struct
import time

from lab import Failure, program

ALONE = 0.7     # seconds of a round without the server
SETTLE = 0.6    # after the server goes on
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


def loops_per_second(before, after, seconds):
    return [(a.loops - b.loops) / seconds for b, a in zip(before, after)]


def interrupted(before, after, seconds):
    """Seconds per second in interrupted loops, of all CPUs."""
    return sum(a.away_ns - b.away_ns for b, a in zip(before, after)) / 1e9 / seconds


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
    """Alternating: the CPUs alone, then the server. `packets()` tells the viewers' packets.

    Gives what the server takes: CPUs, and microseconds per packet. For each round the CPUs alone
    are those before and after it.
    """
    alone, beside = [], []
    for i in range(number + 1):
        with stopped([camera, *server]):
            time.sleep(BEGIN)
            first, start = soaker.counts(), time.monotonic()
            time.sleep(ALONE)
            took = time.monotonic() - start
            last = soaker.counts()
        alone.append((loops_per_second(first, last, took), interrupted(first, last, took)))
        time.sleep(SETTLE)
        if i == number:
            break
        received, first, start = packets(), soaker.counts(), time.monotonic()
        time.sleep(seconds / number)
        took = time.monotonic() - start
        last = soaker.counts()
        received = packets() - received
        beside.append((loops_per_second(first, last, took), interrupted(first, last, took),
                       received, took))
    cores, gaps, micros = [], [], []
    for (was, was_away), (rate, away, received, took), (then, then_away) in zip(
            alone, beside, alone[1:]):
        cores.append(sum(1 - 2 * r / (a + b) for a, r, b in zip(was, rate, then)))
        gaps.append(away - (was_away + then_away) / 2)
        micros.append(1e6 * cores[-1] * took / max(1, received))
    return {'soakCores': round(statistics.median(cores), 4),
            'soakInterruptedCores': round(statistics.median(gaps), 4),
            'soakMicrosPerPacket': round(statistics.median(micros), 3),
            'soakMicrosOfRounds': [round(m, 3) for m in micros]}
