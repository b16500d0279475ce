//! What conditions see of the end of an execution.

use diolock::call::Returned;
use diolock::op::{Caller, Content, LogicalBlock, Size, TaskId};

/// A task of a litmus file: its letter, and how many calls it makes.
pub type Task = (char, usize);

/// What half a block holds, wherever it was looked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cell {
    /// There is no such block: past i_size, in no page, not read.
    Nothing,
    /// The file has no block there.
    Hole,
    /// A block that reads as zeros, whatever it holds.
    Unwritten,
    /// Data; that of an asynchronous call is its submitter's.
    Holds(Content),
}

/// What a call was told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// What it read, block by block of the file.
    pub read: Vec<(LogicalBlock, [Cell; 2])>,
    /// What it returned.
    pub returned: Returned,
}

impl Answer {
    /// How much it read.
    pub(super) fn blocks(&self) -> Size {
        let halves = self.read.iter().flat_map(|(_, held)| held);
        Size::halves(halves.filter(|&&half| half != Cell::Nothing).count() as u32)
    }
}

/// The end of an execution.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// i_size, in blocks.
    pub size: Size,
    /// i_disksize, in blocks.
    pub disksize: Size,
    /// What a buffered read of each block below i_size finds.
    pub file: Vec<[Cell; 2]>,
    /// What the cached page holds where it is up to date.
    pub page: Vec<[Cell; 2]>,
    /// What the extent tree and the device have.
    pub disk: Vec<[Cell; 2]>,
    /// What each call of each task was told.
    pub answers: Vec<Vec<Answer>>,
}

/// A call: of a thread its last one, or that one from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Who {
    /// Whose.
    pub task: TaskId,
    /// Which of its calls.
    pub call: Option<usize>,
}

impl Who {
    /// Whether it is that call, or makes it.
    pub(super) fn is(self, by: Caller) -> bool {
        self.task == by.task && self.call.is_none_or(|call| call == usize::from(by.call))
    }

    /// `W`, `W2`.
    pub(super) fn words(self, name: impl Fn(TaskId) -> Task) -> String {
        let number = self.call.map(|call| (call + 1).to_string());
        format!("{}{}", name(self.task).0, number.unwrap_or_default())
    }
}

impl Facts {
    pub(super) fn answer(&self, who: Who) -> Answer {
        let calls = self.answers.get(usize::from(who.task));
        let call = calls.and_then(|calls| match who.call {
            Some(call) => calls.get(call),
            None => calls.last(),
        });
        call.cloned().unwrap_or_default()
    }
}

impl Cell {
    /// In words: `zeros`, `W's`.
    pub fn words(self, name: impl Fn(TaskId) -> Task) -> String {
        match self {
            Cell::Nothing => "none".to_owned(),
            Cell::Hole => "hole".to_owned(),
            Cell::Unwritten => "unwritten".to_owned(),
            Cell::Holds(Content::Initial) => "old".to_owned(),
            Cell::Holds(Content::Zero) => "zeros".to_owned(),
            Cell::Holds(Content::Stale) => "stale".to_owned(),
            Cell::Holds(Content::Foreign) => "foreign".to_owned(),
            Cell::Holds(Content::Of(Caller { task, call })) => {
                let one = name(task).1 == 1;
                Who { task, call: Some(call.into()).filter(|_| !one) }.words(name)
            }
        }
    }
}
