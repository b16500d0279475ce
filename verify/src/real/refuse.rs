//! What of a litmus test no program can carry out.

use crate::litmus::{CallSpec, Litmus, TaskSpec};
use crate::program::Memory;
use diolock::op::{Extent, Fault};

/// Why a litmus test cannot be run on a real kernel, whichever it is; `None` if it can.
pub fn refused(litmus: &Litmus) -> Option<String> {
    if litmus.memory == Memory::C11 {
        return Some(
            "it is about memory orders: what a processor may do is not provoked by calls"
                .to_owned(),
        );
    }
    let calls = || litmus.tasks.iter().flat_map(|task| &task.calls);
    if let Some((call, why)) = calls().find_map(|call| Some((call, of_call(call)?))) {
        return Some(format!("{}: {why}", call.text()));
    }
    let setup = litmus.setup.iter().find_map(|call| Some((call, of_call(call)?)));
    if let Some((call, why)) = setup {
        return Some(format!("{} in the setup: {why}", call.text()));
    }
    let asynchronous =
        |task: &&TaskSpec| task.calls.iter().filter(|call| call.is_aio()).count() > 1;
    if let Some(task) = litmus.tasks.iter().find(asynchronous) {
        let letter = task.letter;
        return Some(format!(
            "{letter} has several requests on their way: one a thread is waited for"
        ));
    }
    of_file(litmus)
}

fn of_call(call: &CallSpec) -> Option<&'static str> {
    let fails = |fault: Option<Fault>| {
        fault.map(|_| "an allocation that fails is not made to fail from user space")
    };
    match call {
        CallSpec::Pwrite { fault: Some(_), .. } => fails(Some(Fault::Enospc)),
        CallSpec::Pwrite { pins: true, .. } => Some("what absent pages met is gone since v5.10"),
        CallSpec::Ftruncate { fault, .. }
        | CallSpec::Falloc { fault, .. }
        | CallSpec::ZeroRange { fault, .. }
        | CallSpec::ShiftRange { fault, .. } => fails(*fault),
        CallSpec::PunchHole { indirect: true, .. } => Some("the file has extents"),
        CallSpec::PunchHole { fault, .. } => fails(*fault),
        CallSpec::Pread { repeat: true, .. } => Some("it never ends"),
        CallSpec::Pread { late_size: true, .. } => Some("an order inside an old kernel's read"),
        CallSpec::DioWait(_) | CallSpec::DioDone(_) | CallSpec::EndBio(_) => {
            Some("a part of a call, taken apart; user space starts whole calls")
        }
        CallSpec::Uring { .. } => Some("who runs its completion is for io_uring to choose"),
        CallSpec::PwriteClose { .. } => Some("the last close is that of whoever looks at the file"),
        CallSpec::Writeback { .. } => Some("a part of writeback; `writepages` is all of it"),
        CallSpec::Commit => Some("when the journal commits is for the kernel to choose"),
        CallSpec::Append(_) => Some("a part of a write, for memory orders"),
        CallSpec::Fallocate(_) => Some("a part of fallocate; `falloc` is all of it"),
        CallSpec::Reclaim { .. } => Some("when memory is short is for the kernel to find"),
        CallSpec::Evict | CallSpec::WriteThatEvicts => {
            Some("when an inode is evicted is for the kernel to choose")
        }
        CallSpec::PageFault { .. } | CallSpec::Mmap => {
            Some("locks of an old kernel's address space")
        }
        _ => None,
    }
}

/// Files that no calls make.
fn of_file(litmus: &Litmus) -> Option<String> {
    let size = litmus.size;
    let behind = litmus.extents.iter().skip(size.up() as usize);
    if behind.clone().any(|&extent| extent == Extent::Written) {
        return Some("a written block past the end of the file: no calls leave one".to_owned());
    }
    if let Some(disksize) = litmus.disksize.filter(|&disksize| disksize != size) {
        let lagging = litmus.extents.iter().skip(disksize.down() as usize);
        if disksize > size || litmus.cached_pages == 0 {
            return Some(format!(
                "an i_disksize of {disksize}, and nothing that is still to be written"
            ));
        }
        if disksize.splits() || lagging.clone().any(|&extent| extent != Extent::Hole) {
            return Some("an i_disksize that lags behind for blocks that are there".to_owned());
        }
    }
    None
}
