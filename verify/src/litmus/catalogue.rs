//! STUB, replaced by the litmus branch: only the signatures that the command line uses, and one test.

use super::{CallSpec, Expect, Expected, Litmus, Reach, ReachVerb, TaskSpec};
use crate::program::Memory;
use crate::rule::{RuleId, RuleSet, Verb};
use diolock::extent_probe::Extent;
use diolock::kernel::{Kernel, Version};
use diolock::op::Range;
use std::path::PathBuf;

/// Where the catalogue is.
pub fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/litmus"))
}

/// Every test.
///
/// # Errors
/// If one cannot be read.
pub fn all() -> Result<Vec<Litmus>, miette::Report> {
    let expect = |version, expected| Expect {
        kernel: Kernel::new(version),
        expected,
        engines: Vec::new(),
        why: None,
    };
    let pwrite =
        CallSpec::Pwrite { range: Range { start: 0, len: 1 }, half: None, aio: true, fault: None };
    let test = Litmus {
        name: "truncate-vs-aio-overwrite".to_owned(),
        claim: "a truncate waits for an asynchronous overwrite".to_owned(),
        bug: Some("B01".to_owned()),
        evidence: None,
        size: 1,
        extents: vec![Extent::Written],
        cached_pages: 0,
        dioread_nolock: true,
        tasks: vec![
            TaskSpec { letter: 'W', call: pwrite },
            TaskSpec { letter: 'T', call: CallSpec::Ftruncate { to: 0 } },
        ],
        memory: Memory::Sc,
        fair: Vec::new(),
        rules: RuleSet::ALL,
        except: Vec::new(),
        reaches: vec![Reach {
            text: "W overwrites".to_owned(),
            task: 'W',
            verb: ReachVerb::Plain(Verb::Overwrites),
        }],
        expect: vec![
            expect(Version::V3_6, Expected::Violates(RuleId::R6)),
            expect(Version::V3_7, Expected::Never),
        ],
    };
    Ok(vec![test])
}

/// One test.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn find(name: &str) -> Result<Litmus, miette::Report> {
    all()?
        .into_iter()
        .find(|litmus| litmus.name == name)
        .ok_or_else(|| miette::miette!("no litmus test {name}"))
}
