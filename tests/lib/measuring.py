# SPDX-License-Identifier: BSD-3-Clause
"""What the programs behind scripts/bench have in common: words, a laboratory, an end."""
import argparse
import contextlib
import json
import os
import re
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


class Parser(argparse.ArgumentParser):
    """Of the options of a measurement. With MILLRACE_BENCH_OPTIONS they are all that is looked
    at: scripts/bench asks before it installs and builds what the measurement needs."""

    def __init__(self, judge, **keys):
        super().__init__(**keys)
        self.judge = judge

    def parse_args(self, args=None, namespace=None):
        options = super().parse_args(args, namespace)
        wrong = self.judge(options)
        if wrong:
            self.error(wrong)
        if 'MILLRACE_BENCH_OPTIONS' in os.environ:
            self.exit()
        return options


def parser(name, description, judge=lambda options: None):
    """Of scripts/bench NAME. `judge` says what is wrong with options that are right alone."""
    p = Parser(judge, prog=f'scripts/bench {name}', description=description,
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


def rate(text):
    """The type of an option that is a rate as tc spells it: 10mbit."""
    if not re.fullmatch(r'(?=[0-9.]*[1-9])[0-9]+([.][0-9]+)?([kmgt]i?)?(bit|bps)', text, re.IGNORECASE):
        raise argparse.ArgumentTypeError(f'{text} is no rate such as 10mbit')
    return text


def bit_rate(text):
    """The type of an option that is a rate as millrace-camera spells it: 2500k."""
    if not re.fullmatch(r'[1-9][0-9]{0,8}[kM]?', text):
        raise argparse.ArgumentTypeError(f'{text} is no rate such as 2500k or 2M')
    return text


def rate_bits(text):
    """Of either spelling, bits per second."""
    number, unit, of = re.fullmatch(r'([0-9.]+)([kmgt]?i?)(bit|bps)?', text, re.IGNORECASE).groups()
    base = 1024 if unit.endswith(('i', 'I')) else 1000
    return round(float(number) * base ** ' kmgt'.index(unit[:1].lower() or ' ') *
                 (8 if (of or '').lower() == 'bps' else 1))


def picture_size(text):
    """The type of an option that is a picture's size: 1280x720."""
    if not re.fullmatch(r'[1-9][0-9]{1,3}x[1-9][0-9]{1,3}', text):
        raise argparse.ArgumentTypeError(f'{text} is no size such as 1280x720')
    return text


def between(least, most):
    """The type of an option that is a number."""
    def number(text):
        try:
            value = float(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f'{text} is no number from {least} to {most}')
        return value
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
