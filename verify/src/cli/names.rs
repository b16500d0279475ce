//! Names that people type, and what they may have meant.

use diolock::kernel::{FIXES, Fix, Kernel, Version};
use diolock_verify::engine::EngineName;
use diolock_verify::litmus::{Litmus, catalogue};
use std::path::Path;

/// An engine by name.
pub fn engine(text: &str) -> Result<EngineName, String> {
    let allowed = EngineName::ALL.map(EngineName::name);
    let found = EngineName::ALL.into_iter().find(|e| e.name() == text);
    found.ok_or_else(|| unknown("engine", text, &allowed))
}

/// A kernel by name.
pub fn kernel(text: &str) -> Result<Version, String> {
    let allowed = Version::ALL.map(Version::name);
    let found = Version::ALL.into_iter().find(|v| v.name() == text);
    found.ok_or_else(|| unknown("kernel", text, &allowed))
}

/// A fix by its commit.
pub fn fix(text: &str) -> Result<Fix, String> {
    Fix::named(text).ok_or_else(|| unknown("fix", text, &FIXES.map(|about| about.commit)))
}

/// A kernel without some of its fixes.
pub fn kernel_without(version: Version, without: &[Fix]) -> miette::Result<Kernel> {
    let lacks = without.iter().find(|&&fix| !Kernel::new(version).has(fix));
    if let Some(about) = lacks.map(|fix| fix.about()) {
        let (name, since, commit) = (version.name(), about.since.name(), about.commit);
        miette::bail!("{name} does not have {commit} to do without: it came with {since}");
    }
    Ok(without.iter().fold(Kernel::new(version), |kernel, &fix| kernel.without(fix)))
}

/// The litmus tests that names and paths stand for; all if there are none.
pub fn litmuses(names: &[String]) -> miette::Result<Vec<Litmus>> {
    if names.is_empty() {
        return catalogue::all();
    }
    names.iter().map(|name| litmus(name)).collect()
}

/// One litmus test by name or path.
pub fn litmus(name: &str) -> miette::Result<Litmus> {
    let is_path =
        name.contains(['/', '\\']) || name.ends_with(".toml") || Path::new(name).is_file();
    if !is_path {
        let names: Vec<String> = catalogue::all()?.into_iter().map(|l| l.name).collect();
        if !names.iter().any(|n| n == name) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            return Err(miette::miette!(
                help = "`diolock list` describes them; a path to a TOML file works too",
                "{}",
                unknown("litmus test", name, &names)
            ));
        }
    }
    catalogue::find(name)
}

fn unknown(kind: &str, text: &str, allowed: &[&str]) -> String {
    let near = allowed
        .iter()
        .map(|name| (strsim::jaro_winkler(text, name), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let near = near.map(|(_, name)| format!("; did you mean {name}?")).unwrap_or_default();
    format!("there is no {kind} '{text}'{near}\n  allowed: {}", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_named_and_nonsense_is_not() {
        assert!(kernel("v3.8").unwrap_err().contains("did you mean v3."));
        assert!(!kernel("zzz").unwrap_err().contains("did you mean"));
        assert!(engine("lom").unwrap_err().contains("did you mean loom?"));
        assert!(fix("1f555cfa29e9").unwrap_err().contains("did you mean 1f555cfa29e8?"));
        assert_eq!(fix("1f555cfa"), Ok(Fix::CountBeforeUnlock));
    }
}
