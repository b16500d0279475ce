//! SIGINT, SIGTERM and SIGHUP: a run that is told to stop says what it has, and that it is not all.
//!
//! The exit status is the shell's for a process that such a signal ended: 130, 143, 129. A second signal
//! ends the process at once, and so does the time if it does not come to its end by itself.

use diolock_verify::children;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// What there is has been said by then; if not, nobody reads it.
const PATIENCE: Duration = Duration::from_secs(5);

/// From now on a signal sets `stop`, and no child process is left.
///
/// # Errors
/// If the system does not let us know of signals.
pub fn listen(stop: Arc<AtomicBool>) -> miette::Result<()> {
    listen_as_the_system_has_it(move |signal| {
        if CAUGHT.swap(signal, Ordering::SeqCst) != 0 {
            end_at_once(signal);
        }
        // In this order: who sees a child die must see why.
        stop.store(true, Ordering::SeqCst);
        children::kill_all();
        thread::spawn(move || {
            thread::sleep(PATIENCE);
            end_at_once(signal);
        });
    })
    .map_err(|error| miette::miette!("signals cannot be handled: {error}"))
}

fn end_at_once(signal: i32) {
    children::kill_all();
    std::process::exit(128 + signal);
}

/// Every thread that is started after this has the signals blocked, and one thread waits for them.
#[cfg(unix)]
fn listen_as_the_system_has_it(
    mut caught: impl FnMut(i32) + Send + 'static,
) -> Result<(), nix::errno::Errno> {
    use nix::sys::signal::{SigSet, Signal};
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    // nohup has it ignored.
    if !is_ignored(Signal::SIGHUP as u32) {
        signals.add(Signal::SIGHUP);
    }
    signals.thread_block()?;
    thread::spawn(move || {
        while let Ok(signal) = signals.wait() {
            caught(signal as i32);
        }
    });
    Ok(())
}

/// Whether whoever started this process wants it to ignore a signal, where the system tells.
#[cfg(unix)]
fn is_ignored(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| (mask >> (signal - 1)) & 1 == 1)
}

#[cfg(not(unix))]
fn listen_as_the_system_has_it(
    mut caught: impl FnMut(i32) + Send + 'static,
) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || caught(2))
}

/// The exit status of a run that a signal stopped.
pub fn exit_code() -> Option<ExitCode> {
    let signal = CAUGHT.load(Ordering::SeqCst);
    (signal != 0).then(|| ExitCode::from(128 + signal as u8))
}

/// `stopped by SIGTERM`, if it was.
pub fn stopped() -> Option<&'static str> {
    match CAUGHT.load(Ordering::SeqCst) {
        0 => None,
        1 => Some("stopped by SIGHUP"),
        15 => Some("stopped by SIGTERM"),
        _ => Some("stopped by SIGINT"),
    }
}

/// How a part of a report begins and ends: `PARTIAL: stopped by SIGTERM after 3 of 10 cells`.
pub fn partial(ran: usize, of: usize, what: &str) -> String {
    match stopped() {
        Some(stopped) => format!("PARTIAL: {stopped} after {ran} of {of} {what}"),
        None => format!("PARTIAL: {ran} of {of} {what}"),
    }
}

/// Does something that has no parts; `None` if a signal comes first.
pub fn unless_stopped<T: Send + 'static>(
    stop: &AtomicBool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (send, receive) = mpsc::channel();
    // As much room as the main thread has.
    let worker = thread::Builder::new().stack_size(8 << 20).spawn(move || {
        // Nobody waits for it any more if a signal came.
        let _ = send.send(work());
    });
    let worker = worker.ok()?;
    loop {
        let result = receive.recv_timeout(Duration::from_millis(20));
        if stop.load(Ordering::SeqCst) {
            return None;
        }
        match result {
            Ok(result) => return Some(result),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match worker.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => return None,
            },
        }
    }
}
