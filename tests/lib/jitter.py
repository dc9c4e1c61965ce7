# SPDX-License-Identifier: BSD-3-Clause
"""A source of plain RTP whose frames come late by random times: what a busy camera does."""
import contextlib
import random
import socket
import struct
import threading
import time

from lab import inside

FPS = 30
PORT = 5004
SDP = '\r\n'.join(('v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=-', 't=0 0', f'm=video {PORT} RTP/AVP 96',
                   'a=rtpmap:96 H264/90000', 'a=fmtp:96 packetization-mode=1', ''))


class JitterySource:
    """GStreamer encodes; each frame is passed on up to `late` seconds later, never before the
    one before it."""

    def __init__(self, lab, late, gop, size='640x360', bitrate=1500):
        self.to = (lab.gw_address, PORT)
        self.source = {'source': f'udp+rtp://{lab.gw_address}:{PORT}', 'rtpSDP': SDP}
        self.late = late
        self.frames = 0
        with inside(lab.lan):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(('127.0.0.1', 0))
        width, height = size.split('x')
        lab.start('source', [
            'gst-launch-1.0', '-q', 'videotestsrc', 'is-live=true', 'pattern=ball', '!',
            f'video/x-raw,width={width},height={height},framerate={FPS}/1', '!',
            'x264enc', 'tune=zerolatency', 'speed-preset=ultrafast', f'bitrate={bitrate}',
            f'key-int-max={gop}', 'option-string=scenecut=0', '!',
            'video/x-h264,profile=constrained-baseline', '!',
            'rtph264pay', 'pt=96', 'mtu=1200', 'config-interval=-1', '!',
            'udpsink', 'host=127.0.0.1', f'port={self.socket.getsockname()[1]}', 'sync=false',
        ], lab.lan)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        stamp, due, waiting = None, 0, []
        self.socket.settimeout(0.001)
        while self.socket.fileno() >= 0:
            with contextlib.suppress(TimeoutError):
                packet = self.socket.recv(2048)
                now = struct.unpack_from('!I', packet, 4)[0]
                if now != stamp:
                    stamp, due = now, max(due, time.monotonic() + random.uniform(0, self.late))
                    self.frames += 1
                waiting.append((due, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                try:
                    self.sender.sendto(waiting.pop(0)[1], self.to)
                except OSError:
                    return  # the wire has been taken away
