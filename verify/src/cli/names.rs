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
    Version::named(text).ok_or_else(|| unknown("kernel", text, &kernels()))
}

/// All of them.
fn kernels() -> Vec<&'static str> {
    Version::ALL.iter().chain(Version::STABLE).map(|version| version.name()).collect()
}

/// A kernel of which recordings can be judged.
pub fn recorded_kernel(text: &str) -> Result<Version, String> {
    use Version::{V6_1, V6_1_192, V6_12, V6_12_117};
    match kernel(text)? {
        version @ (V6_1 | V6_1_192 | V6_12 | V6_12_117) => Ok(version),
        version => Err(format!("recordings are of v6.1 or v6.12, not {}", version.name())),
    }
}

/// A kernel that Debian builds: a release stands for the stable one that came of it.
pub fn debian_kernel(text: &str) -> Result<Version, String> {
    match kernel(text)? {
        Version::V6_1 | Version::V6_1_192 => Ok(Version::V6_1_192),
        Version::V6_12 | Version::V6_12_117 => Ok(Version::V6_12_117),
        version => Err(format!("Debian has no {} to boot: v6.1 or v6.12", version.name())),
    }
}

/// A fix by its commit.
pub fn fix(text: &str) -> Result<Fix, String> {
    Fix::named(text).ok_or_else(|| {
        let known: Vec<_> = FIXES.iter().map(|about| about.commit).collect();
        unknown("fix", text, &known)
            + "\n  `diolock matrix` lists the fixes and what each is needed for"
    })
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

/// A kernel and what it lacks: `v3.7-1f555cfa29e8-closer-smp_mb`.
pub fn kernel_less(text: &str) -> Result<Kernel, String> {
    let names = Version::ALL.iter().chain(Version::STABLE);
    let mut names = names.map(|&version| (version, text.strip_prefix(version.name())));
    let fits = |rest: &&str| rest.is_empty() || rest.starts_with('-');
    let found = names.find_map(|(v, rest)| Some((v, rest.filter(|r| fits(r))?)));
    let Some((version, rest)) = found else {
        let first = text.split('-').next().unwrap_or_default();
        return Err(kernel(if text.starts_with("rfc") { text } else { first })
            .err()
            .unwrap_or_else(|| unknown("kernel", text, &kernels())));
    };
    let fixes = if rest.is_empty() { Vec::new() } else { fixes(&rest[1..])? };
    let whole = Kernel::new(version);
    kernel_without(version, &fixes).map_err(|error| error.to_string())?;
    Ok(fixes.into_iter().fold(whole, Kernel::without))
}

/// Fixes with a `-` between them; their names may have some too.
fn fixes(text: &str) -> Result<Vec<Fix>, String> {
    let ends = text.match_indices('-').map(|(at, _)| at).chain([text.len()]);
    let mut rest_is_wrong = None;
    for end in ends {
        let Some(fix) = Fix::named(&text[..end]) else { continue };
        match text.get(end + 1..) {
            None => return Ok(vec![fix]),
            Some(rest) => match fixes(rest) {
                Ok(rest) => return Ok([vec![fix], rest].concat()),
                Err(error) => rest_is_wrong = Some(error),
            },
        }
    }
    Err(rest_is_wrong.unwrap_or_else(|| fix(text).err().unwrap_or_default()))
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
    let is_path = name.contains(['/', '\\']) || name.ends_with(".toml");
    if !is_path {
        let names = catalogue::names()?;
        if !names.iter().any(|n| n == name) && Path::new(name).is_file() {
            return catalogue::find(&format!("./{name}"));
        }
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

/// As many names are listed in a message; of more only those that are near.
const FEW: usize = 16;

/// What to say of a name that nothing has: with what is near, or all there is if that is little.
pub fn unknown(kind: &str, text: &str, allowed: &[&str]) -> String {
    let near = allowed.iter().map(|name| (strsim::jaro_winkler(text, name), *name));
    let mut near: Vec<(f64, &str)> = near.filter(|(likeness, _)| *likeness > 0.7).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut message = format!("there is no {kind} '{text}'");
    if let Some((_, nearest)) = near.first() {
        message.push_str(&format!("; did you mean {nearest}?"));
    }
    let near: Vec<&str> = near.iter().skip(1).take(3).map(|(_, name)| *name).collect();
    if allowed.len() <= FEW {
        message.push_str(&format!("\n  allowed: {}", allowed.join(", ")));
    } else if !near.is_empty() {
        message.push_str(&format!("\n  also near: {}", near.join(", ")));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_written_with_what_it_lacks() {
        let v3_7 = Kernel::new(Version::V3_7);
        assert_eq!(kernel_less("v3.7"), Ok(v3_7));
        assert_eq!(kernel_less("rfc-v1"), Ok(Kernel::new(Version::RfcV1)));
        assert_eq!(kernel_less("v3.11"), Ok(Kernel::new(Version::V3_11)));
        let two = v3_7.without(Fix::CountBeforeUnlock).without(Fix::CloserBarrier);
        assert_eq!(kernel_less("v3.7-1f555cfa29e8-closer-smp_mb"), Ok(two));
        assert_eq!(kernel_less("v3.7-closer-smp_mb-1f555cf"), Ok(two));
        let lacks = Kernel::new(Version::RfcV2).without(Fix::TimeUnderImutex);
        assert_eq!(kernel_less("rfc-v2-rfc-v2-time"), Ok(lacks));
        for (text, says) in [
            ("v3.8", "did you mean v3."),
            ("rfc-v3", "did you mean rfc-v"),
            ("", "no kernel ''"),
            ("v3.7-", "no fix ''"),
            ("v3.7-1f555cfa29e9", "did you mean 1f555cfa29e8?"),
            ("v3.7-1f555cfa29e8-", "no fix ''"),
            ("v3.7-1f555cfa29e8-nope", "no fix 'nope'"),
            ("v3.6-1f555cfa29e8", "v3.6 does not have 1f555cfa29e8"),
            ("v3.7x", "no kernel 'v3.7x'"),
        ] {
            let error = kernel_less(text).expect_err(text);
            assert!(error.contains(says), "{text:?} should say {says:?}: {error}");
        }
    }

    #[test]
    fn recordings_and_debian_have_two_series() {
        assert_eq!(recorded_kernel("v6.12"), Ok(Version::V6_12));
        assert_eq!(recorded_kernel("v6.1.192"), Ok(Version::V6_1_192));
        assert_eq!(debian_kernel("v6.12"), Ok(Version::V6_12_117));
        for between in ["v5.10", "v6.18", "v7.0"] {
            assert!(recorded_kernel(between).is_err(), "{between}");
            assert!(debian_kernel(between).is_err(), "{between}");
        }
    }

    #[test]
    fn a_slip_is_named_and_nonsense_is_not() {
        assert!(kernel("v3.8").unwrap_err().contains("did you mean v3."));
        assert!(!kernel("zzz").unwrap_err().contains("did you mean"));
        assert!(engine("lom").unwrap_err().contains("did you mean loom?"));
        assert!(fix("1f555cfa29e9").unwrap_err().contains("did you mean 1f555cfa29e8?"));
        assert_eq!(fix("1f555cfa"), Ok(Fix::CountBeforeUnlock));
    }
}
