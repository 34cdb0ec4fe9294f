//! The digest that protects records and types, and the names in them.

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo), taken over words of 8 bytes instead of single bytes, which
/// makes opening an object fast. It finds accidents, not attacks. Its values are part of the format.
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            let product = (self.0 ^ u64::from_ne_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
            // A product carries a difference only to higher bits. This brings it to the lower bits too.
            self.0 = product ^ (product >> 32);
        }
    }

    pub(super) fn value(&self) -> u64 {
        self.0
    }
}

/// The bytes of a name before its NUL.
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(bytes)
}
