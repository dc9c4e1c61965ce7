# SPDX-License-Identifier: BSD-3-Clause
"""Fixed sessions: SRTP with no signalling."""
import base64
import os
import signal
import time

from cases import Group, case, check, group
from lab import Camera, Gateway, Receiver, session_file

# name in the session file: cipher and authentication as srtpdec calls them, bytes of key and salt
PROFILES = {
    'AEAD_AES_128_GCM': ('aes-128-gcm', 'null', 28),
    'AES128_CM_HMAC_SHA1_80': ('aes-128-icm', 'hmac-sha1-80', 30),
}


@group('fixed sessions')
class Fixed(Group):
    def setup(self):
        self.lab.wire()
        camera = Camera(self.lab, '--size', '640x360', '--bitrate', '800k')
        self.keys = {}
        sessions = []
        for i, (profile, (_, _, size)) in enumerate(PROFILES.items()):
            self.keys[profile] = os.urandom(size)
            sessions.append({'path': 'cam1', 'track': 'video', 'profile': profile, 'payloadType': 96,
                             'to': f'{self.lab.lan_address}:{6000 + 2 * i}',
                             'key': base64.b64encode(self.keys[profile]).decode()})
        # one with an SSRC of the operator's: it starts once
        sessions.append({**sessions[0], 'to': f'{self.lab.lan_address}:6010', 'ssrc': 4711,
                         'key': base64.b64encode(os.urandom(28)).decode()})
        self.gateway = Gateway(self.lab, session_file(
            self.lab, {'cam1': {'source': camera.url(), 'rtspTransport': 'udp'}}, sessions=sessions))
        self.gateway.start()
        self.gateway.await_streams(2, 20)

    def ssrc(self, number):
        """Of the session's only track, once it runs."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for v in self.gateway.viewers():
                if v['fixed'] and v['remote'].endswith(f':{6000 + 2 * number}') and v['tracks']:
                    return v['tracks'][0]['ssrc']
            time.sleep(0.1)
        raise AssertionError(f'session {number} does not run')

    def srtpdec_plays(self, number, profile):
        cipher, auth, _ = PROFILES[profile]
        caps = (f'application/x-srtp,media=(string)video,clock-rate=(int)90000,'
                f'encoding-name=(string)H264,payload=(int)96,ssrc=(uint){self.ssrc(number)},'
                f'srtp-key=(buffer){self.keys[profile].hex()},'
                f'srtp-cipher=(string){cipher},srtp-auth=(string){auth},'
                f'srtcp-cipher=(string){cipher},srtcp-auth=(string){auth}')
        gst = self.lab.start(f'gst-{cipher}', [
            'gst-launch-1.0', '-v', 'udpsrc', f'port={6000 + 2 * number}', f'caps={caps}', '!',
            'srtpdec', 'name=d',
            'd.rtp_src', '!', 'rtph264depay', '!', 'h264parse', '!', 'openh264dec', '!',
            'identity', 'name=count', 'silent=false', '!', 'fakesink', 'sync=false',
            # sender reports come on the same port
            'd.rtcp_src', '!', 'fakesink', 'async=false', 'sync=false'], self.lab.lan)
        time.sleep(8)
        gst.signal(signal.SIGINT)
        check(gst.wait(5) is not None, 'gst-launch does not end')
        frames = gst.output().count('count: last-message = chain')
        # it starts at a key frame, one every 2 s
        check(frames >= 5 * 30 * 0.9, f'{frames} frames decoded in 8 s')

    @case('srtpdec plays AEAD_AES_128_GCM')
    def gcm(self):
        self.srtpdec_plays(0, 'AEAD_AES_128_GCM')

    @case('srtpdec plays AES128_CM_HMAC_SHA1_80')
    def sha1(self):
        self.srtpdec_plays(1, 'AES128_CM_HMAC_SHA1_80')

    @case('kill -9 and restart: nothing seen twice')
    def kill_and_restart(self):
        receiver = Receiver(self.lab, 6000)
        lives = []
        for _ in range(4):
            receiver.packets.clear()
            time.sleep(2)
            lives.append(list(receiver.packets))
            check(len(lives[-1]) > 50, f'life {len(lives)}: {len(lives[-1])} packets in 2 s')
            self.gateway.dataplane.kill()
            time.sleep(0.3)
            self.gateway.start_dataplane()
            self.gateway.await_streams(2, 20)
            self.ssrc(0)
        receiver.close()
        seen = set()
        for number, life in enumerate(lives, 1):
            pairs = {(ssrc, seq) for ssrc, seq, _, _ in life}
            check(len(pairs) == len(life), f'life {number} sent {len(life) - len(pairs)} twice')
            check(len({ssrc for ssrc, _ in pairs}) == 1, f'life {number} has several SSRCs')
            check(not pairs & seen, f'life {number} repeats {len(pairs & seen)} of those before')
            seen |= pairs
        check(len({s for s, _ in seen}) == len(lives), 'an SSRC came again')
        log = self.gateway.controlplane.output()
        check('the SSRC was used with this key before' in log,
              'the log does not say why the session with an SSRC is refused')
