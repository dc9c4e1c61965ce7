# SPDX-License-Identifier: BSD-3-Clause
"""A shared port beside the kernel: who gets what, and what happens at the ends."""

import ctypes
import os
import socket
import subprocess
import tempfile
import unittest

from netns import DTLS, RTCP, RTP, STUN, XDP, Probe, Wire, ipv4_udp, need_root

US = "10.91.0.2"
US6 = "fd91::2"
MEDIA = 5004   # a camera's RTP port
PUBLIC = 8189  # what viewers come to


class SharedPort(unittest.TestCase):
    def setUp(self):
        self.wire = Wire()
        self.wire.__enter__()
        self.addCleanup(self.wire.__exit__)
        self.wire.ip(self.wire.gate, "addr", "add", US + "/24", "dev", self.wire.near)
        self.wire.ip(self.wire.gate, "addr", "add", US6 + "/64", "dev", self.wire.near, "nodad")

    def probe(self, *args, device=None):
        p = Probe(self.wire, "--xdp", XDP, *args, device or "net_af_xdp,iface=" + self.wire.near)
        self.addCleanup(p.__exit__)
        return p

    def standard(self):
        return self.probe("--rtp", "%s/%d" % (US, MEDIA), "--rtp", "%s/%d" % (US6, MEDIA),
                          "--public", "*/%d" % PUBLIC).ready()

    def test_media_comes_and_goes(self):
        probe = self.standard()
        for own, us in (("10.91.0.1", US), ("fd91::1", US6)):
            s = self.wire.udp(self.wire.peer, own)
            for n in (12, 13, 172, 1201, 1452):
                packet = (RTP + os.urandom(1500))[:n]
                s.sendto(packet, (us, MEDIA))
                probe.expect("rtp %d %d" % (MEDIA, n))
                # It came back through a socket of the kernel: the checksums are right.
                self.assertEqual(s.recv(2000), packet, "echo of %d bytes from %s" % (n, us))
        lines = probe.end()
        self.assertIn("port rx 10 tx 10 link 1", lines)
        self.assertFalse([l for l in lines if l.startswith("drop")], "nothing is dropped")
        self.assertFalse(self.wire.xdp_attached(), "the program goes with the port")

    def test_a_burst_is_echoed_whole(self):
        probe = self.standard()
        s = self.wire.udp(self.wire.peer, "10.91.0.1")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        sent = 0
        for _ in range(40):
            for _ in range(50):
                s.sendto(RTP + sent.to_bytes(4, "big"), (US, MEDIA))
                sent += 1
            for _ in range(50):
                s.recv(2000)
        self.assertIn("port rx %d tx %d link 1" % (sent, sent), probe.end())

    def test_public_port_takes_all(self):
        probe = self.standard()
        s = self.wire.udp(self.wire.peer, "10.91.0.1")
        s6 = self.wire.udp(self.wire.peer, "fd91::1")
        for packet in (STUN, DTLS):
            s.sendto(packet, (US, PUBLIC))
            probe.expect("punt %d %d" % (PUBLIC, len(packet)))
            s6.sendto(packet, (US6, PUBLIC))
            probe.expect("punt %d %d" % (PUBLIC, len(packet)))
        s.sendto(RTP, (US, PUBLIC))
        s.sendto(bytes([70, 0, 0, 0]), (US, PUBLIC))
        s.sendto(STUN, (US, PUBLIC))
        probe.expect("punt")
        lines = probe.end()
        self.assertIn("drop viewer_unknown 1", lines)
        self.assertIn("drop first_byte 1", lines)

    def test_the_kernel_keeps_the_rest(self):
        probe = self.standard()
        kernel = self.wire.udp(self.wire.gate, US, MEDIA)
        kernel6 = self.wire.udp(self.wire.gate, US6, MEDIA)
        for k, own, us in ((kernel, "10.91.0.1", US), (kernel6, "fd91::1", US6)):
            s = self.wire.udp(self.wire.peer, own)
            for packet in (STUN, DTLS, RTCP, b"", bytes([0x80])):
                s.sendto(packet, (us, MEDIA))
                self.assertEqual(k.recv(2000), packet)
            big = (RTP + os.urandom(4000))[:4000]
            s.sendto(big, (us, MEDIA))
            self.assertEqual(k.recv(5000), big, "a fragmented datagram is the kernel's")
            k.sendto(b"answer", s.getsockname()[:2])
            self.assertEqual(s.recv(100), b"answer")

        other = self.wire.udp(self.wire.gate, US, 7000)
        s = self.wire.udp(self.wire.peer, "10.91.0.1")
        s.sendto(RTP, (US, 7000))
        self.assertEqual(other.recv(2000), RTP, "a port that nobody listens on")

        self.assertTrue(self.wire.ping(self.wire.peer, US))
        a, b = self.wire.tcp_pair(self.wire.gate, US, self.wire.peer)
        a.sendall(b"x" * 200000)
        got = 0
        while got < 200000:
            got += len(b.recv(65536))
        b.sendall(b"done")
        self.assertEqual(a.recv(10), b"done")
        a.close()
        b.close()
        self.assertIn("port rx 0 tx 0 link 1", probe.end())

    def test_crafted_frames(self):
        probe = self.standard()
        raw = self.wire.raw(self.wire.peer, self.wire.far)
        ether = (self.wire.mac(self.wire.gate, self.wire.near) +
                 self.wire.mac(self.wire.peer, self.wire.far))

        def send(ip, tags=b""):
            raw.send(ether + tags + b"\x08\x00" + ip)

        whole = ipv4_udp("10.91.0.1", US, 4000, MEDIA, RTP)
        send(whole)
        probe.expect("rtp %d 172" % MEDIA)
        send(ipv4_udp("10.91.0.1", US, 4000, MEDIA, RTP, options=b"\x01" * 4))
        probe.expect("rtp %d 172" % MEDIA)
        send(ipv4_udp("10.91.0.1", US, 4000, MEDIA, RTP, checksum=0))
        probe.expect("rtp %d 172" % MEDIA)
        send(ipv4_udp("10.91.0.1", US, 4000, MEDIA, RTP[:14]) + bytes(18))
        probe.expect("rtp %d 14" % MEDIA)
        send(whole[:-1] + bytes([whole[-1] ^ 1]))  # the sum is wrong now
        send(whole[:10] + bytes([whole[10] ^ 1]) + whole[11:])
        send(whole[:150])
        send(whole)
        probe.expect("rtp %d 172" % MEDIA)
        lines = probe.end()
        for drop in ("udp_checksum", "ip_checksum", "ip_short"):
            self.assertIn("drop %s 1" % drop, lines)

    def test_killed_and_started_again(self):
        for _ in range(3):
            probe = self.standard()
            s = self.wire.udp(self.wire.peer, "10.91.0.1")
            s.sendto(RTP, (US, MEDIA))
            self.assertEqual(s.recv(2000), RTP)
            probe.kill()
            self.assertTrue(self.wire.xdp_attached(), "a killed process leaves its program")
        # Nobody's socket is there: the kernel gets what would have been redirected.
        kernel = self.wire.udp(self.wire.gate, US, MEDIA)
        s = self.wire.udp(self.wire.peer, "10.91.0.1")
        s.sendto(RTP, (US, MEDIA))
        self.assertEqual(kernel.recv(2000), RTP)
        self.standard().end()
        self.assertFalse(self.wire.xdp_attached())

    def test_one_data_plane_per_interface(self):
        first = self.standard()
        self.assertIn("another millrace-dataplane runs on interface", self.probe().refused())
        s = self.wire.udp(self.wire.peer, "10.91.0.1")
        s.sendto(RTP, (US, MEDIA))
        self.assertEqual(s.recv(2000), RTP, "the first goes on")
        first.end()

    def test_foreign_program_is_left_alone(self):
        with tempfile.TemporaryDirectory() as d:
            source = os.path.join(d, "foreign.c")
            with open(source, "w") as f:
                f.write('__attribute__((section("xdp"))) int neighbour(void *c) { return 2; }\n'
                        'char l[] __attribute__((section("license"))) = "GPL";\n')
            subprocess.run(["clang", "-target", "bpf", "-O2", "-g", "-c", source, "-o",
                            source + ".o"], check=True)
            self.wire.ip(self.wire.gate, "link", "set", "dev", self.wire.near, "xdp", "obj",
                         source + ".o", "sec", "xdp")
        self.assertIn("XDP program 'neighbour'", self.probe().refused())
        self.assertTrue(self.wire.xdp_attached(), "it is still there")

    def test_generic_mode_leftover(self):
        self.wire.ip(self.wire.gate, "link", "set", "dev", self.wire.near, "xdpgeneric", "obj",
                     XDP, "sec", "xdp")
        self.standard().end()
        self.assertFalse(self.wire.xdp_attached())

    def test_leftover_of_libxdp(self):
        """Attached by libxdp: behind its dispatcher, where the kernel can run one."""
        libxdp = ctypes.CDLL("libxdp.so.1")
        libxdp.xdp_program__open_file.restype = ctypes.c_void_p
        with self.wire.enter(self.wire.gate):
            index = socket.if_nametoindex(self.wire.near)
            program = libxdp.xdp_program__open_file(XDP.encode(), b"xdp", None)
            rc = libxdp.xdp_program__attach(ctypes.c_void_p(program), index, 0, 0)
        self.assertEqual(rc, 0)
        self.assertTrue(self.wire.xdp_attached())
        self.standard().end()
        self.assertFalse(self.wire.xdp_attached())

    def test_refusals(self):
        gate, near = self.wire.gate, self.wire.near
        self.assertIn("there is no interface nosuch0",
                      self.probe(device="net_af_xdp,iface=nosuch0").refused())
        self.assertIn("names no interface", self.probe(device="net_af_xdp").refused())
        self.assertIn("start_queue is set by millrace",
                      self.probe(device="net_af_xdp,iface=%s,start_queue=1" % near).refused())
        self.assertIn("cannot read the XDP program",
                      self.probe("--xdp", "/nonexistent/x.o").refused())
        self.wire.inside(gate, "ethtool", "-L", near, "rx", "2", "tx", "2")
        self.assertIn("ethtool -L %s rx 1 tx 1" % near, self.probe().refused())
        self.wire.inside(gate, "ethtool", "-L", near, "rx", "1", "tx", "1")
        self.assertIn("only one queue", self.probe("--queues", "2").refused())
        self.wire.ip(gate, "link", "set", near, "down")
        self.assertIn("is down", self.probe().refused())


if __name__ == "__main__":
    need_root()
    unittest.main(verbosity=2, warnings="ignore")
