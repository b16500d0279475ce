//! What the tasks of a recording share, as far as the recording tells: locks, counts, sizes, extents.
//!
//! `acq` and `dio_begin` are recorded after the fact, `rel` and `dio_end` before it. A recorded hold
//! is therefore part of the real one, and between two events of one thread a value that it read may
//! be any that the world had meanwhile: that is its [`Window`].

mod dio;
mod dios;
mod locks;
mod lookup;
mod lookups;
mod shared;
mod span;
mod wait;
mod waits;
mod window;

pub use dio::{Dio, Stage};
pub use shared::World;
pub use span::{Span, Window};
pub use wait::Wait;
