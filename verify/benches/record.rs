//! The recorded reference table: executions, traces, time and memory of the reference tests, and
//! how soon each engine finds each bug of the catalogue. Prints Markdown; with `--record` or
//! `DIOLOCK_RECORD=1` it also runs the one search that takes a minute and a gigabyte, and writes
//! `benches/RECORD.md`.

use diolock::kernel::{Kernel, Version};
use diolock_verify::children;
use diolock_verify::engine::loom::{self, job};
use diolock_verify::engine::{EngineName, graph, native, shuttle};
use diolock_verify::litmus::{Expect, Expected, Litmus, catalogue};
use diolock_verify::program::{Memory, Program};
use diolock_verify::verdict::{Report, Verdict};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The hidden first argument of a child process that measures one run.
const MEASURE: &str = "measure-one";

/// The reference tests: on v3.7, those with a read, which break it, on v6.12.
const TESTS: [(&str, &str); 5] = [
    ("W,T", "truncate-vs-overwrite"),
    ("W,W,T", "two-overwrites-truncate"),
    ("W,T,R", "overwrite-truncate-read"),
    ("W,W,T,R", "two-overwrites-truncate-read"),
    ("W,W,W,W,T", "four-overwrites-truncate"),
];

/// What is measured, as the table names it and as a child is asked.
const RUNS: [(&str, EngineName); 6] = [
    ("graph", EngineName::Graph),
    (REDUCED, EngineName::Graph),
    (TRACES, EngineName::Graph),
    ("loom", EngineName::Loom),
    ("shuttle exhaustive", EngineName::Shuttle),
    ("native, 200 iterations", EngineName::Native),
];
const REDUCED: &str = "graph, reduced";
const TRACES: &str = "graph, traces too";

/// Seeds per median.
const SEEDS: u64 = 20;

/// One run, as its process reports it.
#[derive(Serialize, Deserialize)]
struct Measured {
    report: Report,
    /// Peak resident memory in KiB, where the system tells.
    peak: Option<u64>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [hidden, run, litmus] = &args[..]
        && hidden == MEASURE
    {
        return measure(run, litmus);
    }
    let asked = std::env::var_os("DIOLOCK_RECORD").is_some_and(|value| value == "1");
    let recording = asked || args.iter().any(|arg| arg == "--record");
    let text = format!("{}\n{}\n{}", heading(), reference(recording), bugs());
    print!("{text}");
    if recording {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RECORD.md");
        // The bench of conform has its section there.
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let kept = before.find("## Conformance").map_or("", |at| &before[at..]);
        let text = format!("{text}\n{kept}");
        let new = path.with_extension("md.new");
        std::fs::write(&new, text).expect("the new record can be written");
        std::fs::rename(&new, &path).expect("the record can be replaced");
    }
}

fn program(litmus: &str) -> Program {
    let litmus = catalogue::find(litmus).expect("the reference test is in the catalogue");
    let reads = litmus.name.ends_with("-read");
    litmus.program(Kernel::new(if reads { Version::V6_12 } else { Version::V3_7 }))
}

/// The child's side: one run, the report on standard output.
fn measure(run: &str, litmus: &str) {
    let program = program(litmus);
    let (_, engine) = RUNS.into_iter().find(|known| known.0 == run).expect("a run");
    match engine {
        EngineName::Graph => {
            let (traces, reduced) = (run == TRACES, run == REDUCED);
            emit(graph::run(&program, graph::Options { traces, reduced, max_states: None }));
        }
        EngineName::Loom => loom::search(&program, loom::Options::default(), emit),
        EngineName::Shuttle => emit(shuttle::run(&program, &shuttle::Options::exhaustive())),
        EngineName::Native => {
            let options = native::Options { iterations: 200, ..native::Options::default() };
            emit(native::run(&program, &options));
        }
    }
}

fn emit(mut report: Report) {
    let peak = peak();
    report.trace_set.clear();
    let text = serde_json::to_string(&Measured { report, peak }).expect("a report is JSON");
    println!("{text}");
    std::process::exit(0);
}

/// Peak resident memory of this process in KiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The parent's side.
fn measured(run: &str, litmus: &str) -> Measured {
    let exe = std::env::current_exe().expect("the bench knows its own path");
    let mut command = Command::new(exe);
    command.args([MEASURE, run, litmus]);
    // loom and shuttle read these by themselves.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("LOOM_") || text.starts_with("SHUTTLE_") {
            command.env_remove(name);
        }
    }
    let output = children::run(&mut command, b"").expect("the bench runs itself");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("{run} on {litmus}: {}", String::from_utf8_lossy(&output.stderr))
    })
}

fn heading() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output();
    let version = version.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!(
        "# Record: a {}-core {} {} machine, {}\n\n\
         Counts of graph, loom and shuttle are exact: a change of one is a change of what is \
         explored. Times are good to about a factor of 2.\nMade by `cargo bench -p \
         diolock-verify --bench record -- --record`.\n",
        cores,
        std::env::consts::ARCH,
        std::env::consts::OS,
        version.unwrap_or_else(|_| "rustc unknown".to_owned()),
    )
}

