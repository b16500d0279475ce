//! Round after round of a litmus test: a fresh file, threads that meet at a gate, and how it ended.

use super::buffer::Mark;
use super::calls::{Worker, halves};
use super::files::Files;
use super::gate::{Dice, Gate, pin, processors, spin};
use super::layout;
use super::outcome::{Outcome, Told};
use super::place::Place;
use crate::litmus::{CallSpec, Litmus};
use diolock::op::TaskId;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// It ends then.
    pub time: Duration,
    /// Or after so many rounds.
    pub rounds: Option<u32>,
    /// Where the delays start.
    pub seed: u64,
    /// Without delays: somebody else says who goes when.
    pub still: bool,
}

/// What was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Each outcome, and in how many rounds.
    pub outcomes: BTreeMap<Outcome, u32>,
    /// How many rounds.
    pub rounds: u32,
    /// How long they took.
    pub time: Duration,
    /// Tasks that did not come back, if a round did not end.
    pub stuck: Vec<TaskId>,
}

/// A round that takes longer does not end.
const ENDLESS: Duration = Duration::from_secs(60);

/// After so many rounds the tasks go to other processors.
const MOVES: u32 = 64;

/// The file of every round up to here is looked at, and of each so many after.
const CHECKED: u32 = 4;
const CHECKED_LATER: u32 = 256;

/// What a task is to do in a round.
struct Job {
    round: u32,
    files: Arc<Files>,
    cpu: usize,
    delays: Vec<Duration>,
}

/// How a task fared.
struct Report {
    task: TaskId,
    told: io::Result<Vec<Told>>,
    took: Duration,
}

/// Runs rounds until the time is over, or there were enough, or `stop` is set. `on_round` hears of each.
///
/// # Errors
/// If a file cannot be made or looked at: nothing was said about the test then.
pub fn run(
    place: &Place,
    litmus: &Litmus,
    options: &Options,
    stop: &AtomicBool,
    mut on_round: impl FnMut(u32),
) -> io::Result<Seen> {
    let mut crew = Crew::new(place, litmus, options)?;
    let mut seen =
        Seen { outcomes: BTreeMap::new(), rounds: 0, time: Duration::ZERO, stuck: Vec::new() };
    let start = Instant::now();
    let enough = options.rounds.unwrap_or(u32::MAX);
    while seen.rounds < enough && start.elapsed() < options.time && !stop.load(Ordering::Relaxed) {
        let round = seen.rounds + 1;
        let files = Arc::new(layout::make(place, litmus, round)?);
        if round <= CHECKED || round.is_multiple_of(CHECKED_LATER) {
            layout::check(&files, litmus, round)?;
        }
        match crew.round(round, &files)? {
            Ok(told) => {
                let outcome = look(&files, told, round)?;
                *seen.outcomes.entry(outcome).or_default() += 1;
            }
            Err(stuck) => {
                seen.stuck = stuck;
                break;
            }
        }
        seen.rounds = round;
        on_round(round);
    }
    seen.time = start.elapsed();
    Ok(seen)
}

/// What the file is like when all calls are over.
fn look(files: &Files, told: Vec<Vec<Told>>, round: u32) -> io::Result<Outcome> {
    let len = files.buffered.metadata()?.len();
    let mut bytes = vec![0; len as usize];
    files.buffered.read_exact_at(&mut bytes, 0)?;
    let file = halves(&bytes, files.half, round);
    Ok(Outcome { size: (len / files.half) as u32, file, told })
}

/// The threads, one a task.
struct Crew {
    jobs: Vec<Sender<Job>>,
    reports: Receiver<Report>,
    gate: Arc<Gate>,
    calls: Vec<usize>,
    cpus: Vec<usize>,
    dice: Dice,
    /// About how long each task takes.
    took: Vec<Duration>,
    still: bool,
}

