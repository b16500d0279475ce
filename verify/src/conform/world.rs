//! What the tasks of a recording share, as far as the recording tells: locks, counts, sizes, extents.
//!
//! `acq` and `dio_begin` are recorded after the fact, `rel` and `dio_end` before it. A recorded hold
//! is therefore part of the real one, and between two events of one thread a value that it read may
//! be any that the world had meanwhile: that is its [`Window`].

use super::event::{Iocb, Thread};
use super::extents::{Extents, Kinds, Known, Piece};
use super::reject::Reason;
use crate::rule::RuleId;
use diolock::extent_probe::Extent;
use diolock::inode_lock::{LockName, Mode};
use std::collections::HashMap;

/// Values between two, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

impl Span {
    /// Nothing is known.
    pub const ANY: Span = Span { least: 0, most: u64::MAX };

    /// Just that one.
    pub fn only(value: u64) -> Span {
        Span { least: value, most: value }
    }
    /// The smallest that has both.
    #[must_use]
    pub fn or(self, other: Span) -> Span {
        Span { least: self.least.min(other.least), most: self.most.max(other.most) }
    }
    /// Whether a value is in it.
    pub fn has(self, value: u64) -> bool {
        (self.least..=self.most).contains(&value)
    }
}

/// A number that an event gives, to be compared with all that it may have been by the time it was
/// read: the recorder fetches it after it has taken the event's number.
#[derive(Clone, Copy, Debug)]
struct Sample {
    line: usize,
    value: u64,
    /// The thread's own reference, which it still has.
    own: u64,
    size: bool,
}

/// What the world was like since a thread's last event.
#[derive(Clone, Debug)]
pub struct Window {
    /// i_size.
    pub size: Span,
    /// i_disksize.
    pub disksize: Span,
    /// i_dio_count.
    pub count: Span,
    samples: Vec<Sample>,
}

/// How far a direct I/O is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// `iomap_dio_rw`: it may have raised the count.
    Starting,
    /// It is counted.
    Counted,
    /// `dio_end`: it may be counted until its thread is seen again.
    Ending(Thread),
}

/// One direct I/O.
#[derive(Clone, Debug)]
pub struct Dio {
    /// Who submits it.
    pub submitter: Thread,
    /// It writes.
    pub writes: bool,
    /// First byte.
    pub pos: u64,
    /// One past the last byte.
    pub end: u64,
    /// How far it is.
    pub stage: Stage,
    /// What it was mapped to: first block, one past the last, state.
    pub pieces: Vec<(u64, u64, Extent)>,
    /// All of it is mapped.
    pub mapped: bool,
    /// The submitter was told that it is in flight.
    pub queued: bool,
    /// Somebody completes it.
    pub completing: bool,
}

impl Dio {
    /// Whether its completion converts.
    pub fn unwritten(&self) -> bool {
        self.writes && self.pieces.iter().any(|piece| piece.2 == Extent::Unwritten)
    }
}

/// A call of ext4_map_blocks that has not returned.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// First block.
    pub from: u64,
    /// One past the last block.
    pub to: u64,
    /// `EXT4_GET_BLOCKS_*`.
    pub flags: u64,
    /// What it may find.
    seen: Vec<Piece>,
    /// What others made of some blocks meanwhile.
    meanwhile: Vec<(u64, u64, Kinds)>,
    /// It took i_data_sem alone.
    pub alone: bool,
}

/// `EXT4_GET_BLOCKS_CREATE`.
pub const CREATE: u64 = 0x1;
/// `EXT4_GET_BLOCKS_UNWRIT_EXT`.
const UNWRITTEN: u64 = 0x2;
/// `EXT4_GET_BLOCKS_CONVERT`.
pub const CONVERT: u64 = 0x10;
/// `EXT4_GET_BLOCKS_CONVERT_UNWRITTEN`.
const ZERO: u64 = 0x100;

impl Lookup {
    /// What it may find in its first `blocks` blocks.
    fn may_find(&self, blocks: u64) -> impl Iterator<Item = (u64, u64, Known)> {
        let to = (self.from + blocks).min(self.to);
        self.seen.iter().filter(move |piece| piece.0 < to).map(move |&(start, end, known)| {
            let end = end.min(to);
            let kinds = self
                .meanwhile
                .iter()
                .filter(|change| change.0 < end && change.1 > start)
                .fold(known.kinds, |kinds, change| kinds.or(change.2));
            (start, end, Known { kinds, ..known })
        })
    }

