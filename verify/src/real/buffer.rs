//! Memory that O_DIRECT takes, and bytes that say whose they are.

use super::outcome::Held;
use diolock::op::TaskId;
use std::collections::BTreeSet;

/// As aligned as any device asks for.
const ALIGN: usize = 4096;

/// Aligned memory. It stays where it is when this is moved.
pub struct Buffer {
    memory: Box<[u8]>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// So many bytes, zeros.
    pub fn new(len: usize) -> Buffer {
        let memory = vec![0; len + ALIGN].into_boxed_slice();
        let start = memory.as_ptr().align_offset(ALIGN).min(ALIGN);
        Buffer { memory, start, len }
    }

    /// So many bytes, all of them that mark's.
    pub fn of(mark: Mark, len: usize) -> Buffer {
        let mut buffer = Buffer::new(len);
        mark.fill(buffer.bytes_mut());
        buffer
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }

    /// Its bytes.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

/// Who wrote a byte, and when: eight bytes, over and over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    round: u32,
    /// 0 is what the file holds at the start, any other a task and one.
    who: u16,
}

/// What every mark begins with.
const MAGIC: u64 = 0xd10c;

impl Mark {
    /// That of what the file holds at the start of a round.
    pub fn old(round: u32) -> Mark {
        Mark { round, who: 0 }
    }

    /// That of what a task writes in it.
    pub fn of(round: u32, task: TaskId) -> Mark {
        Mark { round, who: task + 1 }
    }

    fn word(self) -> u64 {
        MAGIC << 48 | u64::from(self.round) << 16 | u64::from(self.who)
    }

    fn fill(self, bytes: &mut [u8]) {
        let word = self.word().to_le_bytes();
        bytes.chunks_mut(word.len()).for_each(|chunk| chunk.copy_from_slice(&word[..chunk.len()]));
    }
}

/// What half a block holds, in that round.
pub fn held(bytes: &[u8], round: u32) -> Held {
    let of = |word: &[u8]| {
        let mut whole = [0; 8];
        whole[..word.len()].copy_from_slice(word);
        match u64::from_le_bytes(whole) {
            0 => Held::Zeros,
            word if word & !0xffff != Mark::old(round).word() => Held::Stale,
            word => match (word & 0xffff) as TaskId {
                0 => Held::Old,
                task => Held::Of(task - 1),
            },
        }
    };
    let mut words = bytes.chunks(8);
    let first = words.next().unwrap_or_default();
    let others: BTreeSet<&[u8]> = words.filter(|word| *word != first).collect();
    if others.is_empty() {
        return of(first);
    }
    let mut parts: BTreeSet<Held> = others.into_iter().map(of).collect();
    parts.insert(of(first));
    match parts.len() {
        1 => parts.pop_first().unwrap_or(Held::Stale),
        _ => Held::Mixed(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_say_whose_they_are() {
        let mut buffer = Buffer::of(Mark::of(7, 1), 2048);
        assert_eq!(buffer.bytes().as_ptr().align_offset(ALIGN), 0);
        assert_eq!(held(buffer.bytes(), 7), Held::Of(1));
        assert_eq!(held(buffer.bytes(), 8), Held::Stale, "of another round");
        Mark::old(7).fill(&mut buffer.bytes_mut()[..8]);
        let both = BTreeSet::from([Held::Old, Held::Of(1)]);
        assert_eq!(held(buffer.bytes(), 7), Held::Mixed(both));
        assert_eq!(held(&[0; 512], 7), Held::Zeros);
    }
}
