//! The command that runs a schedule again.

use super::fit::WIDTH;
use crate::program::Program;

/// That command, in lines that a shell joins.
pub fn command(program: &Program, letters: &str) -> String {
    let mut parts = vec![format!("  replay: diolock replay {}", program.given)];
    let options = program.kernel.options() + &format!(" --schedule {letters}");
    parts.extend(options.split(" --").map(|part| format!("--{}", part.trim_start_matches('-'))));
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + part.len() + 2 <= WIDTH => {
                line.push(' ');
                line.push_str(&part);
            }
            None => lines.push(part),
            Some(_) => lines.push(format!("          {part}")),
        }
    }
    lines.join(" \\\n") + "\n"
}