    fn untouched(&self) -> bool {
        self.meanwhile.is_empty()
    }
}

/// What is shared.
#[derive(Debug)]
pub struct World {
    /// The recording begins in the middle of calls.
    pub excerpt: bool,
    /// i_size.
    pub size: Span,
    /// i_disksize.
    pub disksize: Span,
    /// Whether the inode is on the list of orphans.
    pub orphan: Option<bool>,
    /// The extent tree.
    pub extents: Extents,
    /// Direct I/O in flight.
    pub dios: HashMap<Iocb, Dio>,
    /// Direct I/O in flight that began before the recording.
    before: Span,
    /// Threads that ended such I/O and have not been seen since.
    ending: Vec<Thread>,
    counted: u64,
    held: Vec<(LockName, Thread, Mode)>,
    /// Locks that were taken in the recording, in that mode.
    taken: Vec<(LockName, Mode)>,
    windows: HashMap<Thread, Window>,
    lookups: HashMap<Thread, Lookup>,
}

impl World {
    /// Before the first event.
    pub fn new() -> World {
        World {
            excerpt: false,
            size: Span::ANY,
            disksize: Span::ANY,
            orphan: None,
            extents: Extents::default(),
            dios: HashMap::new(),
            before: Span::only(0),
            ending: Vec::new(),
            counted: 0,
            held: Vec::new(),
            taken: Vec::new(),
            windows: HashMap::new(),
            lookups: HashMap::new(),
        }
    }

    /// The recording begins in the middle of calls: direct I/O may be in flight, locks held.
    pub fn begin_in_the_middle(&mut self) {
        self.excerpt = true;
        self.before = Span::ANY;
    }

    // Windows.

    /// What the world was like since the thread's last event.
    pub fn window(&self, thread: Thread) -> Window {
        self.windows.get(&thread).cloned().unwrap_or_else(|| self.now())
    }

    fn now(&self) -> Window {
        Window {
            size: self.size,
            disksize: self.disksize,
            count: self.count(),
            samples: Vec::new(),
        }
    }

    fn count(&self) -> Span {
        let all = self.dios.len() as u64 + self.ending.len() as u64;
        Span {
            least: self.counted.saturating_add(self.before.least),
            most: all.saturating_add(self.before.most),
        }
    }

    fn widen(&mut self) {
        let now = self.now();
        for window in self.windows.values_mut() {
            window.size = window.size.or(now.size);
            window.disksize = window.disksize.or(now.disksize);
            window.count = window.count.or(now.count);
        }
    }

    /// The thread is seen again: judges the numbers of its last event.
    ///
    /// # Errors
    /// A number that was never true; with its line.
    pub fn judge(&mut self, thread: Thread) -> Result<(), (usize, Reason)> {
        let Some(window) = self.windows.get(&thread).filter(|w| !w.samples.is_empty()) else {
            return Ok(());
        };
        let window = window.clone();
        for sample in &window.samples {
            self.judge_sample(sample, &window).map_err(|reason| (sample.line, reason))?;
        }
        Ok(())
    }

    /// The thread is seen again: what it ended has ended, and a new window begins.
    pub fn seen(&mut self, thread: Thread) {
        self.dios.retain(|_, dio| dio.stage != Stage::Ending(thread));
        self.ending.retain(|&other| other != thread);
        self.windows.insert(thread, self.now());
    }

    fn judge_sample(&mut self, sample: &Sample, window: &Window) -> Result<(), Reason> {
        let value = sample.value;
        if sample.size {
            if !window.size.has(value) {
                let Span { least, most } = window.size;
                let was =
                    if least == most { format!("{least}") } else { format!("{least} to {most}") };
                return Err(Reason::rule(
                    RuleId::R11,
                    format!("isize={value}, but i_size was {was}"),
                ));
            }
            return Ok(());
        }
        let Span { least, most } = window.count;
        let least = least.saturating_add(sample.own);
        if !(least..=most).contains(&value) {
            let was = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            return Err(Reason::rule(
                RuleId::R10,
                format!("dio={value}, but i_dio_count was {was}"),
            ));
        }
        Ok(())
    }

    /// The thread is in no call.
    pub fn forget(&mut self, thread: Thread) {
        if self.windows.get(&thread).is_some_and(|window| window.samples.is_empty()) {
            self.windows.remove(&thread);
        }
    }

