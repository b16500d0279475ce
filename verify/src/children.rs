//! Child processes, of which none may be left behind.
//!
//! They can all be killed at once, for a run that is told to stop. And whatever becomes of this process,
//! each child notices: its standard input stays open as long as this process waits for it, so its end is
//! the end of this process, even one by SIGKILL ([`end_with_parent`]). They are in process groups of
//! their own: Ctrl-C on a terminal is for this process to deal with.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

static STOPPING: AtomicBool = AtomicBool::new(false);
static RUNNING: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// Runs a command with `input`, and no end after it, on its standard input, and gathers what it prints.
///
/// # Errors
/// If it cannot be started or waited for, or nothing is to be started any more.
pub fn run(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let (child, (mut stdin, stdout, stderr)) = {
        let mut running = lock(&RUNNING);
        if stopping() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the run was told to stop"));
        }
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Arc::new(Mutex::new(child));
        running.push(Arc::clone(&child));
        (child, pipes)
    };
    if let Some(stdin) = &mut stdin {
        // A child that does not read its input says so by its exit status.
        let _ = stdin.write_all(input);
    }
    let stderr = thread::spawn(move || read(stderr));
    let stdout = read(stdout);
    let stderr = stderr.join().unwrap_or_else(|_| Ok(Vec::new()));
    let status = lock(&child).wait();
    drop(stdin);
    lock(&RUNNING).retain(|running| !Arc::ptr_eq(running, &child));
    Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
}

/// The child's side, once it has read its input: from now on it ends when whoever started it does.
pub fn end_with_parent() {
    thread::spawn(|| {
        // Nothing more comes.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(1);
    });
}

/// Whether [`kill_all`] was called: nobody can start another child.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

/// Kills every child that runs; whoever waits for it sees it die.
pub fn kill_all() {
    let running = lock(&RUNNING);
    STOPPING.store(true, Ordering::SeqCst);
    for child in running.iter() {
        // It may have ended by itself.
        let _ = lock(child).kill();
    }
}

fn read(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_comes_back_and_a_killed_child_is_waited_for() {
        let output = run(Command::new("head").args(["-n", "1"]), b"hello\n").unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout, b"hello\n");
        let waiting = thread::spawn(|| run(Command::new("sleep").arg("60"), b"").unwrap());
        while lock(&RUNNING).is_empty() {
            thread::yield_now();
        }
        kill_all();
        assert!(!waiting.join().unwrap().status.success());
        let error = run(&mut Command::new("true"), b"").expect_err("nothing is started any more");
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}
