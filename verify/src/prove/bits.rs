//! Sets of small numbers, a bit for each.

/// Whether it has that one.
pub(super) fn bit(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

/// Puts that one in; whether it was not there.
pub(super) fn set(bits: &mut Vec<u64>, at: usize) -> bool {
    if bits.len() <= at / 64 {
        bits.resize(at / 64 + 1, 0);
    }
    let new = !bit(bits, at);
    bits[at / 64] |= 1 << (at % 64);
    new
}

/// Those that are in both.
pub(super) fn both(a: &[u64], b: &[u64]) -> Vec<usize> {
    let mut places = Vec::new();
    for (at, (a, b)) in a.iter().zip(b).enumerate() {
        let mut word = a & b;
        while word != 0 {
            places.push(64 * at + word.trailing_zeros() as usize);
            word &= word - 1;
        }
    }
    places
}
