"""Turns what the guest hands out (trace, probe counts, buffer counts) into the TSV of one file or of many, or rejects it."""

import re
from collections import Counter, defaultdict

from probes import LOCK_FUNCTIONS, NOT_CRITICAL

LINE = re.compile(r"\s*(.+)-(\d+)\s+\[\d+\]\s+\S+\s+(\d+): (\w+): (.*)$")
# Tasks of which there are several by one name.
NUMBERED = ("kworker", "iou-wrk")
# Arguments that only the filters and this file need.
HIDDEN = {"inode", "lock", "word"}
EIOCBQUEUED = -529
# How what looks at a file begins.
CALLS = {"read_iter", "write_iter", "fallocate", "setattr", "req", "try"}

# What a recording must contain to prove something: (event, a pattern of its keys, what it shows).
COVERAGE = [
    ("iomap_dio_rw_ret", r"ret=EIOCBQUEUED ", "an asynchronous DIO"),
    ("dio_complete_work", r"", "a completion in a kworker"),
    ("dio_wait", r"dio=[1-9]", "a wait with DIO in flight"),
    ("convert_unwritten_ret", r"ret=0 ", "a conversion of unwritten blocks"),
    ("iomap_dio_rw", r"ops=ext4_iomap_overwrite_ops ", "an overwrite"),
    ("read_iter_ret", r"ret=[1-9]", "a read"),
    ("inode_extension", r"", "an extending write"),
    ("iomap_dio_rw", r"len=512 ", "an unaligned write"),
    ("fail", r"l=rwsem ", "a trylock that failed (io_uring)"),
    ("contention_begin", r"", "a task that slept for a lock"),
    ("write_iter_ret", r"at=aio_write$", "an AIO write"),
    ("write_iter_ret", r"at=io_write$", "an io_uring write"),
    ("truncate_ret", r"ret=0 ", "a truncate"),
    ("punch_hole_ret", r"ret=0 ", "a punched hole"),
    ("fallocate", r"mode=0x0 ", "a fallocate"),
    ("fallocate", r"mode=0x1[01] ", "a zero range"),
    ("ext4_ext_shift_extents", r"dir=0 ", "a collapse range"),
    ("ext4_ext_shift_extents", r"dir=1 ", "an insert range"),
]

# And on a full disk, or on one with bad sectors.
FULL = COVERAGE + [("map_blocks_ret", r"ret=-28 ", "an allocation that finds no block")]
BAD = COVERAGE + [("dio_complete", r"err=-(5|61) ", "a direct I/O that fails")]
# With data=journal all I/O goes through the page cache, whatever it asks for.
DATA_JOURNAL = [
    ("write_iter", r"kflags=0x2", "a write that asks for direct I/O"),
    ("contention_begin", r"", "a task that slept for a lock"),
    ("truncate_ret", r"ret=0 ", "a truncate"),
    ("punch_hole_ret", r"ret=0 ", "a punched hole"),
]


class Rejected(Exception):
    """The recording would prove nothing; the message says why. Another one may be better."""


def check_losses(out):
    """Rejects a run in which the kernel lost events or probe hits."""
    for line in (out / "stats").read_text().splitlines():
        cpu, what, count = re.match(r"(\w+) ([\w ]+): (.*)", line).groups()
        if what in ("overrun", "commit overrun", "dropped events") and count != "0":
            raise Rejected(f"the ring buffer of {cpu} lost events: {what} {count}")
    for line in (out / "kprobe_profile").read_text().splitlines():
        event, _, missed = line.split()
        if event not in NOT_CRITICAL and missed != "0":
            raise Rejected(f"the probe {event} missed {missed} hits")


def convert(out):
    """The lines of the TSV of the one file that was recorded: 'seq task event keys'."""
    locks = {}
    for line in (out / "filters").read_text().splitlines():
        if line.startswith("kprobes/req_down_read "):
            locks = dict(zip(re.findall(r"0x[0-9a-f]+", line), ("rwsem", "data", "inval")))
    return rows_of(events_of(out), locks, returns_of(out))


