#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The end-to-end tests: cameras on one side, browsers and other receivers on the other.

usage: run.py [--list] [PATTERN ...]      cases whose name matches; TAP on standard output
       run.py --help
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lib'))
sys.dont_write_bytecode = True

import cases  # noqa: E402

# in the order in which they run
import e2e_browser  # noqa: E402,F401
import e2e_sessions  # noqa: E402,F401
import e2e_restart  # noqa: E402,F401
import e2e_upgrade  # noqa: E402,F401
import e2e_refusals  # noqa: E402,F401
import e2e_vanish  # noqa: E402,F401
import e2e_floods  # noqa: E402,F401
import e2e_memory  # noqa: E402,F401
import e2e_fixed  # noqa: E402,F401
import e2e_lipsync  # noqa: E402,F401
import e2e_loss  # noqa: E402,F401
import e2e_keyframes  # noqa: E402,F401
import e2e_bench  # noqa: E402,F401
import e2e_join  # noqa: E402,F401
import e2e_firefox  # noqa: E402,F401
import e2e_demo  # noqa: E402,F401

if __name__ == '__main__':
    sys.exit(cases.main('e2e'))
