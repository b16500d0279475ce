//! A program's whole state graph: every state, every step, and how it ends. It is made of the reference
//! semantics and its rules; what is drawn of a state is made here, so that a page has only to walk.

use super::cells::{Cell, Label, cells};
use super::intern::Intern;
use super::slots::{Shown, Slot, slot};
use crate::engine::graph::{enabled, pending};
use crate::program::{Program, System};
use crate::report::{waits_words, words};
use crate::rule::{Gathered, RuleId, Rules};
use diolock::op::{LogicalBlock, TaskId};
use std::collections::{HashMap, VecDeque};

/// How a run ends in a state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// Every task has returned, and nothing is wrong.
    Good,
    /// A rule is broken: which, and in this run's words.
    Broken(RuleId, String),
    /// Nobody can go on: who waits for what. Some of them burn CPU meanwhile (a livelock), or none (a deadlock).
    Stuck {
        /// Somebody spins.
        spins: bool,
        /// In words.
        text: String,
    },
}

impl End {
    /// Whether the protocol has failed.
    pub fn is_bad(&self) -> bool {
        *self != End::Good
    }
}

/// A step from one state to another.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Who takes it.
    pub task: TaskId,
    /// The state after it.
    pub to: usize,
    /// The step in the kernel's words, as a number of [`Graph::words`].
    pub words: usize,
}

/// A state, as it is shown.
#[derive(Clone, Debug)]
pub struct Node {
    /// A number of [`Graph::panels`].
    pub panel: usize,
    /// A number of [`Graph::slots`].
    pub slots: usize,
    /// How it ends here, as a number of [`Graph::ends`].
    pub end: Option<usize>,
    /// The steps that can be taken.
    pub edges: Vec<Edge>,
}

/// The graph of a program.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The program.
    pub program: Program,
    /// The states, the start first, breadth first.
    pub nodes: Vec<Node>,
    /// The panel's cells, in order.
    pub labels: Vec<Label>,
    /// What a state's cells say: numbers of `cells`.
    pub panels: Intern<Vec<usize>>,
    /// What cells say: a tone and a text.
    pub cells: Intern<Shown>,
    /// Where the tasks stand: one for each task.
    pub slots: Intern<Vec<Slot>>,
    /// What steps say.
    pub words: Intern<String>,
    /// How runs end.
    pub ends: Intern<End>,
}

/// A graph has more states than may be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge;

/// What tells states apart: as the engine does.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    system: System,
    rules: Rules,
    broken: Option<RuleId>,
}

struct Making {
    graph: Graph,
    blocks: LogicalBlock,
    known: HashMap<State, usize>,
    open: VecDeque<State>,
}

/// Builds the graph of a program, of at most so many states.
///
/// # Errors
/// If it has more.
pub fn graph(program: &Program, blocks: LogicalBlock, most: usize) -> Result<Graph, TooLarge> {
    let graph = Graph {
        program: program.clone(),
        nodes: Vec::new(),
        labels: Vec::new(),
        panels: Intern::default(),
        cells: Intern::default(),
        slots: Intern::default(),
        words: Intern::default(),
        ends: Intern::default(),
    };
    let (known, open) = (HashMap::new(), VecDeque::new());
    let mut making = Making { graph, blocks, known, open };
    let start = State { system: System::new(program), rules: Rules::new(program), broken: None };
    making.node(start, None);
    let mut at = 0;
    while let Some(state) = making.open.pop_front() {
        if making.graph.nodes.len() > most {
            return Err(TooLarge);
        }
        if state.broken.is_none() {
            let edges = making.steps(program, &state);
            making.graph.nodes[at].edges = edges;
        }
        at += 1;
    }
    Ok(making.graph)
}

impl Making {
    fn steps(&mut self, program: &Program, state: &State) -> Vec<Edge> {
        let mut edges = Vec::new();
        for task in enabled(&state.system) {
            let mut next = state.clone();
            let Some(op) = pending(&next.system, task) else { continue };
            let Ok(event) = next.system.perform(task, op) else { continue };
            let words = words(program, &event, next.system.inode.dio_count());
            let words = self.graph.words.number(words);
            let over = next.system.just_over(task);
            let mut gathered = Gathered::default();
            let mut judged = next.rules.observe(program, &event, over, &mut gathered);
            if judged.is_ok() && next.system.finished() {
                judged = next.rules.finish(program, &next.system, &mut gathered);
            }
            let violation = judged.err();
            next.broken = violation.as_ref().map(|violation| violation.rule);
            let end = violation.map(|violation| End::Broken(violation.rule, violation.text));
            edges.push(Edge { task, to: self.node(next, end), words });
        }
        edges
    }

    fn node(&mut self, state: State, end: Option<End>) -> usize {
        if let Some(&known) = self.known.get(&state) {
            return known;
        }
        let number = self.graph.nodes.len();
        self.known.insert(state.clone(), number);
        let end = end.or_else(|| stuck(&self.graph.program, &state.system));
        let node = self.shown(&state, end);
        self.graph.nodes.push(node);
        self.open.push_back(state);
        number
    }

    fn shown(&mut self, state: &State, end: Option<End>) -> Node {
        let (graph, system) = (&mut self.graph, &state.system);
        let shown = cells(&graph.program, system, self.blocks);
        if graph.labels.is_empty() {
            graph.labels = shown.iter().map(|cell: &Cell| cell.0.clone()).collect();
        }
        let panel = shown.into_iter().map(|(_, tone, text)| graph.cells.number((tone, text)));
        let panel = panel.collect();
        let slots = system.tasks().map(|task| slot(&graph.program, system, &state.rules, task));
        let slots = slots.collect();
        Node {
            panel: graph.panels.number(panel),
            slots: graph.slots.number(slots),
            end: end.map(|end| graph.ends.number(end)),
            edges: Vec::new(),
        }
    }
}

/// How it ends if nobody can take a step.
fn stuck(program: &Program, system: &System) -> Option<End> {
    if enabled(system).next().is_some() {
        return None;
    }
    if system.finished() {
        return Some(End::Good);
    }
    let letter = |task: TaskId| program.names[usize::from(task)].letter;
    let waiting = system.waiting();
    let text =
        waiting.iter().map(|one| format!("{} {}", letter(one.task), waits_words(one, &letter)));
    let text = text.collect::<Vec<_>>().join("; ");
    Some(End::Stuck { spins: waiting.iter().any(|one| one.spins()), text })
}
