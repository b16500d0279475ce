"""What is probed: every lock of one inode, and the steps of ext4's direct I/O between them.

Functions are named, everything else (offsets of fields, instructions, addresses) is asked of the
kernel at hand: fields of its type information, instructions of its disassembly, addresses of its
symbol table.
"""

import re
import subprocess

# Lock functions: the event their entry makes, and the mode. A kernel may lack the optional ones,
# never the others.
LOCK_FUNCTIONS = {
    "down_read": ("req", "S"),
    "down_write": ("req", "X"),
    "down_read_killable": ("req", "S"),
    "down_write_killable": ("req", "X"),
    "down_read_interruptible": ("req", "S"),
    "down_read_trylock": ("try", "S"),
    "down_write_trylock": ("try", "X"),
    "up_read": ("rel", "S"),
    "up_write": ("rel", "X"),
    "downgrade_write": ("downgrade", "S"),
}
OPTIONAL_LOCKS = {"down_read_killable", "down_write_killable", "down_read_interruptible"}

# Missing one of these is no reason to reject a recording: the first runs in interrupts, where a
# probe that interrupts another probe is skipped; the second is a wake-up, which proves nothing.
NOT_CRITICAL = {"dio_bio_end", "wake_bit"}

# Instances of a function that can be under way at once while its return is watched.
MAXACTIVE = 128

FIELDS = """
inode.i_ino inode.i_size inode.i_state inode.i_rwsem inode.i_dio_count inode.i_data
address_space.invalidate_lock rw_semaphore.count ext4_inode_info.i_data_sem
ext4_inode_info.vfs_inode file.f_inode dentry.d_inode iattr.ia_valid iattr.ia_size
kiocb.ki_filp kiocb.ki_pos kiocb.ki_flags iov_iter.count
iomap_dio.iocb iomap_dio.size iomap_dio.ref iomap_dio.flags iomap_dio.error
iomap_dio.wait_for_completion iomap_dio.aio.work bio.bi_private
ext4_map_blocks.m_lblk ext4_map_blocks.m_len ext4_map_blocks.m_pblk ext4_map_blocks.m_flags
""".split()


# A line of pahole's: the name, the offset.
FIELD = r"(\w+)(?:\[\d+\])?(?: __attribute__\(.*\))?;\s*/\*\s*(\d+)\s+\d+ \*/"


class Refused(Exception):
    """The kernel lacks something a recording needs; the message says what."""


def field_offsets(vmlinux, fields=FIELDS):
    """{'inode.i_size': 80, ...} of these fields, from the kernel's type information."""
    offsets = {}
    for struct in dict.fromkeys(f.split(".")[0] for f in fields):
        text = subprocess.run(
            ["pahole", "-C", struct, vmlinux], capture_output=True, text=True
        ).stdout
        for name, offset in re.findall(FIELD, text):
            # A name of a nested struct must not hide the outer one.
            offsets.setdefault(f"{struct}.{name}", int(offset))
        # pahole prints the members of a nested struct with offsets from the outermost.
        for nested, members in nested_structs(text):
            for name, offset in members:
                offsets[f"{struct}.{nested}.{name}"] = int(offset)
    missing = [f for f in fields if f not in offsets]
    if missing:
        raise Refused(f"the kernel's type information lacks {', '.join(missing)}")
    return offsets


def nested_structs(text):
    """(name, [(member, offset)]) of the named structs directly inside pahole's listing `text`."""
    found, stack = [], []
    for line in text.splitlines():
        if line.rstrip().endswith("{"):
            stack.append([])
        elif closing := re.match(r"\s*\}\s*(\w*);", line):
            if stack:
                members = stack.pop()
                if closing[1]:
                    found.append((closing[1], members))
                elif stack:
                    stack[-1] += members
        elif stack and (member := re.search(r"(\w+);\s*/\*\s*(\d+)\s+\d+ \*/", line)):
            stack[-1].append((member[1], member[2]))
    return found


