"""Compares rows of PDUs and of calls with the reference rows of a capture.

A difference is good only where differences.tsv has it: capture, table (pdus, calls, headers), side (ours: only we have
such a row; reference: only the reference has), how many rows, and why ours are right."""

import collections
import pathlib

PDU = ("frame", "stream", "transport", "src", "sport", "dst", "dport", "dir", "idx", "ver", "ptype", "flags", "drep",
       "frag_len", "auth_len", "call_id", "ctx_id", "opnum", "fault_status", "auth_type", "auth_level")
HEADER = ("frame_first", "frame", "src", "sport", "dst", "dport", "stream_off", "ptype", "flags", "frag_len",
          "auth_len", "call_id")
CALL = ("stream", "transport", "call_id", "ctx_id", "opnum", "object", "req_frame_first", "req_frame_last", "req_time",
        "req_frags", "resp_kind", "resp_frame_first", "resp_frame_last", "resp_frags", "fault_status", "dne",
        "rt_first", "rt_last", "auth_type", "auth_level")
TIMES = {"req_time", "rt_first", "rt_last"}
# Columns of the reference that are tshark's own, or what a line cannot know before the answer has come.
NOT_OURS = {"n", "response_in", "reassembled_in", "nfrag", "experts", "rt_tshark"}
ANSWERS = {"2", "3"}

_used = set()


def read(path):
    head, *lines = path.read_text().splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"))) for line in lines]


DIFFERENCES = {(row["capture"], row["table"], row["side"]): int(row["rows"])
               for row in read(pathlib.Path(__file__).with_name("differences.tsv"))}


def unused_differences():
    return [f"there is no such difference: {' '.join(key)}" for key in DIFFERENCES.keys() - _used]


def as_text(row, name):
    value = row.get(name)
    if value is None or value == "":
        return ""
    return f"{float(value):.6f}" if name in TIMES else str(value)


class Streams:
    """Numbers of streams in the order of their first rows, UDP apart. tshark counts some connections twice (in two
    passes it makes another one where a conversation gets a dissector late), so only which rows belong together is
    compared."""

    def __init__(self, rows):
        self.numbers = {True: {}, False: {}}
        for row in sorted(rows, key=lambda row: int(row["frame"])):
            numbers, stream = self.key(row)
            numbers.setdefault(stream, len(numbers))

    def key(self, row):
        return self.numbers[row["transport"] == "udp"], str(row["stream"]).lstrip("u")

    def of(self, row):
        numbers, stream = self.key(row)
        return str(numbers.get(stream, "?"))


def keyed(rows, names, streams):
    """The rows as tuples."""
    return [tuple(streams.of(row) if name == "stream" else as_text(row, name) for name in names) for row in rows]


def without_unpaired(ours, theirs):
    """tshark pairs no answer with its request where it has not seen the bind, so it knows no opnum there."""
    place = PDU.index("opnum")
    plain = {row[:place] + row[place + 1:] for row in theirs if row[PDU.index("ptype")] in ANSWERS and row[place] == ""}
    return [row[:place] + ("",) + row[place + 1:] if row[:place] + row[place + 1:] in plain else row for row in ours]


def compare(capture, table, names, ours, theirs):
    """Sentences: rows that only one side has, where these are not known to be so."""
    ours, theirs = collections.Counter(ours), collections.Counter(theirs)
    wrong = []
    for side, some in (("ours", ours - theirs), ("reference", theirs - ours)):
        key = (capture.name, table, side)
        rows = sorted(some.elements())
        if key in DIFFERENCES:
            _used.add(key)
        if len(rows) == DIFFERENCES.get(key, 0):
            continue
        wrong.append(f"{table}: {len(rows)} rows are only in {side}, {DIFFERENCES.get(key, 0)} are known to be")
        wrong += [" ".join(f"{name}={value}" for name, value in zip(names, row) if value) for row in rows[:2]]
    return wrong


def check_pdus(capture, pdus, reference, streams):
    theirs = keyed(reference, PDU, Streams(reference))
    return compare(capture, "pdus", PDU, without_unpaired(keyed(pdus, PDU, streams), theirs), theirs)


def check_headers(capture, pdus, path):
    """The independent scanner's rows: TCP only, and by connection and offset."""
    tcp = [pdu for pdu in pdus if pdu["transport"] == "tcp"]
    for row in (reference := read(path)):
        row["frame"] = row["frame_last"]
    none = Streams([])
    return compare(capture, "headers", HEADER, keyed(tcp, HEADER, none), keyed(reference, HEADER, none))


def check_calls(capture, path, streams, reference_streams):
    calls, reference = capture.objects("--calls"), read(path)
    return check_keys("calls", calls, reference) + \
        compare(capture, "calls", CALL, keyed(calls, CALL, streams), keyed(reference, CALL, reference_streams))


def check_keys(table, ours, reference):
    """Each row has the columns of the reference by name, whatever applies."""
    wanted = set(reference[0]) - NOT_OURS if reference else set()
    lacking = {name for row in ours for name in wanted - set(row)}
    return [f"{table}: rows without {lacking}"] if lacking else []


def check(capture, pdus, folder):
    reference = read(folder / (capture.name + ".pdus.tsv"))
    streams = Streams(pdus)
    wrong = check_pdus(capture, pdus, reference, streams) + check_keys("pdus", pdus, reference)
    headers, calls = folder / (capture.name + ".hdr.tsv"), folder / (capture.name + ".calls.tsv")
    if headers.exists():
        wrong += check_headers(capture, pdus, headers)
    if calls.exists():
        wrong += check_calls(capture, calls, streams, Streams(reference))
    elif [call for call in capture.objects("--calls") if call["resp_kind"] != "none"]:
        wrong.append("calls, where the reference has none")
    return wrong
