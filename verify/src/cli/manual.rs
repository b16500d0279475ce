//! `diolock completions` and `diolock man`: what a shell and `man` want to know of the command line.

use super::args::Arguments;
use super::files::write_whole;
use super::output::Out;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use miette::miette;
use std::path::Path;
use std::process::ExitCode;

/// Prints the completions of a shell.
///
/// # Errors
/// If nothing can be written.
pub fn completions(shell: Shell) -> miette::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "diolock", &mut script);
    print(&script)
}

/// Prints the manual page, or writes one of each subcommand.
///
/// # Errors
/// If something cannot be written.
pub fn man(folder: Option<&Path>) -> miette::Result<ExitCode> {
    let mut whole = Arguments::command();
    whole.build();
    let Some(folder) = folder else { return print(&page(whole)?) };
    std::fs::create_dir_all(folder)
        .map_err(|error| miette!("{} cannot be made: {error}", folder.display()))?;
    let shown = |one: &&Command| !one.is_hide_set() && one.get_name() != "help";
    let parts: Vec<Command> = whole.get_subcommands().filter(shown).cloned().collect();
    let mut out = Out::new();
    for one in std::iter::once(whole).chain(parts) {
        let name = one.get_display_name().unwrap_or(one.get_name()).to_owned();
        let file = folder.join(format!("{name}.1"));
        let text = String::from_utf8_lossy(&page(one)?).into_owned();
        write_whole(&file, &text)?;
        out.line(&file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One page.
fn page(of: Command) -> miette::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(of).render(&mut page).map_err(|error| miette!("no page: {error}"))?;
    Ok(page)
}

fn print(text: &[u8]) -> miette::Result<ExitCode> {
    let mut out = Out::new();
    String::from_utf8_lossy(text).lines().try_for_each(|line| out.line(line))?;
    Ok(ExitCode::SUCCESS)
}
