//! A loom search in a process of its own.

use super::{Options, lost, search};
use crate::litmus::Litmus;
use crate::program::Program;
use crate::verdict::Report;
use diolock::kernel::{Fix, Kernel, Version};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// What a child process is asked to search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The tasks.
    pub subject: Subject,
    /// Tasks in the order they are spawned, if not the order they are written.
    pub spawn_order: Option<Vec<u8>>,
    /// At most that many preemptions.
    pub preemption_bound: Option<usize>,
    /// Leave everything to loom (see [`Options::plain`]).
    pub plain: bool,
    /// Give up after that many seconds.
    pub limit: Option<u64>,
    /// Where to write each step.
    pub journal: Option<PathBuf>,
}

/// What is searched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Subject {
    /// A litmus test on a kernel.
    Litmus {
        /// Its name.
        name: String,
        /// Its text.
        source: String,
        /// The kernel's version.
        version: String,
        /// The fixes taken away.
        without: Vec<String>,
    },
    /// A random program of the adapters' self-test.
    Random {
        /// The seed.
        seed: u64,
        /// How many tasks.
        tasks: usize,
        /// Steps of each.
        steps: usize,
    },
}

impl Job {
    /// The search of a litmus test on a kernel.
    pub fn new(litmus: &Litmus, kernel: Kernel) -> Job {
        let subject = Subject::Litmus {
            name: litmus.name.clone(),
            source: litmus.source.clone(),
            version: kernel.version.name().to_owned(),
            without: kernel.removed().map(|fix| fix.about().commit.to_owned()).collect(),
        };
        Job {
            subject,
            spawn_order: None,
            preemption_bound: None,
            plain: false,
            limit: None,
            journal: None,
        }
    }

    fn program(&self) -> Result<Program, String> {
        let mut program = match &self.subject {
            Subject::Litmus { name, source, version, without } => {
                let litmus = crate::litmus::parse::parse(name, name, source)
                    .map_err(|errors| errors.to_string())?;
                let version = Version::ALL
                    .into_iter()
                    .find(|v| v.name() == version)
                    .ok_or_else(|| format!("no kernel {version}"))?;
                let mut kernel = Kernel::new(version);
                for name in without {
                    let fix = Fix::named(name).ok_or_else(|| format!("no fix {name}"))?;
                    kernel = kernel.without(fix);
                }
                litmus.program(kernel)
            }
            Subject::Random { seed, tasks, steps } => {
                crate::engine::selftest::random_program(*seed, *tasks, *steps)
            }
        };
        if let Some(order) = &self.spawn_order {
            program.spawn_order.clone_from(order);
        }
        Ok(program)
    }
}

/// The child's side: reads a job from standard input, writes the report to standard output and ends
/// the process.
///
/// # Errors
/// If the job cannot be read.
pub fn serve() -> Result<(), String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|e| e.to_string())?;
    let job: Job = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let program = job.program()?;
    let options = Options {
        preemption_bound: job.preemption_bound,
        plain: job.plain,
        limit: job.limit.map(Duration::from_secs),
        journal: job.journal.clone(),
    };
    search(&program, options, |report| {
        let status = match serde_json::to_writer(std::io::stdout().lock(), &report) {
            Ok(()) => 0,
            Err(_) => 1,
        };
        // A deadlocked model has nothing to return to.
        std::process::exit(status);
    });
    Ok(())
}

/// The parent's side: a running search.
#[derive(Debug)]
pub struct Running {
    child: Child,
    job: Job,
    exe: PathBuf,
}

/// Starts a search in a process of its own; `exe` is the `diolock` binary.
///
/// # Errors
/// If the process cannot be started.
pub fn start(job: &Job, exe: &Path) -> std::io::Result<Running> {
    let mut command = Command::new(exe);
    command.arg("loom-job").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // loom reads these by itself; a search must not depend on them.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LOOM_") {
            command.env_remove(name);
        }
    }
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(serde_json::to_string(job)?.as_bytes())?;
    }
    Ok(Running { child, job: job.clone(), exe: exe.to_owned() })
}

impl Running {
    /// The process, to kill it.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the report. A search that dies is run once more with a journal of its steps, so that
    /// the execution it died in can be shown.
    pub fn finish(mut self) -> Report {
        let mut text = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            // A read that fails leaves text that is no report, which is handled below.
            let _ = stdout.read_to_string(&mut text);
        }
        let status = self.child.wait();
        if let Ok(report) = serde_json::from_str(&text) {
            return report;
        }
        let why = match status {
            Ok(status) => ended(status),
            Err(error) => error.to_string(),
        };
        self.post_mortem(why)
    }

    fn post_mortem(self, why: String) -> Report {
        let Ok(program) = self.job.program() else {
            return lost(&crate::engine::selftest::random_program(0, 1, 1), why);
        };
        if self.job.journal.is_some() {
            return lost(&program, why);
        }
        let journal = std::env::temp_dir().join(format!("diolock-{}.jsonl", self.child.id()));
        let mut again = self.job.clone();
        again.journal = Some(journal.clone());
        let mut report = match start(&again, &self.exe) {
            Ok(running) => running.finish(),
            Err(error) => lost(&program, error.to_string()),
        };
        let steps = std::fs::read_to_string(&journal).unwrap_or_default();
        // Left behind at worst in the system's folder for temporary files.
        let _ = std::fs::remove_file(&journal);
        report.note = Some(format!("the first search ended early ({why}); this is the second"));
        if report.counterexample.is_none() && report.verdict.word() == "incomplete" {
            let events = steps.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
            report.counterexample = Some(crate::verdict::Counterexample {
                events,
                text: format!("loom's process ended here: {why}"),
                loop_start: None,
            });
        }
        report
    }
}

fn ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return format!("loom's process died by signal {signal}");
        }
    }
    format!("loom's process ended with {status} and no report")
}

/// Runs a litmus test on a kernel in a process of its own and waits for it.
pub fn run_child(job: &Job, exe: &Path) -> Report {
    match start(job, exe) {
        Ok(running) => running.finish(),
        Err(error) => {
            let program =
                job.program().unwrap_or_else(|_| crate::engine::selftest::random_program(0, 1, 1));
            lost(&program, format!("loom's process did not start: {error}"))
        }
    }
}
