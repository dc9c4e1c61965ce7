# SPDX-License-Identifier: BSD-3-Clause
"""Clients that take and give nothing, and a camera that talks without end."""
import os
import re
import socket
import threading
import time

from cases import Group, case, check, group
from lab import Camera, Candidate, Gateway, Viewer, binding, client_hello, inside, offer, request
from lab import session_file, view

SDP = {'Content-Type': 'application/sdp'}
PENDING = 1000  # sessions that connect at the same time
CHECK_SECONDS, HANDSHAKE_SECONDS = 15, 10


class Babbler:
    """An RTSP server whose answer has headers without end."""

    def __init__(self, lab, port):
        with inside(lab.lan):
            self.listener = socket.create_server((lab.lan_address, port))
        self.bytes = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        header = b'X-Header: ' + b'a' * 50 + b'\r\n'
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(4096)
                    connection.sendall(b'RTSP/1.0 200 OK\r\nCSeq: 1\r\n')
                    while True:
                        self.bytes += connection.send(header * 1000)
                except OSError:
                    pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@group('floods')
class Floods(Group):
    def setup(self):
        self.lab.wire()
        camera = Camera(self.lab, '--size', '640x360', '--bitrate', '800k')
        source = {'source': camera.url(), 'rtspTransport': 'udp'}
        self.gateway = Gateway(self.lab, session_file(self.lab, {
            'cam1': source, 'few': {**source, 'maxReaders': 2}}))
        self.gateway.start()
        self.gateway.await_streams(4, 20)
        self.url = self.gateway.url('cam1', whep=True)
        view(self.lab, self.url, seconds=1)

    # -- what is looked at

    def memory(self):
        """[KiB] resident"""
        with open(f'/proc/{self.gateway.controlplane.pid}/status', encoding='ascii') as f:
            return int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.gateway.controlplane.pid}/fd'))

    def ended(self):
        return self.gateway.controlplane.output().count(' to=closing ')

    # -- what is done

    def post(self, url=None, sdp=None):
        return request(self.lab, 'POST', url or self.url, sdp or offer(), SDP)

    def candidate(self):
        sdp = offer()
        status, _, answer = self.post(sdp=sdp)
        check(status == 201, f'POST: {status} {answer}')
        return Candidate(self.lab, sdp, answer)

    # -- cases

    @case('fifty sessions begin and end: memory and descriptors come back')
    def cycles(self):
        def cycle():
            for _ in range(50):
                status, headers, _ = self.post()
                check(status == 201, f'POST: {status}')
                status, _, _ = request(self.lab, 'DELETE', self.gateway.at(headers['Location']))
                check(status == 200, f'DELETE: {status}')
            view(self.lab, self.url, '--ramp-ms', '10', seconds=1, viewers=20)
            time.sleep(1)
        cycle()  # what is allocated once, and kept by malloc
        cycle()
        memory, descriptors = self.memory(), self.descriptors()
        for _ in range(3):
            cycle()
        grown = self.memory() - memory
        check(self.gateway.viewers() == [], 'viewers are left')
        check(self.descriptors() <= descriptors,
              f'{descriptors} descriptors before, {self.descriptors()} after')
        check(grown < 1024, f'{grown} KiB more resident')
        return f'{memory} KiB resident, {grown} KiB more after 150 offers and 60 viewers'

    @case('a path has as many viewers as it may have')
    def readers(self):
        few = self.gateway.url('few', whep=True)
        posts = [self.post(few) for _ in range(3)]
        check([p[0] for p in posts] == [201, 201, 503], f'{[p[0] for p in posts]}')
        check(posts[2][1]['Retry-After'], 'no Retry-After')
        self.gateway.controlplane.await_line(r'event=offers_refused .*max_readers=1 ', 5)
        check(self.post()[0] == 201, 'another path is full, too')
        location = self.gateway.at(posts[0][1]['Location'])
        check(request(self.lab, 'DELETE', location + '0')[0] == 404, 'a guessed name is good')
        check(request(self.lab, 'DELETE', location.replace('/few/', '/cam1/'))[0] == 404,
              'a session of another path')
        check(self.post(few)[0] == 503, 'somebody else ended it')
        check(request(self.lab, 'DELETE', location)[0] == 200, 'DELETE')
        check(request(self.lab, 'DELETE', location)[0] == 404, 'DELETE once more')
        check(self.post(few)[0] == 201, 'no room after one has left')

    @case('offers that never connect: 503, and gone after 15 s')
    def offers(self):
        time.sleep(CHECK_SECONDS + 1)  # those of the cases before
        viewer = Viewer(self.lab, self.url, seconds=25)
        self.gateway.await_viewers(1, 10)
        ended = self.ended()
        start = time.monotonic()
        answers = {}
        while answers.get(503, 0) < 20:
            status, headers, _ = self.post()
            answers[status] = answers.get(status, 0) + 1
            check(status == 201 or headers['Retry-After'], '503 without Retry-After')
            check(time.monotonic() - start < CHECK_SECONDS, f'{answers} only')
        took = time.monotonic() - start
        check(set(answers) == {201, 503} and answers[201] == PENDING, f'{answers}')
        full = self.memory()
        while self.ended() - ended < PENDING:
            check(time.monotonic() - start < took + CHECK_SECONDS + 3,
                  f'{self.ended() - ended} of {PENDING} ended')
            time.sleep(0.2)
        check(self.post()[0] == 201, 'no room after all have ended')
        result = viewer.result()['viewers'][0]
        check(result['packetsLost'] == 0, f'{result["packetsLost"]} packets lost meanwhile')
        return f'{PENDING} in {took:.1f} s, {full} KiB resident'

    @case('handshakes that never end')
    def handshakes(self):
        ended, memory = self.ended(), self.memory()
        clients = [self.candidate() for _ in range(100)]
        check(all(c.check() for c in clients), 'a check was not answered')
        for client in clients:
            client.send(client_hello())
        flights = sum(1 for c in clients if c.receive()[:1] == b'\x16')
        check(flights == 100, f'{flights} of 100 had an answer')
        full = self.memory()
        start = time.monotonic()
        while self.ended() - ended < 100:
            check(time.monotonic() - start < HANDSHAKE_SECONDS + 3,
                  f'{self.ended() - ended} of 100 ended')
            time.sleep(0.2)
        for client in clients:
            client.close()
        check(self.gateway.viewers() == [], 'a viewer was installed')
        check(full - memory < 100 * 150, f'{full - memory} KiB for 100 handshakes')
        return f'{(full - memory) // 100} KiB each'

    @case('checks without end: 50 answers a second, and its own client connects')
    def checks(self):
        client = self.candidate()
        request = binding(client.ours, client.theirs, client.password)
        start, answers = time.monotonic(), 0
        for i in range(3000):
            client.send(request)
            if i % 30 == 29:
                time.sleep(0.005)
        while client.receive(0.5):
            answers += 1
        most = 52 + 50 * (time.monotonic() - start)
        check(0 < answers <= most, f'{answers} of 3000 checks were answered, at most {most:.0f}')
        client.send(client_hello())
        check(client.receive()[:1] == b'\x16', 'its own client was not answered')
        client.close()
        return f'{answers} of 3000 answered'

    @case('no answer to whom no check has proven')
    def unproven(self):
        proven, stranger = self.candidate(), self.candidate()
        stranger.password = 'x' * 24
        for _ in range(20):
            stranger.send(client_hello())
            check(not stranger.check(0.05), 'a wrong password was answered')
            if len(stranger.ours) > 1:  # half of the offer's user fragment
                stranger.ours = stranger.ours[:-1]
        check(proven.check(), 'the right password was not')
        other = self.candidate()
        other.send(client_hello())
        check(other.receive(0.5) == b'', 'DTLS was answered before a check')
        # ... and the session lives: its own client may still connect
        proven.send(client_hello())
        check(proven.receive()[:1] == b'\x16', 'the proven one was not answered')
        for client in (proven, stranger, other):
            client.close()

    @case('a ClientHello in IP fragments')
    def fragments(self):
        for size in (1473, 1990):
            client = self.candidate()
            check(client.check(), 'the check was not answered')
            client.send(client_hello(size))
            check(client.receive()[:1] == b'\x16', f'{size} bytes were not answered')
            client.close()

    @case('a camera with endless headers delays a POST by less than 100 ms')
    def babbler(self):
        def posts():
            times = []
            for _ in range(60):
                start = time.monotonic()
                status, headers, _ = self.post()
                times.append((time.monotonic() - start) * 1000)
                check(status == 201, f'POST: {status}')
                request(self.lab, 'DELETE', self.gateway.at(headers['Location']))
                time.sleep(0.05)
            return sorted(times)[len(times) // 2]
        alone = posts()
        babbler = Babbler(self.lab, 8555)
        self.gateway.session['paths']['babbler'] = {
            'source': f'rtsp://{self.lab.lan_address}:8555/x'}
        self.gateway.write()
        self.gateway.controlplane.stop()
        self.gateway.start_controlplane()
        self.gateway.await_streams(4, 20)
        try:
            among = posts()
        finally:
            babbler.close()
        check(babbler.bytes > 0, 'it was not asked')
        check(among - alone < 100, f'{among:.0f} ms, {alone:.0f} ms without')
        return f'median {among:.1f} ms, {alone:.1f} ms without'