    /// An event gives i_dio_count; `own` if the thread's own reference is in it although it is about
    /// to go.
    pub fn sample_count(&mut self, thread: Thread, line: usize, value: u64, own: bool) {
        if self.before.most == u64::MAX {
            // The first count in an excerpt tells how much was in flight before.
            let others = value.saturating_sub(own.into());
            let here = (self.dios.len() + self.ending.len()) as u64 - u64::from(own);
            self.before = Span {
                least: others.saturating_sub(here),
                most: others.saturating_sub(self.counted),
            };
            for window in self.windows.values_mut() {
                window.count = Span::ANY;
            }
            return;
        }
        self.sample(thread, Sample { line, value, own: own.into(), size: false });
    }

    /// An event gives i_size.
    pub fn sample_size(&mut self, thread: Thread, line: usize, value: u64) {
        if self.size == Span::ANY {
            self.size = Span::only(value);
            // A file at rest is written back.
            self.disksize = self.size;
            for window in self.windows.values_mut() {
                (window.size, window.disksize) = (self.size, self.disksize);
            }
        }
        self.sample(thread, Sample { line, value, own: 0, size: true });
    }

    fn sample(&mut self, thread: Thread, sample: Sample) {
        let now = self.now();
        self.windows.entry(thread).or_insert(now).samples.push(sample);
    }

    /// i_size is that, or between that and what it was.
    pub fn set_size(&mut self, size: Span) {
        if size.most != u64::MAX {
            self.size = size;
        }
        self.widen();
    }

    /// The same of i_disksize.
    pub fn set_disksize(&mut self, size: Span) {
        if size.most != u64::MAX {
            self.disksize = size;
        }
        self.widen();
    }

    // Locks.

    /// How a thread holds a lock.
    pub fn holds(&self, thread: Thread, lock: LockName) -> Option<Mode> {
        self.held.iter().find(|held| held.0 == lock && held.1 == thread).map(|held| held.2)
    }

    /// Who holds a lock.
    pub fn holders(&self, lock: LockName) -> impl Iterator<Item = Thread> {
        self.held.iter().filter(move |held| held.0 == lock).map(|held| held.1)
    }

    /// Whether the thread holds any lock.
    pub fn holds_any(&self, thread: Thread) -> bool {
        self.held.iter().any(|held| held.1 == thread)
    }

    /// A thread asks for a lock, and will wait for it.
    ///
    /// # Errors
    /// If it holds one that comes after it (R2).
    pub fn waits_in_order(&self, thread: Thread, lock: LockName) -> Result<(), Reason> {
        let above =
            |held: &&(LockName, Thread, Mode)| held.1 == thread && held.0.rank() > lock.rank();
        match self.held.iter().find(above) {
            Some((above, ..)) => {
                let text = format!("{} is waited for while {} is held", lock.name(), above.name());
                Err(Reason::rule(RuleId::R2, text))
            }
            None => Ok(()),
        }
    }

    /// A thread holds a lock.
    ///
    /// # Errors
    /// If another one does, and either holds it alone.
    pub fn acquired(&mut self, thread: Thread, lock: LockName, mode: Mode) -> Result<(), Reason> {
        if self.holds(thread, lock).is_some() {
            let text = format!("it holds {} already", lock.name());
            return Err(Reason::rule(RuleId::R3, text));
        }
        let clash = self
            .held
            .iter()
            .find(|held| held.0 == lock && (mode == Mode::Exclusive || held.2 == Mode::Exclusive));
        if let Some(&(_, other, how)) = clash {
            let text = format!("{} is held by {{}}", lock.in_mode(how));
            return Err(Reason::of(text, vec![other]));
        }
        self.held.push((lock, thread, mode));
        if self.excerpt && !self.taken.contains(&(lock, mode)) {
            self.taken.push((lock, mode));
        }
        Ok(())
    }

    /// A thread is about to release a lock; `joined` if it may have taken it before the recording.
    ///
    /// # Errors
    /// If it does not hold it.
    pub fn released(
        &mut self,
        thread: Thread,
        lock: LockName,
        mode: Mode,
        joined: bool,
    ) -> Result<(), Reason> {
        let at = self.held.iter().position(|held| *held == (lock, thread, mode));
        if let Some(at) = at {
            self.held.swap_remove(at);
            return Ok(());
        }
        // Held since before the recording, so nobody can have taken it meanwhile.
        let clash = |taken: &&(LockName, Mode)| {
            taken.0 == lock && (mode == Mode::Exclusive || taken.1 == Mode::Exclusive)
        };
        if joined && self.taken.iter().find(clash).is_none() {
            return Ok(());
        }
        let text = format!("it does not hold {}", lock.in_mode(mode));
        Err(Reason::rule(RuleId::R3, text))
    }

