//! What a lesson says: read from `verify/lessons/*.toml`, which are inside the binary.

use diolock::kernel::{Fix, Kernel, Version};
use serde::Deserialize;

/// A lesson's text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// What its page is called: the file's name without `.toml`, `03-drop-i-mutex`.
    #[serde(skip)]
    pub name: String,
    /// Its title.
    pub title: String,
    /// The rule, in one sentence.
    pub rule: String,
    /// What the learner is to bring about on the broken kernel, one sentence in the imperative.
    pub goal: String,
    /// What the tasks do, a paragraph each.
    pub scene: Vec<String>,
    /// The litmus test, by its name in the catalogue.
    pub litmus: String,
    /// The kernel on which the goal can be reached.
    pub broken: Side,
    /// The kernel on which it cannot.
    pub fixed: Side,
    /// The question that ends the lesson.
    pub question: Question,
    /// For who teaches it.
    #[serde(rename = "note")]
    pub notes: Vec<Note>,
    /// Exercises.
    #[serde(rename = "exercise")]
    pub exercises: Vec<Exercise>,
    /// What to read.
    pub sources: Vec<String>,
}

/// One of the two kernels of a lesson.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// Its name on the command line.
    pub kernel: String,
    /// The fixes that it does without.
    #[serde(default)]
    pub without: Vec<String>,
    /// Another litmus test than the lesson's.
    pub litmus: Option<String>,
    /// What to look at on the broken one; what closes the window on the fixed one: commit and kernel function.
    pub text: String,
    /// What the page calls it, if not by the kernel's name.
    pub title: Option<String>,
    /// The step that closes the window: the task's letter, the step's name, its kernel function.
    pub closes: Option<(char, String, String)>,
}

impl Side {
    /// The kernel itself.
    ///
    /// # Errors
    /// If there is no kernel or fix of that name: which.
    pub fn kernel(&self) -> Result<Kernel, String> {
        let version = Version::named(&self.kernel);
        let version = version.ok_or_else(|| format!("no kernel {}", self.kernel))?;
        self.without.iter().try_fold(Kernel::new(version), |kernel, name| {
            let fix = Fix::named(name).ok_or_else(|| format!("no fix {name}"))?;
            Ok(kernel.without(fix))
        })
    }
}

/// A question with its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The question.
    pub ask: String,
    /// The answer.
    pub answer: String,
}

/// A note for who teaches the lesson.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What it is for.
    pub kind: NoteKind,
    /// How long it takes.
    pub minutes: u32,
    /// What to say, ask or show.
    pub text: String,
}

/// What a note is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum NoteKind {
    /// Something to say.
    Note,
    /// Something to ask.
    Ask,
    /// Something to show.
    Demo,
}

/// An exercise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    /// What is practised.
    pub kind: ExerciseKind,
    /// The task.
    pub task: String,
    /// What a good solution costs: steps, commands or minutes.
    pub par: String,
    /// A solution.
    pub solution: String,
    /// A litmus file that is part of it.
    pub file: Option<String>,
}

/// What an exercise practises.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum ExerciseKind {
    /// Say what will happen, then look.
    Predict,
    /// Run a schedule.
    Replay,
    /// Read a counterexample.
    Explain,
    /// Take a fix away, or name one.
    Fix,
    /// Write a litmus test that `diolock verify` checks.
    Litmus,
}

macro_rules! files {
    ($($name:literal)+) => {
        const FILES: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/", $name, ".toml")),
        )),+];
    };
}

files! {
    "01-inode-lock"
    "02-overwrite-probe"
    "03-drop-i-mutex"
    "04-time-first"
    "05-reads-twice"
    "06-drain-and-gate"
    "07-worker"
    "08-size-comes-back"
    "09-two-halves"
    "10-today"
    "11-page-cache"
    "12-any-number"
}

/// The lessons, in the order in which they are taught.
///
/// # Errors
/// If one of the files cannot be read: which, and why.
pub fn all() -> Result<Vec<Text>, String> {
    let read = |&(name, text): &(&str, &str)| {
        let lesson = toml::from_str::<Text>(text);
        let lesson = lesson.map_err(|error| format!("lessons/{name}.toml: {error}"))?;
        Ok(Text { name: name.to_owned(), ..lesson })
    };
    FILES.iter().map(read).collect()
}
