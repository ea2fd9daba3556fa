"""Makes the traffic of the recipes, all of it through an rpcward whose clients' side is recorded.

A recipe says "KIND WORD…"; KINDS has a function for each kind, of a Stage and the words."""

import functools
import os
import pathlib
import re
import subprocess
import tempfile

import by_hand
import hangs
from harness import Failure, check  # of tests/live, which record puts into the path

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # whose modules Debian packages
CLIENTS_SIDE = "127.0.78.1:1135"  # where rpcward listens: what goes to and from there is recorded
DC_ADDRESS = "127.0.77.10"
ENDPOINT_MAPPER_PORT, SAMR_PORT = 135, 20102  # of the DC; mgmt is at each
PEERS = pathlib.Path(os.environ.get("SHARED", HERE.parents[1] / "shared")).resolve() / "peers"


class DomainController:
    """Samba AD DC, started when it is first needed."""

    def __init__(self, directory):
        self.directory, self.started = directory, False

    def run(self, verb):
        done = subprocess.run([str(PEERS / "samba-dc"), verb, str(self.directory)], capture_output=True, text=True,
                              env={**os.environ, "SAMBA_DC_ADDR": DC_ADDRESS})
        check(done.returncode == 0, "samba-dc %s: %s" % (verb, done.stderr or done.stdout))
        return done.stdout

    def start(self):
        if not self.started:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self.run("start")
            self.started = True

    @functools.cached_property
    def settings(self):
        """What a client of it needs: krb5.conf, hosts, smb.conf."""
        return {key: value.strip("'") for key, value in re.findall(r"(\w+)=(\S+)", self.run("env"))}

    def stop(self):
        if self.started:
            self.run("stop")


class Stage:
    """A world for one recipe. Its one proxy is where the recording is."""

    def __init__(self, world, dc):
        self.world, self.dc = world, dc

    def proxy(self, server, **settings):
        return self.world.proxy(server, listen=CLIENTS_SIDE, **settings)

    def before_samba(self, port=SAMR_PORT):
        """A proxy before the DC."""
        self.dc.start()
        return self.proxy("%s:%d" % (DC_ADDRESS, port))

    def client(self, script, *words, environment=None):
        """Runs a client that was not made by us. Its home is nowhere: it must not find anybody's settings."""
        with tempfile.TemporaryDirectory(prefix="rpcward-captures-") as home:
            done = subprocess.run([PYTHON, "-B", str(HERE / script), *CLIENTS_SIDE.split(":"), *map(str, words)],
                                  capture_output=True, text=True, timeout=60, cwd=home,
                                  env={"PATH": "/usr/bin:/bin", "HOME": home, **(environment or {})})
        if done.returncode:
            raise Failure("%s %s: %s" % (script, " ".join(map(str, words)), done.stderr[-1500:]))
        return done.stdout.strip()


def samba(stage, call, options):
    """With Kerberos, the DC's name is looked up as its wrapper of hosts has it."""
    stage.before_samba()
    environment = None
    if "krb5" in options:
        options += ",target_hostname=" + stage.dc.settings["DC_HOST"]
        environment = {"LD_PRELOAD": "libnss_wrapper.so", "KRB5_CONFIG": stage.dc.settings["KRB5_CONFIG"],
                       "NSS_WRAPPER_HOSTS": stage.dc.settings["NSS_WRAPPER_HOSTS"]}
    return stage.client("client_samba.py", stage.dc.settings["DC_CLIENT_CONF"], call, options, environment=environment)


def samba_echo(stage, options):
    """rpcecho is not in Debian's Samba, so the server is ours."""
    stage.proxy(stage.world.server())
    conf = stage.world.path("smb.conf")
    conf.write_text("[global]\n netbios name = CLIENT1\n workgroup = PEERS\n lock directory = %s\n" % conf.parent)
    return stage.client("client_samba.py", conf, "echo", options)


def impacket(stage, call, *level):
    stage.before_samba(ENDPOINT_MAPPER_PORT if call == "epm" else SAMR_PORT)
    return stage.client("client_impacket.py", call, *level)


def impacket_echo(stage, call):
    stage.proxy(stage.world.server())
    return stage.client("client_impacket.py", call)


def test_client(stage, *arguments):
    client = stage.world.load(stage.proxy(stage.world.server()), *arguments)
    return dict(client.outcomes())


def hand(stage, name):
    """With the test-server."""
    server = stage.world.server()
    return getattr(by_hand, name)(stage.world, stage.proxy(server), server)


def hand_samba(stage, name):
    return getattr(by_hand, name)(stage.world, stage.before_samba())


def hand_alone(stage, name):
    """It makes its server and its proxy."""
    return getattr(by_hand, name)(stage.world, stage.proxy)


def hang(stage, name):
    """With the test-server alone, where the proxy would be."""
    server = stage.world.server(CLIENTS_SIDE)
    return getattr(hangs, name)(stage.world, server)


KINDS = {"samba": samba, "samba-echo": samba_echo, "impacket": impacket, "impacket-echo": impacket_echo,
         "test-client": test_client, "hand": hand, "hand-samba": hand_samba, "hand-both": hand_alone,
         "hand-alone": hand_alone, "hang": hang}


def make(stage, recipe):
    """Makes it; returns what the client says of it."""
    kind, *words = recipe.traffic.split()
    return KINDS[kind](stage, *words)
