//! Drives a machine along a plan: who runs, who is held, and who sleeps where.

use super::anchor::Anchor;
use super::image::Image;
use super::plan::{Leg, Until};
use super::rsp::{Cpu, Registers, Rsp};
use super::stack::{Slept, Stopped};
use crate::litmus::CallSpec;
use std::io;
use std::time::{Duration, Instant};

/// How long a leg may take; who does not come then sleeps. An I/O takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take until every task has come to its first call.
const START: Duration = Duration::from_secs(120);
/// What a completion is given.
const COMPLETION: Duration = Duration::from_millis(300);

/// A machine whose tasks are held and let go.
pub struct Driver<'a> {
    rsp: Rsp,
    image: &'a Image,
    /// Addresses that break now.
    breaks: Vec<u64>,
    /// The processor that stands at one of them.
    stands: Option<(Cpu, u64)>,
    cpus: Vec<Cpu>,
    tasks: Vec<Held>,
    inode: Option<u64>,
}

/// A task of the machine.
struct Held {
    /// What the kernel calls the thread.
    comm: String,
    /// Its `task_struct`, once it was seen.
    address: u64,
    /// Where it is held.
    cpu: Option<Cpu>,
    /// How many of its calls are still to return.
    calls: usize,
    /// Its first call.
    first: &'static str,
}

/// What became of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Forced {
    /// Every leg was run to its end.
    ToTheEnd,
    /// A task sleeps, in the leg of that number.
    Refused(usize, Slept),
    /// A task returned, in the leg of that number, without having come where it was to be held.
    Passed(usize),
}

/// What a stop is.
enum Stop {
    /// A task, and its registers.
    At(usize, Registers),
    /// Time is over.
    Late,
}

fn wrong(what: impl Into<String>) -> io::Error {
    io::Error::other(what.into())
}

/// Where a call is met first, as soon as it is the file's: the function, and whether it is given the file
/// (`kiocb` or `file`).
fn first(call: &CallSpec) -> &'static str {
    match call {
        CallSpec::Pwrite { .. } | CallSpec::Write { .. } => "ext4_file_write_iter",
        CallSpec::Pread { .. } | CallSpec::AioPread(_) | CallSpec::Read(_) => "ext4_file_read_iter",
        CallSpec::Ftruncate { .. } => "__x64_sys_ftruncate",
        CallSpec::Fsync => "ext4_sync_file",
        CallSpec::WritePages => "__x64_sys_sync_file_range",
        CallSpec::MoveExtents { .. } => "__x64_sys_ioctl",
        CallSpec::Fault { .. } => "__x64_sys_pread64",
        _ => "ext4_fallocate",
    }
}

