//! Files with some pieces changed.

/// Numbers that are the same in every run.
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Words that mean something to one parser or another, or to a terminal.
const WORDS: [&str; 40] = [
    "[[task]]\n",
    "[file]\n",
    "[[expect]]\n",
    "claim = ",
    "\"\"",
    "'''",
    "\"\"\"",
    "[",
    "{",
    "}",
    "= ",
    "18446744073709551616",
    "-1",
    "0x",
    "1e9",
    "true",
    "\u{202e}",
    "\u{200b}",
    "\x1b[31m",
    "\x07",
    "\0",
    "\r",
    "\t",
    "\n",
    "é漢🦀e\u{301}",
    "W4294967296",
    "W:",
    "T'",
    "#",
    "@22a2f2",
    "seal: 0",
    "kernel: v3.7 without ",
    "ends: ",
    "ret=-9223372036854775808",
    "len=0",
    "pos=18446744073709551615",
    "l=rwsem m=X",
    "dio=18446744073709551615",
    "k0",
    "\u{feff}",
];

/// One file of the corpus with some pieces changed, moved, doubled or taken from another.
pub fn mutated(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(64)).min(bytes.len());
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, random.of(&WORDS).bytes())),
            3 => bytes.truncate(at),
            4 => {
                let piece = bytes[at..end].repeat(1 + random.below(40));
                drop(bytes.splice(at..at, piece));
            }
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(400)).min(other.len());
                drop(bytes.splice(at..end, other[from..to].iter().copied()));
            }
            // A whole line is taken away, doubled, or put somewhere else.
            kind => {
                let mut lines: Vec<Vec<u8>> =
                    bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                let (from, to) = (random.below(lines.len()), random.below(lines.len() + 1));
                if !lines.is_empty() {
                    let (line, last) = (lines[from].clone(), lines.len() - 1);
                    match kind {
                        6 => drop(lines.remove(from)),
                        7 => lines.insert(to, line),
                        _ => lines.swap(from, to.min(last)),
                    }
                }
                bytes = lines.concat();
            }
        }
    }
    bytes
}
