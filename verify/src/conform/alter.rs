//! Recordings altered on purpose: what conformance must not accept.
//!
//! An alteration is a small lie at a random place. The events' numbers stay where they are, so that
//! an altered recording differs in nothing else.

use std::fmt::Write;

/// One line, taken apart.
#[derive(Clone, Debug)]
struct Line {
    seq: u64,
    task: String,
    event: String,
    keys: String,
}

impl Line {
    fn is(&self, event: &str) -> bool {
        self.event == event
    }

    fn key(&self, key: &str) -> Option<&str> {
        self.keys.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    fn number(&self, key: &str) -> u64 {
        let text = self.key(key).unwrap_or("0");
        let hex = text.strip_prefix("0x").map(|hex| u64::from_str_radix(hex, 16));
        hex.unwrap_or_else(|| text.parse()).unwrap_or(0)
    }

    fn set(&mut self, key: &str, value: &str) {
        let words = self.keys.split(' ').map(|word| match word.split_once('=') {
            Some((k, _)) if k == key => format!("{key}={value}"),
            _ => word.to_owned(),
        });
        self.keys = words.collect::<Vec<_>>().join(" ");
    }

    fn lock(&self, event: &str, lock: &str) -> bool {
        self.is(event) && self.key("l") == Some(lock)
    }
}

/// Ways to alter a recording, by name.
pub const ALTERATIONS: [(&str, &str); 20] = [
    ("drop-dio-end", "a reference to i_dio_count is never dropped"),
    ("drain-returns-early", "inode_dio_wait returns while direct I/O is in flight"),
    ("remove-before-drain", "extents are removed before the drain"),
    ("skip-drain", "a truncate or a punched hole does not drain"),
    ("extend-shared", "an extending write holds i_rwsem shared"),
    ("acquire-early", "i_rwsem is acquired as soon as it is asked for, though held"),
    ("convert-after-end", "extents are converted after the reference was dropped"),
    ("lose-conversion", "a completion forgets to convert"),
    ("convert-elsewhere", "the next block is converted"),
    ("swap-releases", "two threads release each other's i_rwsem"),
    ("drop-release", "i_rwsem is never released"),
    ("lie-in-lookup", "a written block is reported unwritten, or the other way round"),
    ("lie-about-place", "a block is reported elsewhere on the device than before"),
    ("lie-about-path", "the overwrite path is taken for other writes, or not for overwrites"),
    ("lie-about-count", "i_dio_count is five too high"),
    ("lie-about-size", "i_size is three blocks off"),
    ("count-without-lock", "the reference is taken before i_rwsem"),
    ("complete-twice", "a worker completes the same I/O twice"),
    ("convert-shared", "extents are converted with i_data_sem shared"),
    ("drop-orphan", "an extending write puts no orphan record"),
];

/// A source of numbers that depends on nothing but its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % most
    }
}

struct Altered {
    lines: Vec<Line>,
    random: Random,
}

/// The recording `text`, altered as named, at a place that `seed` chooses; `None` if it has no place
/// for that.
pub fn alter(text: &str, name: &str, seed: u64) -> Option<String> {
    let lines: Vec<Line> = text
        .lines()
        .filter_map(|line| {
            let mut columns = line.splitn(4, '\t');
            Some(Line {
                seq: columns.next()?.parse().ok()?,
                task: columns.next()?.to_owned(),
                event: columns.next()?.to_owned(),
                keys: columns.next().unwrap_or_default().to_owned(),
            })
        })
        .collect();
    let numbers: Vec<u64> = lines.iter().map(|line| line.seq).collect();
    let mut altered =
        Altered { lines, random: Random(seed.wrapping_mul(0x9e37_79b9).wrapping_add(1)) };
    for _ in 0..4 {
        altered.random.below(2);
    }
    altered.apply(name)?;
    let lines = &altered.lines;
    let mut out = String::new();
    // What was dropped leaves a gap, what was added follows the last.
    let last = numbers.last().copied().unwrap_or(0);
    for (at, line) in lines.iter().enumerate() {
        let seq = numbers.get(at).copied().unwrap_or(last + 1 + at as u64);
        let _ = writeln!(out, "{seq}\t{}\t{}\t{}", line.task, line.event, line.keys);
    }
    Some(out)
}