impl<'a> Driver<'a> {
    /// Of a machine that waits, whose tasks have those letters and calls.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn new(
        mut rsp: Rsp,
        image: &'a Image,
        tasks: &[(char, &[CallSpec])],
    ) -> io::Result<Driver<'a>> {
        let cpus = rsp.cpus()?;
        let task = |(letter, calls): &(char, &[CallSpec])| Held {
            comm: format!("task-{letter}"),
            address: 0,
            cpu: None,
            calls: calls.len(),
            first: calls.first().map_or("", first),
        };
        let tasks = tasks.iter().map(task).collect();
        Ok(Driver { rsp, image, breaks: Vec::new(), stands: None, cpus, tasks, inode: None })
    }

    /// One round: every task is held at its first call, then the legs are run, then all are let go.
    ///
    /// # Errors
    /// If the connection breaks, or the tasks do not come.
    pub fn round(&mut self, legs: &[Leg], calls: &[usize]) -> io::Result<Forced> {
        for (task, &calls) in self.tasks.iter_mut().zip(calls) {
            (task.calls, task.cpu) = (calls, None);
        }
        self.inode = None;
        self.gather()?;
        let mut forced = Forced::ToTheEnd;
        for (number, leg) in legs.iter().enumerate() {
            if let Some(other) = self.leg(number, leg)? {
                forced = other;
                break;
            }
        }
        self.break_at(&[])?;
        self.tasks.iter_mut().for_each(|task| task.cpu = None);
        Ok(forced)
    }

    /// Lets the machine go on for good.
    ///
    /// # Errors
    /// If the connection breaks.
    pub fn finish(mut self) -> io::Result<()> {
        self.break_at(&[])?;
        self.rsp.detach()
    }

    fn gather(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while self.tasks.iter().any(|task| task.cpu.is_none()) {
            let missing: Vec<&str> = self
                .tasks
                .iter()
                .filter(|task| task.cpu.is_none())
                .map(|task| task.first)
                .collect();
            let mut places =
                missing.iter().map(|&name| self.find(&[name])).collect::<io::Result<Vec<_>>>()?;
            places.sort_unstable();
            places.dedup();
            self.break_at(&places)?;
            match self.run(Duration::from_secs(10))? {
                Stop::At(task, registers) => {
                    let came = self.find(&[self.tasks[task].first])? == registers.place;
                    if came && self.tasks[task].cpu.is_none() {
                        self.hold(task);
                        self.learn_inode(task, &registers)?;
                    }
                }
                Stop::Late if start.elapsed() < START => {}
                Stop::Late => return Err(wrong("the tasks do not come to their first calls")),
            }
        }
        Ok(())
    }

    /// A function of the file system is given the kiocb, or the file.
    fn learn_inode(&mut self, task: usize, registers: &Registers) -> io::Result<()> {
        let file = match self.tasks[task].first {
            "ext4_file_write_iter" | "ext4_file_read_iter" => {
                self.rsp.word(registers.arguments[0])?
            }
            "ext4_sync_file" | "ext4_fallocate" => registers.arguments[0],
            _ => return Ok(()),
        };
        self.inode = Some(self.rsp.word(file + self.image.offsets().f_inode)?);
        Ok(())
    }

    /// Runs a leg; what became of the plan, if it ends here.
    fn leg(&mut self, number: usize, leg: &Leg) -> io::Result<Option<Forced>> {
        let task = usize::from(leg.task);
        if let Until::Completed = leg.until {
            self.break_at(&[])?;
            self.run(COMPLETION)?;
            return Ok(None);
        }
        let amid = match leg.until {
            Until::Held(Anchor::Return(names), 1) => self.returns_to(task, names)?,
            _ => None,
        };
        self.tasks[task].cpu = None;
        let exit = self.find(&["syscall_exit_to_user_mode"])?;
        let (mut places, lock, mut left) = match &leg.until {
            Until::Held(anchor, times) => {
                let (places, lock) = self.places(*anchor)?;
                (places, lock, *times)
            }
            _ => (Vec::new(), None, 0),
        };
        let mut returns = matches!(leg.until, Until::Held(Anchor::Return(_), _));
        if let Some(place) = amid {
            (places, returns) = (vec![place], false);
        }
        let start = Instant::now();
        while let Some(time) = PATIENCE.checked_sub(start.elapsed()) {
            self.break_at(&[&places[..], &[exit]].concat())?;
            let Stop::At(who, registers) = self.run(time)? else { break };
            if registers.place == exit {
                self.tasks[who].calls = self.tasks[who].calls.saturating_sub(1);
                if who == task && self.tasks[who].calls == 0 {
                    self.hold(task);
                    return Ok(match leg.until {
                        Until::Returned => None,
                        _ => Some(Forced::Passed(number)),
                    });
                }
            } else if who == task && lock.is_none_or(|lock| registers.arguments[0] == lock) {
                left = left.saturating_sub(1);
                if left == 0 && returns {
                    // Now it is the place that it returns to.
                    (places, returns, left) = (vec![self.rsp.word(registers.stack)?], false, 1);
                } else if left == 0 {
                    self.hold(task);
                    return Ok(None);
                }
            }
        }
        let address = self.tasks[task].address;
        let slept = self.stopped().slept(leg.task, address)?;
        Ok(Some(Forced::Refused(number, slept)))
    }

    /// Where one of these functions returns to, if a task that is held is in it already.
    fn returns_to(&mut self, task: usize, names: &[&str]) -> io::Result<Option<u64>> {
        let function = self.find(names)?;
        let Held { cpu: Some(cpu), address, .. } = self.tasks[task] else { return Ok(None) };
        self.stopped().returns_to((cpu, address), function)
    }

    fn stopped(&mut self) -> Stopped<'_> {
        Stopped { rsp: &mut self.rsp, image: self.image, inode: self.inode }
    }

    /// Where an anchor is, and for a lock its address.
    fn places(&self, anchor: Anchor) -> io::Result<(Vec<u64>, Option<u64>)> {
        match anchor {
            Anchor::Entry(names) | Anchor::Return(names) => Ok((vec![self.find(names)?], None)),
            Anchor::Lock(lock, names) => {
                let inode = self.inode.ok_or_else(|| wrong("no call tells the inode"))?;
                Ok((self.image.all(names), self.image.lock(inode, lock)))
            }
        }
    }

    fn hold(&mut self, task: usize) {
        self.tasks[task].cpu = self.stands.map(|stands| stands.0);
    }

    fn find(&self, names: &[&str]) -> io::Result<u64> {
        self.image.find(names).map_err(wrong)
    }

    /// Lets every processor run that no task is held on, until a task of the test comes to a breakpoint.
    fn run(&mut self, within: Duration) -> io::Result<Stop> {
        let start = Instant::now();
        loop {
            let held: Vec<Cpu> = self.tasks.iter().filter_map(|task| task.cpu).collect();
            if let Some((cpu, place)) = self.stands.filter(|(cpu, _)| !held.contains(cpu)) {
                // Else it would not get off the place.
                if self.breaks.contains(&place) {
                    self.rsp.clear(place)?;
                    self.rsp.step(cpu)?;
                    self.rsp.set(place)?;
                }
            }
            let free: Vec<Cpu> =
                self.cpus.iter().copied().filter(|cpu| !held.contains(cpu)).collect();
            let left = within.saturating_sub(start.elapsed());
            if left.is_zero() || free.is_empty() {
                return Ok(Stop::Late);
            }
            let Some(cpu) = self.rsp.go(&free, left)? else {
                self.stands = None;
                return Ok(Stop::Late);
            };
            let registers = self.rsp.registers(cpu)?;
            self.stands = Some((cpu, registers.place));
            if let Some(task) = self.task_at(&registers)? {
                return Ok(Stop::At(task, registers));
            }
        }
    }

    /// Which task of the test runs there.
    fn task_at(&mut self, registers: &Registers) -> io::Result<Option<usize>> {
        if registers.gs_base >> 47 == 0 {
            return Ok(None);
        }
        let current = self.image.current().map_err(wrong)?;
        let address = self.rsp.word(registers.gs_base.wrapping_add(current))?;
        let comm = self.rsp.memory(address + self.image.offsets().comm, 16)?.unwrap_or_default();
        let comm = comm.split(|&byte| byte == 0).next().unwrap_or_default();
        let found = self.tasks.iter().position(|task| task.comm.as_bytes() == comm);
        if let Some(task) = found {
            self.tasks[task].address = address;
        }
        Ok(found)
    }

    /// These places break, and no others.
    fn break_at(&mut self, places: &[u64]) -> io::Result<()> {
        for place in std::mem::take(&mut self.breaks) {
            if places.contains(&place) {
                self.breaks.push(place);
            } else {
                self.rsp.clear(place)?;
            }
        }
        for &place in places {
            if !self.breaks.contains(&place) {
                self.rsp.set(place)?;
                self.breaks.push(place);
            }
        }
        Ok(())
    }
}