def files_of(out, offsets):
    """The same of every file of a litmus test's rounds; `offsets` are those of an inode's locks and words.

    What made the file before, and looks at it in the end, is left out.
    """
    where = {name: int(offset) for name, offset in (line.split() for line in offsets)}
    alive, files = {}, []  # address of an inode -> its file
    for event in events_of(out):
        _, _, _, name, rest = event
        args = dict(re.findall(r"(\w+)=(\S+)", rest))
        if name == "forget":
            alive.pop(args["inode"], None)
            continue
        if name == "learn":
            inode = args["inode"]
            if inode not in alive:
                at = {what: hex(int(inode, 16) + offset) for what, offset in where.items()}
                alive[inode] = {"locks": {at["RWSEM"]: "rwsem", at["DATA"]: "data", at["INVAL"]: "inval"},
                                "named": {inode, f"ino {args['ino']}", *at.values()}, "events": []}
                files.append(alive[inode])
            continue
        if name.startswith("got_") or name.endswith("_ret"):
            # Of whom, tells the entry that it belongs to.
            for file in alive.values():
                file["events"].append(event)
            continue
        named = [args[key] for key in ("inode", "lock", "word") if key in args]
        named += [f"0x{address}" for address in re.findall(r"^([0-9a-f]+) \(", rest)] + re.findall(r"\bino \d+", rest)
        for file in alive.values():
            if not file["named"].isdisjoint(named):
                file["events"].append(event)
    returns = returns_of(out)
    rounds = (of_tasks(rows_of(file["events"], file["locks"], returns)) for file in files)
    return [lines for lines in rounds if lines]


def of_tasks(lines):
    """Those from the first one of a task on, up to where somebody looks at the file."""
    rows = [line.split("\t") for line in lines]
    start = next((at for at, row in enumerate(rows) if row[1].startswith("task-")), len(rows))
    end = next((at for at, row in enumerate(rows) if at > start and row[1] == "diolock" and row[2] in CALLS), len(rows))
    return lines[start:end]


def returns_of(out):
    """Events that are the return of another: those whose entry waits for them."""
    profile = (out / "kprobe_profile").read_text().splitlines()
    return {line.split()[0] for line in profile if line.split()[0].endswith("_ret")}


def events_of(out):
    """Each event of the trace: task, process, number, name, and the rest."""
    for text in (out / "trace").read_text().splitlines():
        if text.startswith("#") or not text.strip():
            continue
        match = LINE.match(text)
        if not match:
            raise Rejected(f"a line of the trace is not understood: {text}")
        yield match.groups()


