//! Runs a concurrent program once for every *trace*: every execution that differs in more than the
//! order of steps that do not matter to each other.
//!
//! # Background
//!
//! Three tasks of five steps have 756,756 orders. Most of them are the same to everybody: two
//! neighbouring steps that touch different objects may be swapped and nobody can tell. Executions that
//! become one another by such swaps are one **trace** (Mazurkiewicz). What can be told of an
//! execution, whether it deadlocks, what a task read, what is left at the end, can be told of its
//! trace, so one execution of each is enough, and three tasks that share one lock have not 756,756
//! but six.
//!
//! # How it is done
//!
//! *Partial-order reduction* that is *dynamic* runs the program, looks at what its steps touched, and
//! finds out from that which other orders are worth a run.
//!
//! * A **race** is a pair of dependent steps of two tasks that nothing between them orders: the later
//!   could have come first. Whoever has seen a race has to see it the other way round.
//! * A **source set** of a place is a set of tasks of which one can begin any execution from there, up
//!   to swaps. The search starts with one task, and a race adds another one if none of those that
//!   could begin its reversal is in the set. (Persistent sets, which came before, must hold whoever
//!   might interfere: they are larger.)
//! * A **sleep set** of a place holds the tasks that were tried there, or before, and whose step is
//!   independent of all that has happened since: with it next, an execution would repeat one that was
//!   run. If everybody who can go on is asleep the execution is **cut off**.
//!
//! The algorithm is Source-DPOR of Abdulla, Aronis, Jonsson and Sagonas, *Optimal dynamic partial
//! order reduction* (POPL 2014); sleep sets are Godefroid's (*Partial-Order Methods for the
//! Verification of Concurrent Systems*, LNCS 1032); the question as such is Flanagan's and Godefroid's
//! (*Dynamic partial-order reduction for model checking software*, POPL 2005). Their tasks never wait;
//! here steps may, and `search.rs` says what is done about that.
//!
//! # What you write
//!
//! A [`Program`]: tasks, the next step of each, what a step touches, when it must wait. Then
//! [`explore`] runs it:
//!
//! ```
//! use source_dpor::{Access, Program, Task, Touches, explore};
//! use std::ops::ControlFlow;
//!
//! /// Two tasks, each of which takes both locks and lets go of them: in which order?
//! struct TwoLocks {
//!     orders: [[usize; 2]; 2],
//! }
//!
//! /// Who holds each lock, and how many steps each task has taken.
//! #[derive(Clone, Default)]
//! struct State {
//!     holder: [Option<Task>; 2],
//!     at: [usize; 2],
//! }
//!
//! #[derive(Clone, Debug)]
//! enum Step {
//!     Lock(usize),
//!     Unlock(usize),
//! }
//!
//! impl Program for TwoLocks {
//!     type State = State;
//!     type Step = Step;
//!     type Footprint = Touches<usize>;
//!     type Counter = ();
//!
//!     fn tasks(&self) -> usize {
//!         2
//!     }
//!     fn start(&self) -> State {
//!         State::default()
//!     }
//!     fn next(&self, state: &State, task: Task) -> Option<Step> {
//!         let [first, second] = self.orders[task];
//!         let steps = [Step::Lock(first), Step::Lock(second), Step::Unlock(second), Step::Unlock(first)];
//!         steps.get(state.at[task]).cloned()
//!     }
//!     fn enabled(&self, state: &State, _: Task, step: &Step) -> bool {
//!         matches!(step, Step::Unlock(_)) || matches!(step, Step::Lock(l) if state.holder[*l].is_none())
//!     }
//!     fn footprint(&self, _: &State, _: Task, step: &Step) -> Touches<usize> {
//!         let (Step::Lock(lock) | Step::Unlock(lock)) = *step;
//!         vec![(lock, Access::Write)]
//!     }
//!     fn take(&self, state: &mut State, task: Task, step: &Step) -> Touches<usize> {
//!         match *step {
//!             Step::Lock(lock) => state.holder[lock] = Some(task),
//!             Step::Unlock(lock) => state.holder[lock] = None,
//!         }
//!         state.at[task] += 1;
//!         self.footprint(state, task, step)
//!     }
//!     // Not needed, but it saves executions: whoever unlocks holds the lock.
//!     fn never_together(
//!         &self,
//!         _: &State,
//!         (_, earlier): (Task, &Step),
//!         (_, later): (Task, &Step),
//!         _: bool,
//!     ) -> bool {
//!         matches!((earlier, later), (Step::Unlock(a), Step::Lock(b)) if a == b)
//!     }
//! }
//!
//! let same = explore(TwoLocks { orders: [[0, 1], [0, 1]] }, |_| ControlFlow::Continue(()));
//! assert_eq!((same.finished, same.stuck), (2, 0));
//!
//! let mut schedule = None;
//! let crossed = explore(TwoLocks { orders: [[0, 1], [1, 0]] }, |execution| {
//!     if execution.waiting.len() == 2 {
//!         schedule = Some(execution.schedule.to_vec());
//!     }
//!     ControlFlow::Continue(())
//! });
//! assert_eq!(crossed.stuck, 1);
//! assert_eq!(schedule.expect("it was shown").len(), 2, "each has its first lock");
//! ```
//!
//! What runs elsewhere, as threads or coroutines or under shuttle's `Scheduler`, asks a [`Search`]
//! who goes next and tells it what came of that. All it needs beside is a `Program` that knows of a
//! state what each task would do next. `verify/src/engine/shuttle` of diolock, the model checker that
//! this crate was made for, is a search under shuttle.
//!
//! # Which steps are dependent
//!
//! [`Touches`] is a list of objects, each looked at, added to or changed; it answers
//! [`Dependence::dependent`] for you. A footprint of your own may be finer: pushes and pops of a
//! queue commute as long as it is neither empty nor full, say.
//!
//! **A step that waits** touches what it waits for, and whoever can let it go on, or make it wait,
//! conflicts with that. **A queue** for a lock is an object of its own and joining it a step of its
//! own: [`Program::next`] says "join the queue" until the task is in it, and then "take the lock",
//! which must wait while another is ahead. Joining writes the queue, and those who may not pass the
//! waiting read it.
//!
//! # Limits
//!
//! * **Sequentially consistent.** A read sees the last write. For C11's memory orders take loom.
//! * **Every execution ends.** A task that spins runs for ever: model it as a step that waits.
//! * **Source sets, not wakeup trees**: every trace is run to its end once, but executions that are cut
//!   off half way come on top ([`Explored::cut`]), few in practice. Without
//!   [`never_together`](Program::never_together) they are more.
//! * At most 64 tasks, 65,535 steps of one task, and the state is copied once for each step of the
//!   current execution. A step costs time in proportion to the length of the execution.
//! * It believes you: see [the two promises](Program#the-two-promises).

mod driver;
pub mod example;
mod history;
mod program;
mod search;
mod trace;

pub use driver::{Execution, Explored, explore};
pub use program::{Access, Count, Dependence, Program, Task, Touches};
pub use search::Search;
pub use trace::Trace;
