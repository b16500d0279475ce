//! What a task's stack tells: where it sleeps, for which lock, and which function it is in.

use super::image::Image;
use super::rsp::{Cpu, Rsp};
use diolock::op::{LockName, TaskId};
use std::collections::BTreeMap;
use std::io;

/// A call of a function that is so far away.
const CALL: u8 = 0xe8;
/// More functions on a stack than are ever probed.
const PROBED: usize = 64;
/// How long a stack is, and how it is aligned (`THREAD_SIZE`).
const STACK: u64 = 16 << 10;

/// Where a task sleeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slept {
    /// Who.
    pub task: TaskId,
    /// The functions on its stack, the innermost first.
    pub stack: Vec<String>,
    /// The lock of the file that it is queued for.
    pub lock: Option<LockName>,
}

/// A machine that is stopped, and the file of its tasks.
pub(super) struct Stopped<'a> {
    pub(super) rsp: &'a mut Rsp,
    pub(super) image: &'a Image,
    pub(super) inode: Option<u64>,
}

impl Stopped<'_> {
    /// Where a function returns to that the task on a processor is in already; `address` is its `task_struct`.
    pub(super) fn returns_to(
        &mut self,
        (cpu, address): (Cpu, u64),
        function: u64,
    ) -> io::Result<Option<u64>> {
        let stack = self.rsp.registers(cpu)?.stack;
        for word in self.words(address, stack)? {
            // What is returned to stands behind a call: its last four bytes are how far the function is.
            let call = if self.image.function(word).is_some() {
                self.rsp.memory(word - 5, 5)?
            } else {
                None
            };
            let far = call
                .filter(|call| call[0] == CALL)
                .and_then(|call| <[u8; 4]>::try_from(&call[1..]).ok());
            let called =
                far.map(|far| word.wrapping_add_signed(i64::from(i32::from_le_bytes(far))));
            if called == Some(function) {
                return Ok(Some(word));
            }
        }
        Ok(None)
    }

    /// Where a task sleeps that has left its processor; `address` is its `task_struct`.
    pub(super) fn slept(&mut self, task: TaskId, address: u64) -> io::Result<Slept> {
        let stack = self.rsp.word(address + self.image.offsets().sp)?;
        let mut functions: Vec<String> = Vec::new();
        for word in self.words(address, stack)? {
            let Some(name) = self.image.function(word).map(str::to_owned) else { continue };
            let call = self.rsp.memory(word - 5, 1)?.is_some_and(|bytes| bytes == [CALL]);
            if call && !name.contains("schedule") && functions.last() != Some(&name) {
                functions.push(name);
            }
        }
        let mut lock = None;
        for name in [LockName::IRwsem, LockName::InvalidateLock, LockName::IDataSem] {
            if lock.is_none() && self.queued(address, name)? {
                lock = Some(name);
            }
        }
        Ok(Slept { task, stack: functions, lock })
    }

    /// What a task's stack holds, from there on.
    fn words(&mut self, address: u64, stack: u64) -> io::Result<Vec<u64>> {
        let probed = self.probed(address)?;
        // Behind its end there is nothing.
        let end = (stack | (STACK - 1)) + 1;
        let bytes = self.rsp.memory(stack, (end - stack).min(2048) as usize)?.unwrap_or_default();
        let words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok());
        let words = words.map(u64::from_le_bytes).zip((stack..).step_by(8));
        Ok(words.map(|(word, at)| probed.get(&at).copied().unwrap_or(word)).collect())
    }

    /// Where on its stack what a function returns to has made place for a probe, and what that was.
    fn probed(&mut self, address: u64) -> io::Result<BTreeMap<u64, u64>> {
        let offsets = self.image.offsets();
        let (rethooks, rethook) = (offsets.rethooks, offsets.rethook);
        let mut probed = BTreeMap::new();
        let mut next = self.rsp.word(address + rethooks)?;
        while next != 0 && probed.len() < PROBED {
            let node = next - rethook.list;
            let frame = self.rsp.word(node + rethook.frame)?;
            probed.insert(frame, self.rsp.word(node + rethook.returns_to)?);
            next = self.rsp.word(next)?;
        }
        Ok(probed)
    }

    /// Whether a task is in the queue of that lock: `rwsem_waiter` has its list first, and the task next.
    fn queued(&mut self, task: u64, lock: LockName) -> io::Result<bool> {
        let Some(sem) = self.inode.and_then(|inode| self.image.lock(inode, lock)) else {
            return Ok(false);
        };
        let head = sem + self.image.offsets().wait_list;
        let mut waiter = self.rsp.word(head)?;
        for _ in 0..16 {
            if waiter == head {
                break;
            }
            if self.rsp.word(waiter + 16)? == task {
                return Ok(true);
            }
            waiter = self.rsp.word(waiter)?;
        }
        Ok(false)
    }
}
