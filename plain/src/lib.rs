//! The core of the protocol, as one would write it and not as the model has it: `i_dio_count`, the drain
//! of `inode_dio_wait` with its wake-up, and the gate `EXT4_STATE_DIOREAD_LOCK` with its barriers.
//!
//! The same file runs on three kinds of threads; `tests/drain.rs` says what each must find.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p diolock-plain --test drain    every schedule and memory order
//! cargo test --release -p diolock-plain --features shuttle --test drain        random schedules
//! cargo test -p diolock-plain                                                  std's threads, as they come
//! ```
//!
//! Changes of shared words are read-modify-writes and not stores, because loom misses executions around
//! plain stores; so they are in the kernel (`atomic_inc`, `set_bit`), where neither has an order of its own.

#[cfg(loom)]
use loom as on;
#[cfg(all(not(loom), feature = "shuttle"))]
use shuttle as on;
#[cfg(not(any(loom, feature = "shuttle")))]
use std as on;

use on::sync::Mutex;
use on::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst, fence};
use on::thread::{self, Thread};
// Not loom's: only what is explored need be loom's, and a deadlock with one of loom's alive aborts.
use std::sync::Arc;

/// What keeps the protocol in order. `true` everywhere is the kernel (v3.7).
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// `reader-smp_mb`: between the reader's raise of the count and its look at the gate.
    pub reader: bool,
    /// `closer-smp_mb`: between closing the gate and looking at the count.
    pub closer: bool,
    /// `dec_and_test-smp_mb`: between lowering the count and looking at the wait queue.
    pub waker: bool,
    /// `prepare_to_wait-smp_mb`: between joining the wait queue and looking at the count.
    pub waiter: bool,
    /// `join-before-look`: the count is looked at (again) after the queue was joined.
    pub joins_first: bool,
    /// `1f555cfa29e8`: an overwrite raises the count before it drops `i_mutex`.
    pub raises_under_mutex: bool,
    /// The waker takes the queue's lock whether or not anybody waits: `wake_up_all`, not `wake_up_bit`.
    pub wakes_under_lock: bool,
}

impl Order {
    /// The kernel as it is.
    pub const KERNEL: Order = Order {
        reader: true,
        closer: true,
        waker: true,
        waiter: true,
        joins_first: true,
        raises_under_mutex: true,
        wakes_under_lock: false,
    };
}

/// `smp_mb`, where it is not left out. `fence(SeqCst)`: loom has SeqCst accesses as AcqRel.
fn smp_mb(there: bool) {
    if there {
        fence(SeqCst);
    }
}

/// An inode with one block.
#[derive(Debug)]
pub struct Inode {
    order: Order,
    i_mutex: Mutex<()>,
    /// `i_dio_count`.
    count: AtomicUsize,
    /// `EXT4_STATE_DIOREAD_LOCK`: 1 is closed.
    gate: AtomicUsize,
    /// Whether the block is the file's, under `i_data_sem`.
    mapped: Mutex<bool>,
    /// The wait queue, and what `waitqueue_active` looks at without its lock.
    queue: Mutex<Vec<Thread>>,
    waiting: AtomicUsize,
}

impl Inode {
    /// With so much I/O under way.
    pub fn new(order: Order, count: usize) -> Arc<Inode> {
        Arc::new(Inode {
            order,
            i_mutex: Mutex::new(()),
            count: AtomicUsize::new(count),
            gate: AtomicUsize::new(0),
            mapped: Mutex::new(true),
            queue: Mutex::new(Vec::new()),
            waiting: AtomicUsize::new(0),
        })
    }

    /// `inode_dio_wait`: returns when no direct I/O is under way.
    pub fn inode_dio_wait(&self) {
        if self.count.load(Relaxed) == 0 {
            return;
        }
        loop {
            if !self.order.joins_first && self.count.load(Relaxed) == 0 {
                break;
            }
            let mut queue = self.queue.lock().unwrap();
            queue.push(thread::current());
            self.waiting.swap(1, Relaxed);
            drop(queue);
            smp_mb(self.order.waiter);
            if self.order.joins_first && self.count.load(Relaxed) == 0 {
                break;
            }
            thread::park();
        }
        self.queue.lock().unwrap().clear();
    }

    /// `inode_dio_done`: the I/O is over; the last one wakes whoever waits.
    pub fn inode_dio_done(&self) {
        if self.count.fetch_sub(1, Relaxed) > 1 {
            return;
        }
        smp_mb(self.order.waker);
        if self.order.wakes_under_lock || self.waiting.load(Relaxed) == 1 {
            for thread in self.queue.lock().unwrap().drain(..) {
                thread.unpark();
            }
        }
    }

    /// A direct read without `i_mutex`. Whoever finds the gate closed would go on under `i_mutex`.
    pub fn unlocked_read(&self) {
        self.count.fetch_add(1, Relaxed);
        smp_mb(self.order.reader);
        if self.gate.load(Relaxed) == 0 {
            self.submit();
        }
        self.inode_dio_done();
    }

    /// An overwriting direct write: it holds `i_mutex` until it is counted.
    pub fn overwrite(&self) {
        let guard = self.i_mutex.lock().unwrap();
        if self.order.raises_under_mutex {
            self.count.fetch_add(1, Relaxed);
        }
        drop(guard);
        if !self.order.raises_under_mutex {
            self.count.fetch_add(1, Relaxed);
        }
        self.submit();
        self.inode_dio_done();
    }

    /// `ext4_truncate`, to nothing: closes the gate, waits for what got in before, frees the block.
    pub fn truncate(&self) {
        let _guard = self.i_mutex.lock().unwrap();
        self.gate.swap(1, Relaxed);
        smp_mb(self.order.closer);
        self.inode_dio_wait();
        *self.mapped.lock().unwrap() = false;
        self.gate.swap(0, Relaxed);
    }

    /// Looks the block up, and does I/O to it, if it is there.
    fn submit(&self) {
        let mapped = *self.mapped.lock().unwrap();
        if mapped {
            // The I/O is under way.
            assert!(*self.mapped.lock().unwrap(), "R4: the block was freed under I/O");
        }
    }
}
