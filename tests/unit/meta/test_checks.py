#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whether the checks of scripts/ find what they are there to find: a check that
never fails looks like one that passes."""
import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True


def load(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(TOP / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Includes(unittest.TestCase):
    # file, include, allowed, why
    CASES = [
        ("dataplane/api/ring.c", '"dataplane/api/abi.h"', True, "the contract's own"),
        ("dataplane/api/ring.c", '"crypto/secret.h"', False, "the contract knows nothing of ours"),
        ("dataplane/api/ring.c", "<rte_ring.h>", False, "the contract is libc only"),
        ("dataplane/api/ring.c", "<jansson.h>", False, "the contract is libc only"),
        ("dataplane/api/ring.c", "<stdatomic.h>", True, "libc"),
        ("crypto/srtcp.c", '"crypto/secret.h"', True, "crypto's own"),
        ("crypto/srtcp.c", '"dataplane/api/abi.h"', False, "crypto knows nothing of ours"),
        ("crypto/srtcp.c", "<rte_mbuf.h>", False, "crypto works without DPDK"),
        ("crypto/cryptodev_engine.c", "<rte_cryptodev.h>", True, "the back end on DPDK's devices"),
        ("crypto/crypto_device.h", "<rte_cryptodev.h>", False, "its users need no DPDK"),
        ("crypto/srtcp.c", "<openssl/hmac.h>", True, "crypto may use libraries"),
        ("dataplane/pipeline/fanout.c", '"crypto/crypto_device.h"', True, "the data plane encrypts"),
        ("dataplane/pipeline/fanout.c", '"controlplane/config/config.h"', False,
         "only what starts the data plane reads the session file"),
        ("dataplane/lifecycle/init.c", '"controlplane/config/config.h"', True, "it starts the data plane"),
        ("dataplane/lifecycle/init.c", '"controlplane/log.h"', False, "only the parser is shared"),
        ("dataplane/control/fixed_sessions.c", '"controlplane/config/config.h"', True,
         "sessions are of the session file"),
        ("dataplane/pipeline/fanout.c", "<openssl/evp.h>", False, "not on the packets' path"),
        ("dataplane/stream/repack.c", "<jansson.h>", False, "not on the packets' path"),
        ("dataplane/control/key_history.c", "<openssl/evp.h>", True, "not the packets' path"),
        ("controlplane/install.c", '"dataplane/api/client.h"', True, "the contract"),
        ("controlplane/install.c", '"dataplane/pipeline/worker.h"', False, "beyond the contract"),
        ("controlplane/install.c", '"crypto/secret.h"', True, "keys are wiped here, too"),
        ("controlplane/install.c", '"crypto/crypto_device.h"', False, "it encrypts nothing"),
        ("controlplane/install.c", "<rte_ring.h>", False, "no DPDK"),
        ("controlplane/config/config.c", '"controlplane/log.h"', False, "the parser stands alone"),
        ("apps/millrace/main.c", '"dataplane/api/client.h"', True, "the CLI reads statistics"),
        ("apps/millrace/main.c", '"controlplane/install.h"', False, "the CLI commands nothing"),
        ("apps/controlplane/main.c", "<rte_eal.h>", False, "no DPDK"),
        ("apps/dataplane/main.c", '"dataplane/lifecycle/dataplane.h"', True, "it is made of it"),
        ("dataplane/pipeline/fanout.c", '"worker.h"', False, "written from the top"),
        ("dataplane/pipeline/fanout.c", '"dataplane/no_such.h"', False, "there is no such file"),
    ]

    def test_directions(self):
        check = load("check-includes")
        for name, include, allowed, why in self.CASES:
            with self.subTest(file=name, include=include, why=why):
                quote, target = include[0], include[1:-1]
                self.assertEqual(check.judge(name, quote, target) is None, allowed)


class Stages(unittest.TestCase):
    def test_reads_the_code(self):
        check = load("check-stages")
        header = (check.PIPELINE / "worker.h").read_text()
        source = (check.PIPELINE / "worker.c").read_text()
        order = check.run(source)
        self.assertEqual(order[0], "port_rx")
        self.assertEqual(order[-1], "port_tx")
        self.assertEqual(check.listed(header), order)
        self.assertEqual(check.declared(header), order)

    def test_reads_a_diagram(self):
        check = load("check-stages")
        text = "words\n<!-- stages -->\n```\n [one] -> rx[0]\n | [ two ] |\n```\n[three]\n"
        self.assertEqual(check.drawn(text), ["one", "two"])
        self.assertEqual(check.drawn("[one]\n"), [], "a diagram has to be marked")


    def test_holds_drops_against_the_table(self):
        check = load("check-stages")
        names = check.drops('X(A_ONE, "a_one", "x") X(A_TWO,\n"a_two", "x") X(B, "b", "x")')
        self.assertEqual(names, {"A_ONE": "a_one", "A_TWO": "a_two", "B": "b"})
        self.assertEqual(check.dropped("f(MR_DROP_A_ONE); MR_DROP_COUNT"), {"A_ONE"})
        files = {"one.c": {"A_ONE", "A_TWO"}, "../stream/b.c": {"B"}}
        row = "| one | `one.c`, `../stream/*.c` | `rx` | `tx` | %s |\n"
        # the column of drops, problems, why
        for column, problems, why in (
                ("a_*, b", 0, "as it should be"), ("a_one, a_two, b; more: `WORDS`", 0, "words"),
                ("a_one, b", 1, "a_two is left out"), ("a_*", 1, "another file's is left out"),
                ("a_*, b, c", 1, "there is no such drop")):
            with self.subTest(why=why):
                found = list(check.judge_drops(names, check.rows(row % column), files))
                self.assertEqual(len(found), problems, found)
        self.assertEqual(len(list(check.judge_drops(
            names, check.rows(row % "a_one, b"), {**files, "one.c": {"A_ONE"}}))), 1,
            "a drop that nobody counts")


class Text(unittest.TestCase):
    TAB = {"insert_final_newline": "true", "indent_style": "tab", "tab_width": "8",
           "max_line_length": "100"}
    SPACE = {"insert_final_newline": "true", "indent_style": "space"}
    # bytes, rules, problems, why
    CASES = [
        (b"\tint a;\n", TAB, 0, "as it should be"),
        (b"\tint a; \n", TAB, 1, "a blank at the end"),
        (b"\tint a;", TAB, 1, "no final newline"),
        (b"\tint a;\r\n", TAB, 1, "CR LF"),
        (b"        int a;\n", TAB, 1, "blanks for a tab"),
        (b"#define A         \\\n        b\n", TAB, 1, "only the continued line may have them"),
        (b"\texecutable('a')\n", SPACE, 1, "a tab for blanks"),
        (b"int a;\n\n", TAB, 1, "empty lines at the end"),
        (b"\xff\xfe\n", TAB, 1, "not UTF-8"),
        (b"\t" + b"x" * 92 + b"\n", TAB, 0, "100 columns, the tab counted as 8"),
        (b"\t" + b"x" * 93 + b"\n", TAB, 1, "101 columns"),
        (b"", TAB, 0, "empty"),
    ]

    def test_editorconfig(self):
        check = load("check-text")
        with tempfile.TemporaryDirectory() as folder:
            check.TOP = pathlib.Path(folder)
            for data, rules, problems, why in self.CASES:
                with self.subTest(why=why):
                    (check.TOP / "a.c").write_bytes(data)
                    self.assertEqual(len(list(check.editorconfig("a.c", rules))), problems)

    def test_spdx(self):
        check = load("check-text")
        line = b"/* SPDX-License-Identifier: BSD-3-Clause */\n"
        cases = [("a.c", line, 0), ("a.c", b"int a;\n", 1), ("b", b"#!/bin/sh\n", 1),
                 ("b", b"words\n", 0), ("meson.build", b"x\n", 1), ("a.c", b"\n\n\n\n" + line, 1)]
        with tempfile.TemporaryDirectory() as folder:
            check.TOP = pathlib.Path(folder)
            for name, data, problems in cases:
                with self.subTest(name=name, data=data):
                    (check.TOP / name).write_bytes(data)
                    self.assertEqual(len(list(check.spdx(name))), problems)


class Docs(unittest.TestCase):
    def test_documents(self):
        check = load("check-docs")
        code = "static void here(int a)\n"
        cases = [
            ("`scripts/check`", 0, "is there"),
            ("`scripts/no-such`", 1, "is not there"),
            ("`dataplane/api/{channel,abi}.h`", 0, "both are there"),
            ("`dataplane/api/{ring,abi}.c`", 0, "both are there"),
            ("`dataplane/api/{ring,nothing}.h`", 2, "neither is there"),
            ("[a](docs/GLOSSARY.md#media)", 0, "a link with an anchor"),
            ("[a](docs/NO_SUCH.md)", 1, "a dead link"),
            ("[a](https://example.org/x)", 0, "elsewhere"),
            ("`here()`", 0, "a function that is there"),
            ("`gone()`", 1, "a function that is gone"),
            ("```\n`gone()`\n```", 0, "text of a block is not looked at"),
        ]
        for text, problems, why in cases:
            with self.subTest(text=text, why=why):
                self.assertEqual(len(list(check.document("README.md", text + "\n", code))), problems)

    def test_everywhere(self):
        check = load("check-docs")
        home = "/" + "home/somebody/x"
        host = "registry." + "npmjs.org"
        cases = [("a", f"see {home}\n", 1), ("a", f"https://{host}/x\n", 1),
                 ("a", "see $HOME/x and ./work/y\n", 0),
                 ("package-lock.json", '{"packages": {"a": {"resolved": "x"}}}', 1),
                 ("package-lock.json", '{"packages": {"a": {"version": "1"}}}', 0)]
        for name, text, problems in cases:
            with self.subTest(text=text):
                self.assertEqual(len(list(check.everywhere(name, text))), problems)


if __name__ == "__main__":
    unittest.main()
