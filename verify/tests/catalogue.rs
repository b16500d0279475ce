//! One test for each litmus test, kernel and engine: the verdict is the expected one. The failure
//! message is the interleaving.

use diolock_verify::engine::EngineName;
use diolock_verify::litmus::catalogue;
use diolock_verify::report::lanes;
use diolock_verify::suite::{self, Options};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let litmuses = match catalogue::all() {
        Ok(litmuses) => litmuses,
        Err(report) => {
            eprintln!("{report:?}");
            return ExitCode::FAILURE;
        }
    };
    let engines = [EngineName::Graph, EngineName::Loom, EngineName::Shuttle];
    let options =
        Options { jobs: 1, strategy: None, exe: PathBuf::from(env!("CARGO_BIN_EXE_diolock")) };
    let trials = suite::plan(&litmuses, &engines, &[], &[])
        .into_iter()
        .map(|cell| {
            let kernel = cell.kernel.to_string().replace(' ', "-");
            let name = format!("{}::{}::{kernel}", cell.engine.name(), cell.litmus.name);
            let options = options.clone();
            Trial::test(name, move || {
                let done = cell.done(&options);
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
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
