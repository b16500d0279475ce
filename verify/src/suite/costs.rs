//! What cells cost, as recorded, and which of them a quick run leaves out.

use super::Cell;
use crate::engine::EngineName;
use crate::litmus::Expected;
use crate::verdict::Report;
use diolock::kernel::Kernel;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::path::Path;

/// Cheaper cells are not recorded: they are always run.
const RECORDED: u64 = 3_000;

const HEADING: &str = "# What a cell costs, counted in states of graph, where that is 3,000 or more: an execution of\n\
                       # loom counts as 25 of them, one of shuttle as 10. Counts do not depend on the machine.\n\
                       # Written by `make costs`; a cell that is not listed is always run.\n\
                       # litmus test, kernel, engine, cost\n";

/// The recorded costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs(BTreeMap<(String, String, String), u64>);

/// What a run has cost. Whoever measures twice, or on a busy machine, gets the same.
pub fn cost(engine: EngineName, report: &Report) -> u64 {
    match engine {
        EngineName::Graph => report.states.unwrap_or(0),
        EngineName::Loom => 25 * report.executions,
        EngineName::Shuttle | EngineName::Native => 10 * report.executions,
    }
}

/// Whether nothing is to be left out of a test for its cost: `DIOLOCK_ALL` is set, as by `make test-all`.
pub fn thorough() -> bool {
    std::env::var_os("DIOLOCK_ALL").is_some_and(|value| value == "1")
}

/// Which cells a run leaves out.
#[derive(Clone, Debug)]
pub struct Selection {
    /// For each cell, whether it is run.
    pub kept: Vec<bool>,
}

fn key(cell: &Cell) -> (String, String, String) {
    (cell.litmus.name.clone(), cell.kernel.to_string(), cell.engine.name().to_owned())
}

impl Costs {
    /// Reads a file of them; no file is no costs.
    ///
    /// # Errors
    /// If it cannot be read, or a line of it is no cost.
    pub fn read(path: &Path) -> io::Result<Costs> {
        match std::fs::read_to_string(path) {
            Ok(text) => Costs::parse(&text).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Costs::default()),
            Err(error) => Err(error),
        }
    }

    /// Reads them out of a text.
    ///
    /// # Errors
    /// The first line that is no cost.
    pub fn parse(text: &str) -> Result<Costs, String> {
        let mut costs = Costs::default();
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let fields: Vec<&str> = line.split('\t').collect();
            let cost = match fields[..] {
                [litmus, kernel, engine, cost] => cost.parse().ok().map(|cost: u64| {
                    ((litmus.to_owned(), kernel.to_owned(), engine.to_owned()), cost)
                }),
                _ => None,
            };
            let (key, cost) = cost.ok_or_else(|| format!("line {number} is no cost: {line:?}"))?;
            costs.0.insert(key, cost);
        }
        Ok(costs)
    }

    /// Notes what a cell has cost, if it is worth a note.
    pub fn note(&mut self, cell: &Cell, cost: u64) {
        if cost >= RECORDED {
            self.0.insert(key(cell), cost);
        }
    }

    /// Whether a litmus test costs graph so little on a kernel that it is not recorded.
    pub fn cheap(&self, litmus: &str, kernel: Kernel) -> bool {
        let graph = EngineName::Graph.name().to_owned();
        !self.0.contains_key(&(litmus.to_owned(), kernel.to_string(), graph))
    }

    /// What a cell costs; nothing if that is not recorded.
    pub fn of(&self, cell: &Cell) -> u64 {
        self.0.get(&key(cell)).copied().unwrap_or(0)
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = HEADING.to_owned();
        for ((litmus, kernel, engine), cost) in &self.0 {
            let _ = writeln!(text, "{litmus}\t{kernel}\t{engine}\t{cost}");
        }
        text
    }
}

/// What a cell shows: a race, or that a fix is needed.
fn shows(cell: &Cell) -> Vec<String> {
    if cell.expected.as_ref().is_none_or(|e| e.expected == Expected::Never) {
        return Vec::new();
    }
    let race = cell.litmus.bug.iter().map(|bug| format!("race {bug}"));
    race.chain(cell.kernel.removed().map(|fix| format!("fix {}", fix.about().commit))).collect()
}

