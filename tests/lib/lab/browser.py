# SPDX-License-Identifier: BSD-3-Clause
"""Headless Chromium in the clients' namespace, driven by tests/e2e/play.mjs."""
import json
import os

from .process import Failure

SCRIPT = os.path.join(os.path.dirname(__file__), '..', '..', 'e2e', 'play.mjs')


def private_places(lab):
    """Where a browser, its sound and its settings keep files: in the lab, gone with it. Of
    short names, because sockets are among them."""
    home = lab.path(f'b{len(lab.processes)}')
    places = {'HOME': home, **{name: os.path.join(home, place) for name, place in (
        ('TMPDIR', 'tmp'), ('XDG_CONFIG_HOME', 'config'), ('XDG_CACHE_HOME', 'cache'),
        ('XDG_DATA_HOME', 'data'), ('XDG_RUNTIME_DIR', 'run'))}}
    for place in places.values():
        os.mkdir(place, 0o700)
    return places


class Browser:
    """N viewers of a page. What they saw comes as one object on standard output, after `seconds`
    or SIGUSR2."""

    def __init__(self, lab, url, viewers=1, seconds=10, *args):
        self.seconds = seconds
        self.process = lab.start(f'browser{len(lab.processes)}', [
            'node', os.path.realpath(SCRIPT), '--url', url, '--viewers', viewers, '--seconds', seconds,
            '--profile-dir', lab.path(f'chromium{len(lab.processes)}'), *args], lab.lan,
            env=private_places(lab), pipe=True)

    def result(self):
        # start-up, 15 s for the first frame, closing
        text = self.process.read_all(self.seconds + 60).strip()
        if not text:
            raise Failure('the browser did not play', self.process)
        return json.loads(text.splitlines()[-1])


def play(lab, url, viewers=1, seconds=10, *args):
    return Browser(lab, url, viewers, seconds, *args).result()
