#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench peers: one camera, N viewers, in turn against millrace and other servers, and
that several times: figures are medians of the turns, ratios are taken in each of them.

Everybody gets the same namespaces, camera, viewers and SRTP profile. The server has the first
half of the CPUs for itself, camera and viewers have the others, and what arrives at the viewers'
end of the wire is received there: so the server's CPUs do the server's work, its system calls and
soft interrupts included, and nothing else of this measurement.

CPU is told three times. `process`: the time the scheduler gave to the server's processes; the soft
interrupts that came over them are in it, as the kernel counts. `cpus`: all that the server's
CPUs did, whoever did it, kernel threads too; true only on a machine with nothing else to do.
`soak`: what an idle-class process on the server's CPUs could not do because of the server
(soak.py), measured after the other two; so it does not disturb them.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import sys
import time

import soak
from lab import Camera, Failure, Gateway, Lab, LabError, inside, program, session_file
from measuring import parser, within

PLUGINS = '/usr/lib/x86_64-linux-gnu/janus'
TICKS = os.sysconf('SC_CLK_TCK')
SERVERS = ('millrace', 'janus', 'janus-loops', 'mediamtx')
ACCOUNTS = ('process', 'cpus', 'soak')
MEDIANS = (*(f'{kind}{what}' for kind in ACCOUNTS for what in ('Cores', 'MicrosPerPacket', 'Ratio')),
           'packetsPerSecond', 'idleProcessCores', 'idleKiB', 'kibPerViewer')
CPUS = sorted(os.sched_getaffinity(0))
# veth drops what its ring of 256 frames does not take, before Linux 6.16 in any case
THREADS = tuple(map(int, re.findall(r'\d+', os.uname().release)[:2])) >= (6, 16)
OURS, THEIRS = CPUS[:len(CPUS) // 2] or CPUS, CPUS[len(CPUS) // 2:]


def say(text):
    print(f'bench: {text}', file=sys.stderr, flush=True)


def counts(text):
    return [within(1, 10000)(n) for n in text.split(',')]


def servers(text):
    for name in text.split(','):
        if name not in SERVERS:
            raise argparse.ArgumentTypeError(
                f'no such server: {name}; there are {", ".join(SERVERS)}')
    return text.split(',')


def parse(args):
    p = parser('peers', 'One camera and N viewers, in turn against millrace and other servers: '
               'CPU time per delivered packet, losses, memory per viewer.')
    p.add_argument('--viewers', type=counts, default='1,50,200', metavar='N,N',
                   help='how many at once, one measurement each')
    p.add_argument('--seconds', type=within(1, 3600), default=10, metavar='N',
                   help='of each measurement')
    p.add_argument('--turns', type=within(1, 100), default=3, metavar='N',
                   help='of each server; figures are medians')
    p.add_argument('--rounds', type=within(1, 1000), default=8, metavar='N',
                   help='of the third account')
    p.add_argument('--servers', type=servers, metavar='NAME,NAME',
                   help=f'of {", ".join(SERVERS)} (default: those that are installed)')
    p.add_argument('--bitrate', default='1M', metavar='RATE', help='of the video, as 800k or 2M')
    p.add_argument('--profile', default='AEAD_AES_128_GCM', metavar='NAME', help='of SRTP')
    return p.parse_args(args)


def cpu_mask(cpus):
    return f'{sum(1 << c for c in cpus):x}'


@contextlib.contextmanager
def on_cpus(cpus):
    """Processes that are started meanwhile run there."""
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, CPUS)


@contextlib.contextmanager
def long_backlog(packets=100000):
    """One picture for hundreds of viewers is thousands of packets at once: what a wire would
    carry away waits here. The kernel has this number but once; it is put back in the end."""
    file = '/proc/sys/net/core/netdev_max_backlog'
    with open(file, encoding='ascii') as f:
        was = f.read()
    try:
        if int(was) < packets:
            with open(file, 'w', encoding='ascii') as f:
                f.write(str(packets))
        yield
    finally:
        with open(file, 'w', encoding='ascii') as f:
            f.write(was)


def steer(lab):
    """Each end of the wire is received on the CPUs of who lives there."""
    receive_by_rps(lab, lab.gw, 'mr0', OURS)
    if THREADS:
        receive_by_thread(lab, lab.lan, lab.lan_link, THEIRS)
        # so that a full ring of veth's holds up and does not drop
        lab.execute(lab.gw, 'tc', 'qdisc', 'add', 'dev', 'mr0', 'root', 'pfifo', 'limit', '10000')
    else:
        receive_by_rps(lab, lab.lan, lab.lan_link, THEIRS)