def symbols_of(kallsyms):
    """{name: address} of a kernel's symbol table, and the sorted addresses of its text."""
    table, text = {}, []
    for line in kallsyms.read_text().splitlines():
        address, kind, name = line.split()[:3]
        table.setdefault(name, int(address, 16))
        if kind in "tT":
            text.append(int(address, 16))
    return table, sorted(set(text))


def counter_instructions(vmlinux, symbols, text, displacement):
    """Where the functions of fs/iomap/direct-io.c raise and lower i_dio_count, both inlined.

    Two lists of (function+offset, register of the inode): of the instruction after each increment,
    and of each decrement.
    """
    begins, ends = [], []
    for name in sorted(s for s in symbols if "iomap_dio" in s and symbols[s] in text):
        start = symbols[name]
        end = next((a for a in text if a > start), start)
        code = subprocess.run(
            ["objdump", "-d", "--no-show-raw-insn", f"--start-address={start}",
             f"--stop-address={end}", vmlinux],
            capture_output=True, text=True, check=True,
        ).stdout
        lines = re.findall(r"^ *([0-9a-f]+):\s+(.*)$", code, re.M)
        for (_, insn), (after, _) in zip(lines, lines[1:] + [("0", "")]):
            add = re.match(rf"lock (?:incl|addl \$0x1,) *{displacement:#x}\(%r(\w+)\)", insn)
            if add:
                begins.append((f"{name}+{int(after, 16) - start:#x}", "%" + register(add[1])))
        for here, insn in lines:
            sub = re.match(rf"lock (?:decl|subl \$0x1,) *{displacement:#x}\(%r(\w+)\)", insn)
            if sub:
                ends.append((f"{name}+{int(here, 16) - start:#x}", "%" + register(sub[1])))
    if not begins or not ends:
        raise Refused("found no increment or no decrement of i_dio_count in iomap's direct I/O")
    return begins, ends


def register(name):
    """The probe language's name of a 64-bit register: `rax` is ax, `r12` is r12."""
    return "r" + name if name.isdigit() else name


