//! Which of the model's kernels a running one is held against.

use diolock::kernel::Version;

/// `6.18.44` is 6, 18 and 44; `6.18` has 0 at the end.
fn number(release: &str) -> Option<(u32, u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((major, minor, parts.next().and_then(|patch| patch.parse().ok()).unwrap_or(0)))
}

/// That of a kernel that was released.
fn number_of(version: Version) -> Option<(u32, u32, u32)> {
    version.name().strip_prefix('v').and_then(number)
}

/// The stable kernel that the release is, or came after; or the newest of the others that is not newer.
pub fn newest_not_after(release: &str) -> Option<Version> {
    let running = number(release)?;
    let not_newer = |version: &Version| number_of(*version).is_some_and(|of| of <= running);
    let series = |version: &Version| {
        number_of(*version).is_some_and(|of| (of.0, of.1) == (running.0, running.1))
    };
    let stable = Version::STABLE.iter().copied().filter(series).rfind(not_newer);
    stable.or_else(|| Version::ALL.into_iter().rfind(not_newer))
}

/// What to say if what runs is not what the model's kernel is.
pub fn other_kernel(release: &str, version: Version) -> Option<String> {
    let (running, of, name) = (number(release)?, number_of(version), version.name());
    let series = of.is_some_and(|of| (of.0, of.1) == (running.0, running.1));
    (!series || newest_not_after(release) != Some(version)).then(|| {
        format!(
            "this kernel is {release}, and what is allowed is what {name} allows:\n  what is seen and not allowed may have come \
             between the two"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_that_is_not_newer_than_the_running_one_is_meant() {
        for (release, version) in [
            ("7.5.0", Some(Version::V7_3)),
            ("7.2.1", Some(Version::V7_0)),
            ("6.18.44-amd64", Some(Version::V6_18)),
            ("6.17.2", Some(Version::V6_12)),
            ("6.12.0", Some(Version::V6_12)),
            ("6.12.116", Some(Version::V6_12)),
            ("6.12.117+deb12-cloud-amd64", Some(Version::V6_12_117)),
            ("6.12.200", Some(Version::V6_12_117)),
            ("6.13.1", Some(Version::V6_12)),
            ("6.1.192", Some(Version::V6_1_192)),
            ("6.11.9", Some(Version::V6_1)),
            ("5.10.0-44", Some(Version::V5_10)),
            ("3.8.0", Some(Version::V3_7)),
            ("2.6.32", None),
            ("nonsense", None),
        ] {
            assert_eq!(newest_not_after(release), version, "{release}");
        }
        assert_eq!(other_kernel("6.12.50", Version::V6_12), None);
        assert_eq!(other_kernel("6.12.117", Version::V6_12_117), None);
        assert!(other_kernel("6.12.117", Version::V6_12).is_some());
        assert!(other_kernel("6.18.44", Version::V6_12).is_some());
        assert_eq!(other_kernel("6.18.44", Version::V6_18), None);
    }
}
