#!/usr/bin/python3
"""What clients cost that share connections to their server: our client and server directly, through HAProxy in TCP mode
with one thread, and through rpcward with its call log on, in turn. HAProxy has a connection to the server for each
client, rpcward at most eight. Figures are medians of the ratios of each round. Nothing is bound to a processor: what
the proxy leaves idle, client and server can use.

Then what a call costs each of them from a crowd, beside 64 clients: 10,000 for rpcward, and for HAProxy, which has two
descriptors for each, as many as it may."""
import argparse
import pathlib
import resource
import statistics
import tempfile

from programs import ending, start_haproxy, start_rpcward, start_server, with_many_ports
from relay import HAPROXY, Way, compare, print_head

PROGRAMS = 2  # that make the calls: one alone would be what limits them
SHAPES = {  # of each program
    "64 clients": ["--connections", "32", "--size", "64"],
    "64 clients, a connection a call": ["--connections", "32", "--size", "64", "--reconnect"],
}
CLIENTS = 10000
HAPROXY_OF_ALL = HAPROXY.replace("mode tcp", "mode tcp\n    maxconn {most}").replace("maxconn 4000", "maxconn {most}")
SETTINGS = """log: {{ calls: {log} }}
interfaces:
  - {{ uuid: d089c2e3-cab7-424d-9183-85cd34db61ff, stateless: yes }}
servers:
  test: {{ members: [ "{server}" ], connections: 8, calls-per-connection: {each}, waiting: {{ length: 20000 }} }}
listeners:
  - {{ address: "127.0.0.1:0", server: test }}
"""


def start_sharing(build, folder, server, each):
    path = pathlib.Path(folder, f"{each}.yaml")
    path.write_text(SETTINGS.format(server=server, each=each, log=pathlib.Path(folder, f"calls-{each}.log")))
    return start_rpcward(build, folder, "-c", str(path), cpu=None)


def most_at_once(log, ignored):
    """Connections that the server had at once; `ignored` of its first lines were another way's."""
    now = most = 0
    for line in log.read_text().splitlines()[ignored:]:
        now += {"open": 1, "close": -1}.get(line.split()[0], 0)
        most = max(most, now)
    return most


def most_clients_of_haproxy():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CLIENTS if hard == resource.RLIM_INFINITY else min(CLIENTS, hard // 2 - 100)


def crowd(options, way, clients):
    shape = ["--connections", str(clients // PROGRAMS), "--size", "64"]
    rounds = [(way.run(options.build, "a crowd", shape, 8 * options.seconds)["cpu_us"],
               way.run(options.build, "64 clients", SHAPES["64 clients"], options.seconds)["cpu_us"])
              for _ in range(options.rounds)]
    many, few = (statistics.median(side) for side in zip(*rounds))
    print(f"{way.name}'s CPU a call: {few:.2f} us with 64 clients, {many:.2f} us with {clients}, "
          f"{statistics.median(a / b for a, b in rounds):.2f} times that", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with_many_ports()
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "accepts")
        server, address = start_server(options.build, cpu=None)
        shared, shared_address = start_server(options.build, "--accept-log", str(log), cpu=None)
        most = most_clients_of_haproxy()
        config = HAPROXY_OF_ALL.replace("{server}", address).replace("{most}", str(most))
        haproxy, haproxy_address = start_haproxy(folder, config, cpu=None)
        rpcward, rpcward_address = start_sharing(options.build, folder, shared_address, 16)
        sharing = Way("rpcward", rpcward, rpcward_address, None, PROGRAMS)
        relaying = Way("haproxy", haproxy, haproxy_address, None, PROGRAMS)
        ways = [Way("direct", None, address, None, PROGRAMS), relaying, sharing]
        with ending(server, shared, haproxy, rpcward):
            print_head()
            for shape, arguments in SHAPES.items():
                compare(options, ways, shape, arguments)
            crowd(options, sharing, CLIENTS)
            crowd(options, relaying, most)
            print(f"connections that the server behind rpcward had at once: {most_at_once(log, 0)}")


if __name__ == "__main__":
    main()
