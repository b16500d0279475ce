//! Child processes that can all be killed at once: on Ctrl-C none may be left behind.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

static STOPPING: AtomicBool = AtomicBool::new(false);
static RUNNING: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());

/// Runs a command with `input` on its standard input and gathers what it prints.
///
/// # Errors
/// If it cannot be started or waited for.
pub fn run(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let child = Arc::new(Mutex::new(child));
    lock(&RUNNING).push(Arc::clone(&child));
    if let Some(mut stdin) = stdin {
        // A child that does not read its input says so by its exit status.
        let _ = stdin.write_all(input);
    }
    let stderr = thread::spawn(move || read(stderr));
    let stdout = read(stdout);
    let stderr = stderr.join().unwrap_or_else(|_| Ok(Vec::new()));
    let status = lock(&child).wait();
    lock(&RUNNING).retain(|running| !Arc::ptr_eq(running, &child));
    Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
}

/// Whether [`kill_all`] was called: nobody should start another child.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

/// Kills every child that runs; whoever waits for it sees it die.
pub fn kill_all() {
    STOPPING.store(true, Ordering::SeqCst);
    for child in lock(&RUNNING).iter() {
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
        let output = run(&mut Command::new("cat"), b"hello").unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout, b"hello");
        let waiting = thread::spawn(|| run(Command::new("sleep").arg("60"), b"").unwrap());
        while lock(&RUNNING).is_empty() {
            thread::yield_now();
        }
        kill_all();
        assert!(!waiting.join().unwrap().status.success());
    }
}