impl Crew {
    fn new(place: &Place, litmus: &Litmus, options: &Options) -> io::Result<Crew> {
        let gate = Arc::new(Gate::default());
        let (report, reports) = mpsc::channel();
        let mut jobs = Vec::new();
        for (task, spec) in (0..).zip(&litmus.tasks) {
            let (job, todo) = mpsc::channel::<Job>();
            jobs.push(job);
            let worker = Worker::new(place.block / 2)?;
            let member = Member { task, calls: spec.calls.clone(), worker };
            let (gate, report) = (Arc::clone(&gate), report.clone());
            thread::Builder::new()
                .name(format!("task-{}", spec.letter))
                .spawn(move || member.work(&todo, &gate, &report))?;
        }
        let calls: Vec<usize> = litmus.tasks.iter().map(|task| task.calls.len()).collect();
        let (dice, cpus) = (Dice::new(options.seed), processors());
        let took = vec![Duration::from_micros(50); calls.len()];
        Ok(Crew { jobs, reports, gate, calls, cpus, dice, took, still: options.still })
    }

    /// One round: what each task was told, or who did not come back.
    fn round(
        &mut self,
        round: u32,
        files: &Arc<Files>,
    ) -> io::Result<Result<Vec<Vec<Told>>, Vec<TaskId>>> {
        let longest = self.took.iter().max().copied().unwrap_or_default();
        for (task, job) in self.jobs.iter().enumerate() {
            let place = task + (round / MOVES) as usize;
            let cpu = self.cpus.get(place % self.cpus.len().max(1)).copied().unwrap_or_default();
            let delays = (0..self.calls[task]).map(|at| {
                let whole = self.dice.delay(longest);
                if self.still || at > 0 && self.dice.below(2) == 0 { Duration::ZERO } else { whole }
            });
            let delays = delays.collect();
            let gone = |_| io::Error::other("a thread has gone");
            job.send(Job { round, files: Arc::clone(files), cpu, delays }).map_err(gone)?;
        }
        self.gate.open(round, self.jobs.len());
        let mut told: Vec<Option<io::Result<Vec<Told>>>> = self.jobs.iter().map(|_| None).collect();
        let start = Instant::now();
        while told.iter().any(Option::is_none) {
            match self.reports.recv_timeout(Duration::from_secs(1)) {
                Ok(report) => {
                    let at = usize::from(report.task);
                    told[at] = Some(report.told);
                    self.took[at] = (self.took[at] * 15 + report.took) / 16;
                }
                Err(RecvTimeoutError::Timeout) if start.elapsed() < ENDLESS => {}
                Err(RecvTimeoutError::Timeout) => {
                    files.unlink();
                    let missing = (0..).zip(&told).filter(|(_, told)| told.is_none());
                    return Ok(Err(missing.map(|(task, _)| task).collect()));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("a thread has gone"));
                }
            }
        }
        // Nobody has the file any more, whatever went wrong.
        told.into_iter().flatten().collect::<io::Result<_>>().map(Ok)
    }
}

/// One of the threads.
struct Member {
    task: TaskId,
    calls: Vec<CallSpec>,
    worker: Worker,
}

impl Member {
    fn work(mut self, todo: &Receiver<Job>, gate: &Gate, report: &Sender<Report>) {
        let mut on = None;
        while let Ok(job) = todo.recv() {
            if on.replace(job.cpu) != Some(job.cpu) {
                pin(job.cpu);
            }
            let mark = Mark::of(job.round, self.task);
            let ready = self.worker.prepare(&self.calls, mark);
            gate.pass(job.round);
            let mut waited = Duration::ZERO;
            let start = Instant::now();
            let told = ready.and_then(|()| {
                self.worker.calls(&self.calls, &job.files, (mark, job.round), |at| {
                    waited += job.delays[at];
                    spin(job.delays[at]);
                })
            });
            let took = start.elapsed().saturating_sub(waited);
            // Whoever looks at the file wants to be the last who has it open.
            drop(job);
            if report.send(Report { task: self.task, told, took }).is_err() {
                return;
            }
        }
    }
}