def rows_of(events, locks, returns):
    """The lines of the TSV; `locks` are the file's, by address."""
    rows = []
    keys = {}  # address of an iocb -> key of the DIO it last began
    started = 0
    open_locks = defaultdict(dict)  # pid -> function -> name of the lock it asked for
    open_calls = defaultdict(Counter)  # pid -> event -> entries whose return is to come

    for comm, pid, seq, event, rest in events:
        text = f"{comm}-{pid} {seq}: {event}: {rest}"
        seq = int(seq)
        args = dict(re.findall(r"(\w+)=(\S+)", rest))
        # '(ext4_file_write_iter+0x1a/0x60 <- down_read)' of a return names the caller.
        caller = re.match(r"\((\S+?)\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[\w+\])? <- ", rest)

        if event.startswith("got_"):
            function = event[len("got_"):]
            lock = open_locks[pid].pop(function, None)
            if lock is None:
                continue  # of another lock
            kind, mode = LOCK_FUNCTIONS[function]
            # A trylock tells of its success by 1, a killable lock by 0.
            good = "ret" not in args or args["ret"] == ("1" if kind == "try" else "0")
            event, show = "acq" if good else "fail", {"l": lock, "m": mode}
        elif event.endswith("_ret"):
            if not open_calls[pid][event]:
                continue  # on another inode
            open_calls[pid][event] -= 1
            show = args
            if not caller:
                raise Rejected(f"a return without its caller: {text}")
        elif (lock_event := event.split("_")[0]) in ("req", "try", "rel", "downgrade"):
            function = event[len(lock_event) + 1:]
            kind, mode = LOCK_FUNCTIONS[function]
            lock = locks[args["lock"]]
            if kind in ("req", "try"):
                if function in open_locks[pid]:
                    raise Rejected(f"the return of {function} is missing before: {text}")
                open_locks[pid][function] = lock
            event, show = kind, {"l": lock, "m": mode, "cnt": args["cnt"]}
        else:
            event = re.sub(r"^(dio_begin|dio_end)_\d+$", r"\1", event)
            if f"{event}_ret" in returns:
                open_calls[pid][f"{event}_ret"] += 1
            show = args
            if event.startswith("ext4_ext_") and "inode" not in args:
                show = {}  # a tracepoint: it marks a place, its arguments are of no interest

        if "(fault)" in rest:
            raise Rejected(f"a probe could not read its arguments: {text}")
        show = {k: v for k, v in show.items() if k not in HIDDEN}
        if event == "iomap_dio_rw":
            keys[show["iocb"]] = f"k{started}"
            started += 1
            show["ops"] = show["ops"].split("+")[0]
        if event == "iomap_dio_rw_ret":
            show["ret"] = name_of_dio(int(show["ret"]))
        if "iocb" in show:
            if show["iocb"] not in keys:
                raise Rejected(f"a DIO whose start was not recorded: {text}")
            show["iocb"] = keys[show["iocb"]]
        if caller:
            show["at"] = caller[1]

        if comm == "<...>":
            raise Rejected(f"the kernel lost a task's name: {text}")
        task = f"{comm}/{pid}" if comm.startswith(NUMBERED) else comm
        rows.append((seq, task, event, " ".join(f"{k}={v}" for k, v in show.items())))

    for pid, functions in open_locks.items():
        for function in functions:
            raise Rejected(f"process {pid} never came back from {function}")
    for pid, events in open_calls.items():
        for event in +events:
            raise Rejected(f"process {pid}: {event} is missing")
    return ["\t".join(map(str, row)) for row in without_twins(rows)]


def without_twins(rows):
    """`rows` in their order, each with a number of its own.

    An event of an interrupt that comes while another event is being written gets that one's number,
    so its place is uncertain. It is left out if it is of a kind that may be lost.
    """
    shared = {seq for seq, count in Counter(row[0] for row in rows).items() if count > 1}
    kept = [row for row in rows if row[0] not in shared or row[2] not in NOT_CRITICAL]
    for seq, count in Counter(row[0] for row in kept).items():
        if count > 1:
            raise Rejected(f"two events with the number {seq}")
    return sorted(kept)


def name_of_dio(ret):
    """What __iomap_dio_rw returned: its DIO to wait for, an error, or nothing to do."""
    if ret == EIOCBQUEUED:
        return "EIOCBQUEUED"
    if -4096 < ret < 0:
        return f"err{ret}"
    return "dio" if ret else "null"


def check_coverage(lines, wanted):
    """Rejects a recording without the situations that it is to have."""
    events = [line.split("\t")[2:4] for line in lines]
    for event, pattern, what in wanted:
        if not any(e == event and re.search(pattern, k) for e, k in events):
            raise Rejected(f"it lacks {what}: no {event} {pattern}".rstrip())
    count = Counter(e for e, _ in events)
    for one, other in (("dio_begin", "dio_end"), ("dio_begin", "dio_complete")):
        if count[one] != count[other]:
            raise Rejected(f"{count[one]} {one} but {count[other]} {other}")
