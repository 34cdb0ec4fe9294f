//! Digests that stand in ledgers and frames. They are SipHash-1-3 with the key 0 over bytes in a fixed order, so every build of the
//! bridge computes the same ones. Those of std may change with the version of Rust.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// The digest of a message and its priority.
pub(crate) fn of_message(priority: u32, bytes: &[u8]) -> [u64; 2] {
    let mut hasher = SipHasher13::new();
    hasher.write(&priority.to_le_bytes());
    hasher.write(bytes);
    let digest = hasher.finish128();
    [digest.h1, digest.h2]
}

/// The number that stands for a bridge's name. It is not 0.
pub(crate) fn of_name(name: &str) -> u64 {
    siphasher::sip::SipHasher13::new().hash(name.as_bytes()) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_never_change() {
        assert_eq!(of_message(0, b""), [0x4a2081e2f5c306e1, 0xdcb5f9d10db414d5]);
        assert_eq!(
            of_message(3, b"robust"),
            [0xb44be1d8c105158c, 0x247c3be7874fbbba]
        );
        assert_eq!(of_name("board-1"), 0x850ee78547f64f1f);
        assert_ne!(of_message(1, b"x"), of_message(2, b"x"));
    }
}
