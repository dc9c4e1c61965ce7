#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The work of scripts/bench, which checks the options and builds before it comes here."""
import argparse
import json
import os
import sys
import time

from lab import Camera, Failure, Gateway, Process, program, session_file
from measuring import laboratory, report, run, say

TICKS = os.sysconf('SC_CLK_TCK')


def parse():
    p = argparse.ArgumentParser()
    p.add_argument('what')
    p.add_argument('--seconds', type=int, default=30)
    p.add_argument('--cameras', type=int, default=64)
    p.add_argument('--transport', default='udp')
    p.add_argument('--json', action='store_true')
    return p.parse_args()


def cpu_seconds(process: Process):
    """User and system time, all threads."""
    with open(f'/proc/{process.pid}/stat', encoding='ascii') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(process: Process):
    """Resident now, and at most so far."""
    found = {}
    with open(f'/proc/{process.pid}/status', encoding='ascii') as f:
        for line in f:
            name, _, value = line.partition(':')
            if name in ('VmRSS', 'VmHWM'):
                found[name] = round(int(value.split()[0]) / 1024, 1)
    return found['VmRSS'], found['VmHWM']


def cpu_model():
    with open('/proc/cpuinfo', encoding='ascii', errors='replace') as f:
        for line in f:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return 'unknown'


class Sample:
    def __init__(self, gateway):
        status = gateway.cli('status')
        self.totals = status['totals']
        self.workers = status['workers']
        self.drops = gateway.cli('drops')['drops']
        self.streams = gateway.cli('streams')['streams']
        self.viewers = gateway.viewers()
        self.cpu = {'dataplane': cpu_seconds(gateway.dataplane),
                    'controlplane': cpu_seconds(gateway.controlplane)}
        self.at = time.monotonic()


def await_viewers(gateway, count, seconds):
    until = time.monotonic() + seconds
    while len(gateway.viewers()) < count:
        if time.monotonic() > until:
            raise Failure(f'{len(gateway.viewers())} of {count} viewers after {seconds} s',
                          gateway.controlplane)
        time.sleep(0.2)


def cameras(lab, options):
    n = options.cameras
    lab.wire()
    say(f'{n} cameras, pulled over {options.transport}')
    camera = Camera(lab, '--mounts', n)
    gateway = Gateway(lab, session_file(lab, {
        f'cam{i}': {'source': camera.url(f'cam{i}'), 'rtspTransport': options.transport}
        for i in range(1, n + 1)}))
    gateway.start()
    gateway.await_streams(2 * n, 60)
    viewer = lab.start('viewer', [
        program('millrace-viewer'), '--url-pattern', gateway.url('cam%d', whep=True), '--cameras', n,
        '--viewers', n, '--seconds', options.seconds + 5, '--json'], lab.lan, pipe=True)
    await_viewers(gateway, n, 60)
    time.sleep(2)
    say(f'{n} viewers, measuring for {options.seconds} s')
    before = Sample(gateway)
    time.sleep(options.seconds)
    after = Sample(gateway)
    received = json.loads(viewer.read_all(60).strip().splitlines()[-1])['totals']
    return figures(gateway, before, after, received, options)


def figures(gateway, before, after, received, options):
    seconds = after.at - before.at

    def grew(key):
        return after.totals[key] - before.totals[key]

    def of_streams(key):
        return sum(s[key] for s in after.streams) - sum(s[key] for s in before.streams)

    processes = {}
    for name, process in (('dataplane', gateway.dataplane), ('controlplane', gateway.controlplane)):
        now, most = memory_mb(process)
        processes[name] = {'residentMB': now, 'residentMaxMB': most,
                           'cpuSeconds': round(after.cpu[name] - before.cpu[name], 2)}
    status = gateway.cli('status')['dataplane']
    return {
        'cameras': options.cameras, 'transport': options.transport, 'seconds': round(seconds, 1),
        'cpu': cpu_model(), 'cores': len(os.sched_getaffinity(0)), 'crypto': status['crypto'],
        'rxPackets': grew('rxPackets'), 'txPackets': grew('txPackets'),
        'txMbitPerSecond': round(8 * grew('txBytes') / seconds / 1e6, 1),
        'streamPacketsIn': of_streams('packets'), 'streamPacketsLostOnInput': of_streams('lost'),
        'drops': {k: v - before.drops.get(k, 0) for k, v in after.drops.items()
                  if v != before.drops.get(k, 0)},
        'dropsSinceStart': after.drops,
        'processes': processes,
        'viewers': {k: received[k] for k in (
            'viewersConnected', 'packetsReceived', 'packetsLost', 'packetsDuplicated',
            'authFailures', 'socketDrops')},
    }


def table(f):
    drops = ', '.join(f'{n} {name}' for name, n in f['drops'].items()) or 'none'
    start = ', '.join(f'{n} {name}' for name, n in f['dropsSinceStart'].items()) or 'none'
    v = f['viewers']
    rows = [
        ('machine', f'{f["cpu"]}, {f["cores"]} cores, {f["crypto"]}'),
        ('measured', f'{f["cameras"]} cameras over {f["transport"]}, {f["seconds"]} s'),
        ('packets into the data plane', f'{f["rxPackets"]}'),
        ('RTP from cameras', f'{f["streamPacketsIn"]}, {f["streamPacketsLostOnInput"]} lost before'),
        ('packets out', f'{f["txPackets"]}, {f["txMbitPerSecond"]} Mbit/s'),
        ('dropped', drops),
        ('dropped since the start', start),
        ('viewers', f'{v["viewersConnected"]}: {v["packetsReceived"]} packets, {v["packetsLost"]} '
                    f'lost, {v["authFailures"]} not authentic'),
    ]
    for name, p in f['processes'].items():
        rows.append((f'millrace-{name}', f'{p["residentMB"]} MB resident ({p["residentMaxMB"]} at '
                                         f'most), {p["cpuSeconds"]} CPU s'))
    return '\n'.join(f'  {name:<28}{value}' for name, value in rows)


def main():
    options = parse()
    with laboratory('bench') as lab:
        result = cameras(lab, options)
    report(result, table(result), options.json)


if __name__ == '__main__':
    sys.exit(run(main))
