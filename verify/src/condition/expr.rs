//! What a condition means.

use super::facts::{Cell, Facts, Task, Who};
use diolock::call::Returned;
use diolock::op::{Content, Half, LogicalBlock, Size, TaskId};

/// A condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expr {
    /// One of them holds.
    Any(Vec<Expr>),
    /// All of them hold.
    All(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// Two values compare like this.
    Compare(Term, Relation, Term),
}

/// How two values compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Relation {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Where a block is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the file, as a buffered read at the end would.
    File,
    /// In the cached page.
    Page,
    /// On the device.
    Disk,
    /// In what that call read.
    Read(Who),
}

/// A value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Term {
    /// A number.
    Number(Size),
    /// i_size.
    Size,
    /// i_disksize.
    Disksize,
    /// How many blocks that call read.
    Blocks(Who),
    /// A block, or half of it.
    At(Place, LogicalBlock, Option<Half>),
    /// Some data.
    Data(Cell),
    /// Data of that call, or of whichever of its task's.
    DataOf(Who),
    /// What that call returned.
    Returns(Who),
    /// That.
    Returned(Returned),
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Number,
    Data,
    Result,
}

impl Kind {
    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::Number => "a number",
            Kind::Data => "data",
            Kind::Result => "what a call returns",
        }
    }
}

/// A value at the end of an execution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    Number(Size),
    Data([Cell; 2]),
    DataOf(Who),
    Result(Returned),
}

impl Value {
    /// Whether it is that; what a call wrote is of all its task wrote.
    fn is(self, other: Value) -> bool {
        match (self, other) {
            (Value::Data(halves), Value::DataOf(who))
            | (Value::DataOf(who), Value::Data(halves)) => halves
                .iter()
                .all(|half| matches!(half, Cell::Holds(Content::Of(by)) if who.is(*by))),
            _ => self == other,
        }
    }
}

impl Term {
    pub(super) fn kind(self) -> Kind {
        match self {
            Term::Number(_) | Term::Size | Term::Disksize | Term::Blocks(_) => Kind::Number,
            Term::At(..) | Term::Data(_) | Term::DataOf(_) => Kind::Data,
            Term::Returns(_) | Term::Returned(_) => Kind::Result,
        }
    }

    fn value(self, facts: &Facts) -> Value {
        match self {
            Term::Number(number) => Value::Number(number),
            Term::Size => Value::Number(facts.size),
            Term::Disksize => Value::Number(facts.disksize),
            Term::Blocks(who) => Value::Number(facts.answer(who).blocks()),
            Term::At(place, block, half) => {
                let found = place.look(facts, block).unwrap_or([Cell::Nothing; 2]);
                Value::Data(half.map_or(found, |half| [found[half.index()]; 2]))
            }
            Term::Data(cell) => Value::Data([cell; 2]),
            Term::DataOf(who) => Value::DataOf(who),
            Term::Returns(who) => Value::Result(facts.answer(who).returned),
            Term::Returned(returned) => Value::Result(returned),
        }
    }

    /// The value in words, with its name, unless it says itself what it is.
    fn shown(self, facts: &Facts, name: &impl Fn(TaskId) -> Task) -> Option<String> {
        let place = match self {
            Term::Number(_) | Term::Data(_) | Term::DataOf(_) | Term::Returned(_) => return None,
            Term::Size => "i_size".to_owned(),
            Term::Disksize => "i_disksize".to_owned(),
            Term::Blocks(who) => format!("{}.blocks", who.words(name)),
            Term::Returns(who) => format!("{}.returns", who.words(name)),
            Term::At(place, block, half) => {
                let place = match place {
                    Place::File => "file".to_owned(),
                    Place::Page => "page".to_owned(),
                    Place::Disk => "disk".to_owned(),
                    Place::Read(who) => who.words(name),
                };
                let half = match half {
                    None => "",
                    Some(Half::Lower) => ".lower",
                    Some(Half::Upper) => ".upper",
                };
                format!("{place}[{block}]{half}")
            }
        };
        let value = match self.value(facts) {
            Value::Number(number) => number.to_string(),
            Value::Result(returned) => returned.name().to_owned(),
            Value::DataOf(who) => who.words(name),
            Value::Data([lower, upper]) if lower == upper => lower.words(name),
            Value::Data(halves) => halves.map(|half| half.words(name)).join(" + "),
        };
        Some(format!("{place} is {value}"))
    }
}

impl Place {
    fn look(self, facts: &Facts, block: LogicalBlock) -> Option<[Cell; 2]> {
        let at = block as usize;
        match self {
            Place::File => facts.file.get(at).copied(),
            Place::Page => facts.page.get(at).copied(),
            Place::Disk => Some(facts.disk.get(at).copied().unwrap_or([Cell::Hole; 2])),
            Place::Read(who) => {
                let read = facts.answer(who).read;
                read.iter().find(|(read, _)| *read == block).map(|(_, held)| *held)
            }
        }
    }
}

impl Expr {
    /// Whether it holds at that end.
    pub fn holds(&self, facts: &Facts) -> bool {
        match self {
            Expr::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Expr::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Expr::Not(expr) => !expr.holds(facts),
            Expr::Compare(left, relation, right) => {
                let (left, right) = (left.value(facts), right.value(facts));
                let (Value::Number(a), Value::Number(b)) = (left, right) else {
                    return left.is(right) == (*relation == Relation::Equal);
                };
                match relation {
                    Relation::Equal => a == b,
                    Relation::Unequal => a != b,
                    Relation::Less => a < b,
                    Relation::AtMost => a <= b,
                    Relation::Greater => a > b,
                    Relation::AtLeast => a >= b,
                }
            }
        }
    }

    fn terms(&self) -> Vec<Term> {
        match self {
            Expr::Any(parts) | Expr::All(parts) => parts.iter().flat_map(Expr::terms).collect(),
            Expr::Not(expr) => expr.terms(),
            Expr::Compare(left, _, right) => vec![*left, *right],
        }
    }

    pub(super) fn asks_for_answers(&self) -> bool {
        let asks = |term: &Term| matches!(term, Term::Blocks(_) | Term::At(Place::Read(_), ..));
        self.terms().iter().any(asks)
    }

    /// The calls of which it asks what they return.
    pub fn asks_what_returns(&self) -> Vec<Who> {
        let who = |term| if let Term::Returns(who) = term { Some(who) } else { None };
        self.terms().into_iter().filter_map(who).collect()
    }

    /// What each place of it holds at that end: `R[0] is zeros`.
    pub(super) fn values(&self, facts: &Facts, name: impl Fn(TaskId) -> Task) -> Vec<String> {
        let mut shown: Vec<String> = Vec::new();
        for term in self.terms().into_iter().filter_map(|term| term.shown(facts, &name)) {
            if !shown.contains(&term) {
                shown.push(term);
            }
        }
        shown
    }
}
