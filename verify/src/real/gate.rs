//! Who starts when, and on which processor: what makes a race likely.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Tasks wait here, awake, until all of them are there.
#[derive(Default)]
pub struct Gate {
    waiting: AtomicUsize,
    round: AtomicU32,
}

/// After so many looks whoever waits lets others have the processor.
const PATIENCE: u32 = 2000;

impl Gate {
    /// A task's side.
    pub fn pass(&self, round: u32) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        until(|| self.round.load(Ordering::Acquire) == round);
    }

    /// Lets so many tasks go as soon as they are there.
    pub fn open(&self, round: u32, tasks: usize) {
        until(|| self.waiting.load(Ordering::SeqCst) == tasks);
        self.waiting.store(0, Ordering::SeqCst);
        self.round.store(round, Ordering::Release);
    }
}

fn until(so: impl Fn() -> bool) {
    let mut looks = 0;
    while !so() {
        looks += 1;
        if looks > PATIENCE {
            thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
    }
}

/// Burns that much time.
pub fn spin(time: Duration) {
    if time.is_zero() {
        return;
    }
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Numbers that look random and are the same each time (splitmix64).
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below that one.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// How long a task waits before a call, if the calls of a round take up to `longest`: often not at all, or hardly;
    /// else anything up to it.
    pub fn delay(&mut self, longest: Duration) -> Duration {
        let longest = longest.as_nanos() as u64;
        let nanos = match self.below(4) {
            0 => 0,
            // Each order of magnitude as likely as the next.
            1 => {
                let orders = u64::from(64 - longest.leading_zeros());
                let less = self.below(orders);
                self.below(longest >> less)
            }
            _ => self.below(longest),
        };
        Duration::from_nanos(nanos)
    }
}

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    let allowed = sched_getaffinity(None).unwrap_or_default();
    (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect()
}

/// Keeps this thread on one processor, if it may be kept there.
pub fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    // Where it runs decides how often a race is met, not what is true.
    let _ = sched_setaffinity(None, &set);
}
