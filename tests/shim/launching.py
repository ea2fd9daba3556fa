#!/usr/bin/env python3
"""rpcward-run itself: what it starts and refuses to start, a proxy of a program's own, and what its library is made of.

As shim.py: in a network namespace that has nothing but loopback. Prints TAP.
Usage: launching.py [--build DIR] [WORD...]"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

import shim  # noqa: E402
from harness import check, equal, wait_until  # noqa: E402
from local import AS_NOBODY  # noqa: E402
from running import port_of  # noqa: E402
from shim import PROXY_USER  # noqa: E402


def launcher(place):
    """Its exit status, and what it refuses to run."""
    def status(*command, options=()):
        done = place.run(options, command)
        return done.returncode, done.stderr
    equal(status("sh", "-c", "exit 7")[0], 7, "the program's own")
    equal(status("/nonexistent/program")[0], 127, "not found")
    equal(status(str(place.folder))[0], 126, "a folder")
    equal(status("true", options=["--to", "example.org:445"])[0], 125, "a wrong rule")
    equal(status("true", options=["--bogus"])[0], 125, "an unknown option")
    static = place.world.path("static")
    subprocess.run(["cc", "-static", "-x", "c", "-o", static, "-"], input="int main(void) { return 0; }", text=True,
                   check=True)
    code, said = status(static)
    check(code == 125 and "statically linked" in said, "a static program: %s %s" % (code, said))
    setuid = place.world.path("setuid")
    shutil.copy("/bin/true", setuid)
    os.chown(setuid, PROXY_USER, PROXY_USER)
    setuid.chmod(0o4755)
    code, said = status(setuid)
    check(code == 125 and "set-uid" in said, "a set-uid program: %s %s" % (code, said))
    script = place.world.path("script")
    script.write_text("#!%s\n" % static)
    script.chmod(0o755)
    code, said = status(script)
    check(code == 125 and "statically linked" in said, "a script of a static program: %s %s" % (code, said))
    rules = place.world.path("rules")
    rules.write_text("# ours\nto 10.0.0.0/8:445\nnot 10.0.0.9:445\nopen\n")
    done = place.run(["--rules", rules, "--to", "*:99"], ["sh", "-c", "echo $RPCWARD_TO, $RPCWARD_NOT, $RPCWARD_OPEN"])
    equal(done.stdout, "10.0.0.0/8:445 *:99, 10.0.0.9:445, 1\n", "the rules of a file")


def defaults(place):
    """The proxy's socket where none is named; what the program becomes by exec is led as well."""
    words = [str(place.for_everybody() / "rpcward-run"), "sh", "-c", "echo $RPCWARD_PROXY"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True)
    equal(done.stdout, "/run/rpcward/shim.sock\n", "the proxy's socket")
    port, server = place.echo()
    place.proxy()
    done = place.run(["--to", "*:%d" % port], ["sh", "-c", 'exec sh -c \'exec "$0" "$@"\' "$0" "$@"', sys.executable,
                                               "-c", shim.SAY, "10.0.0.5", port, "hi"])
    equal(done.stdout, "hi\n", "echo behind two execs; %s" % done.stderr)
    wait_until(lambda: shim.callers(server) == {str(PROXY_USER)}, "the proxy's connection")


