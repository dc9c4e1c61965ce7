# SPDX-License-Identifier: BSD-3-Clause
"""An owned port: the data plane has the NIC, the kernel lives behind the tap."""

import os
import unittest

from netns import RTCP, RTP, STUN, Probe, Wire, need_root

US = "10.91.0.2"
US6 = "fd91::2"
MEDIA = 5004
PUBLIC = 8189
TAP = "mrprobe"


class OwnedPort(unittest.TestCase):
    def setUp(self):
        self.wire = Wire()
        self.wire.__enter__()
        self.addCleanup(self.wire.__exit__)
        gate, near = self.wire.gate, self.wire.near
        # net_af_packet copies: without this the kernel answers beside the tap. Frames as
        # a wire would carry them, but with the checksums left open.
        self.wire.inside(gate, "nft", "add table netdev t; add chain netdev t c "
                         "{ type filter hook ingress device %s priority 0; policy drop; }" % near)
        self.wire.inside(self.wire.peer, "ethtool", "-K", self.wire.far,
                         "tso", "off", "gso", "off", "gro", "off")

    def probe(self, *args, device=None):
        p = Probe(self.wire, *args, device or "net_af_packet,iface=" + self.wire.near)
        self.addCleanup(p.__exit__)
        return p

    def standard(self):
        return self.probe("--address", US + "/24", "--address", US6 + "/64",
                          "--gateway", "10.91.0.1", "--rtp", "%s/%d" % (US, MEDIA),
                          "--rtp", "%s/%d" % (US6, MEDIA), "--public", "*/%d" % PUBLIC).ready()

    def test_media_comes_and_goes(self):
        probe = self.standard()
        for own, us in (("10.91.0.1", US), ("fd91::1", US6)):
            s = self.wire.udp(self.wire.peer, own)
            for n in (12, 13, 172, 1201, 1452):
                packet = (RTP + os.urandom(1500))[:n]
                s.sendto(packet, (us, MEDIA))
                probe.expect("rtp %d %d" % (MEDIA, n))
                self.assertEqual(s.recv(2000), packet)
            s.sendto(STUN, (us, PUBLIC))
            probe.expect("punt %d" % PUBLIC)
            s.sendto(RTCP, (us, MEDIA))
            probe.expect("punt-source %d" % MEDIA)
        self.assertFalse([l for l in probe.end() if l.startswith("drop")])

    def test_tap_is_the_nic_to_the_kernel(self):
        probe = self.standard()
        gate = self.wire.gate
        self.assertEqual(self.wire.mac(gate, TAP), self.wire.mac(gate, self.wire.near))
        link = self.wire.ip(gate, "addr", "show", TAP)
        self.assertIn("mtu 1500", link)
        self.assertIn(US + "/24", link)
        self.assertIn(US6 + "/64", link)
        self.assertNotIn("tentative", link.split(US6)[1].splitlines()[0])
        self.assertIn("default via 10.91.0.1 dev " + TAP, self.wire.ip(gate, "route"))
        probe.end()
        self.assertNotIn(TAP, self.wire.ip(gate, "link"))

    def kernel_lives(self, checksums):
        self.wire.inside(self.wire.peer, "ethtool", "-K", self.wire.far, "tx", checksums)
        self.wire.inside(self.wire.peer, "ethtool", "-K", self.wire.far,
                         "tso", "off", "gso", "off", "gro", "off")
        probe = self.standard()
        self.assertTrue(self.wire.ping(self.wire.peer, US))
        for own, us in (("10.91.0.1", US), ("fd91::1", US6)):
            kernel = self.wire.udp(self.wire.gate, us, 7000)
            s = self.wire.udp(self.wire.peer, own)
            s.sendto(b"question", (us, 7000))
            data, sender = kernel.recvfrom(100)
            self.assertEqual(data, b"question")
            kernel.sendto(b"answer", sender)
            self.assertEqual(s.recv(100), b"answer")
        for server, address, client in ((self.wire.gate, US, self.wire.peer),
                                        (self.wire.peer, "10.91.0.1", self.wire.gate)):
            a, b = self.wire.tcp_pair(server, address, client)
            for x, y in ((a, b), (b, a)):
                x.sendall(b"x" * 50000)
                got = 0
                while got < 50000:
                    got += len(y.recv(65536))
            a.close()
            b.close()
        probe.end()

    def test_kernel_lives_with_open_checksums(self):
        self.kernel_lives("on")

    def test_kernel_lives_with_whole_checksums(self):
        self.kernel_lives("off")

    def test_two_queues(self):
        probe = self.probe("--queues", "2", "--rtp", "%s/%d" % (US, MEDIA), "--address",
                           US + "/24", device="net_af_packet,iface=%s,qpairs=2" % self.wire.near)
        probe.ready()
        for _ in range(32):  # flows that the kernel spreads over both
            s = self.wire.udp(self.wire.peer, "10.91.0.1")
            s.sendto(RTP, (US, MEDIA))
            self.assertEqual(s.recv(2000), RTP)
            s.close()
        probe.end()

    def test_killed_and_started_again(self):
        for _ in range(2):
            probe = self.standard()
            s = self.wire.udp(self.wire.peer, "10.91.0.1")
            s.sendto(RTP, (US, MEDIA))
            self.assertEqual(s.recv(2000), RTP)
            probe.kill()
        self.standard().end()

    def test_other_drivers_open(self):
        for device in ("net_null", "net_tap,iface=mrother", "net_ring"):
            with self.subTest(device):
                self.probe("--address", US + "/24", device=device).ready().end()

    def test_refusals(self):
        gate = self.wire.gate
        self.assertIn("cannot be put on",
                      self.probe("--address", "10.91.0.2", device="net_null").refused())
        self.assertIn("cannot be set on",
                      self.probe("--gateway", "10.92.0.1", device="net_null").refused())
        self.wire.ip(gate, "addr", "add", US + "/24", "dev", self.wire.near)
        self.wire.ip(gate, "route", "add", "default", "via", "10.91.0.1")
        self.assertIn("default route already",
                      self.probe("--address", US + "/24", "--gateway", "10.91.0.1",
                                 device="net_null").refused())
        self.wire.ip(gate, "link", "add", TAP, "type", "veth")
        self.assertIn("there is an interface mrprobe already",
                      self.probe(device="net_null").refused())
        self.assertIn("DRIVER,key=value", self.probe(device=",iface=x").refused())


if __name__ == "__main__":
    need_root()
    unittest.main(verbosity=2, warnings="ignore")
