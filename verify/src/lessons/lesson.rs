//! A lesson as it is played: its text, and a graph of each of its two kernels.

use super::data::{data, spelt};
use super::graph::{End, Graph};
use super::text::{Side, Text};
use super::too_large::fitting;
use super::ways;
use crate::explain::follow;
use crate::litmus::{Litmus, catalogue};
use crate::program::{Program, Run};
use crate::report::waits_words;
use crate::rule::Gathered;
use diolock::op::TaskId;
use miette::miette;
use serde_json::{Value, json};

/// A lesson.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// What it says.
    pub text: Text,
    /// The kernel on which the goal can be reached.
    pub broken: Played,
    /// The one on which it cannot.
    pub fixed: Option<Played>,
}

/// One kernel of a lesson.
#[derive(Clone, Debug)]
pub struct Played {
    /// What the lesson says of it.
    pub side: Side,
    /// The litmus test.
    pub litmus: Litmus,
    /// The graph.
    pub graph: Graph,
    /// The shortest way in which it fails.
    pub shortest: Option<Vec<TaskId>>,
}

impl Lesson {
    /// A lesson with its graphs.
    ///
    /// # Errors
    /// If there is no such test, kernel or fix, or a graph does not fit on a page.
    pub fn new(text: Text) -> miette::Result<Lesson> {
        let broken = Played::new(&text, &text.broken)?;
        let fixed = Some(Played::new(&text, &text.fixed)?);
        Ok(Lesson { text, broken, fixed })
    }

    /// What the page's script is given.
    pub fn data(&self) -> Value {
        let mut broken = self.broken.data();
        broken["par"] = json!(self.broken.shortest.as_ref().map_or(0, Vec::len));
        let fixed = self.fixed.as_ref().map(|fixed| {
            let mut data = fixed.data();
            let (same, how) = self.same(fixed);
            data["same"] = json!(same);
            data["how"] = json!(how);
            data
        });
        json!({ "name": self.text.name, "broken": broken, "fixed": fixed })
    }

    /// The shortest failing schedule on the fixed kernel: how far it goes there, and what becomes of it.
    pub fn same(&self, fixed: &Played) -> (String, String) {
        let (from, to) = (&self.broken.graph.program, &fixed.graph.program);
        let Some(way) = self.broken.shortest.as_ref() else { return Default::default() };
        if from.names != to.names {
            return (
                String::new(),
                "The tasks are others here: no schedule is the same.".to_owned(),
            );
        }
        let followed = follow(from, &run(from, way).events, to);
        let taken: Vec<TaskId> = followed.run.events.iter().map(|event| event.task).collect();
        let letter = |task: TaskId| to.names[usize::from(task)].letter;
        let how = match &followed.blocked {
            Some(waiting) => format!(
                "Here the same schedule comes to a halt after {} steps: {} {}.",
                taken.len(),
                letter(waiting.task),
                waits_words(waiting, &letter)
            ),
            None => "Here the same schedule, as far as there are the same steps, runs to its end, and nothing is wrong."
                .to_owned(),
        };
        (spelt(&fixed.graph, &taken), how)
    }
}

/// A schedule, run on the reference semantics.
pub fn run(program: &Program, way: &[TaskId]) -> Run {
    let mut run = Run::new(program);
    for &task in way {
        let Some(op) = crate::engine::graph::pending(&run.system, task) else { break };
        let Ok(event) = run.system.perform(task, op) else { break };
        // What it breaks is in the graph.
        let _ = run.observe(program, event, &mut Gathered::default());
    }
    run
}

impl Played {
    fn new(text: &Text, side: &Side) -> miette::Result<Played> {
        let name = side.litmus.as_ref().unwrap_or(&text.litmus);
        let litmus = catalogue::find(name)?;
        Played::of(litmus, side)
    }

    /// A litmus test on a kernel.
    ///
    /// # Errors
    /// If there is no such kernel, the test says nothing of it, or the graph does not fit on a page.
    pub fn of(litmus: Litmus, side: &Side) -> miette::Result<Played> {
        let kernel = side.kernel().map_err(|why| miette!("there is {why}"))?;
        if let Some(why) = litmus.not_modelled_on(kernel.version) {
            return Err(miette!("{} says nothing of {kernel}: {why}", litmus.name));
        }
        let graph = fitting(&litmus, kernel)?;
        let shortest = ways::shortest(&graph);
        Ok(Played { side: side.clone(), litmus, graph, shortest })
    }

    /// `v3.7`, `v3.7 without 1f555cfa29e8`.
    pub fn title(&self) -> String {
        self.side.title.clone().unwrap_or_else(|| self.graph.program.kernel.to_string())
    }

    /// How many runs there are and that none goes wrong; or that some do.
    pub fn all_runs(&self) -> String {
        let runs = super::data::runs_text(&self.graph);
        let states = self.graph.nodes.len();
        match ways::failures(&self.graph).next() {
            None => format!(
                "there are {runs} executions (orders of steps) over {states} states, all of them were explored, and all are safe."
            ),
            Some(_) => format!("there are {runs} executions over {states} states, and some fail."),
        }
    }

    /// How the shortest failing run ends.
    pub fn failure(&self) -> Option<&End> {
        let at = ways::walk(&self.graph, self.shortest.as_ref()?).ok()?;
        self.graph.nodes[at].end.map(|end| &self.graph.ends.values()[end])
    }

    fn data(&self) -> Value {
        let mut data = data(&self.graph);
        data["title"] = json!(self.title());
        data["all"] = json!(self.all_runs());
        data["text"] = json!(super::escape::plain(&self.side.text));
        data["closes"] = json!(self.side.closes);
        data
    }
}
