#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whether scripts/bench answers for its options before it installs or builds anything."""
import os
import pathlib
import subprocess
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "bench"
# what scripts/setup and a build begin with
TRAPS = ("apt-get", "dpkg-query", "npm", "meson", "ninja")


class Options(unittest.TestCase):
    # options, exit status, what is said
    CASES = [
        ("--help", 0, "usage: scripts/bench"),
        ("loss --help", 0, "--scenario"),
        ("join -h", 0, "--link"),
        ("nacks --help", 0, "nacks"),
        ("wire --json -h", 0, "wire"),
        ("cameras64 --seconds 0", 2, "a number from 1"),
        ("fanout --rounds 0", 2, "no number from 1"),
        ("join --link 10parsec", 2, "10parsec is no rate"),
        ("join --link 0mbit", 2, "no rate"),
        ("loss --seconds 1", 2, "no number from 2"),
        ("loss --scenario nosuch", 2, "nosuch"),
        ("memory --few 9 --viewers 3", 2, "more than --few"),
        ("memory --nosuch", 2, "--nosuch"),
        ("peers --viewers x", 2, "no number from 1"),
        ("restart --kills", 2, "--kills"),
        ("nosuch", 2, "no such measurement"),
    ]

    def test_before_anything_is_installed(self):
        with tempfile.TemporaryDirectory() as traps:
            sprung = pathlib.Path(traps, "sprung")
            for name in TRAPS:
                trap = pathlib.Path(traps, name)
                trap.write_text(f"#!/bin/sh\necho {name} >>'{sprung}'\nexit 9\n", encoding="ascii")
                trap.chmod(0o755)
            env = {**os.environ, "PATH": f"{traps}:{os.environ['PATH']}",
                   "PYTHONDONTWRITEBYTECODE": "1"}
            for options, status, said in self.CASES:
                with self.subTest(options):
                    done = subprocess.run([BENCH, *options.split()], env=env, capture_output=True,
                                          text=True, timeout=30, check=False)
                    text = done.stdout + done.stderr
                    self.assertFalse(sprung.exists(), "something is installed or built")
                    self.assertEqual(done.returncode, status, text)
                    self.assertIn(said, text)


if __name__ == "__main__":
    unittest.main()
