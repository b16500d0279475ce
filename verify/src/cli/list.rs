//! `diolock list`.

use super::output::Out;
use super::table::columns;
use diolock::kernel::Version;
use diolock_verify::litmus::{Expect, catalogue};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Lists the catalogue: name, bug, kernels with what is expected, claim.
pub fn run() -> miette::Result<ExitCode> {
    let head = ["litmus", "bug", "kernels", "claim"].map(str::to_owned).to_vec();
    let mut rows = vec![head];
    for litmus in catalogue::all()? {
        let kernels: BTreeSet<Version> =
            litmus.expect.iter().map(|expect: &Expect| expect.kernel.version).collect();
        let kernels: Vec<&str> = kernels.into_iter().map(Version::name).collect();
        let bug = litmus.bug.unwrap_or_else(|| "-".to_owned());
        rows.push(vec![litmus.name, bug, kernels.join(","), litmus.claim]);
    }
    let mut out = Out::new();
    for line in columns(&rows, |_, _, text| text.to_owned()) {
        out.line(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}
