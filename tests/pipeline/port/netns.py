# SPDX-License-Identifier: BSD-3-Clause
"""Two network namespaces joined by a veth pair, and port_probe in one of them.

The names are the run's own; everything goes when the block ends, however it ends.
"""

import contextlib
import ctypes
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

BUILD = os.environ.get("MILLRACE_BUILD", "build")
PROBE = os.path.join(BUILD, "tests/pipeline/port/port_probe")
XDP = os.path.join(BUILD, "dataplane/port/millrace_xdp.o")


def run(*args, **kw):
    return subprocess.run(args, check=True, capture_output=True, text=True, timeout=30, **kw)


def need_root():
    """77 is Meson's word for a test that was skipped."""
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)


class Wire:
    """peer (the world outside, veth `far`) and gate (where the gateway is, veth `near`)."""

    def __init__(self):
        tag = "mrp%d" % os.getpid()
        self.peer = tag + "p"
        self.gate = tag + "g"
        self.far = "far0"
        self.near = "near0"

    def __enter__(self):
        try:
            run("ip", "netns", "add", self.peer)
            run("ip", "netns", "add", self.gate)
            run("ip", "-n", self.peer, "link", "add", self.far, "type", "veth",
                "peer", "name", self.near, "netns", self.gate)
            self.ip(self.peer, "addr", "add", "10.91.0.1/24", "dev", self.far)
            self.ip(self.peer, "addr", "add", "fd91::1/64", "dev", self.far, "nodad")
            for ns, dev in ((self.peer, self.far), (self.gate, self.near)):
                self.ip(ns, "link", "set", "lo", "up")
                self.ip(ns, "link", "set", dev, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *ignored):
        for ns in (self.peer, self.gate):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)

    def ip(self, ns, *args):
        return run("ip", "-n", ns, *args).stdout

    def inside(self, ns, *args):
        return run("ip", "netns", "exec", ns, *args).stdout

    @contextlib.contextmanager
    def enter(self, ns):
        """What is opened in this block belongs to the namespace."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open("/run/netns/" + ns, os.O_RDONLY)
        try:
            if libc.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(home, CLONE_NEWNET)
            os.close(home)
            os.close(there)

    def udp(self, ns, address, port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.enter(ns):
            s = socket.socket(family, socket.SOCK_DGRAM)
        s.settimeout(3)
        s.bind((address, port))
        return s

    def raw(self, ns, dev):
        with self.enter(ns):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.bind((dev, 0))
        s.settimeout(3)
        return s

    def tcp_pair(self, listen_ns, address, connect_ns):
        with self.enter(listen_ns):
            server = socket.create_server((address, 0))
        server.settimeout(5)
        with self.enter(connect_ns):
            client = socket.socket()
        client.settimeout(5)
        client.connect((address, server.getsockname()[1]))
        accepted, _ = server.accept()
        accepted.settimeout(5)
        server.close()
        return client, accepted

    def ping(self, ns, address):
        """One echo request, as the ping program sends it."""
        with self.enter(ns):
            s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        s.settimeout(3)
        body = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xFFFF, 1) + b"millrace"
        body = body[:2] + struct.pack("!H", internet_checksum(body)) + body[4:]
        with s:
            s.sendto(body, (address, 0))
            deadline = time.monotonic() + 3
            while time.monotonic() < deadline:
                answer = s.recv(2000)
                if answer[20] == 0 and answer[24:28] == body[4:8]:
                    return True
        return False

    def mac(self, ns, dev):
        text = self.ip(ns, "link", "show", dev).split("link/ether ")[1].split()[0]
        return bytes.fromhex(text.replace(":", ""))

    def xdp_attached(self):
        return "prog/xdp" in self.ip(self.gate, "link", "show", self.near)


class Probe:
    """port_probe in the gate's namespace; its lines are read as they come."""

    def __init__(self, wire, *args):
        # net_af_xdp never frees its BPF object, nor the probe EAL's arguments: an ASan
        # build would end with those leaks.
        options = os.environ.get("ASAN_OPTIONS", "")
        env = {**os.environ, "ASAN_OPTIONS": f"{options}:detect_leaks=0".lstrip(":")}
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", wire.gate, PROBE, *args], env=env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = queue.Queue()
        self.all = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.all.append(line.rstrip())
            self.lines.put(line.rstrip())
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def expect(self, start, seconds=5):
        """The next line that starts so; what came before is skipped."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError("no %r in:\n%s" % (start, "\n".join(self.all)))
            if line.startswith(start):
                return line

    def ready(self):
        self.expect("ready", 20)
        return self

    def refused(self):
        """Waits for a start that fails; its last words."""
        code = self.process.wait(timeout=20)
        time.sleep(0.1)
        text = "\n".join(self.all)
        assert code == 1, "ended with %d:\n%s" % (code, text)
        return text

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=10) == 0, "\n".join(self.all)
        time.sleep(0.1)
        return [l for l in self.all if l.startswith(("drop", "port "))]

    def kill(self):
        self.process.kill()
        self.process.wait()


def internet_checksum(data):
    """RFC 1071, word by word: an implementation of its own."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4_udp(src, dst, sport, dport, payload, options=b"", checksum=None):
    udp_len = 8 + len(payload)
    s, d = socket.inet_aton(src), socket.inet_aton(dst)
    pseudo = s + d + struct.pack("!HH", socket.IPPROTO_UDP, udp_len)
    udp = struct.pack("!HHHH", sport, dport, udp_len, 0) + payload
    if checksum is None:
        checksum = internet_checksum(pseudo + udp) or 0xFFFF
    udp = udp[:6] + struct.pack("!H", checksum) + udp[8:]
    words = 5 + len(options) // 4
    ip = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + udp_len, 1, 0, 64,
                     socket.IPPROTO_UDP, 0) + s + d + options
    return ip[:10] + struct.pack("!H", internet_checksum(ip)) + ip[12:] + udp


RTP = bytes([0x80, 96, 0, 1]) + bytes(168)
RTCP = bytes([0x80, 201, 0, 1]) + bytes(4)
STUN = bytes([0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]) + bytes(12)
DTLS = bytes([22, 254, 253]) + bytes(60)
