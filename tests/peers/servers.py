"""Samba's servers, started by the scripts in SHARED/peers, and a gateway: rpcward on an address of its own with the
same port numbers, where clients then find everything that they would find directly."""

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "live"))

import smbtorture  # noqa: E402
from harness import Failure, Program, wait_until  # noqa: E402

SHARED = pathlib.Path(os.environ.get("SHARED", HERE.parents[2] / "shared")).resolve() / "peers"
START_LIMIT = 240  # seconds; it may have to install Samba


def why_not():
    """Why these servers cannot be started here; or None."""
    if not SHARED.is_dir():
        return "%s is missing" % SHARED
    if os.geteuid():
        return "needs root, for ports below 1024 and a mount namespace"
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        return "no mount namespace can be made here (unshare -m)"
    return None


def address_of(directory, number):
    """A loopback address that belongs to this folder: others may run the same tests beside us."""
    digest = hashlib.sha256(str(directory).encode()).digest()
    return "127.%d.%d.%d" % (96 + digest[0] % 32, digest[1], number)


def copy(source, target):
    """With all that a Samba leaves lying about; whole, or not at all."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    subprocess.run(["cp", "-a", str(source), str(part)], check=True)
    part.rename(target)


class Samba:
    """A server under a script `samba-…`. It begins each run as it was when it was made, and so does its twin: two servers
    that are compared must not remember different pasts, nor have drawn different keys. A copy is kept for that."""

    def __init__(self, directory, address):
        self.directory, self.address = directory, address
        self.pristine = directory.with_name(self.script + ".pristine")

    def run(self, verb):
        done = subprocess.run([str(SHARED / self.script), verb, str(self.directory)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=START_LIMIT,
                              env={**os.environ, self.variable: self.address})
        if done.returncode and verb == "start":
            raise Failure("%s start: %s" % (self.script, (done.stdout + done.stderr).strip()[-500:]))

    def make(self):
        """What it and its twins are copied from, where that is not there yet."""
        self.run("stop")  # of a run that was killed
        if self.pristine.exists():
            return
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.run("start")
        self.prime()
        self.run("stop")
        copy(self.directory, self.pristine)

    def prime(self):
        """Makes it draw what it draws when that is first needed."""

    def start(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        copy(self.pristine, self.directory)
        self.run("start")

    def stop(self):
        self.run("stop")

    def environment(self, target):
        """For clients that shall find it at `target`."""
        return {}

    @contextlib.contextmanager
    def stopped(self):
        """Its processes stand still."""
        pid = int((self.directory / "run" / "samba.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @property
    def client(self):
        """The folder with the clients' configuration."""
        return self.directory / "client"


class Domain(Samba):
    """An Active Directory domain controller, PEERS.TEST."""

    script, variable = "samba-dc", "SAMBA_DC_ADDR"
    ports, plain_tcp, plain_udp = [135, 20100, 20101, 20102], [88, 139, 389, 445, 464], [88, 389, 464]
    user, password = "Administrator", "Passw0rd!"

    def environment(self, target):
        return {"DC_DIR": str(self.directory), "KRB5_CONFIG": str(self.client / ("krb5." + target)),
                "NSS_WRAPPER_HOSTS": str(self.client / ("hosts." + target))}

    def prime(self):
        """The key of its backup key protocol (MS-BKRP): whether a subtest passes depends on it."""
        binding = "ncacn_ip_tcp:%s[seal]" % self.address
        smbtorture.run("rpc.backupkey", binding, "%s%%%s" % (self.user, self.password), base=self.client)

    def publish(self, target):
        """Writes the clients' configuration for it."""
        for name in ("krb5.conf", "hosts"):
            text = (self.client / name).read_text().replace(self.address, target)
            (self.client / (name.split(".")[0] + "." + target)).write_text(text)


class Standalone(Samba):
    """smbd and samba-dcerpcd; its dynamic ports differ from start to start."""

    script, variable = "samba-member", "SAMBA_MEMBER_ADDR"
    ports, plain_tcp, plain_udp = [135, *range(21100, 21112)], [139, 445], []
    user, password = "root", "Passw0rd!"


def settings(server, address, more):
    """rpcward's, for each port of a server."""
    servers = "".join('  port-%d: { members: [ "%s:%d" ]%s }\n' % (port, server.address, port, more)
                      for port in server.ports)
    listeners = "".join('  - { address: "%s:%d", server: port-%d }\n' % (address, port, port) for port in server.ports)
    return "log: { calls: stderr }\nservers:\n%slisteners:\n%s" % (servers, listeners)


def accepts(address, port):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


class Gateway:
    """rpcward and plain forwarders at `address`, before a Samba server."""

    def __init__(self, world, server, address):
        self.world, self.server, self.address = world, server, address
        for port in server.plain_tcp:
            self.forward("tcp", port, "TCP-LISTEN:%d,bind=%s,reuseaddr,fork,nodelay" % (port, address),
                         "TCP:%s:%d,nodelay")
        for port in server.plain_udp:
            self.forward("udp", port, "UDP-LISTEN:%d,bind=%s,fork" % (port, address), "UDP:%s:%d", "-T5")
        wait_until(lambda: all(accepts(address, port) for port in server.plain_tcp), "the forwarders")
        self.open()

    def forward(self, kind, port, listen, connect, *options):
        command = ["socat", *options, listen, connect % (self.server.address, port)]
        self.world.keep(Program(self.world.directory, "forward-%s-%d" % (kind, port), command))

    def open(self, more=""):
        """An rpcward, with more settings for its servers; another one after the first was killed."""
        self.proxy = self.world.proxy(config=settings(self.server, self.address, more), listeners=len(self.server.ports))


def version():
    """Of Samba, as its programs tell it."""
    said = subprocess.run(["smbtorture", "--version"], capture_output=True, text=True).stdout
    return re.search(r"\d[\d.]*", said).group(0)
