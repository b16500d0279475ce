//! STUB, replaced by the litmus branch: only the signatures that the command line uses.

/// A commented litmus test to start from.
pub fn starter(name: &str) -> String {
    format!("# {name}\nclaim = \"\"\n")
}

/// Whether a name may be a litmus test's.
///
/// # Errors
/// Why not.
pub fn valid_name(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err("a name is made of a-z, 0-9 and -".to_owned());
    }
    Ok(())
}
