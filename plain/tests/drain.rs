//! What each kind of threads must find. Beside each test: the litmus test of the model with the same
//! claim, the element that is taken away, and the verdict there.
//!
//! What lacks something fails under loom, and is left out where nothing makes it fail: std's threads
//! meet such an order once in a million runs, shuttle knows no memory order.

use diolock_plain::{Inode, Order};
use std::sync::Arc;

#[cfg(loom)]
use loom::thread;
#[cfg(all(not(loom), feature = "shuttle"))]
use shuttle::thread;
#[cfg(not(any(loom, feature = "shuttle")))]
use std::thread;

/// Runs a test as often as its kind of threads needs.
fn model(test: fn()) {
    #[cfg(loom)]
    loom::model(test);
    #[cfg(all(not(loom), feature = "shuttle"))]
    shuttle::check_random(test, 20_000);
    #[cfg(not(any(loom, feature = "shuttle")))]
    (0..500).for_each(|_| test());
}

/// Two tasks on one inode; both must return.
fn two(inode: Arc<Inode>, one: fn(&Inode), other: fn(&Inode)) {
    let shared = Arc::clone(&inode);
    let thread = thread::spawn(move || one(&shared));
    other(&inode);
    thread.join().unwrap();
}

const KERNEL: Order = Order::KERNEL;

macro_rules! tests {
    ($($(#[$attribute:meta])* $name:ident: $order:expr, $count:expr, $one:ident, $other:ident;)*) => {
        $($(#[$attribute])*
        #[test]
        fn $name() {
            model(|| two(Inode::new($order, $count), Inode::$one, Inode::$other));
        })*
    };
}

tests! {
    // gate-fences on v3.7: never
    gate_fences: KERNEL, 0, unlocked_read, truncate;

    // gate-fences on v3.7 without reader-smp_mb: violates R4
    #[cfg_attr(not(loom), ignore = "memory order: loom only")]
    #[should_panic(expected = "R4")]
    gate_without_the_readers_barrier: Order { reader: false, ..KERNEL }, 0, unlocked_read, truncate;

    // gate-fences on v3.7 without closer-smp_mb: violates R4
    #[cfg_attr(not(loom), ignore = "memory order: loom only")]
    #[should_panic(expected = "R4")]
    gate_without_the_closers_barrier: Order { closer: false, ..KERNEL }, 0, unlocked_read, truncate;

    // drain-wake-up on v3.7: never
    drain_wake_up: KERNEL, 1, inode_dio_done, inode_dio_wait;

    // drain-wake-up on v3.7 without dec_and_test-smp_mb: deadlock
    #[cfg_attr(not(loom), ignore = "memory order: loom only")]
    #[should_panic(expected = "deadlock")]
    drain_without_the_wakers_barrier: Order { waker: false, ..KERNEL }, 1, inode_dio_done, inode_dio_wait;

    // drain-wake-up on v3.7 without prepare_to_wait-smp_mb: deadlock
    #[cfg_attr(not(loom), ignore = "memory order: loom only")]
    #[should_panic(expected = "deadlock")]
    drain_without_the_waiters_barrier: Order { waiter: false, ..KERNEL }, 1, inode_dio_done, inode_dio_wait;

    // drain-wake-up on v3.7 without join-before-look: deadlock
    #[cfg_attr(not(any(loom, feature = "shuttle")), ignore = "std's threads would wait for ever, if they ever did")]
    #[should_panic(expected = "deadlock")]
    drain_looks_before_it_joins: Order { joins_first: false, ..KERNEL }, 1, inode_dio_done, inode_dio_wait;

    // unwritten-wake-up on v3.7 without both barriers: never
    wake_up_under_the_queues_lock:
        Order { waker: false, waiter: false, wakes_under_lock: true, ..KERNEL }, 1, inode_dio_done, inode_dio_wait;

    // unwritten-wake-up on v3.7 without join-before-look: deadlock
    #[cfg_attr(not(any(loom, feature = "shuttle")), ignore = "std's threads would wait for ever, if they ever did")]
    #[should_panic(expected = "deadlock")]
    wake_up_under_the_lock_before_the_join:
        Order { joins_first: false, wakes_under_lock: true, ..KERNEL }, 1, inode_dio_done, inode_dio_wait;

    // reference-under-lock-weak on v3.7: never
    reference_under_lock: KERNEL, 0, overwrite, truncate;

    // reference-under-lock-weak on v3.7 without 1f555cfa29e8: violates R4
    #[cfg_attr(not(any(loom, feature = "shuttle")), ignore = "rare on std's threads")]
    #[should_panic(expected = "R4")]
    reference_after_the_lock: Order { raises_under_mutex: false, ..KERNEL }, 0, overwrite, truncate;
}
