//! Which of the model's kernels a running one is held against.

use diolock::kernel::Version;

/// `6.18.44` is 6 and 18.
fn number(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// That of a kernel that was released.
fn number_of(version: Version) -> Option<(u32, u32)> {
    version.name().strip_prefix('v').and_then(number)
}

/// The newest kernel that is not newer than that release.
pub fn newest_not_after(release: &str) -> Option<Version> {
    let running = number(release)?;
    let all = Version::ALL.into_iter().rev();
    all.into_iter().find(|&version| number_of(version).is_some_and(|of| of <= running))
}

/// What to say if what runs is not what the model's kernel is.
pub fn other_kernel(release: &str, version: Version) -> Option<String> {
    let (running, of, name) = (number(release)?, number_of(version), version.name());
    (of != Some(running)).then(|| {
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
            ("6.11.9", Some(Version::V6_1)),
            ("5.10.0-44", Some(Version::V5_10)),
            ("3.8.0", Some(Version::V3_7)),
            ("2.6.32", None),
            ("nonsense", None),
        ] {
            assert_eq!(newest_not_after(release), version, "{release}");
        }
        assert_eq!(other_kernel("6.12.117", Version::V6_12), None);
        assert!(other_kernel("6.18.44", Version::V6_12).is_some());
        assert_eq!(other_kernel("6.18.44", Version::V6_18), None);
    }
}
