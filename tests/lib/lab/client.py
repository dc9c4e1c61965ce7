# SPDX-License-Identifier: BSD-3-Clause
"""Clients in the clients' namespace: millrace-viewer, plain HTTP, datagrams."""
import hashlib
import http.client
import json
import os
import secrets
import socket
import struct
import threading
from urllib.parse import urlparse

from .gateway import program
from .net import inside
from .process import Failure


class Viewer:
    """A run of millrace-viewer, in the background."""

    def __init__(self, lab, url, *args, seconds=5, viewers=1):
        self.seconds = seconds
        self.process = lab.start(f'viewer{len(lab.processes)}', [
            program('millrace-viewer'), '--url', url, '--seconds', seconds, '--viewers', viewers,
            '--json', *args], lab.lan, pipe=True)

    def result(self):
        text = self.process.read_all(self.seconds + 30).strip()
        if not text:
            raise Failure('millrace-viewer printed nothing', self.process)
        return json.loads(text.splitlines()[-1])


def view(lab, url, *args, **options):
    return Viewer(lab, url, *args, **options).result()


def request(lab, method, url, body=None, headers=None, timeout=10, namespace=None):
    """One HTTP request, of a client unless another namespace is named; gives status, headers,
    body."""
    at = urlparse(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=timeout)
    with inside(namespace or lab.lan):
        connection.connect()
    try:
        connection.request(method, at.path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode(errors='replace')
    finally:
        connection.close()


def raw_request(lab, address, port, data, timeout=5):
    """Sends bytes that need not be HTTP; gives what comes back until the other side closes."""
    with inside(lab.lan):
        s = socket.create_connection((address, port), timeout)
    answer = b''
    with s:
        try:
            s.sendall(data)
            while chunk := s.recv(65536):
                answer += chunk
                if b'\r\n\r\n' in answer:
                    break
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
    return answer


def offer(video=('H264/90000',), audio=('opus/48000/2',), mid=True, extra=''):
    """An offer as a browser makes it, as far as it matters here."""
    fingerprint = ':'.join(f'{b:02X}' for b in hashlib.sha256(os.urandom(8)).digest())
    common = (f'a=ice-ufrag:{secrets.token_hex(2)}\r\na=ice-pwd:{secrets.token_hex(12)}\r\n'
              f'a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=rtcp-mux\r\n'
              f'a=recvonly\r\n')
    sdp = ('v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n'
           + ('a=group:BUNDLE 0 1\r\n' if mid else ''))
    for i, (kind, codecs) in enumerate((('video', video), ('audio', audio))):
        types = range(96 + 10 * i, 96 + 10 * i + len(codecs))
        sdp += f'm={kind} 9 UDP/TLS/RTP/SAVPF {" ".join(map(str, types))}\r\nc=IN IP4 0.0.0.0\r\n'
        sdp += common + (f'a=mid:{i}\r\n' if mid else '')
        for t, codec in zip(types, codecs):
            sdp += f'a=rtpmap:{t} {codec}\r\n'
            if codec.startswith('H264'):
                sdp += f'a=fmtp:{t} packetization-mode=1;profile-level-id=42e01f\r\n'
    return sdp + extra


class Receiver:
    """Takes datagrams on a port: (SSRC, sequence number, payload type, size) of each RTP packet."""

    def __init__(self, lab, port, keep=False):
        with inside(lab.lan):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.socket.bind((lab.lan_address, port))
        self.socket.settimeout(0.2)
        self.packets, self.whole, self.rtcp = [], [], 0
        self.keep = keep
        self.ending = False
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        while not self.ending:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            if len(data) < 12 or data[0] >> 6 != 2:
                continue
            if 192 <= data[1] <= 223:
                self.rtcp += 1
                continue
            seq, _, ssrc = struct.unpack_from('!HII', data, 2)
            self.packets.append((ssrc, seq, data[1] & 127, len(data)))
            if self.keep:
                self.whole.append(data)

    def close(self):
        self.ending = True
        self.thread.join()
        self.socket.close()
