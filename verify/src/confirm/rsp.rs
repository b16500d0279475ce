//! The remote serial protocol of gdb, as far as QEMU's stub needs it: memory, registers, breakpoints, who runs.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A processor, as the stub numbers them: from 1.
pub type Cpu = u32;

/// A connection to QEMU. A machine that is stopped runs again only by [`Rsp::go`].
pub struct Rsp {
    stream: UnixStream,
    unread: Vec<u8>,
}

/// Registers of a processor.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    /// rdi, rsi: the first two arguments where a function is entered.
    pub arguments: [u64; 2],
    /// rsp.
    pub stack: u64,
    /// rip.
    pub place: u64,
    /// Where the kernel has what belongs to the processor.
    pub gs_base: u64,
}

fn odd(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("QEMU answers oddly: {what}"))
}

impl Rsp {
    /// Connects to a machine that waits (`-S -gdb`).
    ///
    /// # Errors
    /// If nobody listens there.
    pub fn connect(socket: &Path) -> io::Result<Rsp> {
        let mut rsp = Rsp { stream: UnixStream::connect(socket)?, unread: Vec::new() };
        rsp.stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        rsp.ask("?")?;
        Ok(rsp)
    }

    fn send(&mut self, packet: &str) -> io::Result<()> {
        let sum = packet.bytes().fold(0u8, u8::wrapping_add);
        self.stream.write_all(format!("${packet}#{sum:02x}").as_bytes())
    }

    /// A packet, without its frame; `None` if none comes in that time.
    fn receive(&mut self, within: Duration) -> io::Result<Option<String>> {
        self.stream.set_read_timeout(Some(within))?;
        loop {
            let start = self.unread.iter().position(|&byte| byte == b'$');
            let end = self.unread.iter().position(|&byte| byte == b'#');
            if let (Some(start), Some(end)) = (start, end)
                && self.unread.len() >= end + 3
            {
                let packet = String::from_utf8_lossy(&self.unread[start + 1..end]).into_owned();
                self.unread.drain(..end + 3);
                self.stream.write_all(b"+")?;
                return Ok(Some(packet));
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "QEMU has gone")),
                Ok(read) => self.unread.extend(&bytes[..read]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn ask(&mut self, packet: &str) -> io::Result<String> {
        self.send(packet)?;
        self.receive(Duration::from_secs(30))?.ok_or_else(|| odd("not at all"))
    }

    fn order(&mut self, packet: &str) -> io::Result<()> {
        match self.ask(packet)?.as_str() {
            "OK" => Ok(()),
            other => Err(odd(&format!("`{other}` to `{packet}`"))),
        }
    }

    /// The processors.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn cpus(&mut self) -> io::Result<Vec<Cpu>> {
        let (mut cpus, mut answer) = (Vec::new(), self.ask("qfThreadInfo")?);
        // `l` is the end.
        while let Some(numbers) = answer.strip_prefix('m') {
            for number in numbers.split(',') {
                cpus.push(Cpu::from_str_radix(number, 16).map_err(|_| odd(&answer))?);
            }
            answer = self.ask("qsThreadInfo")?;
        }
        Ok(cpus)
    }

    /// Breaks where that address is executed, in the machine as a debug register would.
    ///
    /// # Errors
    /// If it is refused.
    pub fn set(&mut self, address: u64) -> io::Result<()> {
        self.order(&format!("Z1,{address:x},1"))
    }

    /// Breaks there no more.
    ///
    /// # Errors
    /// If it is refused.
    pub fn clear(&mut self, address: u64) -> io::Result<()> {
        self.order(&format!("z1,{address:x},1"))
    }

    /// The registers of a processor.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn registers(&mut self, cpu: Cpu) -> io::Result<Registers> {
        self.order(&format!("Hg{cpu:x}"))?;
        let answer = bytes(&self.ask("g")?)?;
        // rax rbx rcx rdx rsi rdi rbp rsp r8 … r15 rip, 8 bytes each; eflags and six selectors, 4 each; fs_base, gs_base.
        let word = |at: usize| {
            let word = answer.get(at..at + 8).and_then(|word| word.try_into().ok());
            word.map(u64::from_le_bytes).ok_or_else(|| odd("too few registers"))
        };
        Ok(Registers {
            arguments: [word(5 * 8)?, word(4 * 8)?],
            stack: word(7 * 8)?,
            place: word(16 * 8)?,
            gs_base: word(16 * 8 + 8 + 7 * 4 + 8)?,
        })
    }

    /// Memory, as the processor last looked at sees it; `None` where nothing is mapped.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn memory(&mut self, address: u64, len: usize) -> io::Result<Option<Vec<u8>>> {
        let answer = self.ask(&format!("m{address:x},{len:x}"))?;
        if answer.starts_with('E') { Ok(None) } else { bytes(&answer).map(Some) }
    }

    /// A number in memory.
    ///
    /// # Errors
    /// If nothing is mapped there.
    pub fn word(&mut self, address: u64) -> io::Result<u64> {
        let bytes = self.memory(address, 8)?.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        bytes
            .map(u64::from_le_bytes)
            .ok_or_else(|| odd(&format!("nothing is mapped at {address:#x}")))
    }

    /// Lets these processors run until one comes to a breakpoint: which. After that time all are stopped: `None`.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn go(&mut self, cpus: &[Cpu], within: Duration) -> io::Result<Option<Cpu>> {
        let who: String = cpus.iter().map(|cpu| format!(";c:{cpu:x}")).collect();
        self.send(&format!("vCont{who}"))?;
        if let Some(stop) = self.receive(within)? {
            return stopped(&stop).map(Some);
        }
        self.stream.write_all(&[3])?;
        let stop = self.receive(Duration::from_secs(30))?.ok_or_else(|| odd("it does not stop"))?;
        // It may have come to one just then.
        if stop.starts_with("T05") { stopped(&stop).map(Some) } else { Ok(None) }
    }

    /// One instruction of a processor.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn step(&mut self, cpu: Cpu) -> io::Result<()> {
        self.ask(&format!("vCont;s:{cpu:x}")).map(drop)
    }

    /// Lets the machine go on for good.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn detach(mut self) -> io::Result<()> {
        self.ask("D").map(drop)
    }
}

/// Which processor a stop reply is of.
fn stopped(reply: &str) -> io::Result<Cpu> {
    let thread =
        reply.split_once("thread:").map(|(_, rest)| rest.split(';').next().unwrap_or_default());
    let thread = thread.map(|thread| thread.rsplit('.').next().unwrap_or_default());
    thread.and_then(|thread| Cpu::from_str_radix(thread, 16).ok()).ok_or_else(|| odd(reply))
}

fn bytes(hex: &str) -> io::Result<Vec<u8>> {
    let byte = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..hex.len()).step_by(2).map(|at| byte(at).ok_or_else(|| odd(hex))).collect()
}
