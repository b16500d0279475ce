//! Work done side by side, until it is done or somebody says stop.

use crate::children;
use crate::verdict::Report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// An engine's report; an engine that panics is an incomplete run.
pub fn guarded(run: impl FnOnce() -> Report) -> Report {
    let start = Instant::now();
    let mut report = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Report {
            seconds: start.elapsed().as_secs_f64(),
            ..Report::incomplete(format!("the engine panicked: {text}"))
        }
    });
    // Large, and not asked for.
    report.trace_set.clear();
    report
}

/// Does each piece of work, `jobs` at a time. `on_done` hears of each in the order in which they
/// end; the results are in the order of the work. Once `stop` is set, child processes are killed
/// and what there is comes back: `None` for what did not end.
pub fn side_by_side<W, R>(
    work: Vec<W>,
    jobs: usize,
    stop: &AtomicBool,
    run: impl Fn(&W) -> R + Send + Sync + 'static,
    mut on_done: impl FnMut(usize, &R),
) -> Vec<Option<R>>
where
    W: Send + Sync + 'static,
    R: Send + 'static,
{
    let count = work.len();
    let shared = Arc::new((work, run, AtomicUsize::new(0)));
    let quit = Arc::new(AtomicBool::new(false));
    let (send, results) = mpsc::channel();
    for _ in 0..jobs.clamp(1, count.max(1)) {
        let (shared, quit, send) = (Arc::clone(&shared), Arc::clone(&quit), send.clone());
        // Not scoped: a worker in a long search is left behind when the run stops.
        thread::spawn(move || {
            let (work, run, next) = &*shared;
            while !quit.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(piece) = work.get(at) else { break };
                if send.send((at, run(piece))).is_err() {
                    break;
                }
            }
        });
    }
    drop(send);
    let mut done: Vec<Option<R>> = Vec::new();
    done.resize_with(count, || None);
    loop {
        let result = results.recv_timeout(Duration::from_millis(50));
        // First: a result that comes now may be one of a killed child.
        if stop.load(Ordering::SeqCst) {
            quit.store(true, Ordering::Relaxed);
            children::kill_all();
            break;
        }
        match result {
            Ok((at, result)) => {
                on_done(at, &result);
                done[at] = Some(result);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
    }
    done
}
