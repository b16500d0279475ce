//! A proof that nobody is stuck, on paper: the order of what is waited for, and every step that waits.
//!
//! ```text
//! diolock certificate 1
//! kernel: v6.12
//! without: 1c9114f9c0f1
//! file: size = 1, extents = ["written"]
//! call: pwrite block=0
//! order: i_rwsem < i_dio_count < i_data_sem
//! wait: pwrite block=0 | ext4_map_blocks TakeShared | i_data_sem | i_rwsem, i_dio_count
//! ```
//!
//! Of a wait: the call (`pwrite block=0, completion` of its completion), the kernel function and the step, what is
//! waited for, and all that may be held meanwhile.

use super::deadlock::Deadlock;
use super::scene::Scene;
use super::waits::{Class, Wait};
use std::fmt::Write;

/// The first line.
pub(super) const TITLE: &str = "diolock certificate 1";

/// What follows a call's text for its completion.
pub(super) const COMPLETION: &str = ", completion";

/// The certificate, if there is a proof.
pub fn certificate(scene: &Scene, found: &Deadlock) -> Option<String> {
    let order = found.order.as_ref().ok().filter(|_| found.proved())?;
    let mut text = format!("{TITLE}\nkernel: {}\n", scene.kernel.version.name());
    for fix in scene.kernel.removed() {
        let _ = writeln!(text, "without: {}", fix.about().commit);
    }
    let _ = writeln!(text, "file: {}", scene.file);
    for template in &scene.templates {
        let _ = writeln!(text, "call: {}", template.text);
    }
    let _ = writeln!(text, "order: {}", in_order(order));
    // What is held less is covered by what is held more.
    let covered = |wait: &Wait, by: &Wait| {
        let place = |wait: &Wait| (wait.completion, wait.function, wait.step);
        wait.call == by.call && place(wait) == place(by) && wait.holds.is_subset(&by.holds)
    };
    for wait in &found.waits {
        if !found.waits.iter().any(|by| by != wait && covered(wait, by)) {
            let _ = writeln!(text, "wait: {}", line(wait));
        }
    }
    Some(text)
}

/// `i_rwsem < i_data_sem`.
pub fn in_order(order: &[Class]) -> String {
    let names: Vec<String> = order.iter().map(Class::to_string).collect();
    names.join(" < ")
}

fn line(wait: &Wait) -> String {
    let Wait { call, completion, function, step, holds, wants } = wait;
    let completion = if *completion { COMPLETION } else { "" };
    let holds: Vec<String> = holds.iter().map(Class::to_string).collect();
    let holds = if holds.is_empty() { "-".to_owned() } else { holds.join(", ") };
    format!("{call}{completion} | {function} {step} | {wants} | {holds}")
}
