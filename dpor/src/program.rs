//! What a search is told of the program that it explores.

use std::fmt::Debug;

/// A task's number: 0, 1, 2 and so on, at most 63.
pub type Task = usize;

/// A program of tasks that take steps, each of which happens at once.
///
/// It must be deterministic: what a step does depends on the state and on nothing else. And every
/// execution must end.
///
/// # The two promises
/// 1. Of two steps that are not [dependent](Dependence) either order leads to the same state, and
///    neither can make the other wait, let it go on, or change what it is.
/// 2. What a task does next depends on what its own steps did: only its own steps change
///    [`next`](Program::next), and a step of another task that [starts](Program::starts) it.
///
/// A program that breaks one of them loses traces, and nothing says so. The way to find out is to
/// run a small one in every order and to compare, as this crate's own tests do.
pub trait Program {
    /// Everything at one moment: what tasks share, and where each stands.
    type State: Clone;
    /// A step that can be told before it is taken.
    type Step: Clone + Debug;
    /// What a step touches. [`Touches`] will do for most.
    type Footprint: Dependence + PartialEq + Debug;
    /// What a [count](Program::count) counts; `()` if there is none.
    type Counter: PartialEq;

    /// How many tasks there are, those included that are started on the way.
    fn tasks(&self) -> usize;

    /// The state before the first step.
    fn start(&self) -> Self::State;

    /// The next step of a task, whether or not it must wait; `None` if it has none (any more).
    fn next(&self, state: &Self::State, task: Task) -> Option<Self::Step>;

    /// Whether a task's next step can be taken at once.
    fn enabled(&self, state: &Self::State, task: Task, step: &Self::Step) -> bool;

    /// What a task's next step would touch if it were taken now. A step that must wait touches what
    /// it waits for.
    fn footprint(&self, state: &Self::State, task: Task, step: &Self::Step) -> Self::Footprint;

    /// Takes a step, which is enabled; what it has touched.
    fn take(&self, state: &mut Self::State, task: Task, step: &Self::Step) -> Self::Footprint;

    /// Whether a step may ever have to wait. `true` is always right; `false` saves a look.
    fn may_wait(&self, _step: &Self::Step) -> bool {
        true
    }

    /// Whether a step starts a task, which has no next step until then.
    fn starts(&self, _step: &Self::Step, _task: Task) -> bool {
        false
    }

    /// Whether `later` must wait in *every* state in which `earlier` is its task's next step and
    /// enabled, `before` being one of them: the earlier step lets go of what the later one waits
    /// for, as an unlock and the lock that it makes way for.
    ///
    /// Such a race cannot be reversed and is passed over. `false` is always right: then every
    /// enabled task is tried there, which costs executions that are cut off or repeat a trace.
    ///
    /// `balanced` says that so far every [count](Program::count) that was lowered had been raised by
    /// a step that nobody else's lowering answers to. "The count is above 0 as long as somebody is
    /// about to lower it" may be concluded from that only.
    fn never_together(
        &self,
        _before: &Self::State,
        _earlier: (Task, &Self::Step),
        _later: (Task, &Self::Step),
        _balanced: bool,
    ) -> bool {
        false
    }

    /// Whether a step raises or lowers a count that others wait for. It is asked for the sake of
    /// `balanced` alone.
    fn count(&self, _step: &Self::Step) -> Option<Count<Self::Counter>> {
        None
    }
}

/// What a step does to a count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count<C> {
    /// It goes up.
    Raises(C),
    /// It goes down.
    Lowers(C),
}

/// Which steps depend on each other.
pub trait Dependence {
    /// Whether the order of two steps of different tasks can matter. It is symmetric.
    fn dependent(&self, other: &Self) -> bool;
}

/// How a step touches an object. Two looks commute, two additions commute, nothing else does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Access {
    /// Looks.
    Read,
    /// Adds to it and does not look.
    Add,
    /// Changes it, or takes a lock.
    Write,
}

impl Access {
    /// Whether the order of two accesses to one object can be told.
    pub fn conflicts(self, other: Access) -> bool {
        self != other || self == Access::Write
    }
}

/// A step's objects, and how it touches each: dependent if one object is touched in conflicting ways.
pub type Touches<O> = Vec<(O, Access)>;

impl<O: PartialEq> Dependence for Touches<O> {
    fn dependent(&self, other: &Self) -> bool {
        self.iter().any(|a| other.iter().any(|b| a.0 == b.0 && a.1.conflicts(b.1)))
    }
}
