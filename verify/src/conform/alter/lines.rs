//! A recording as lines that can be found, moved and changed.

/// One line, taken apart.
#[derive(Clone, Debug)]
pub struct Line {
    pub seq: u64,
    pub task: String,
    pub event: String,
    pub keys: String,
}

impl Line {
    pub fn is(&self, event: &str) -> bool {
        self.event == event
    }

    pub fn key(&self, key: &str) -> Option<&str> {
        self.keys.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    pub fn number(&self, key: &str) -> u64 {
        let text = self.key(key).unwrap_or("0");
        let hex = text.strip_prefix("0x").map(|hex| u64::from_str_radix(hex, 16));
        hex.unwrap_or_else(|| text.parse()).unwrap_or(0)
    }

    pub fn set(&mut self, key: &str, value: &str) {
        let words = self.keys.split(' ').map(|word| match word.split_once('=') {
            Some((k, _)) if k == key => format!("{key}={value}"),
            _ => word.to_owned(),
        });
        self.keys = words.collect::<Vec<_>>().join(" ");
    }

    pub fn lock(&self, event: &str, lock: &str) -> bool {
        self.is(event) && self.key("l") == Some(lock)
    }
}

/// A source of numbers that depends on nothing but its seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % most
    }
}

/// A recording that is being altered, and what chooses the place.
pub(super) struct Altered {
    pub(super) lines: Vec<Line>,
    pub(super) random: Random,
}

impl Altered {
    /// One of the lines that fit.
    pub fn one(&mut self, fits: impl Fn(&Altered, usize) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.lines.len()).filter(|&at| fits(self, at)).collect();
        if all.is_empty() { None } else { Some(all[self.random.below(all.len())]) }
    }

    /// The next line of the same thread with that event.
    pub fn next(&self, at: usize, event: &str) -> Option<usize> {
        let same = |&to: &usize| self.lines[to].task == self.lines[at].task;
        (at + 1..self.lines.len()).filter(same).find(|&to| self.lines[to].is(event))
    }

    /// The line of the same thread with that event before it.
    pub fn before(&self, at: usize, event: &str) -> Option<usize> {
        let same = |&to: &usize| self.lines[to].task == self.lines[at].task;
        (0..at).rev().filter(same).find(|&to| self.lines[to].is(event))
    }

    /// The next line of the same thread about that lock.
    pub fn lock_after(&self, at: usize, event: &str, lock: &str) -> Option<usize> {
        let same = |&to: &usize| self.lines[to].task == self.lines[at].task;
        (at + 1..self.lines.len()).filter(same).find(|&to| self.lines[to].lock(event, lock))
    }

    /// Whether fallocate allocates there.
    pub fn allocates(&self, at: usize) -> bool {
        let inside = self.before(at, "fallocate") > self.before(at, "fallocate_ret");
        inside && self.lines[at].is("map_blocks") && self.lines[at].number("gflags") & 3 == 3
    }

    /// Whether a direct write allocates there.
    pub fn writes_new(&self, at: usize) -> bool {
        let inside = self.before(at, "iomap_dio_rw") > self.before(at, "iomap_dio_rw_ret");
        let line = &self.lines[at];
        inside && line.is("map_blocks") && line.number("gflags") & 0x401 == 1
    }

    /// Where fallocate has begun to drain.
    pub fn drained(&self, at: usize) -> Option<usize> {
        self.before(at, "dio_wait").filter(|&drain| Some(drain) > self.before(at, "fallocate"))
    }

    /// The thread's lines from one to another.
    pub fn between(&self, from: usize, to: usize) -> Vec<usize> {
        (from..=to).filter(|&at| self.lines[at].task == self.lines[from].task).collect()
    }

    /// The thread holds that lock shared from one of its lines to another.
    pub fn hold_shared(&mut self, from: usize, to: usize, lock: &str) {
        for at in self.between(from, to) {
            let line = &mut self.lines[at];
            if line.key("l") == Some(lock) {
                line.set("m", "S");
                if line.is("rel") {
                    line.set("cnt", "0x100");
                }
            }
        }
    }

    pub fn relocate(&mut self, from: usize, to: usize) {
        let line = self.lines.remove(from);
        self.lines.insert(if to > from { to - 1 } else { to }, line);
    }

    pub fn drop_all(&mut self, mut lines: Vec<usize>) {
        lines.sort_unstable();
        for at in lines.into_iter().rev() {
            self.lines.remove(at);
        }
    }

    /// A direct write that ended past i_size and was waited for: from its entry to its return.
    pub fn extending(&mut self) -> Option<(usize, usize)> {
        let at = self.one(|all, at| {
            all.lines[at].is("inode_extension") && all.before(at, "orphan_add").is_some()
        })?;
        Some((self.before(at, "write_iter")?, self.next(at, "write_iter_ret")?))
    }
}
