# SPDX-License-Identifier: BSD-3-Clause
"""Runs groups of cases, each group in a laboratory of its own, and prints TAP.

	@group('refusals')
	class Refusals(Group):
		def setup(self): ...            # self.lab is there, nothing is wired yet
		@case('a wrong fingerprint')
		def wrong_fingerprint(self): ...

A case fails by an exception; what it returns is printed beside its name. What a
group's processes logged is shown when one fails.
"""
import os
import re
import signal
import sys
import time
import traceback

from lab import Failure, Lab

GROUPS = []
CASE_SECONDS = 120
END = 'all processes end when they are asked'  # the last case of each group


class Skip(Exception):
    """Why a case cannot run here."""


class TimeUp(Exception):
    pass


class Group:
    lab = None

    def setup(self):
        pass


def group(name):
    def add(cls):
        cls.name = name
        GROUPS.append(cls)
        return cls
    return add


def case(name):
    def mark(function):
        function.case = name
        return function
    return mark


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def cases_of(cls):
    return [f for f in vars(cls).values() if hasattr(f, 'case')]


def bounded(function):
    def alarm(*_):
        raise TimeUp(f'not done after {CASE_SECONDS} s')
    signal.signal(signal.SIGALRM, alarm)
    signal.alarm(CASE_SECONDS)
    try:
        return function()
    finally:
        signal.alarm(0)


def explain(error, lab):
    lines = [f'{type(error).__name__}: {error}' if not isinstance(error, (AssertionError, Failure))
             else str(error)]
    if not isinstance(error, (AssertionError, Failure, TimeUp)):
        lines += traceback.format_exc().rstrip().splitlines()[-7:]
    shown = error.processes if isinstance(error, Failure) else ()
    for process in dict.fromkeys([*shown, *(lab.processes if lab else [])]):
        if process in shown or process.output():
            lines += process.tail(20 if process in shown else 6).splitlines()
    return '\n'.join(f'# {line}' for line in lines)


def busy():
    """Load by others: twice as many want to run as there are CPUs."""
    return os.getloadavg()[0] > 2 * len(os.sched_getaffinity(0))


def outcome(function, lab, clear=None):
    """The end of the TAP line, and what explains it. On a busy machine, where a browser
    may not get the time to decode, what failed has a second try, and says so; `clear`
    takes away what the first one left."""
    start = time.monotonic()
    second = ''
    while True:
        try:
            detail = bounded(function)
        except Skip as e:
            return True, f' # SKIP {e}', ''
        except Exception as e:  # whatever it is, the other cases still run
            if busy() and not second:
                reason = str(e).splitlines()[0] if str(e) else type(e).__name__
                second = f', second try at load {os.getloadavg()[0]:.0f} after: {reason}'
                if clear:
                    clear()
                continue
            return False, f' ({time.monotonic() - start:.1f} s{second})', explain(e, lab)
        said = f': {detail}' if detail else ''
        return True, f'{said} ({time.monotonic() - start:.1f} s{second})', ''


def ends_cleanly(lab):
    problems = lab.finish()
    if problems:
        raise Failure('; '.join(text for _, text in problems), *(p for p, _ in problems))


def run_group(cls, wanted, number, what):
    """Gives how many failed."""
    failed = 0
    with Lab(what) as lab:
        instance = cls()
        instance.lab = lab
        ready, end, why = outcome(instance.setup, lab, lab.renew)
        for function in wanted:
            number += 1
            name = f'{cls.name}: {function.case}'
            if ready and 'SKIP' not in end:
                good, tail, text = outcome(lambda f=function: f(instance), lab)
            else:
                good, tail, text = ready, end, why
            print(f'{"ok" if good else "not ok"} {number} - {name}{tail}', flush=True)
            if text:
                print(text, flush=True)
            failed += not good
        good, tail, text = outcome(lambda: ends_cleanly(lab), lab)
        print(f'{"ok" if good else "not ok"} {number + 1} - {cls.name}: {END}{tail}', flush=True)
        if text:
            print(text, flush=True)
        failed += not good
    return failed


def main(what):
    """Runs all cases, or those whose name matches one of the arguments."""
    def stop(signal_number, _):
        raise SystemExit(128 + signal_number)
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, stop)
    options = {a for a in sys.argv[1:] if a.startswith('-')}
    if options - {'--list'}:
        print(sys.modules['__main__'].__doc__.strip())
        return 0 if options <= {'--list', '--help', '-h'} else 2
    patterns = [a for a in sys.argv[1:] if a not in options]
    chosen = []
    for cls in GROUPS:
        wanted = [f for f in cases_of(cls) if not patterns or any(
            re.search(p, f'{cls.name}: {f.case}') for p in patterns)]
        if wanted:
            chosen.append((cls, wanted))
    if '--list' in options:
        for cls, wanted in chosen:
            for f in wanted:
                print(f'{cls.name}: {f.case}')
        return 0
    total = sum(len(wanted) + 1 for _, wanted in chosen)
    if os.geteuid() != 0:
        print('1..0 # SKIP needs root for network namespaces')
        return 0
    print(f'1..{total}', flush=True)
    number = failed = 0
    for cls, wanted in chosen:
        failed += run_group(cls, wanted, number, what)
        number += len(wanted) + 1
    return 1 if failed else 0
