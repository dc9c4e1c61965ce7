# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces and virtual wires of one run."""
import contextlib
import ctypes
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from .process import Process

CLONE_NEWNET = 0x40000000
NAMESPACES = '/run/netns'
OURS = ('dataplane', 'controlplane', 'camera')
SANITIZERS = r'ERROR: \w+Sanitizer|runtime error: '
libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    pass


def run(*args, check=True):
    done = subprocess.run(args, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise LabError(f'{" ".join(args)}: {done.stderr.strip() or done.stdout.strip()}')
    return done.stdout


def setns(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


@contextlib.contextmanager
def inside(namespace):
    """Sockets that this thread opens meanwhile belong to that namespace (None: to its own)."""
    if namespace is None:
        yield
        return
    home = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
    away = os.open(f'{NAMESPACES}/{namespace}', os.O_RDONLY)
    try:
        setns(away)
        try:
            yield
        finally:
            setns(home)
    finally:
        os.close(home)
        os.close(away)


class Lab:
    """The gateway's namespace `gw` and the clients' `lan`, joined by a veth pair.

    In `gw` the wire is called mr0. Both ends have an IPv4 and an IPv6 address, and each is
    the other's default route. `host`: the client's end stays in the caller's own namespace,
    under a name of its own.
    """

    def __init__(self, what):
        self.what = what
        self.prefix = f'mr-{what}-{os.getpid()}'
        self.namespaces = []
        self.links = []       # our ends in the caller's namespace
        self.processes = []
        self.directory = tempfile.mkdtemp(prefix=f'{self.prefix}-')
        self.gw = self.lan = None
        remove_stale(what)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def renew(self):
        """As if it had just been made."""
        self.close()
        self.__init__(self.what)

    # -- namespaces and wires

    def namespace(self, name):
        full = f'{self.prefix}-{name}'
        run('ip', 'netns', 'add', full)
        self.namespaces.append(full)
        run('ip', '-n', full, 'link', 'set', 'lo', 'up')
        return full

    def wire(self, host=False):
        self.gw = self.namespace('gw')
        self.lan = None if host else self.namespace('lan')
        self.lan_link = f'mr{os.getpid()}' if host else 'mr1'
        net = free_network() if host else 0
        self.gw_address, self.lan_address = f'10.77.{net}.2', f'10.77.{net}.1'
        self.gw_address6, self.lan_address6 = f'fd77:{net:x}::2', f'fd77:{net:x}::1'
        if net == 0:
            self.gw_address6, self.lan_address6 = 'fd77::2', 'fd77::1'
        if host:
            self.links.append(self.lan_link)
            run('ip', 'link', 'add', self.lan_link, 'type', 'veth', 'peer', 'name', 'mr0',
                'netns', self.gw)
        else:
            run('ip', '-n', self.gw, 'link', 'add', 'mr0', 'type', 'veth', 'peer', 'name',
                self.lan_link, 'netns', self.lan)
        self.address(self.gw, 'mr0', self.gw_address, self.gw_address6)
        self.address(self.lan, self.lan_link, self.lan_address, self.lan_address6)
        run('ip', '-n', self.gw, 'route', 'add', 'default', 'via', self.lan_address)
        if not host:
            run('ip', '-n', self.lan, 'route', 'add', 'default', 'via', self.gw_address)

    def ip(self, namespace, *args, **options):
        return run('ip', *(['-n', namespace] if namespace else []), *args, **options)

    def execute(self, namespace, *args):
        return run(*(['ip', 'netns', 'exec', namespace] if namespace else []), *args)

    def address(self, namespace, link, v4, v6):
        # what is sent over a virtual wire is seen by others as it is: finished checksums,
        # no frames of 64 KB
        self.execute(namespace, 'ethtool', '-K', link, 'tx', 'off', 'tso', 'off', 'gso', 'off',
                     'gro', 'off')
        self.ip(namespace, 'address', 'add', f'{v4}/24', 'dev', link)
        # a kernel without IPv6 still does for everything else
        self.ip(namespace, 'address', 'add', f'{v6}/64', 'dev', link, 'nodad', check=False)
        self.ip(namespace, 'link', 'set', link, 'up')

    def default_route(self):
        """True: the clients' namespace has one; Chromium names no candidates without."""
        return bool(self.ip(self.lan, 'route', 'show', 'default').strip())

    def ipv6(self):
        return self.lan_address6 in self.ip(self.lan, '-6', 'address')

    # -- processes

    def start(self, name, args, namespace=None, env=None, **options):
        log = os.path.join(self.directory, f'{len(self.processes)}-{name}.log')
        # DPDK's own files (dpdk/ and the --file-prefix) go with the directory
        env = {'RUNTIME_DIRECTORY': self.directory, **(env or {})}
        process = Process(name, args, log, namespace, env=env, **options)
        self.processes.append(process)
        return process

    def path(self, name):
        return os.path.join(self.directory, name)

    # -- the end

    def finish(self):
        """Ends our programs as an operator would; gives what was wrong with that."""
        problems = []
        for process in reversed(self.processes):
            ours = process.name.startswith(OURS)
            was_running = process.running()
            heard = process.stop()
            if ours and was_running and not heard:
                problems.append((process, f'{process.name} does not end'))
            elif ours and process.child.returncode not in (0, -signal.SIGKILL):
                problems.append((process, f'{process.name} ended with {process.child.returncode}'))
            elif re.search(SANITIZERS, process.output()):
                problems.append((process, f'{process.name}: a sanitizer found something'))
        return problems

    def close(self):
        """Last started, first ended. Never raises for what is gone already."""
        for process in reversed(self.processes):
            process.stop()
        for namespace in self.namespaces:
            end_pids(run('ip', 'netns', 'pids', namespace, check=False).split())
        for link in self.links:
            run('ip', 'link', 'del', link, check=False)
        for namespace in reversed(self.namespaces):
            run('ip', 'netns', 'del', namespace, check=False)
        self.processes, self.namespaces, self.links = [], [], []
        remove_tree(self.directory)


def remove_tree(directory):
    """Also when somebody who is about to end writes to it."""
    for _ in range(20):
        shutil.rmtree(directory, ignore_errors=True)
        if not os.path.exists(directory):
            return
        time.sleep(0.1)


def end_pids(pids):
    """Whatever still runs in a namespace that is ours alone (a browser's helpers)."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), number)
        until = time.monotonic() + 2
        while pids and time.monotonic() < until:
            pids = [p for p in pids if os.path.exists(f'/proc/{p}')]
            time.sleep(0.02)
        if not pids:
            return


def free_network():
    """The first 10.77.N.0/24 that the caller's namespace has no address in."""
    taken = [ipaddress.ip_interface(f'{a["local"]}/{a["prefixlen"]}').network
             for link in json.loads(run('ip', '-j', '-4', 'address'))
             for a in link.get('addr_info', []) if 'local' in a]
    for n in range(256):
        if not any(t.overlaps(ipaddress.ip_network(f'10.77.{n}.0/24')) for t in taken):
            return n
    raise LabError('all of 10.77.0.0/16 is in use on this machine')


def remove_stale(what):
    """Namespaces and directories of runs that were killed before they could tidy up."""
    pattern = re.compile(rf'mr-{re.escape(what)}-(\d+)(-|$)')
    for folder in (NAMESPACES, tempfile.gettempdir()):
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            found = pattern.match(name)
            if not found or os.path.exists(f'/proc/{found[1]}'):
                continue
            if folder == NAMESPACES:
                end_pids(run('ip', 'netns', 'pids', name, check=False).split())
                run('ip', 'netns', 'del', name, check=False)
            else:
                shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