impl Altered {
    /// One of the lines that fit.
    fn one(&mut self, fits: impl Fn(&Altered, usize) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.lines.len()).filter(|&at| fits(self, at)).collect();
        if all.is_empty() { None } else { Some(all[self.random.below(all.len())]) }
    }

    /// The next line of the same thread with that event.
    fn next(&self, at: usize, event: &str) -> Option<usize> {
        let same = |&to: &usize| self.lines[to].task == self.lines[at].task;
        (at + 1..self.lines.len()).filter(same).find(|&to| self.lines[to].is(event))
    }

    /// The line of the same thread with that event before it.
    fn before(&self, at: usize, event: &str) -> Option<usize> {
        let same = |&to: &usize| self.lines[to].task == self.lines[at].task;
        (0..at).rev().filter(same).find(|&to| self.lines[to].is(event))
    }

    /// The thread's lines from one to another.
    fn between(&self, from: usize, to: usize) -> Vec<usize> {
        (from..=to).filter(|&at| self.lines[at].task == self.lines[from].task).collect()
    }

    fn relocate(&mut self, from: usize, to: usize) {
        let line = self.lines.remove(from);
        self.lines.insert(if to > from { to - 1 } else { to }, line);
    }

    fn drop_all(&mut self, mut lines: Vec<usize>) {
        lines.sort_unstable();
        for at in lines.into_iter().rev() {
            self.lines.remove(at);
        }
    }

    /// A direct write that ended past i_size and was waited for: from its entry to its return.
    fn extending(&mut self) -> Option<(usize, usize)> {
        let at = self.one(|all, at| {
            all.lines[at].is("inode_extension") && all.before(at, "orphan_add").is_some()
        })?;
        Some((self.before(at, "write_iter")?, self.next(at, "write_iter_ret")?))
    }

    fn apply(&mut self, name: &str) -> Option<()> {
        match name {
            "drop-dio-end" => {
                let at = self.one(|all, at| all.lines[at].is("dio_end"))?;
                let wake = self.next(at, "wake_bit").filter(|&to| self.between(at, to).len() == 2);
                self.drop_all([at].into_iter().chain(wake).collect());
            }
            "drain-returns-early" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("dio_wait") && all.lines[at].number("dio") > 0
                })?;
                let ret = self.next(at, "dio_wait_ret")?;
                self.relocate(ret, at + 1);
            }
            "remove-before-drain" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("es_remove") && all.before(at, "dio_wait").is_some()
                })?;
                let (drain, done) =
                    (self.before(at, "dio_wait")?, self.next(at, "ext4_ext_remove_space_done")?);
                for (moved, line) in self.between(at, done).into_iter().enumerate() {
                    self.relocate(line, drain + moved);
                }
            }
            "skip-drain" => {
                let at = self.one(|all, at| {
                    let inode_lock = all.before(at, "acq").is_some();
                    all.lines[at].is("dio_wait")
                        && inode_lock
                        && all.next(at, "es_remove").is_some()
                })?;
                let ret = self.next(at, "dio_wait_ret")?;
                self.drop_all(vec![at, ret]);
            }
            "extend-shared" => {
                let (from, to) = self.extending()?;
                for at in self.between(from, to) {
                    let line = &mut self.lines[at];
                    if line.key("l") == Some("rwsem") {
                        line.set("m", "S");
                        if line.is("rel") {
                            line.set("cnt", "0x100");
                        }
                    }
                }
            }
            "acquire-early" => {
                let at = self.one(|all, at| {
                    let acq = all.next(at, "acq");
                    let meanwhile =
                        |to: usize| all.lines[at..to].iter().any(|line| line.lock("rel", "rwsem"));
                    all.lines[at].lock("req", "rwsem") && acq.is_some_and(meanwhile)
                })?;
                let acq = self.next(at, "acq")?;
                self.relocate(acq, at + 1);
            }
            "convert-after-end" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let end = self.next(at, "dio_end")?;
                self.relocate(end, at);
            }
            "lose-conversion" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let ret = self.next(at, "convert_unwritten_ret")?;
                let lines = self.between(at, ret);
                self.drop_all(lines);
            }
            "convert-elsewhere" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let (pos, block) = (self.lines[at].number("pos"), 4096);
                self.lines[at].set("pos", &(pos + block).to_string());
                let map = self.next(at, "map_blocks")?;
                let lblk = self.lines[map].number("lblk");
                self.lines[map].set("lblk", &(lblk + 1).to_string());
            }
            "swap-releases" => {
                let first = self.one(|all, at| all.lines[at].lock("rel", "rwsem"))?;
                let other = |all: &Altered, at: usize| {
                    let (a, b) = (&all.lines[first], &all.lines[at]);
                    at > first && b.lock("rel", "rwsem") && a.task != b.task
                };
                let second = (first..self.lines.len()).find(|&at| other(self, at))?;
                let task = self.lines[first].task.clone();
                self.lines[first].task = std::mem::replace(&mut self.lines[second].task, task);
            }
            "drop-release" => {
                let at = self.one(|all, at| all.lines[at].lock("rel", "rwsem"))?;
                self.drop_all(vec![at]);
            }
            "lie-in-lookup" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("set_iomap") && all.lines[at].number("mflags") & 0x10 != 0
                })?;
                let flags = self.lines[at].number("mflags") ^ 0x800;
                self.lines[at].set("mflags", &format!("{flags:#x}"));
            }
            "lie-about-place" => {
                // Only where the recording told of the block before.
                let at = self.one(|all, at| {
                    let line = &all.lines[at];
                    let told = |before: &Line| {
                        before.is("set_iomap")
                            && before.key("lblk") == line.key("lblk")
                            && before.key("pblk") == line.key("pblk")
                    };
                    let again = all.lines[at.saturating_sub(400)..at].iter().rposition(told);
                    let removed = |from: usize| {
                        all.lines[at.saturating_sub(400) + from..at].iter().any(|line| {
                            line.is("remove_space") || line.is("ext4_ext_shift_extents")
                        })
                    };
                    line.is("set_iomap")
                        && line.number("mflags") & 0x10 != 0
                        && again.is_some_and(|from| !removed(from))
                })?;
                let pblk = self.lines[at].number("pblk");
                self.lines[at].set("pblk", &(pblk + 1).to_string());
            }
            "lie-about-path" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("iomap_dio_rw")
                        && all.before(at, "write_iter") > all.before(at, "read_iter")
                })?;
                let overwrite = self.lines[at].key("ops") == Some("ext4_iomap_overwrite_ops");
                let other = if overwrite { "ext4_iomap_ops" } else { "ext4_iomap_overwrite_ops" };
                self.lines[at].set("ops", other);
            }
            "lie-about-count" => {
                let at = self.one(|all, at| all.lines[at].key("dio").is_some())?;
                let count = self.lines[at].number("dio");
                self.lines[at].set("dio", &(count + 5).to_string());
            }
            "lie-about-size" => {
                let at = self.one(|all, at| at > 400 && all.lines[at].is("setattr"))?;
                let size = self.lines[at].number("isize");
                self.lines[at].set("isize", &(size + 3 * 4096).to_string());
            }
            "count-without-lock" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("dio_begin") && all.before(at, "acq").is_some()
                })?;
                let rw = self.before(at, "iomap_dio_rw")?;
                let acq = self
                    .between(0, at)
                    .into_iter()
                    .chain(0..at)
                    .filter(|&to| {
                        self.lines[to].task == self.lines[at].task
                            && self.lines[to].lock("acq", "rwsem")
                    })
                    .max()?;
                self.relocate(at, acq);
                self.relocate(rw + 1, acq);
            }
            "complete-twice" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("dio_complete_work") && all.next(at, "dio_end").is_some()
                })?;
                let end = self.next(at, "dio_end")?;
                let again: Vec<Line> =
                    self.between(at, end).into_iter().map(|at| self.lines[at].clone()).collect();
                let after =
                    self.next(end, "wake_bit").filter(|&to| self.between(end, to).len() == 2);
                let to = after.unwrap_or(end) + 1;
                self.lines.splice(to..to, again);
            }
            "convert-shared" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let ret = self.next(at, "convert_unwritten_ret")?;
                for at in self.between(at, ret) {
                    let line = &mut self.lines[at];
                    if line.key("l") == Some("data") {
                        line.set("m", "S");
                        if line.is("rel") {
                            line.set("cnt", "0x100");
                        }
                    }
                }
            }
            "drop-orphan" => {
                let (from, to) = self.extending()?;
                let adds = self.between(from, to);
                let at = adds.into_iter().find(|&at| self.lines[at].is("orphan_add"))?;
                self.drop_all(vec![at]);
            }
            _ => return None,
        }
        Some(())
    }
}