    // Direct I/O.

    /// `iomap_dio_rw`.
    ///
    /// # Errors
    /// If that one is in flight.
    pub fn dio_starts(&mut self, iocb: Iocb, dio: Dio) -> Result<(), Reason> {
        match self.dios.get(&iocb).map(|dio| dio.stage) {
            // The request is used again before the thread that ended it is seen.
            Some(Stage::Ending(thread)) => self.ending.push(thread),
            Some(_) => return Err(Reason::new(format!("{iocb} is in flight already"))),
            None => {}
        }
        self.dios.insert(iocb, dio);
        self.widen();
        Ok(())
    }

    /// `inode_dio_begin`.
    pub fn dio_begins(&mut self, iocb: Iocb) {
        if let Some(dio) = self.dios.get_mut(&iocb) {
            dio.stage = Stage::Counted;
            self.counted += 1;
        }
        self.widen();
    }

    /// `inode_dio_end`; of `None`, one that began before the recording.
    pub fn dio_ends(&mut self, thread: Thread, iocb: Option<Iocb>) {
        match iocb.and_then(|iocb| self.dios.get_mut(&iocb)) {
            Some(dio) => {
                if dio.stage == Stage::Counted {
                    self.counted -= 1;
                }
                dio.stage = Stage::Ending(thread);
            }
            None => {
                self.before.least = self.before.least.saturating_sub(1);
                if self.before.most != u64::MAX {
                    self.before.most = self.before.most.saturating_sub(1);
                }
                self.ending.push(thread);
            }
        }
        self.widen();
    }

    /// Nothing was submitted.
    pub fn dio_fails(&mut self, iocb: Iocb) {
        if self.dios.get(&iocb).is_some_and(|dio| dio.stage == Stage::Starting) {
            self.dios.remove(&iocb);
        }
        self.widen();
    }

    // Extents.

    /// ext4_map_blocks is called.
    pub fn looks(&mut self, thread: Thread, from: u64, blocks: u64, flags: u64) {
        let to = from + blocks;
        let seen = self.extents.pieces(from, to);
        let lookup = Lookup { from, to, flags, seen, meanwhile: Vec::new(), alone: false };
        self.lookups.insert(thread, lookup);
    }

    /// The call that a thread is in.
    pub fn lookup(&self, thread: Thread) -> Option<&Lookup> {
        self.lookups.get(&thread)
    }

    fn changed(&mut self, by: Thread, from: u64, to: u64, kinds: Kinds) {
        for (&thread, lookup) in &mut self.lookups {
            if thread != by && lookup.from < to && from < lookup.to {
                lookup.meanwhile.push((from, to, kinds));
            }
        }
    }

    /// A call of ext4_map_blocks has taken i_data_sem alone: from now on it may change its blocks.
    pub fn maps_alone(&mut self, thread: Thread) {
        let Some(lookup) = self.lookups.get_mut(&thread) else { return };
        lookup.alone = true;
        let (from, to, flags) = (lookup.from, lookup.to, lookup.flags);
        let target = Kinds::only(if flags & CONVERT != 0 {
            Extent::Written
        } else if flags & (UNWRITTEN | ZERO) != 0 {
            Extent::Unwritten
        } else {
            Extent::Written
        });
        self.extents.change(from, to, |_, known| {
            // Creating leaves what is there; zeroing does not.
            let leaves = known.kinds == Kinds::only(Extent::Written) && flags & ZERO == 0;
            let kinds = if leaves { known.kinds } else { known.kinds.or(target) };
            Known { kinds, ..known }
        });
        self.changed(thread, from, to, target);
    }

