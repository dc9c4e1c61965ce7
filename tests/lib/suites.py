#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The work of scripts/test: builds, runs suites, counts."""
import json
import os
import re
import signal
import subprocess
import sys
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
BUILD = os.path.join(TOP, 'build')
ASAN = os.path.join(TOP, 'build-asan')
TSAN = os.path.join(TOP, 'build-tsan')
PERF = os.path.join(TOP, 'build-perf')
JOBS = str(len(os.sched_getaffinity(0)))
SANITIZER_ENV = {
    'ASAN_OPTIONS': 'detect_leaks=1:abort_on_error=0:halt_on_error=1:disable_coredump=1',
    'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1',
    # GLib's and GStreamer's own once-per-process memory is no leak of ours
    'LSAN_OPTIONS': f'suppressions={os.path.join(TOP, "tests", "lib", "lsan.supp")}:print_suppressions=0',
    'G_SLICE': 'always-malloc',
}
TSAN_ENV = {
    'TSAN_OPTIONS': f'suppressions={os.path.join(TOP, "tests", "lib", "tsan.supp")}:halt_on_error=1',
    'G_SLICE': 'always-malloc',
}


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'


class BuildError(Exception):
    pass


def say(text):
    print(text, flush=True)


def command(args, what):
    done = subprocess.run(['nice', *args], cwd=TOP, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        say('\n'.join(done.stdout.splitlines()[-40:]))
        raise BuildError(what)


def set_up(directory, *options):
    if not os.path.exists(os.path.join(directory, 'build.ninja')):
        command(['meson', 'setup', directory, *options], f'meson setup {directory} failed')


def build(directory, *options, targets=()):
    """Builds (all, unless targets are named) once per run of this program."""
    if directory in build.done:
        return
    start = time.monotonic()
    set_up(directory, *options)
    command(['ninja', '-C', directory, '-j', JOBS, *targets], f'the build in {directory} failed')
    build.done.add(directory)
    say(f'built {os.path.basename(directory)} ({time.monotonic() - start:.0f} s)')


build.done = set()


def programs_of(directory, suite):
    """What has to be built for the tests of a suite, relative to the build directory."""
    def introspect(what):
        return json.loads(subprocess.run(['meson', 'introspect', what, directory], check=True,
                                         stdout=subprocess.PIPE, cwd=TOP).stdout)
    files = {target['id']: target['filename'] for target in introspect('--targets')}
    programs = []
    for test in introspect('--tests'):
        if any(s.split(':')[-1] == suite for s in test['suite']):
            programs.append(test['cmd'][0])
            programs += [file for target in test['depends'] for file in files[target]]
    return sorted({os.path.relpath(program, directory) for program in programs})


def tap_problems(text):
    """The lines of TAP that say what failed or why it was skipped, with what belongs to them."""
    lines, wanted = [], False
    for line in text.splitlines():
        if re.match(r'\s*(not )?ok\b', line):
            wanted = line.lstrip().startswith('not ok') or re.search(r'#\s*skip', line, re.I)
        if wanted:
            lines.append(line)
    return lines


def skip_reason(test):
    """What a skipped test printed last."""
    for key in ('stdout', 'stderr'):
        lines = [l for l in (test.get(key) or '').splitlines() if l.strip()]
        if lines:
            return lines[-1].strip()
    return 'no reason given'


def report(text):
    """What a sanitizer found, or what was asserted: where that begins, and a stack's worth of it."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if re.search(r'Sanitizer|runtime error:|Tracer caught|^\S*: error: Failure!|\[  ERROR', line):
            return lines[i:i + 20] + ['...']
    return []


def how_ended(code):
    try:
        return f'exit code {code}' if code >= 0 else f'killed by {signal.Signals(-code).name}'
    except ValueError:
        return f'killed by signal {-code}'


def leak_checker_died(text):
    """Its tracer crashes now and then when a thread ends meanwhile (google/sanitizers
    issue 1353); what the test itself found is printed before that."""
    return 'LeakSanitizer has encountered a fatal error' in text and 'ERROR: ' not in text


def run_again(test, directory, env):
    """Once more, for a verdict about leaks. Returns the test's new result and output."""
    try:
        done = subprocess.run(['nice', *test['command']], cwd=directory, text=True, timeout=600,
                              env=dict(os.environ, **(env or {})), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
    except subprocess.TimeoutExpired:
        return {'result': 'TIMEOUT', 'returncode': 0, 'stdout': '', 'stderr': ''}
    return {'result': 'OK' if done.returncode == 0 else 'FAIL', 'returncode': done.returncode,
            'stdout': done.stdout, 'stderr': done.stderr}


def meson_suite(directory, suites, env=None, multiplier='1'):
    """Runs suites that Meson knows; every line of its log is one test."""
    log = os.path.join(directory, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.remove(log)
    args = ['nice', 'meson', 'test', '-C', directory, '--no-rebuild', '--timeout-multiplier', multiplier]
    for suite in suites:
        args += ['--suite', suite]
    done = subprocess.run(args, cwd=TOP, env=dict(os.environ, **(env or {})), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    count = Count()
    if not os.path.exists(log):
        if 'No suitable tests' in done.stdout or 'No tests' in done.stdout:
            return count
        say('\n'.join(done.stdout.splitlines()[-20:]))
        count.failed = 1
        return count
    with open(log, encoding='utf-8') as f:
        for test in map(json.loads, f):
            name = test['name'].split(' / ')[-1].split(':')[-1]
            seconds = f'{test["duration"]:.1f} s'
            if test['result'] == 'FAIL' and leak_checker_died(test.get('stderr') or ''):
                say(f'  again {name}: the leak checker itself crashed')
                test.update(run_again(test, directory, env))
            result = test['result']
            if result in ('OK', 'EXPECTEDFAIL'):
                count.passed += 1
                say(f'  pass  {name} ({seconds})')
                continue
            if result == 'SKIP':
                count.skipped += 1
                say(f'  skip  {name}: {skip_reason(test)}')
                continue
            count.failed += 1
            say(f'  FAIL  {name}: {result} ({seconds}), {how_ended(test["returncode"])}')
            text = '\n'.join(filter(None, [test.get('stdout'), test.get('stderr')]))
            shown = tap_problems(text) if re.search(r'^1\.\.\d', text, re.M) else []
            for line in report(text) + (shown or text.splitlines())[-60:]:
                say(f'        {line}')
            err = (test.get('stderr') or '').splitlines()
            for line in err[-25:] if shown else []:
                say(f'        {line}')
    return count


def tap_suite(args, env=None):
    """Runs a program that prints TAP and shows its lines while it works."""
    count = Count()
    child = subprocess.Popen(args, cwd=TOP, env=dict(os.environ, **(env or {})), text=True,
                             stdout=subprocess.PIPE)
    planned = None
    for line in child.stdout:
        plan = re.match(r'1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?', line, re.I)
        found = re.match(r'(not )?ok\b[ \d]*-? ?(.*)', line)
        if plan:
            planned = int(plan[1])
            if planned == 0 and plan[2] is not None:
                count.skipped += 1
                say(f'  skip  all: {plan[2].strip() or "no reason given"}')
        elif found and re.search(r'#\s*skip', found[2], re.I):
            count.skipped += 1
            say(f'  skip  {found[2]}')
        elif found:
            count.failed += bool(found[1])
            count.passed += not found[1]
            say(f'  {"FAIL" if found[1] else "pass"}  {found[2]}')
        else:
            say(f'        {line.rstrip()}')
    status = child.wait()
    missing = (planned or 0) - count.passed - count.failed - count.skipped
    if missing > 0 or (status != 0 and count.failed == 0):
        say(f'  FAIL  ended with status {status}, {max(missing, 0)} tests not run')
        count.failed += max(missing, 1)
    return count


def run_unit():
    build(BUILD)
    return meson_suite(BUILD, ['unit'], {'MILLRACE_NONCE_PACKETS': '10000000'})


def run_vectors():
    build(BUILD)
    return meson_suite(BUILD, ['vectors'])


def run_pipeline():
    build(BUILD)
    return meson_suite(BUILD, ['pipeline'])


def run_e2e():
    build(BUILD)
    return tap_suite([sys.executable, os.path.join('tests', 'e2e', 'run.py')],
                     {'MILLRACE_BUILD': BUILD})


def run_sanitizers():
    build(ASAN, '-Db_sanitize=address,undefined', '-Db_lundef=false', '-Doptimization=1')
    count = meson_suite(ASAN, ['unit', 'vectors', 'pipeline'], SANITIZER_ENV, multiplier='4')
    # The data plane's own two-thread tests are always built with ThreadSanitizer.
    set_up(TSAN, '-Db_sanitize=thread', '-Db_lundef=false', '-Doptimization=1')
    build(TSAN, targets=programs_of(TSAN, 'controlplane'))
    count.add(meson_suite(TSAN, ['controlplane'], TSAN_ENV, multiplier='4'))
    return count


def run_perf():
    # What x86-64-v3 has, beside what DPDK asks for (its -march comes last and wins).
    build(PERF, '-Dbuildtype=release', '-Dtests=false',
          '-Dc_args=-mavx2 -mbmi -mbmi2 -mlzcnt -mmovbe -mfma',
          targets=['apps/bench/millrace-bench'])
    count = Count()
    for program in ('instructions.py', 'memory.py'):
        count.add(tap_suite([sys.executable, os.path.join('tests', 'perf', program)],
                            {'MILLRACE_BUILD': PERF}))
    return count


def run_check():
    """Each check counts as one; scripts/check has a line for it and closes with the sums."""
    build(BUILD)  # clang-tidy reads how files are compiled
    count = Count()
    child = subprocess.Popen(['nice', os.path.join('scripts', 'check')], cwd=TOP, text=True,
                             stdout=subprocess.PIPE)
    for line in child.stdout:
        sums = re.match(r'(\d+) passed, (\d+) failed, (\d+) skipped$', line)
        if sums:
            count.passed, count.failed, count.skipped = map(int, sums.groups())
        else:
            say(line.rstrip())
    status = child.wait()
    if status != 0 and count.failed == 0:
        say(f'  FAIL  scripts/check ended with status {status}')
        count.failed = 1
    return count


SUITES = {'unit': run_unit, 'vectors': run_vectors, 'pipeline': run_pipeline, 'e2e': run_e2e,
          'sanitizers': run_sanitizers, 'perf': run_perf, 'check': run_check}


def main():
    def stop(number, _):
        sys.exit(f'stopped by {signal.Signals(number).name}')
    signal.signal(signal.SIGTERM, stop)
    total = Count()
    closing = []
    for name in sys.argv[1:] or SUITES:
        say(f'{name}:')
        start = time.monotonic()
        try:
            count = SUITES[name]()
        except BuildError as e:
            say(f'  FAIL  {e}')
            count = Count()
            count.failed = 1
        except KeyboardInterrupt:
            sys.exit(130)
        closing.append(f'{name}: {count} ({time.monotonic() - start:.0f} s)')
        say(closing[-1])
        total.add(count)
    say('')
    for line in closing if len(closing) > 1 else []:
        say(line)
    say(str(total))
    return 1 if total.failed else 0


if __name__ == '__main__':
    sys.exit(main())