def receive_by_rps(lab, namespace, link, cpus):
    lab.execute(namespace, 'sh', '-c',
                f'echo {cpu_mask(cpus)} > /sys/class/net/{link}/queues/rx-0/rps_cpus')


def receive_by_thread(lab, namespace, link, cpus):
    """The kernel's thread of NAPI for it. RPS would have the sender take each frame's headers
    apart, which is the receiver's work (and a socket's frames are spared, AF_XDP's are not)."""
    lab.execute(namespace, 'ethtool', '-K', link, 'gro', 'on')
    lab.execute(namespace, 'sh', '-c', f'echo 1 > /sys/class/net/{link}/threaded')
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with contextlib.suppress(OSError):
            with open(f'/proc/{pid}/comm', encoding='ascii') as f:
                if f.read().startswith(f'napi/{link}-'):
                    os.sched_setaffinity(int(pid), cpus)


# -- servers: start() until the stream is there, url and arguments for millrace-viewer, processes

class Millrace:
    title = 'millrace'

    def __init__(self, lab, camera):
        with on_cpus(OURS):
            self.gateway = Gateway(lab, session_file(
                lab, {'cam1': {'source': camera.url(), 'rtspTransport': 'udp'}}))
            self.gateway.start()
        self.gateway.await_streams(2, 30)
        self.processes = [self.gateway.dataplane, self.gateway.controlplane]
        self.viewer = ['--url', self.gateway.url('cam1', whep=True)]

    def figures(self):
        return {'drops': self.gateway.cli('drops')['drops'],
                'lostOnInput': sum(s['lost'] for s in self.gateway.cli('streams')['streams']),
                'crypto': self.gateway.cli('status')['dataplane']['crypto']}


class Janus:
    title = 'Janus 1.1.2 (Debian), stock'
    general = ''

    def __init__(self, lab, camera):
        folder = lab.path('janus')
        os.makedirs(folder, exist_ok=True)
        others = {kind: ','.join(sorted(name for name in os.listdir(f'{PLUGINS}/{kind}')
                                        if name.endswith('.so') and keep not in name))
                  for kind, keep in (('plugins', 'streaming'), ('transports', '_http'))}
        files = {
            'janus.jcfg': f'general: {{\n configs_folder = "{folder}"\n'
                          f' plugins_folder = "{PLUGINS}/plugins"\n'
                          f' transports_folder = "{PLUGINS}/transports"\n'
                          f' debug_level = 3\n debug_colors = false\n{self.general} }}\n'
                          f'plugins: {{ disable = "{others["plugins"]}" }}\n'
                          f'transports: {{ disable = "{others["transports"]}" }}\n',
            'janus.transport.http.jcfg': 'general: { http = true\n port = 8088\n https = false }\n',
            'janus.plugin.streaming.jcfg':
                f'camera: {{ type = "rtsp"\n id = 1\n audio = true\n video = true\n'
                f' url = "{camera.url()}" }}\n',
        }
        for name, text in files.items():
            with open(os.path.join(folder, name), 'w', encoding='ascii') as f:
                f.write(text)
        with on_cpus(OURS):
            server = lab.start('janus', ['janus', '-F', folder], lab.gw)
        await_port(server, lab, 8088)
        time.sleep(2)  # its RTSP client says nothing when media has come
        self.processes = [server]
        self.viewer = ['--url', f'http://{lab.gw_address}:8088/janus', '--janus', 1]

    def figures(self):
        return {}


class JanusLoops(Janus):
    title = f'Janus 1.1.2 (Debian), event_loops = {max(2, len(OURS))}'
    general = f' event_loops = {max(2, len(OURS))}\n'


class Mediamtx:
    title = 'MediaMTX'

    def __init__(self, lab, camera):
        file = lab.path('mediamtx.yml')
        with open(file, 'w', encoding='utf-8') as f:
            f.write(f'rtsp: no\nrtmp: no\nhls: no\nsrt: no\nwebrtc: yes\n'
                    f'webrtcAddress: {lab.gw_address}:8889\nwebrtcLocalUDPAddress: :8189\n'
                    f'paths:\n  cam1:\n    source: {camera.url()}\n    rtspTransport: udp\n')
        with on_cpus(OURS):
            server = lab.start('mediamtx', ['mediamtx', file], lab.gw)
        await_port(server, lab, 8889)
        time.sleep(2)
        self.processes = [server]
        self.viewer = ['--url', f'http://{lab.gw_address}:8889/cam1/whep']

    def figures(self):
        return {}


