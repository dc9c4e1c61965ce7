#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The work of scripts/demo, which checks the options and builds before it comes here."""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

from lab import Browser, Camera, Failure, Gateway, Lab, LabError, program, session_file
from verdict import describe, judge, unknown

FPS = 30  # the camera's
STATUS_SECONDS = 10
CLEAR = '\033[H\033[2J'


class Stopped(Exception):
    """Ctrl-C, or another wish that this ends."""


def parse():
    p = argparse.ArgumentParser()
    for flag in ('--host', '--check', '--json'):
        p.add_argument(flag, action='store_true')
    p.add_argument('--seconds', type=int, default=10)
    p.add_argument('--viewers', type=int, default=1)
    p.add_argument('--transport', default='automatic')
    p.add_argument('--profile')
    p.add_argument('--screenshot')
    return p.parse_args()


def say(text):
    print(f'demo: {text}', file=sys.stderr, flush=True)


def catch_signals():
    def stop(number, _):
        raise Stopped(signal.Signals(number).name)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def ignore_signals():
    """While tidying up, which is bounded in time."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def start(lab, options):
    lab.wire(host=options.host)
    if options.host and not lab.default_route():
        say('this namespace has no default route; the demo lends it one while it runs')
        lab.ip(None, 'route', 'add', 'default', 'via', lab.gw_address, 'metric', '4294967295')
    camera = Camera(lab, '--json')
    keys = {'srtpProfiles': [options.profile]} if options.profile else {}
    gateway = Gateway(lab, session_file(
        lab, {'cam1': {'source': camera.url(), 'rtspTransport': options.transport}}, **keys))
    gateway.start()
    gateway.await_streams(2, 20)
    return camera, gateway


def transport_of(gateway):
    inputs = {s['input'] for s in gateway.cli('streams')['streams'] if s['receiving']}
    return inputs.pop() if len(inputs) == 1 else None


def check(lab, gateway, options):
    extra = ['--screenshot', os.path.abspath(options.screenshot)] if options.screenshot else []
    say(f'{options.viewers} viewer{"s play" if options.viewers > 1 else " plays"} '
        f'in headless Chromium for {options.seconds} s')
    browser = Browser(lab, gateway.url('cam1'), options.viewers, options.seconds, *extra)
    until = time.monotonic() + options.seconds + 45
    while browser.process.running() and time.monotonic() < until:
        browser.process.wait(5)
        totals = gateway.cli('status')['totals']
        if browser.process.running():
            say(f'{totals["viewers"]} viewing, {totals["rxPackets"]} packets in, '
                f'{totals["txPackets"]} out, {totals["drops"]} dropped')
    return judge(browser.result()['viewers'], gateway.figures(), transport_of(gateway), FPS)


def page(lab, gateway, options):
    where = '' if options.host else f'   (in the namespace {lab.lan})'
    lines = [f'The player page: {gateway.url("cam1")}{where}']
    if not options.host:
        lines.append('For a browser of your own: scripts/demo --host')
    lines += [f'Telemetry:       {program("millrace")} -s '
              f'{gateway.session["dataplane"]["statsSocket"]} streams', 'Ctrl-C ends it.']
    return '\n' + ''.join(f'  {line}\n' for line in lines)


def live(lab, gateway, options):
    """A live status on a terminal, else a line now and then; until it is told to end."""
    top = page(lab, gateway, options)
    print(top, flush=True)
    command = [program('millrace'), '-s', gateway.session['dataplane']['statsSocket'], 'status']
    colours = dict(os.environ, CLICOLOR_FORCE='1')  # it writes to us, and we to a terminal
    while True:
        for process in lab.processes:
            if not process.running():
                raise Failure(f'{process.name} has ended', process)
        if sys.stdout.isatty():
            # it looks twice, a second apart
            shown = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, check=False,
                                   env=colours).stdout
            print(f'{CLEAR}{top}\n{shown}', flush=True)
            time.sleep(1)
            continue
        totals = gateway.cli('status')['totals']
        print(f'{totals["viewers"]} viewing, {totals["rxPackets"]} packets in, '
              f'{totals["txPackets"]} out, {totals["drops"]} dropped', flush=True)
        time.sleep(STATUS_SECONDS)


def run(lab, options):
    """What is to be printed as the verdict, and whether all is well."""
    camera, gateway = start(lab, options)
    say(f'the camera plays, pulled over {transport_of(gateway)}')
    if not options.check:
        live(lab, gateway, options)
    return check(lab, gateway, options)


def main():
    options = parse()
    catch_signals()
    verdict, status = None, 1
    lab = None
    try:
        lab = Lab('demo')
        verdict = run(lab, options)
        status = 0 if verdict['ok'] else 1
    except Stopped as e:
        status = 130 if options.check else 0
        verdict = unknown(f'stopped by {e}')
    except (Failure, LabError) as e:
        verdict = unknown(str(e))
        say(e)
        if isinstance(e, Failure):
            print(e.tails(), file=sys.stderr)
    finally:
        ignore_signals()
        if lab is not None:
            lab.close()
    if options.check:
        print(describe(verdict), file=sys.stderr if options.json else sys.stdout, flush=True)
        if options.json:
            print(json.dumps(verdict), flush=True)
    elif status == 0:
        say('ended, nothing is left behind')
    return status


if __name__ == '__main__':
    sys.exit(main())