def not_reached(place):
    """What a preload cannot reach is refused by name, and nothing of it runs."""
    said = place.world.path("said")

    def refused(name, why, prepare, before=()):
        program = place.world.path(name)
        subprocess.run(["cc", "-x", "c", "-o", program, "-"], text=True, check=True,
                       input='#include <stdio.h>\nint main(void) { return !fopen("%s", "w"); }' % said)
        prepare(program)
        done = subprocess.run([*map(str, [*before, *place.launcher(), program])], capture_output=True, text=True,
                              timeout=20, check=False)
        check(done.returncode == 125 and why in done.stderr, "%s: %d %s" % (name, done.returncode, done.stderr))
        check(not said.exists(), name + " has run")

    def patch(at, byte):
        def change(program):
            with open(program, "r+b") as file:
                file.seek(at)
                file.write(bytes([byte]))
        return change

    def of_musl(program):
        data = program.read_bytes()
        own = b"/lib64/ld-linux-x86-64.so.2\0"
        program.write_bytes(data.replace(own, b"/lib/ld-musl-x86_64.so.1\0".ljust(len(own), b"\0"), 1))

    def of_go(program):
        subprocess.run(["objcopy", "--add-section", ".go.buildinfo=/dev/null", program], check=True)

    def set_group(program):
        os.chown(program, 0, PROXY_USER)
        program.chmod(0o2755)

    def capable(program):  # VFS_CAP_REVISION_2, CAP_NET_RAW permitted and effective
        os.setxattr(program, "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))
    os.chmod(place.world.directory, 0o755)
    refused("32-bit", "another kind of processor", patch(4, 1))
    refused("foreign", "another kind of processor", patch(18, 183))
    refused("musl", "another C library", of_musl)
    refused("go", "a Go program", of_go)
    refused("set-gid", "is set-gid", set_group)
    refused("capable", "file capabilities", capable, AS_NOBODY)


RAISED = """
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(words[count - 1])) };
    char byte = 'x';
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "10.0.0.5", &to.sin_addr);
    return connect(fd, (struct sockaddr *)&to, sizeof to) || write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1;
}
"""


def raised(place):
    """With raised privileges (AT_SECURE) a program that has the library all the same is not led by its caller."""
    port, _ = place.echo("--quiet")
    proxy = place.proxy()
    library, program = place.for_everybody() / "librpcward-preload.so", place.world.path("raised")
    subprocess.run(["cc", "-x", "c", "-o", program, "-", "-x", "none", "-Wl,--no-as-needed", library,
                    "-Wl,-rpath,%s" % library.parent],
                   input=RAISED, text=True, check=True)
    environment = {**os.environ, "RPCWARD_PROXY": str(place.path), "RPCWARD_TO": "*:%d" % port}

    def run():
        return subprocess.run([program, str(port)], env=environment, timeout=20, check=False).returncode
    equal(run(), 0, "exit status without privileges")
    wait_until(lambda: len(proxy.lines("passage")) == 1, "the passage")
    os.chown(program, PROXY_USER, PROXY_USER)  # who alone may connect directly
    program.chmod(0o4755)
    equal(run(), 0, "exit status with privileges")
    environment["RPCWARD_PROXY"] = "/nonexistent"
    equal(run(), 0, "exit status with privileges and nonsense")
    equal(len(proxy.lines("passage")), 1, "passages")


HOOKS = {"connect", "__connect", "sendto", "sendmsg", "sendmmsg", "getpeername", "getsockname"}


def exported(place):
    library = place.world.build / "librpcward-preload.so"
    listed = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
    equal({line.split()[2] for line in listed.stdout.splitlines()}, HOOKS, "exported names")
    needed = subprocess.run(["nm", "-D", "--undefined-only", library], capture_output=True, text=True, check=True)
    names = {line.split()[1].split("@")[0] for line in needed.stdout.splitlines()}
    banned = names & {"malloc", "calloc", "realloc", "free", "printf", "fprintf", "snprintf", "fopen", "exit", "abort",
                      "pthread_mutex_lock"}
    check(not banned, "it uses %s" % sorted(banned))


def private(place):
    """--inline: a proxy for one program, which goes with it, however it goes; nothing is left behind."""
    world = place.world
    server = world.server("10.0.0.5:0")
    runtime, settings, log = world.path("r"), world.path("inline.yaml"), world.path("inline.log")
    runtime.mkdir()
    settings.write_text("log: { calls: %s }\n" % log)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    before = [str(world.build / "rpcward-run"), "--inline", str(settings), "--to", "*:%d" % port_of(server), "--"]

    def run(*command):
        return subprocess.run([*before, *map(str, command)], env=environment, capture_output=True, text=True,
                              timeout=30, check=False)
    done = run(world.build / "test-client", "--connect", server.address, "--calls", 2)
    equal(json.loads(done.stdout)["answered"], 2, "answered")
    wait_until(lambda: not list(runtime.iterdir()), "the folder to be gone")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    equal([line["server"] for line in lines if line["kind"] == "call"], [server.address] * 2, "servers in the log")
    equal(run("sh", "-c", "exit 7").returncode, 7, "the program's exit status")
    with subprocess.Popen([*before, "sleep", "100"], env=environment, stderr=subprocess.DEVNULL) as client:
        wait_until(lambda: pathlib.Path("/proc/%d/comm" % client.pid).read_text() == "sleep\n", "the program")
        equal(pathlib.Path("/proc/%d/task/%d/children" % (client.pid, client.pid)).read_text(), "", "its children")
        check(list(runtime.iterdir()), "there is no folder")
        client.kill()
    wait_until(lambda: not list(runtime.iterdir()), "the folder to be gone after a kill")
    settings.write_text("nonsense: 1\n")
    done = run("true")
    equal(done.returncode, 125, "exit status with settings that are wrong")
    check("unknown key 'nonsense'" in done.stderr, done.stderr)
    wait_until(lambda: not list(runtime.iterdir()), "the folder to be gone")


CASES = {"the launcher": launcher, "defaults of the launcher": defaults, "what a preload cannot reach": not_reached,
         "raised privileges": raised, "exported names": exported,
         "a proxy of its own": private}

if __name__ == "__main__":
    sys.exit(shim.main(__file__, CASES))