impl Selection {
    /// Keeps the cheapest cells, as many as cost no more than `budget` together, and for
    /// each race and each fix that none of them shows the cheapest cell that does.
    pub fn new(cells: &[Cell], costs: &Costs, budget: u64) -> Selection {
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.sort_by_key(|&at| costs.of(&cells[at]));
        let mut kept = vec![false; cells.len()];
        let mut shown = BTreeSet::new();
        let mut spent = 0;
        for at in order {
            spent += costs.of(&cells[at]);
            let new = shows(&cells[at]);
            if spent <= budget || new.iter().any(|what| !shown.contains(what)) {
                kept[at] = true;
                shown.extend(new);
            }
        }
        Selection { kept }
    }

    /// What is left out, in words; `None` if nothing is.
    pub fn left_out(&self, cells: &[Cell], costs: &Costs) -> Option<String> {
        let left: Vec<&Cell> =
            cells.iter().zip(&self.kept).filter(|c| !c.1).map(|(cell, _)| cell).collect();
        if left.is_empty() {
            return None;
        }
        let total: u64 = left.iter().map(|cell| costs.of(cell)).sum();
        let mut text =
            format!("left out for their cost, {} cells of {total} states:\n", left.len());
        for cell in left {
            let (name, kernel, engine) = (&cell.litmus.name, cell.kernel, cell.engine.name());
            let _ = writeln!(text, "  {:>8}  {name} on {kernel}, {engine}", costs.of(cell));
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineName::{Graph, Loom, Shuttle};
    use crate::litmus::{Expect, catalogue};
    use crate::rule::RuleId;
    use diolock::kernel::{Fix, Version};
    use std::sync::Arc;

    fn cells() -> Vec<Cell> {
        let mut litmus = catalogue::all().unwrap().remove(0);
        (litmus.name, litmus.bug) = ("t".to_owned(), Some("B01".to_owned()));
        let litmus = Arc::new(litmus);
        let v3_7 = Kernel::new(Version::V3_7);
        let cell = |kernel, engine, expected| {
            let expected = Some(Expect { kernel, expected, engines: Vec::new(), why: None });
            Cell { litmus: Arc::clone(&litmus), kernel, engine, expected }
        };
        let bad = Expected::Violates(RuleId::R6);
        vec![
            cell(v3_7, Graph, Expected::Never),
            cell(v3_7.without(Fix::Gate), Graph, bad),
            cell(v3_7.without(Fix::Gate), Loom, bad),
            cell(v3_7.without(Fix::CloserBarrier), Loom, bad),
            cell(v3_7.without(Fix::CloserBarrier), Shuttle, bad),
        ]
    }

    fn costs(counts: [u64; 5]) -> Costs {
        let mut costs = Costs::default();
        for (cell, count) in cells().iter().zip(counts) {
            costs.note(cell, count * 10_000);
        }
        costs
    }

    #[test]
    fn what_the_budget_has_room_for_or_was_never_measured_is_run() {
        let kept = |counts| Selection::new(&cells(), &costs(counts), 200_000).kept;
        assert_eq!(kept([0; 5]), [true; 5]);
        assert_eq!(kept([10, 5, 0, 2, 3]), [true; 5]);
        assert_eq!(kept([90, 5, 90, 2, 90]), [false, true, false, true, false]);
        assert_eq!(kept([10, 5, 90, 2, 90]), [true, true, false, true, false]);
    }

    #[test]
    fn each_race_and_each_fix_keeps_its_cheapest_cell() {
        let costs = costs([9, 8, 7, 6, 5]);
        let selection = Selection::new(&cells(), &costs, 10_000);
        assert_eq!(selection.kept, [false, false, true, false, true]);
        let left = selection.left_out(&cells(), &costs).expect("three are left out");
        assert!(left.starts_with("left out for their cost, 3 cells of 230000 states:\n"), "{left}");
        assert!(left.contains("     90000  t on v3.7, graph\n"), "{left}");
        assert_eq!(Selection::new(&cells(), &costs, 400_000).left_out(&cells(), &costs), None);
    }

    #[test]
    fn costs_read_back_as_they_were_written() {
        let costs = costs([0, 8, 1, 0, 2]);
        let text = costs.text();
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 3, "{text}");
        assert_eq!(Costs::parse(&text), Ok(costs));
        assert!(Costs::parse("a\tb\tc").is_err_and(|why| why.contains("line 1")));
        assert!(Costs::parse("a\tb\tc\t-1").is_err());
        assert_eq!(Costs::read(Path::new("/nowhere/at/all")).unwrap(), Costs::default());
    }
}
