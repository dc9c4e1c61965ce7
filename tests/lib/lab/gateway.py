# SPDX-License-Identifier: BSD-3-Clause
"""The gateway's two processes with a session file of their own, and a camera."""
import json
import os
import signal
import socket
import subprocess
import time

from .net import inside
from .process import Failure

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
BUILD = os.environ.get('MILLRACE_BUILD', os.path.join(TOP, 'build'))
FOLDERS = {'millrace': 'millrace', 'millrace-dataplane': 'dataplane', 'millrace-viewer': 'viewer',
           'millrace-controlplane': 'controlplane', 'millrace-camera': 'camera',
           'millrace-bench': 'bench'}
OTHERS = {'channel': 'controlplane-other-channel', 'stats': 'controlplane-other-stats'}
CACHE = os.path.join(TOP, '.cache')  # the camera's clips


def program(name):
    return os.path.join(BUILD, 'apps', FOLDERS[name], name)


def worker_cores():
    """The last CPU that we may use is the worker's; the first ones have the rest to do."""
    return [max(os.sched_getaffinity(0))]


def session_file(lab, paths, dataplane=None, **keys):
    """A session file for both processes, everything it names being the run's own."""
    return {
        'logLevel': 'info',
        'stateDirectory': lab.path('state'),
        'dataplane': {
            'ports': [{'name': 'wan', 'device': 'net_af_xdp,iface=mr0'}],
            'workers': worker_cores(),
            'idle': 'adaptive',
            'crypto': 'ipsec-mb',
            'controlSocket': lab.path('control.sock'),
            'statsSocket': lab.path('stats.sock'),
            'filePrefix': lab.prefix,
            'xdpObject': os.path.join(BUILD, 'dataplane', 'port', 'millrace_xdp.o'),
            **(dataplane or {}),
        },
        'webrtcAddress': ':8889',
        'webrtcLocalUDPAddress': ':8189',
        'paths': paths,
        **keys,
    }


