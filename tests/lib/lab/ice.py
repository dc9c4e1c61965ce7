# SPDX-License-Identifier: BSD-3-Clause
"""As much of ICE and DTLS as it takes to be a nuisance: one check, the first flight."""
import hashlib
import hmac
import os
import re
import socket
import struct
import zlib

from .net import inside

COOKIE = 0x2112a442


def attribute(kind, value):
    return struct.pack('!HH', kind, len(value)) + value + bytes(-len(value) % 4)


def binding(local, remote, password):
    """A Binding request as a controlling client sends it (RFC 8445 7.2.4)."""
    transaction = os.urandom(12)
    body = (attribute(0x0006, f'{remote}:{local}'.encode())           # USERNAME
            + attribute(0x0024, struct.pack('!I', 0x6effffff))        # PRIORITY
            + attribute(0x802a, os.urandom(8))                        # ICE-CONTROLLING
            + attribute(0x0025, b''))                                 # USE-CANDIDATE

    def header(more):
        return struct.pack('!HHI', 1, len(body) + more, COOKIE) + transaction
    body += attribute(0x0008, hmac.new(password.encode(), header(24) + body, hashlib.sha1).digest())
    return (request := header(8) + body) + attribute(
        0x8028, struct.pack('!I', zlib.crc32(request) ^ 0x5354554e))


def client_hello(size=0):
    """One whole datagram; with padding (RFC 7685) at least `size` bytes long."""
    def extension(kind, value):
        return struct.pack('!HH', kind, len(value)) + value
    extensions = (extension(10, bytes.fromhex('00040017001d')) + extension(11, b'\x01\x00')
                  + extension(13, bytes.fromhex('000404030401'))
                  + extension(14, bytes.fromhex('00020007 00')))      # SRTP_AEAD_AES_128_GCM
    if size > 200:
        extensions += extension(21, bytes(size - 110))
    body = (b'\xfe\xfd' + os.urandom(32) + b'\x00\x00' + bytes.fromhex('0002c02b 0100')
            + struct.pack('!H', len(extensions)) + extensions)
    length = struct.pack('!I', len(body))[1:]
    handshake = b'\x01' + length + bytes(2) + bytes(3) + length + body
    return b'\x16\xfe\xff' + bytes(8) + struct.pack('!H', len(handshake)) + handshake


class Candidate:
    """A socket in the clients' namespace that belongs to one session."""

    def __init__(self, lab, offer, answer, address=None, port=8189):
        self.to = (address or lab.gw_address, port)
        self.ours = re.search(r'a=ice-ufrag:(\S+)', offer)[1]
        self.theirs = re.search(r'a=ice-ufrag:(\S+)', answer)[1]
        self.password = re.search(r'a=ice-pwd:(\S+)', answer)[1]
        with inside(lab.lan):
            self.socket = socket.socket(socket.AF_INET6 if ':' in self.to[0] else socket.AF_INET,
                                        socket.SOCK_DGRAM)

    def check(self, seconds=2):
        """True: the check was answered with success."""
        self.send(binding(self.ours, self.theirs, self.password))
        return self.receive(seconds)[:2] == b'\x01\x01'

    def send(self, data):
        self.socket.sendto(data, self.to)

    def receive(self, seconds=2):
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return b''

    def close(self):
        self.socket.close()