def build(vmlinux, kallsyms):
    """The guest's three files: (probes, filters, offsets), each a list of lines."""
    offset = field_offsets(vmlinux)
    symbols, text = symbols_of(kallsyms)
    lines, filters = [], []

    def at(base, *path):
        """Follows `path` ('struct.field', ...) from the register `base` and reads the last."""
        for field in path:
            base = f"+{offset[field]}({base})"
        return base

    def need(function):
        if function not in symbols:
            raise Refused(f"the kernel has no function {function} (inlined or renamed)")

    def entry(event, function, inode, *keys):
        """Probes a function's entry, for our inode only."""
        need(function.split("+")[0])
        lines.append(" ".join([f"p:{event} {function} inode={inode}:x64", *keys]))
        filters.append(f"kprobes/{event} inode==@INODE@")

    def leave(event, function, kind="s32"):
        """Probes a function's return. Returns tell no arguments, so all are taken; the host pairs
        them with the entries."""
        need(function)
        ret = f" ret=$retval:{kind}" if kind else ""
        lines.append(f"r{MAXACTIVE}:{event} {function}{ret}")
        filters.append(f"kprobes/{event} -")

    a1, a2, a3, a4, a5 = "%di", "%si", "%dx", "%cx", "%r8"

    def size(inode):
        return f"isize={at(inode, 'inode.i_size')}:s64"

    def dio(inode):
        return f"dio={at(inode, 'inode.i_dio_count')}:s32"

    need("ext4_file_open")
    lines.append(f"p:learn ext4_file_open inode={a1}:x64 ino={at(a1, 'inode.i_ino')}:u64")
    need("vfs_unlink")
    lines.append(f"p:forget vfs_unlink inode={at(a3, 'dentry.d_inode')}:x64")

    # Locks.
    for function, (kind, _) in LOCK_FUNCTIONS.items():
        if function not in symbols and function in OPTIONAL_LOCKS:
            continue
        need(function)
        count = f"cnt={at(a1, 'rw_semaphore.count')}:x64"
        lines.append(f"p:{kind}_{function} {function} lock={a1}:x64 {count}")
        locks = " || ".join(f"lock==@{name}@" for name in ("RWSEM", "DATA", "INVAL"))
        filters.append(f"kprobes/{kind}_{function} {locks}")
        if kind in ("req", "try"):
            # down_read and down_write return nothing, and some kernels refuse to read it.
            void = function in ("down_read", "down_write")
            leave(f"got_{function}", function, None if void else "s32")
    for event in ("contention_begin", "contention_end"):
        locks = " || ".join(f"lock_addr==@{name}@" for name in ("RWSEM", "DATA", "INVAL"))
        filters.append(f"lock/{event} {locks}")

    # Reads and writes.
    for event in ("write_iter", "read_iter"):
        inode = at(a1, "kiocb.ki_filp", "file.f_inode")
        entry(event, f"ext4_file_{event}", inode,
              f"pos={at(a1, 'kiocb.ki_pos')}:s64", f"len={at(a2, 'iov_iter.count')}:u64",
              f"kflags={at(a1, 'kiocb.ki_flags')}:x32", size(inode))
        leave(f"{event}_ret", f"ext4_file_{event}", "s64")

    # The DIO.
    inode = at(a1, "kiocb.ki_filp", "file.f_inode")
    entry("iomap_dio_rw", "__iomap_dio_rw", inode, f"iocb={a1}:x64",
          f"pos={at(a1, 'kiocb.ki_pos')}:s64", f"len={at(a2, 'iov_iter.count')}:u64",
          f"ops={a3}:symbol", f"dflags={a5}:x32", dio(inode))
    leave("iomap_dio_rw_ret", "__iomap_dio_rw", "s64")
    begins, ends = counter_instructions(vmlinux, symbols, text, offset["inode.i_dio_count"])
    for event, places in (("dio_begin", begins), ("dio_end", ends)):
        for n, (place, reg) in enumerate(places):
            entry(f"{event}_{n}" if n else event, place, reg, dio(reg))
    iocb = at(a1, "iomap_dio.iocb")
    inode = at(iocb, "kiocb.ki_filp", "file.f_inode")
    entry("dio_complete", "iomap_dio_complete", inode, f"iocb={iocb}:x64",
          f"pos={at(iocb, 'kiocb.ki_pos')}:s64", f"size={at(a1, 'iomap_dio.size')}:s64",
          f"err={at(a1, 'iomap_dio.error')}:s32", f"dflags={at(a1, 'iomap_dio.flags')}:x32",
          dio(inode))
    work = offset["iomap_dio.iocb"] - offset["iomap_dio.aio.work"]
    entry("dio_complete_work", "iomap_dio_complete_work",
          at(f"{work:+d}({a1})", "kiocb.ki_filp", "file.f_inode"))
    entry("end_io", "ext4_dio_write_end_io", at(a1, "kiocb.ki_filp", "file.f_inode"),
          f"iocb={a1}:x64", f"pos={at(a1, 'kiocb.ki_pos')}:s64", f"size={a2}:s64",
          f"err={a3}:s32", f"dflags={a4}:x32")
    of_bio = at(a1, "bio.bi_private")
    iocb = at(of_bio, "iomap_dio.iocb")
    entry("dio_bio_end", "iomap_dio_bio_end_io", at(iocb, "kiocb.ki_filp", "file.f_inode"),
          f"iocb={iocb}:x64", f"ref={at(of_bio, 'iomap_dio.ref')}:s32",
          f"wait={at(of_bio, 'iomap_dio.wait_for_completion')}:u8")
    entry("dio_wait", "inode_dio_wait", a1, dio(a1))
    leave("dio_wait_ret", "inode_dio_wait", None)
    lines.append(f"p:wake_bit wake_up_bit word={a1}:x64 bit={a2}:s32")
    filters.append("kprobes/wake_bit word==@STATE@")

    # Blocks.
    for event, function in (("iomap_begin", "ext4_iomap_begin"),
                            ("iomap_ow_begin", "ext4_iomap_overwrite_begin")):
        entry(event, function, a1, f"pos={a2}:s64", f"len={a3}:s64", f"iflags={a4}:x32")
    lblk = f"lblk={at(a3, 'ext4_map_blocks.m_lblk')}:u32"
    mlen = f"mlen={at(a3, 'ext4_map_blocks.m_len')}:u32"
    entry("set_iomap", "ext4_set_iomap", a1, lblk, mlen,
          f"pblk={at(a3, 'ext4_map_blocks.m_pblk')}:u64",
          f"mflags={at(a3, 'ext4_map_blocks.m_flags')}:x32")
    entry("map_blocks", "ext4_map_blocks", a2, lblk, mlen, f"gflags={a4}:x32")
    leave("map_blocks_ret", "ext4_map_blocks")
    entry("convert_unwritten", "ext4_convert_unwritten_extents", a2, f"pos={a3}:s64",
          f"len={a4}:s64")
    leave("convert_unwritten_ret", "ext4_convert_unwritten_extents")
    for event in ("ext4_ext_handle_unwritten_extents", "ext4_ext_map_blocks_exit",
                  "ext4_ext_remove_space_done"):
        filters.append(f"ext4/{event} ino==@INO@")

    # Size changes and removal of extents.
    entry("inode_extension", "ext4_handle_inode_extension", a1, f"pos={a2}:s64", f"n={a3}:s64")
    entry("orphan_add", "ext4_orphan_add", a2)
    entry("orphan_del", "ext4_orphan_del", a2)
    inode = at(a2, "dentry.d_inode")
    entry("setattr", "ext4_setattr", inode, f"valid={at(a3, 'iattr.ia_valid')}:x32",
          f"newsize={at(a3, 'iattr.ia_size')}:s64", size(inode), dio(inode))
    leave("setattr_ret", "ext4_setattr")
    entry("truncate", "ext4_truncate", a1, size(a1), dio(a1))
    leave("truncate_ret", "ext4_truncate")
    entry("trunc_pagecache", "truncate_pagecache", a1, f"newsize={a2}:s64", dio(a1))
    entry("trunc_pagecache_range", "truncate_pagecache_range", a1, f"start={a2}:s64",
          f"end={a3}:s64", dio(a1))
    inode = at(a1, "file.f_inode")
    entry("fallocate", "ext4_fallocate", inode, f"mode={a2}:x32", f"pos={a3}:s64", f"len={a4}:s64")
    leave("fallocate_ret", "ext4_fallocate", "s64")
    entry("punch_hole", "ext4_punch_hole", inode, f"pos={a2}:s64", f"len={a3}:s64")
    leave("punch_hole_ret", "ext4_punch_hole")
    entry("es_remove", "ext4_es_remove_extent", a1, f"lblk={a2}:u32", f"mlen={a3}:u32")
    entry("remove_space", "ext4_ext_remove_space", a1, f"start={a2}:u32", f"end={a3}:u32", dio(a1))
    # Inlined into ext4_fallocate in some kernels, a function of their own in others.
    for event in ("zero_range", "collapse_range", "insert_range"):
        if f"ext4_{event}" in symbols:
            entry(event, f"ext4_{event}", inode, f"pos={a2}:s64", f"len={a3}:s64")
            leave(f"{event}_ret", f"ext4_{event}", "s64")
    entry("ext4_ext_shift_extents", "ext4_ext_shift_extents", a1, f"start={a3}:u32",
          f"shift={a4}:u32", f"dir={a5}:u32", dio(a1))
    leave("ext4_ext_shift_extents_ret", "ext4_ext_shift_extents")

    places = {
        "RWSEM": offset["inode.i_rwsem"],
        "INVAL": offset["inode.i_data"] + offset["address_space.invalidate_lock"],
        "DATA": offset["ext4_inode_info.i_data_sem"] - offset["ext4_inode_info.vfs_inode"],
        "STATE": offset["inode.i_state"],
    }
    return lines, filters, [f"{name} {where}" for name, where in places.items()]


def of_all_files(filters):
    """The guest's filters, where each of them takes every event, and files are told apart afterwards."""
    return ["kprobes/learn -", "kprobes/forget -", *(f"{line.split()[0]} -" for line in filters)]
