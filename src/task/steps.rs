//! One list a task: its steps, where the kernel does them, what they do, and where they go.

/// Makes a task of one list: the struct, its [`Task`](crate::task::Task) and its doc table.
///
/// ```text
/// steps! {
///     /// What it is.
///     pub struct PunchHole { workers: Vec<EndPageIo> }
///     /// Punches `range`.
///     pub fn new(range: Range, kernel: Kernel);
///     in "ext4_punch_hole" => Step / At |self, outcome|;
///
///     TakeRwsem "inode_lock" => Op::Lock(IRwsem, Exclusive);
///     ReadSize "inode->i_size" => Op::SizeRead
///         => (self.range.start >= outcome.size()).then_some(Step::DropRwsem);
///     Drain "inode_dio_wait" if self.kernel.has(Fix::PunchDrains) => Op::DioWait;
///     StartTime in "file_modified" "ext4_journal_start" => Op::JournalStart(Handle::Time);
///     DropPages(pages: TruncatePages) => TruncatePages::new(self.range);
///     …
/// }
/// ```
///
/// The arguments of `new` become fields; the fields of the struct itself are what the task makes of what it
/// learns, false, 0 and empty at the start. (Without a `new` here its constructors are written out, and end
/// with `.begin()`.)
///
/// A row is its name, the kernel function it stands in if that is not the head's (`in "…"`), what it is called
/// there, the condition without which it is passed over (`if`), what it does (`=>`), and what comes of it (the
/// second `=>`).
///
/// * It does an [`Op`](crate::op::Op); or, with `(name: Type)`, it runs another task to its end.
/// * What comes of it is an expression with `outcome` or the called task in scope, and `self` to change. `()`
///   goes on to the row below; `Step::Name`, or `Some` of it, goes on there.
///
/// A condition is looked at when the rows before it are over, and a called task is made then. One that has
/// nothing to do is over at once; so one that goes on at itself needs a condition that ends it. A `?` in what makes
/// it passes the row over. `Step` is the enum of rows, `At` where a task stands, in the field `step`.
macro_rules! steps {
    (
        $(#[$doc:meta])*
        $vis:vis struct $task:ident {
            $($(#[$field_doc:meta])* $field_vis:vis $field:ident : $field_ty:ty),* $(,)?
        }
        $(
            $(#[$new_doc:meta])*
            $(pub $(($scope:ident))?)? fn $new:ident($($arg:ident : $arg_ty:ty),* $(,)?);
        )?
        in $function:expr => $step:ident / $at:ident |$self:ident, $outcome:ident|;
        $(
            $row:ident $(($call:ident : $called:ty))? $(in $inner:literal)? $($what:literal)?
            $(if $when:expr)? => $does:expr $(=> $then:expr)?;
        )+
    ) => {
        $(#[$doc])*
        ///
        /// | step | kernel | does | if |
        /// |------|--------|------|----|
        $(#[doc = concat!(
            "| ", stringify!($row), " | ", $($inner, ": ",)? $($what,)? " | `",
            $crate::task::steps!(@shown $does $(, $called)?), "` | ",
            $("`", stringify!($when), "`",)? " |",
        )])+
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        $vis struct $task {
            $($($arg: $arg_ty,)*)?
            $($(#[$field_doc])* $field_vis $field: $field_ty,)*
            step: $at,
        }

        $crate::task::steps!(@new $task $at [$($field)*] $(
            [$(#[$new_doc])* $(pub $(($scope))?)? fn $new] $($arg: $arg_ty)*
        )?);

        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(clippy::enum_variant_names, reason = "rows are named for the kernel, not for their enum")]
        enum $step {
            $($row,)+
            Done,
        }

        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        #[allow(clippy::enum_variant_names, reason = "rows are named for the kernel, not for their enum")]
        #[allow(clippy::large_enum_variant, reason = "a state is copied as one piece: what is called stands in it")]
        enum $at {
            $($row $(($called))?,)+
            Done,
        }

        impl $crate::task::Row for $step {
            fn below(self) -> $step {
                const ALL: &[$step] = &[$($step::$row,)+ $step::Done, $step::Done];
                ALL[self as usize + 1]
            }
        }

        #[allow(unused_variables, dead_code, reason = "not every list needs all that is in its scope")]
        impl $task {
            /// Goes to the first row that is done.
            fn begin($self) -> $task {
                const FIRST: $step = [$($step::$row),+][0];
                $self.begin_at(FIRST)
            }

            /// Goes to that row, or to the first after it that is done.
            fn begin_at(mut $self, row: $step) -> $task {
                $self.go(row);
                $self
            }

            /// Where the task stands at a row; `None` if that is passed over.
            fn enter(&mut $self, row: $step) -> Option<$at> {
                Some(match row {
                    $($step::$row => {
                        $(if !($when) {
                            return None;
                        })?
                        $at::$row $(({ let $call = $does; $call }))?
                    })+
                    $step::Done => $at::Done,
                })
            }

            /// Makes of a row that is over what comes of it.
            fn after(&mut $self, at: $at, $outcome: $crate::op::Outcome) -> $step {
                match at {
                    $($at::$row $(($call))? => {
                        let below = $crate::task::Row::below($step::$row);
                        $crate::task::steps!(@then below $(, $then)?)
                    })+
                    $at::Done => $step::Done,
                }
            }

            fn go(&mut $self, mut row: $step) {
                $self.step = loop {
                    let Some(at) = $self.enter(row) else {
                        row = $crate::task::Row::below(row);
                        continue;
                    };
                    match &at {
                        $($at::$row $(($call))? => if !$crate::task::steps!(@over $($call)?) {
                            break at;
                        })+
                        $at::Done => break at,
                    }
                    row = $self.after(at, $crate::op::Outcome::Done);
                };
            }
        }

        #[allow(unused_variables, reason = "not every list needs all that is in its scope")]
        #[allow(unreachable_code, reason = "in a list of calls alone every arm of `next` returns")]
        impl $crate::task::Task for $task {
            fn next(&$self) -> Option<$crate::op::Op> {
                Some(match &$self.step {
                    $($at::$row $(($call))? => $crate::task::steps!(@next $does $(, $call)?),)+
                    $at::Done => return None,
                })
            }

            fn resume(&mut $self, $outcome: $crate::op::Outcome) {
                let outcome = match &mut $self.step {
                    $($at::$row $(($call))? => $crate::task::steps!(@resume $outcome $(, $call)?),)+
                    $at::Done => return,
                };
                let at = std::mem::replace(&mut $self.step, $at::Done);
                let row = $self.after(at, outcome);
                $self.go(row);
            }

            fn done(&$self) -> bool {
                matches!($self.step, $at::Done)
            }

            fn place(&$self) -> $crate::task::Place {
                match &$self.step {
                    $($at::$row $(($call))? => {
                        $crate::task::steps!(@place $row [$($what)?] $function $(, in $inner)? $(, called $call)?)
                    })+
                    $at::Done => $crate::task::Place::done($function),
                }
            }
        }
    };
    (@new $task:ident $at:ident [$($field:ident)*]) => {};
    (@new $task:ident $at:ident [$($field:ident)*] [$($new:tt)*] $($arg:ident: $arg_ty:ty)*) => {
        impl $task {
            $($new)*($($arg: $arg_ty),*) -> $task {
                $task { $($arg,)* $($field: Default::default(),)* step: $at::Done }.begin()
            }
        }
    };
    (@shown $does:expr) => { stringify!($does) };
    (@shown $does:expr, $called:ty) => { concat!("see ", stringify!($called)) };
    (@then $below:ident) => { $below };
    (@then $below:ident, $then:expr) => { $crate::task::Goto::or($then, $below) };
    (@over) => { false };
    (@over $call:ident) => { $crate::task::Task::done($call) };
    (@next $does:expr) => { $does };
    (@next $does:expr, $call:ident) => { return $crate::task::Task::next($call) };
    (@resume $outcome:ident) => { $outcome };
    (@resume $outcome:ident, $call:ident) => {{
        $crate::task::Task::resume($call, $outcome);
        if !$crate::task::Task::done($call) {
            return;
        }
        $crate::op::Outcome::Done
    }};
    (@place $row:ident [$($what:literal)?] $function:expr) => {
        $crate::task::Place { step: stringify!($row), kernel: $function, what: concat!($($what)?) }
    };
    (@place $row:ident [$($what:literal)?] $function:expr, in $inner:literal) => {
        $crate::task::Place { step: stringify!($row), kernel: $inner, what: concat!($($what)?) }
    };
    (@place $row:ident [$($what:literal)?] $function:expr $(, in $inner:literal)?, called $call:ident) => {
        $crate::task::Task::place($call)
    };
}
pub(crate) use steps;

/// A row of a task's list.
pub(crate) trait Row: Copy {
    /// The row below.
    fn below(self) -> Self;
}

/// What comes of a row, as a row to go on at.
pub(crate) trait Goto<S> {
    /// That row, or else the one `below`.
    fn or(self, below: S) -> S;
}

impl<S> Goto<S> for () {
    fn or(self, below: S) -> S {
        below
    }
}

impl<S: Row> Goto<S> for S {
    fn or(self, _: S) -> S {
        self
    }
}

impl<S: Row> Goto<S> for Option<S> {
    fn or(self, below: S) -> S {
        self.unwrap_or(below)
    }
}