CLASSES = {'millrace': Millrace, 'janus': Janus, 'janus-loops': JanusLoops,
           'mediamtx': Mediamtx}


def await_port(process, lab, port, seconds=20):
    until = time.monotonic() + seconds
    while True:
        try:
            with inside(lab.gw):
                socket.create_connection((lab.gw_address, port), 1).close()
            return
        except OSError:
            if not process.running() or time.monotonic() > until:
                raise Failure(f'{process.name} does not listen', process) from None
            time.sleep(0.05)


def installed(name):
    return name.startswith('millrace') or shutil.which('mediamtx' if name == 'mediamtx' else 'janus')


# -- samples

def process_seconds(processes):
    """What the scheduler gave to all their threads."""
    total = 0
    for process in processes:
        folder = f'/proc/{process.pid}/task'
        for task in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                with open(f'{folder}/{task}/schedstat', encoding='ascii') as f:
                    total += int(f.read().split()[0])
    return total / 1e9


def cpus_seconds(cpus):
    """User, nice, system, irq and softirq of these CPUs."""
    total = 0
    with open('/proc/stat', encoding='ascii') as f:
        for line in f:
            fields = line.split()
            if re.fullmatch(r'cpu\d+', fields[0]) and int(fields[0][3:]) in cpus:
                total += sum(int(fields[i]) for i in (1, 2, 3, 6, 7))
    return total / TICKS


def resident_kib(processes):
    total = 0
    for process in processes:
        with open(f'/proc/{process.pid}/status', encoding='ascii') as f:
            total += int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])
    return total


class Sample:
    def __init__(self, processes, viewer=None):
        self.packets = viewer_counts(viewer)['packets'] if viewer else 0
        self.at = time.monotonic()
        self.process = process_seconds(processes)
        self.cpus = cpus_seconds(OURS)


def await_handler(viewer, seconds=20):
    """Before it catches SIGUSR1, it would end by it."""
    bit = 1 << (signal.SIGUSR1 - 1)
    until = time.monotonic() + seconds
    while time.monotonic() < until and viewer.running():
        with open(f'/proc/{viewer.pid}/status', encoding='ascii') as f:
            if int(re.search(r'SigCgt:\s+([0-9a-f]+)', f.read())[1], 16) & bit:
                return
        time.sleep(0.02)
    raise Failure('millrace-viewer does not start', viewer)


def viewer_counts(viewer):
    """millrace-viewer tells them on SIGUSR1."""
    before = len(re.findall(r'^counts ', viewer.output(), re.M))
    viewer.signal(signal.SIGUSR1)
    until = time.monotonic() + 20
    while True:
        found = re.findall(r'^counts connected=(\d+) failed=(\d+) packets=(\d+)', viewer.output(),
                           re.M)
        if len(found) > before:
            return dict(zip(('connected', 'failed', 'packets'), map(int, found[-1])))
        if time.monotonic() > until or not viewer.running():
            raise Failure('millrace-viewer tells no counts', viewer)
        time.sleep(0.005)


# -- one measurement

def measure(name, viewers, options):
    with Lab('peers') as lab:
        try:
            return measure_in(lab, name, viewers, options)
        except Failure as e:
            print(e.tails(), file=sys.stderr)  # while the logs are there
            raise