class Gateway:
    def __init__(self, lab, session):
        self.lab = lab
        self.session = session
        self.file = lab.path('millrace.json')
        self.dataplane = self.controlplane = None
        self.starts = 0
        self.write()

    def write(self):
        os.makedirs(self.session['stateDirectory'], mode=0o700, exist_ok=True)
        with open(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w',
                  encoding='utf-8') as f:
            json.dump(self.session, f, indent='\t')

    def url(self, path, whep=False, v6=False):
        host = f'[{self.lab.gw_address6}]' if v6 else self.lab.gw_address
        return f'http://{host}:{self.http_port()}/{path}/{"whep" if whep else ""}'

    def at(self, location):
        """The URL of a Location header."""
        return f'http://{self.lab.gw_address}:{self.http_port()}{location}'

    def http_port(self):
        return int(self.session['webrtcAddress'].rsplit(':', 1)[1])

    def start(self):
        self.start_dataplane()
        self.start_controlplane()

    def start_dataplane(self):
        self.starts += 1
        self.dataplane = self.lab.start(f'dataplane{self.starts}',
                                        [program('millrace-dataplane'), self.file], self.lab.gw)
        self.dataplane.await_line(r'^ready ', 30)

    def telemetry(self, command):
        """What DPDK's telemetry answers."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(5)
            s.connect(self.lab.path(f'dpdk/{self.lab.prefix}/dpdk_telemetry.v2'))
            s.recv(4096)  # who answers
            s.send(command.encode())
            return json.loads(s.recv(1 << 20))[command.split(',')[0]]

    def start_controlplane(self, other=None):
        """`other`: of a release whose channel or statistics are another version."""
        self.starts += 1
        executable = (os.path.join(BUILD, 'tests', 'e2e', OTHERS[other]) if other else
                      program('millrace-controlplane'))
        self.controlplane = self.lab.start(f'controlplane{self.starts}', [executable, self.file],
                                           self.lab.gw)
        self.await_http(10)

    def await_http(self, seconds):
        until = time.monotonic() + seconds
        while True:
            try:
                with inside(self.lab.gw):
                    socket.create_connection((self.lab.gw_address, self.http_port()), 1).close()
                return
            except OSError:
                if not self.controlplane.running() or time.monotonic() > until:
                    raise Failure('the control plane does not answer HTTP', self.controlplane,
                                  self.dataplane) from None
                time.sleep(0.02)

    def cli(self, *args):
        """What `millrace --json ARGS` says, as objects."""
        done = subprocess.run([program('millrace'), '--json', '--interval', '0', '--socket',
                               self.session['dataplane']['statsSocket'], *args],
                              capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            raise Failure(f'millrace {" ".join(args)}: {done.stderr.strip()}', self.dataplane)
        return json.loads(done.stdout)

    def kick(self, viewer):
        """The operator ends a viewer ("api": true): None, or what `millrace kick` has against it."""
        done = subprocess.run(['ip', 'netns', 'exec', self.lab.gw, program('millrace'), '--json',
                               'kick', str(viewer)], capture_output=True, text=True, timeout=20)
        said = json.loads(done.stdout)
        if said['ended'] != (done.returncode == 0):
            raise Failure(f'millrace kick: status {done.returncode}: {said}', self.controlplane)
        return said.get('error')

    def await_streams(self, count, seconds, path=None):
        """Waits until that many streams receive packets; gives them."""
        until = time.monotonic() + seconds
        while True:
            streams = [s for s in self.cli('streams')['streams']
                       if s['receiving'] and s['packets'] > 0 and path in (None, s['path'])]
            if len(streams) >= count:
                return streams
            for process in (self.dataplane, self.controlplane):
                if process is not None and not process.running():
                    raise Failure(f'{process.name} ended with status {process.child.returncode}',
                                  process)
            if time.monotonic() > until:
                raise Failure(f'{len(streams)} of {count} streams receive after {seconds} s',
                              self.controlplane, self.dataplane)
            time.sleep(0.1)

    def viewers(self):
        return self.cli('viewers')['viewers']

    def await_viewers(self, count, seconds):
        """Waits until exactly that many viewers are there; gives the seconds it took, or None."""
        start = time.monotonic()
        while len(self.viewers()) != count:
            if time.monotonic() - start > seconds:
                return None
            time.sleep(0.1)
        return time.monotonic() - start

    def figures(self):
        """The data plane's part of a verdict."""
        totals = self.cli('status')['totals']
        return {'rxPackets': totals['rxPackets'], 'txPackets': totals['txPackets'],
                'drops': self.cli('drops')['drops']}


class Camera:
    """millrace-camera in the clients' namespace."""

    USER, PASSWORD = 'demo', 'let me in'

    def __init__(self, lab, *args, address=None, port=8554, namespace=False, auth=True,
                 tls=None):
        self.lab = lab
        address = address or lab.lan_address
        who = ['--user', self.USER, '--password', self.PASSWORD] if auth else []
        login = f'{self.USER}:{self.PASSWORD.replace(" ", "%20")}@' if auth else ''
        os.makedirs(CACHE, exist_ok=True)
        host = f'[{address}]' if ':' in address else address
        self.base = f'rtsp{"s" if tls else ""}://{login}{host}:{port}'
        who += ['--tls', tls] if tls else []
        self.process = lab.start(f'camera{len(lab.processes)}', [
            program('millrace-camera'), '--listen', f'{host}:{port}', *who, *args],
            lab.lan if namespace is False else namespace, env={'XDG_CACHE_HOME': CACHE})
        # a clip is encoded the first time
        self.process.await_line(r'^ready |"ready":', 120)

    def url(self, mount='cam1'):
        return f'{self.base}/{mount}'

    def end(self):
        """Ends it; how often it was told to PLAY in all."""
        self.process.signal(signal.SIGTERM)
        found = self.process.await_line(r' packets in all, to (\d+) clients', 10)
        self.process.stop()
        return int(found[1])


def one_camera(lab, *camera, **keys):
    """A wire, a small camera, pulled over UDP as cam1, and the gateway that has it."""
    lab.wire()
    source = Camera(lab, '--size', '640x360', '--bitrate', '800k', *camera).url()
    gateway = Gateway(lab, session_file(
        lab, {'cam1': {'source': source, 'rtspTransport': 'udp'}}, **keys))
    gateway.start()
    gateway.await_streams(2, 20)
    return gateway
