# SPDX-License-Identifier: BSD-3-Clause
"""What the programs behind scripts/bench have in common: words, a laboratory, an end."""
import argparse
import contextlib
import json
import signal
import subprocess
import sys

from lab import Failure, Lab, LabError, program


def say(text):
    print(f'bench: {text}', file=sys.stderr, flush=True)


@contextlib.contextmanager
def laboratory(what):
    """A Lab. What failed in it shows its logs while there are any."""
    with Lab(what) as lab:
        try:
            yield lab
        except Failure as e:
            print(e.tails(), file=sys.stderr)
            raise


def report(result, text, as_json):
    """The table for people and, where it is wanted, the object for programs."""
    print(text, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(result))


class Defaults(argparse.HelpFormatter):
    """Says the defaults of options that have one."""
    def _get_help_string(self, action):
        has = action.default and action.default is not argparse.SUPPRESS
        return action.help + (' (default %(default)s)' if has else '')


def parser(name, description):
    """Of scripts/bench NAME."""
    p = argparse.ArgumentParser(prog=f'scripts/bench {name}', description=description,
                                formatter_class=Defaults)
    p.add_argument('--json', action='store_true', help='one object on the last line')
    return p


def within(least, most):
    """The type of an option that is a whole number."""
    def number(text):
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f'{text} is no number from {least} to {most}')
        return int(text)
    return number


def wants_help(args):
    return '--help' in args or '-h' in args


def millrace_bench(*args, namespace=None):
    """Runs it; its exit status."""
    enter = ['ip', 'netns', 'exec', namespace] if namespace else []
    return subprocess.run([*enter, program('millrace-bench'), *args], check=False).returncode


def run(work):
    """The whole of a program: its exit status. Signals end it like exceptions, tidily."""
    def stop(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        return work() or 0
    except (Failure, LabError) as e:
        say(e)
        return 1
