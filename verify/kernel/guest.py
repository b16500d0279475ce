"""A Debian kernel under QEMU: fetched, unpacked, booted with files of ours. What `record`, `run` and `confirm` share.

Nothing is installed but the Debian packages in PACKAGES; everything else stays under target/kernel/.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / "target" / "kernel"

PACKAGES = """qemu-system-x86 busybox-static e2fsprogs dwarves binutils cpio gcc libc6-dev zstd lz4
xz-utils""".split()

# What of the model stands for the kernel that Debian ships of a series.
COLUMNS = {"6.1": "v6.1.192", "6.12": "v6.12.117"}

# Seconds; a boot takes under 10 on an idle machine.
BOOT_TIMEOUT = 120


class Failed(Exception):
    """Ends the program; the message says what to do."""


def say(text):
    print(text, flush=True)


def root(*command):
    """Runs a command as root, its output unseen; tells whether it succeeded."""
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    return run(*sudo, *command, check=False, stdout=subprocess.DEVNULL).returncode == 0


def run(*command, **options):
    options.setdefault("check", True)
    return subprocess.run([str(c) for c in command], **options)


def output_of(*command):
    """A command's output, empty if it fails."""
    return run(*command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
               text=True).stdout


def install_packages():
    """Installs the Debian packages the recorder calls, if any is missing."""
    if not shutil.which("apt-get"):
        raise Failed("no apt-get here: the recorder takes its tools and kernels from Debian packages")
    known = output_of("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *PACKAGES)
    known = known.splitlines()
    missing = [p for p in PACKAGES if f"{p} installed" not in known]
    if missing:
        say(f"installing {' '.join(missing)}")
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        # The lists may be older than the archive.
        if not root(*install) and not (root("apt-get", "update", "-q") and root(*install)):
            raise Failed(f"could not install {' '.join(missing)}")


def package_of(series):
    """The name of the newest kernel package of `series`, as apt knows it."""
    wanted = re.compile(rf"linux-image-{re.escape(series)}[.+]\S*-cloud-amd64$")
    for newest in (False, True):
        if newest:
            root("apt-get", "update", "-q")
        # The packages that always depend on the newest kernel: of a series, and of the release.
        for meta in (f"linux-image-{series}-cloud-amd64", "linux-image-cloud-amd64"):
            for word in output_of("apt-cache", "depends", meta).split():
                if wanted.match(word):
                    return word
    raise Failed(f"the apt sources of this machine offer no cloud kernel {series}; those of Debian 12 "
                 "do: 6.1 in bookworm, 6.12 in bookworm-security or bookworm-backports")


def fetch_kernel(series):
    """The folder of the unpacked kernel, with vmlinux in it."""
    package = package_of(series)
    answer = output_of("apt-get", "download", "--print-uris", package)
    deb = re.search(r"' (\S+\.deb) ", answer)
    if not deb:
        raise Failed(f"apt does not say where {package} is: {answer}")
    folder = CACHE / deb[1].removesuffix(".deb").replace("%3a", ":")
    if (folder / "vmlinux").exists():
        return folder
    say(f"fetching {package}")
    fresh = CACHE / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    run("apt-get", "download", "-q", package, cwd=fresh, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    run("dpkg-deb", "-x", next(fresh.glob("*.deb")), fresh / "tree")
    extract(next((fresh / "tree/boot").glob("vmlinuz-*")), fresh / "vmlinux")
    shutil.rmtree(fresh / "tree")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def extract(vmlinuz, vmlinux):
    """Unpacks the kernel proper: it sits compressed behind the image's own boot code."""
    image = vmlinuz.read_bytes()
    for magic, command in (
        (b"\x28\xb5\x2f\xfd", ["zstd", "-dc"]),
        (b"\x02\x21\x4c\x18", ["lz4", "-dc"]),
        (b"\xfd7zXZ\0", ["xz", "-dc", "--single-stream"]),
        (b"\x1f\x8b\x08", ["gzip", "-dc"]),
    ):
        where = image.find(magic)
        while where >= 0:
            # What follows the compressed kernel makes the tools complain; the result tells.
            unpacked = subprocess.run(command, input=image[where:], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL).stdout
            if unpacked.startswith(b"\x7fELF"):
                vmlinux.write_bytes(unpacked)
                return
            where = image.find(magic, where + 1)
    raise Failed(f"{vmlinuz.name} is packed in a way unknown here")


def diolock():
    """Our program, built if something has changed."""
    build = run("cargo", "build", "--release", "-q", "-p", "diolock-verify", "--bin", "diolock", cwd=ROOT, check=False)
    if build.returncode != 0:
        raise Failed("diolock could not be built")
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/diolock"


def tests():
    return sorted(path.stem for path in (ROOT / "verify/litmus").glob("*.toml"))


def libraries(program):
    """The shared libraries that a program loads, as the loader of this machine finds them."""
    return [pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", output_of("ldd", program))]


class Guest:
    """A kernel, and what it finds when it boots: `init` with `arguments`, files {name: bytes}, programs {name: path}.

    Its first disk holds an empty ext4 with blocks of that size, or is that which was `made`, and some of its sectors may be
    bad; the second one takes what it hands out.
    """

    def __init__(self, kernel, arguments, files=None, programs=None, block=4096, iops=None, disk=64, memory=512,
                 processor="max", processors=2, journal=True, made=None, bad=()):
        self.work = CACHE / f"work-{os.getpid()}"
        shutil.rmtree(self.work, ignore_errors=True)
        self._tree(files or {}, programs or {})
        for name, size in (("disk", disk << 20), ("handed", 256 << 20)):
            with open(self.work / name, "wb") as image:
                image.truncate(size)
        features = [] if journal else ["-O", "^has_journal"]
        if made:
            (self.work / "disk").write_bytes(made)
        else:
            run("mke2fs", "-q", "-F", "-t", "ext4", "-b", block, *features, "-E",
                "lazy_itable_init=0,lazy_journal_init=0", self.work / "disk")
        file = self.work / "disk"
        if bad:
            (self.work / "bad").write_text("".join(
                f'[inject-error]\nevent = "{event}_aio"\nerrno = "5"\nsector = "{sector}"\n'
                for sector in bad for event in ("read", "write")))
            file = f"blkdebug:{self.work}/bad:{file}"
        throttle = f",throttling.iops-total={iops}" if iops else ""
        self.command = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", processor, "-smp", str(processors), "-m", str(memory),
            "-nodefaults", "-display", "none", "-no-reboot",
            "-serial", f"file:{self.console}", "-serial", f"file:{self.told}",
            "-kernel", str(kernel / "vmlinux"), "-initrd", str(self.work / "initramfs"),
            # Without nokaslr the addresses of the symbol table would not hold.
            "-append", f"console=ttyS0 quiet panic=-1 nokaslr mitigations=off {arguments}",
            "-drive", f"if=none,id=disk,file={file},format=raw,cache=unsafe{throttle}",
            "-device", "nvme,serial=disk,drive=disk",
            "-drive", f"if=none,id=handed,file={self.work}/handed,format=raw",
            "-device", "nvme,serial=handed,drive=handed",
        ]

    @property
    def console(self):
        return self.work / "console"

    @property
    def told(self):
        """What the guest wrote to its second serial line, while it runs and after."""
        return self.work / "told"

    def _tree(self, files, programs):
        tree = self.work / "tree"
        for folder in ("bin", "proc", "sys", "dev", "tmp"):
            (tree / folder).mkdir(parents=True)
        shutil.copy("/bin/busybox", tree / "bin/busybox")
        (tree / "bin/sh").symlink_to("busybox")
        shutil.copy(HERE / "init", tree / "init")
        for name, content in files.items():
            (tree / name).write_bytes(content)
            (tree / name).chmod(0o755)
        for name, path in programs.items():
            shutil.copy(path, tree / name)
            for library in libraries(path):
                at = tree / library.relative_to("/")
                at.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, at)
        (tree / "init").chmod(0o755)
        names = "\n".join(str(p.relative_to(tree)) for p in sorted(tree.rglob("*")))
        packed = run("cpio", "-o", "-H", "newc", "--quiet", cwd=tree, input=names.encode(),
                     stdout=subprocess.PIPE).stdout
        (self.work / "initramfs").write_bytes(packed)

    def run(self, timeout):
        """Boots it and waits until it is done, so many seconds at most."""
        try:
            run(*self.command, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise Failed(f"the guest was not done after {timeout} s: see {self.console}") from None

    def handed_out(self):
        """The folder of what it handed out."""
        # The disk is longer than the archive on it, and blank if the guest did not come that far.
        with tarfile.open(self.work / "handed") as archive:
            archive.extractall(self.work / "out")
        (self.work / "handed").unlink()
        if not (self.work / "out/status").exists():
            raise Failed(f"the guest handed nothing out: see {self.console}")
        status = (self.work / "out/status").read_text().strip()
        if status != "done":
            log = self.work / "out/log"
            raise Failed(f"guest: {status}\n{log.read_text() if log.exists() else ''}see {self.console}")
        return self.work / "out"

    def forget(self):
        """Removes all that it left."""
        shutil.rmtree(self.work, ignore_errors=True)


def kallsyms_of(kernel):
    """The kernel's symbol table, which only the running kernel tells; asked once."""
    table = kernel / "kallsyms"
    if not table.exists():
        say("asking the kernel for its symbols")
        guest = Guest(kernel, "task=symbols")
        guest.run(BOOT_TIMEOUT)
        (guest.handed_out() / "kallsyms").rename(table)
        guest.forget()
    return table