def measure_in(lab, name, viewers, options):
    lab.wire()
    steer(lab)
    with on_cpus(THEIRS):
        camera = Camera(lab, '--bitrate', options.bitrate, auth=False)
    server = CLASSES[name](lab, camera)
    idle = Sample(server.processes)
    time.sleep(2)
    idle_end = Sample(server.processes)
    memory = resident_kib(server.processes)
    with on_cpus(THEIRS):
        viewer = lab.start('viewer', [
            program('millrace-viewer'), *server.viewer, '--viewers', viewers, '--profile',
            options.profile, '--local-address', lab.lan_address, '--seconds', 2 * options.seconds + 120, '--connect-timeout', 30,
            '--decrypt-every', max(1, viewers // 10), '--json'], lab.lan, pipe=True)
    await_handler(viewer)
    until = time.monotonic() + 30 + viewers * 0.05
    while viewer_counts(viewer)['connected'] < viewers:
        if time.monotonic() > until or not viewer.running():
            raise Failure(f'{viewer_counts(viewer)} of {viewers} viewers', viewer,
                          *server.processes)
        time.sleep(0.2)
    time.sleep(1.5)
    before = Sample(server.processes, viewer)
    time.sleep(options.seconds)
    after = Sample(server.processes, viewer)
    memory_end = resident_kib(server.processes)
    soaker = soak.Soaker(lab, OURS)
    soaked = soak.rounds(soaker, camera.process, server.processes,
                         lambda: viewer_counts(viewer)['packets'], options.seconds, options.rounds)
    soaker.end()
    extra = server.figures()
    viewer.signal(signal.SIGINT)
    totals = json.loads(viewer.read_all(60 + viewers * 0.2).strip().splitlines()[-1])['totals']
    packets = after.packets - before.packets
    seconds = after.at - before.at
    return {
        'server': name, 'title': server.title, 'viewers': viewers,
        'packets': packets, 'packetsPerSecond': round(packets / seconds),
        'packetsLost': totals['packetsLost'], 'socketDrops': totals['socketDrops'],
        'viewersConnected': totals['viewersConnected'], 'srtpProfiles': totals['srtpProfiles'],
        'processCores': round((after.process - before.process) / seconds, 4),
        'processMicrosPerPacket': round(1e6 * (after.process - before.process) / packets, 3),
        'cpusCores': round((after.cpus - before.cpus) / seconds, 4),
        'cpusMicrosPerPacket': round(1e6 * (after.cpus - before.cpus) / packets, 3),
        **soaked,
        'idleProcessCores': round((idle_end.process - idle.process) / (idle_end.at - idle.at), 4),
        'idleKiB': memory, 'kibPerViewer': round((memory_end - memory) / viewers, 1),
        **extra,
    }


def add_ratios(turn):
    """How many times what millrace takes, in the same turn."""
    ours = next((r for r in turn if r['server'] == 'millrace'), None)
    for row in turn:
        for kind in ACCOUNTS:
            key = f'{kind}MicrosPerPacket'
            row[f'{kind}Ratio'] = round(row[key] / ours[key], 2) if ours and ours[key] else None


def of_turns(turns):
    """One row of several of the same server: medians, losses added up, ratios one by one."""
    row = dict(turns[-1])
    for key in MEDIANS:
        values = [t[key] for t in turns if t[key] is not None]
        row[key] = round(statistics.median(values), 3) if values else None
    for key in ('packets', 'packetsLost', 'socketDrops'):
        row[key] = sum(t[key] for t in turns)
    for kind in ACCOUNTS:
        row[f'{kind}Ratios'] = [t[f'{kind}Ratio'] for t in turns]
    return row


def table(rows):
    head = ('viewers', 'server', 'packets/s', 'lost', 'us/packet', 'ratio', 'CPUs us/packet',
            'ratio', 'soak us/packet', 'ratio', 'KiB/viewer')
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    for r in rows:
        lines.append('| ' + ' | '.join(str(x) for x in (
            r['viewers'], r['title'], r['packetsPerSecond'], r['packetsLost'],
            f'{r["processMicrosPerPacket"]:.2f}', r['processRatio'] or '',
            f'{r["cpusMicrosPerPacket"]:.2f}', r['cpusRatio'] or '',
            f'{r["soakMicrosPerPacket"]:.2f}', r['soakRatio'] or '', r['kibPerViewer'])) + ' |')
    return '\n'.join(lines)


def alternating(servers, viewers, options):
    """Servers in turn, several times: what else a machine does then meets all of them."""
    turns = []
    for number in range(1, options.turns + 1):
        turns.append([])
        for name in servers:
            say(f'{viewers} viewers, turn {number} of {options.turns}, {name}')
            turns[-1].append(measure(name, viewers, options))
        add_ratios(turns[-1])
    return [of_turns(rows) for rows in zip(*turns)]


def peers(args):
    """The whole of scripts/bench peers; gives the exit status."""
    options = parse(args)
    servers = [s for s in options.servers or SERVERS if installed(s)]
    missing = [s for s in options.servers or () if not installed(s)]
    if missing:
        say(f'not installed: {", ".join(missing)}')
        return 1
    rows = []
    try:
        with long_backlog():
            for viewers in options.viewers:
                rows += alternating(servers, viewers, options)
    except (Failure, LabError) as e:
        say(e)
        return 1
    print(table(rows), file=sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps({'bitrate': options.bitrate, 'profile': options.profile,
                          'turns': options.turns, 'receiver': 'thread' if THREADS else 'rps',
                          'serverCPUs': OURS, 'clientCPUs': THEIRS, 'rows': rows}))
    return 0


if __name__ == '__main__':
    def stop(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    sys.exit(peers(sys.argv[1:]))
