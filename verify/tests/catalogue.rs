//! One test for each litmus test, kernel and engine: the verdict is the expected one. The failure
//! message is the interleaving.
//!
//! If the recorded costs (`COSTS.tsv` in the catalogue) come to more than a run should take, the
//! dearest cells are ignored, unless nothing cheaper shows the same race or the need for the same
//! fix; what is left out is printed at the end.
//! `DIOLOCK_ALL=1` or `-- --include-ignored` runs them all. `UPDATE_COSTS=1` (`make costs`) runs
//! them all and records what they cost.

use diolock_verify::engine::EngineName;
use diolock_verify::litmus::catalogue;
use diolock_verify::report::lanes;
use diolock_verify::suite::{self, Cell, Costs, Options, Selection};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// What the recorded cells may cost together, in states of graph: some half a minute of one core. Those not
/// recorded come on top of it.
const BUDGET: u64 = 1_000_000;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let path = catalogue::directory().join("COSTS.tsv");
    let read = catalogue::all().map_err(|report| format!("{report:?}")).and_then(|litmuses| {
        let costs = Costs::read(&path).map_err(|why| format!("{}: {why}", path.display()))?;
        Ok((litmuses, costs))
    });
    let (litmuses, costs) = match read {
        Ok(read) => read,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let engines = [EngineName::Graph, EngineName::Loom, EngineName::Shuttle];
    let cells = suite::plan(&litmuses, &engines, &[], &[]);
    let selection = Selection::new(&cells, &costs, BUDGET);
    let record = std::env::var_os("UPDATE_COSTS").is_some_and(|value| value == "1");
    let all = suite::thorough() || record || arguments.include_ignored || arguments.ignored;
    let measured = Arc::new(Mutex::new(Costs::default()));
    let trials = cells.iter().zip(&selection.kept).map(|(cell, &kept)| {
        trial(cell.clone(), Arc::clone(&measured))
            .with_ignored_flag(!kept && !suite::thorough() && !record)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if record && !conclusion.has_failed() && conclusion.num_filtered_out == 0 && !arguments.list {
        let measured = measured.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(why) = std::fs::write(&path, measured.text()) {
            eprintln!("{} cannot be written: {why}", path.display());
            return ExitCode::FAILURE;
        }
    }
    let whole = arguments.filter.is_none() && !arguments.list && !all;
    if let Some(left) = selection.left_out(&cells, &costs).filter(|_| whole) {
        println!("{left}DIOLOCK_ALL=1 runs them too\n");
    }
    conclusion.exit_code()
}

fn trial(cell: Cell, measured: Arc<Mutex<Costs>>) -> Trial {
    let kernel = cell.kernel.to_string().replace(' ', "-");
    let name = format!("{}::{}::{kernel}", cell.engine.name(), cell.litmus.name);
    Trial::test(name, move || {
        let exe = PathBuf::from(env!("CARGO_BIN_EXE_diolock"));
        let done = cell.done(&Options {
            jobs: 1,
            strategy: None,
            reduced: false,
            max_states: suite::MAX_STATES,
            exe,
        });
        let cost = suite::cost(cell.engine, &done.report);
        measured.lock().unwrap_or_else(PoisonError::into_inner).note(&cell, cost);
        if done.ok == Some(true) {
            return Ok(());
        }
        let expected = cell.expected.as_ref().map(|e| e.expected.to_string());
        let program = cell.litmus.program(cell.kernel);
        Err(Failed::from(format!(
            "expected {}, found {:?}\n{}",
            expected.unwrap_or_default(),
            done.report.verdict,
            lanes(&program, cell.engine, &done.report)
        )))
    })
}
