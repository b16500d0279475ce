//! What serialises: the fair rwsem, `i_dio_count` with its drain, the DIOREAD_LOCK gate, journal handles and
//! their commit, wait queues.

mod commit;
mod dio_count;
mod drain;
mod gate;
mod journal;
mod rwsem;
mod wait_queue;

pub use commit::Commit;
pub use dio_count::Counter;
pub use drain::{InodeDioDone, InodeDioWait};
pub use gate::Gate;
pub use journal::Journal;
pub use rwsem::RwSem;
pub use wait_queue::Waiters;
