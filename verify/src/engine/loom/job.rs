//! A loom search in a process of its own.

use super::{Options, search};
use crate::litmus::Litmus;
use crate::program::Program;
use crate::verdict::{Counterexample, Report, Verdict};
use crate::{children, image, printable, private};
use diolock::kernel::{Fix, Kernel, Version};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};

/// What a child process is asked to search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The tasks.
    pub subject: Subject,
    /// Tasks in the order they are spawned, if not the order they are written.
    pub spawn_order: Option<Vec<diolock::op::TaskId>>,
    /// At most that many preemptions.
    pub preemption_bound: Option<usize>,
    /// Leave everything to loom (see [`Options::plain`]).
    pub plain: bool,
    /// Give up after that many executions.
    pub max_executions: Option<u64>,
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
            max_executions: None,
            journal: None,
        }
    }

    fn program(&self) -> Result<Program, String> {
        let mut program = match &self.subject {
            Subject::Litmus { name, source, version, without } => {
                let litmus = crate::litmus::parse::parse(name, name, source)
                    .map_err(|errors| errors.to_string())?;
                let version =
                    Version::named(version).ok_or_else(|| format!("no kernel {version}"))?;
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

/// What goes to the child: a line.
#[derive(Serialize)]
struct Sent<'a> {
    build: &'a str,
    job: &'a Job,
}

/// The same as it arrives. Another build may have other jobs: they are not looked at.
#[derive(Deserialize)]
struct Received {
    build: String,
    job: serde_json::Value,
}

/// The child's side: reads a job, a line, from standard input, writes its build in a line and then the
/// report to standard output, and ends the process. A job of another build is refused.
///
/// # Errors
/// If the job cannot be read, or this is not the build that it was meant for.
pub fn serve() -> Result<(), String> {
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text).map_err(|e| e.to_string())?;
    children::end_with_parent();
    let received: Received = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let build = image::own_build();
    say(&build)?;
    if received.build != build {
        return Err(format!("it is for build {}, and this is {build}", received.build));
    }
    let job: Job = serde_json::from_value(received.job).map_err(|e| e.to_string())?;
    let program = job.program()?;
    let options = Options {
        preemption_bound: job.preemption_bound,
        plain: job.plain,
        max_executions: job.max_executions,
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

fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}

/// The parent's side: runs a search in a process of its own and waits for it; `exe` is the
/// `diolock` binary. A search that dies is run once more with a journal of its steps, so that the
/// execution it died in can be shown.
pub fn run_child(job: &Job, exe: &Path) -> Report {
    let why = match spawn(job, exe) {
        Ok(output) => match report(&output, exe) {
            Ok(report) => {
                if std::env::var_os("RUST_LOG").is_some() {
                    // Whoever asked for it may have closed it.
                    let _ = std::io::stderr().write_all(&output.stderr);
                }
                return report;
            }
            Err(Failure::OtherBuild(why)) => return Report::incomplete(why),
            Err(Failure::NoReport) => ended(output.status, &output.stderr),
        },
        Err(error) => format!("loom's process did not start: {error}"),
    };
    if job.journal.is_some() || children::stopping() {
        return Report::incomplete(why);
    }
    post_mortem(job, exe, why)
}

/// Why what a child printed is no report.
enum Failure {
    /// The binary was replaced: what it says is not what this one would say.
    OtherBuild(String),
    NoReport,
}

fn report(output: &Output, exe: &Path) -> Result<Report, Failure> {
    let mut lines = output.stdout.splitn(2, |&byte| byte == b'\n');
    let (Some(build), Some(report)) = (lines.next(), lines.next()) else {
        return Err(Failure::NoReport);
    };
    let (build, wanted) = (String::from_utf8_lossy(build), image::build(exe));
    if build != wanted {
        let build = printable::clip(&build, 80);
        return Err(Failure::OtherBuild(format!(
            "loom's process is another build of diolock: {build}, not {wanted}; \
             the binary was replaced during the run"
        )));
    }
    serde_json::from_slice(report).map_err(|_| Failure::NoReport)
}

fn spawn(job: &Job, exe: &Path) -> std::io::Result<Output> {
    let mut command = Command::new(exe);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, "diolock");
    command.arg("loom-job");
    // loom reads these by itself; a search must not depend on them.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LOOM_") {
            command.env_remove(name);
        }
    }
    let mut line = serde_json::to_vec(&Sent { build: &image::build(exe), job })?;
    line.push(b'\n');
    children::run(&mut command, &line)
}

fn post_mortem(job: &Job, exe: &Path, why: String) -> Report {
    let folder = match private::folder() {
        Ok(folder) => folder,
        Err(error) => return Report::incomplete(format!("{why}; no journal was kept: {error}")),
    };
    let journal = folder.join("steps.jsonl");
    let again = Job { journal: Some(journal.clone()), ..job.clone() };
    let mut report = run_child(&again, exe);
    let steps = std::fs::read_to_string(&journal).unwrap_or_default();
    // Left behind at worst in the system's folder for temporary files.
    let _ = std::fs::remove_dir_all(&folder);
    if report.counterexample.is_none() && matches!(report.verdict, Verdict::Incomplete(_)) {
        report.counterexample = Some(Counterexample {
            events: steps.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            text: "loom's process ended here".to_owned(),
            loop_start: None,
        });
    }
    report.note = Some(format!("the first search ended early ({why}); this is the second"));
    report
}

fn ended(status: ExitStatus, stderr: &[u8]) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return format!("loom's process died by signal {signal}");
        }
    }
    let said = String::from_utf8_lossy(stderr);
    format!("loom's process ended with {status} and no report: {}", said.trim())
}