fn number(n: Option<u64>) -> String {
    n.map_or("-".to_owned(), |n| n.to_string())
}

/// The first table.
fn reference(recording: bool) -> String {
    let mut text = String::from(
        "## Reference tests on v3.7, those with a read on v6.12\n\n\
         graph counts states, the others executions. `graph, reduced` leaves out \
         orders of steps that commute (states that are looked at for a witness besides are not counted); `graph, \
         traces too` tells states apart by how they were reached. Memory is the peak of the process that ran the engine alone.\n\n\
         | test | engine | verdict | executions or states | traces | executions per trace | \
         seconds | executions/s | peak MiB |\n\
         |------|--------|---------|---------------------:|-------:|---------------------:|\
         --------:|-------------:|---------:|\n",
    );
    for (test, litmus) in TESTS {
        let five = program(litmus).calls.len() > loom::MAX_TASKS;
        for (name, engine) in RUNS {
            let fits = match engine {
                // Millions of states, over a gigabyte, a minute.
                EngineName::Graph => name != TRACES || recording,
                EngineName::Shuttle => true,
                EngineName::Loom | EngineName::Native => false,
            };
            if five && !fits {
                continue;
            }
            let Measured { report, peak } = measured(name, litmus);
            let runs = report.states.unwrap_or(report.executions);
            let counted = (engine != EngineName::Graph).then_some(report.traces).flatten();
            let ratio = counted.filter(|&traces| traces > 0).map_or("-".to_owned(), |traces| {
                format!("{:.2}", report.executions as f64 / traces as f64)
            });
            let rate = runs as f64 / report.seconds.max(1e-6);
            let peak = peak.map_or("-".to_owned(), |kib| format!("{:.0}", kib as f64 / 1024.0));
            let row = format!(
                "| {test} | {name} | {} | {runs} | {} | {ratio} | {:.3} | {rate:.0} | {peak} |\n",
                report.verdict.word(),
                number(report.traces),
                report.seconds,
            );
            eprint!("{row}");
            text.push_str(&row);
        }
    }
    text
}

/// One litmus test on a kernel on which it finds a bug.
struct Bug {
    litmus: Litmus,
    expect: Expect,
}

impl Bug {
    fn told_by(&self, engine: EngineName) -> bool {
        let engines = &self.expect.engines;
        (engines.is_empty() || engines.contains(&engine))
            && (self.litmus.memory == Memory::Sc || engine == EngineName::Loom)
    }

    fn row(&self) -> String {
        let program = self.litmus.program(self.expect.kernel);
        let graph = self
            .told_by(EngineName::Graph)
            .then(|| graph::run(&program, graph::Options::default()));
        let states = graph.as_ref().and_then(|report| report.states);
        let steps = graph.as_ref().and_then(|report| report.counterexample.as_ref());
        let steps = steps.map(|found| found.events.len() as u64);
        let loom = self.told_by(EngineName::Loom).then(|| {
            let exe = Path::new(env!("CARGO_BIN_EXE_diolock"));
            job::run_child(&job::Job::new(&self.litmus, self.expect.kernel), exe)
        });
        let loom = loom.filter(|report| found(&report.verdict)).map(|report| report.executions);
        let median = if self.told_by(EngineName::Shuttle) {
            shuttle::median_iterations(&program, None, 0..SEEDS, 20_000)
                .map_or("none found".to_owned(), |n| n.to_string())
        } else {
            "-".to_owned()
        };
        format!(
            "| {} | {} | {} | {} | {} | {} | {median} |\n",
            self.litmus.name,
            self.expect.kernel,
            self.expect.expected,
            number(states),
            number(steps),
            number(loom),
        )
    }
}

fn found(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Violated(_) | Verdict::Deadlocked | Verdict::Livelocked)
}

/// The second table.
fn bugs() -> String {
    let mut bugs = Vec::new();
    for litmus in catalogue::all().expect("the catalogue reads") {
        for expect in &litmus.expect {
            if expect.expected != Expected::Never {
                bugs.push(Bug { litmus: litmus.clone(), expect: expect.clone() });
            }
        }
    }
    let rows = Mutex::new(vec![String::new(); bugs.len()]);
    let next = AtomicUsize::new(0);
    // Counts only: they may run side by side.
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((at, bug)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    bugs.get(at).map(|bug| (at, bug))
                } {
                    let row = bug.row();
                    eprint!("{row}");
                    rows.lock().expect("no row panics")[at] = row;
                }
            });
        }
    });
    let mut text = String::new();
    let _ = write!(
        text,
        "## How soon a bug is found\n\n\
         States that graph visits and the steps of its shortest counterexample; loom's executions \
         to the first failure; shuttle's, as the median over {SEEDS} seeds (2,000 of PCT at \
         depth 3, then as many at 4, 5 and 2 and of every trace; then all five again with 20,000). `-`: the engine cannot tell.\n\n\
         | litmus test | kernel | expected | graph states | steps | loom executions | shuttle \
         median |\n|---|---|---|---:|---:|---:|---:|\n",
    );
    text.extend(rows.into_inner().expect("no row panics"));
    text
}