    /// ext4_map_blocks returns the number of blocks it mapped.
    ///
    /// # Errors
    /// If there cannot have been that many, or none.
    pub fn mapped(&mut self, thread: Thread, ret: i64) -> Result<(), Reason> {
        let Some(lookup) = self.lookups.get(&thread) else { return Ok(()) };
        let blocks = u64::try_from(ret).unwrap_or(0);
        if blocks > lookup.to - lookup.from {
            return Err(Reason::new(format!(
                "ret={ret}, but {} blocks were asked for",
                lookup.to - lookup.from
            )));
        }
        let (from, flags, alone) = (lookup.from, lookup.flags, lookup.alone);
        let to = from + blocks;
        if alone && ret > 0 {
            let zero = flags & ZERO != 0;
            self.extents.change(from, to, |_, known| {
                let kinds = known.kinds.not(Extent::Hole);
                let kinds = match (flags & CONVERT != 0, zero) {
                    (true, _) => kinds.not(Extent::Unwritten),
                    (false, true) => kinds.not(Extent::Written),
                    (false, false) => kinds,
                };
                Known { kinds, ..known }
            });
            let lost = self.extents.pieces(from, to).into_iter().find(|p| p.2.kinds == Kinds::NONE);
            if let Some((block, ..)) = lost {
                let what = if flags & CONVERT != 0 { "converted" } else { "mapped" };
                let text = format!("block {block} is {what}, but there was a hole");
                return Err(Reason::rule(RuleId::R5, text));
            }
            return Ok(());
        }
        if ret < 0 {
            return Ok(());
        }
        let found = lookup.may_find(blocks.max(1));
        for (start, _, known) in found {
            let may = if blocks == 0 {
                known.kinds.may_be(Extent::Hole)
            } else {
                known.kinds.not(Extent::Hole) != Kinds::NONE
            };
            if !may {
                let text = format!("ret={ret}, but block {start} was {}", known.kinds.words());
                return Err(Reason::rule(RuleId::R5, text));
            }
        }
        Ok(())
    }

    /// The states that all of a finished lookup's first blocks may have been in.
    pub fn may_all_be(&self, thread: Thread, blocks: u64, extent: Extent) -> bool {
        let lookup = self.lookups.get(&thread);
        lookup
            .is_none_or(|lookup| lookup.may_find(blocks).all(|piece| piece.2.kinds.may_be(extent)))
    }

    /// ext4_set_iomap: what a lookup found, and where.
    ///
    /// # Errors
    /// If it cannot have been that.
    pub fn told(
        &mut self,
        thread: Thread,
        (from, blocks): (u64, u64),
        extent: Extent,
        device: u64,
    ) -> Result<(), Reason> {
        let Some(lookup) = self.lookups.remove(&thread) else { return Ok(()) };
        let device = (extent != Extent::Hole).then_some(device);
        let to = from + blocks;
        let pieces: Vec<Piece> = if lookup.alone {
            self.extents.pieces(from, to)
        } else {
            lookup.may_find(blocks).collect()
        };
        for (start, _, known) in pieces {
            if !known.kinds.may_be(extent) {
                let is = Kinds::only(extent).words();
                let text = format!("block {start} is {is}, but was {}", known.kinds.words());
                return Err(Reason::rule(RuleId::R5, text));
            }
            let there = device.map(|device| device + (start - from));
            if let (Some(known), Some(there)) = (known.device, there)
                && known != there
            {
                let text = format!("block {start} is at {there} of the device, but was at {known}");
                return Err(Reason::rule(RuleId::R5, text));
            }
        }
        if lookup.untouched() {
            let kinds = Kinds::only(extent);
            self.extents.change(from, to, |start, known| Known {
                // What somebody else is changing just now stays open.
                kinds: if known.kinds.and(kinds) == Kinds::NONE { known.kinds } else { kinds },
                device: device.map(|device| device + (start - from)),
            });
        }
        Ok(())
    }

    /// A lookup whose result nobody is told.
    pub fn looked(&mut self, thread: Thread) {
        self.lookups.remove(&thread);
    }

    /// ext4_ext_remove_space.
    ///
    /// # Errors
    /// If direct I/O to one of the blocks is in flight (R4).
    pub fn removes(&mut self, thread: Thread, from: u64, to: u64) -> Result<(), Reason> {
        let hit = self.dios.iter().find(|(_, dio)| {
            let touches = dio.pieces.iter().any(|piece| piece.0 < to && from < piece.1);
            dio.stage == Stage::Counted && touches
        });
        if let Some((iocb, dio)) = hit {
            let text =
                format!("blocks {from}.. are removed, and {iocb} of {{}} is in flight to them");
            return Err(Reason::rule(RuleId::R4, text).with(dio.submitter));
        }
        let hole = Kinds::only(Extent::Hole);
        self.extents.change(from, to, |_, _| Known { kinds: hole, device: None });
        self.changed(thread, from, to, hole);
        Ok(())
    }
}
