//! Checks records made of arbitrary bytes. `cargo fuzz` chooses the bytes by coverage (fuzz/), and a test at
//! random.

use super::*;
use crate::base::error::Errno;

/// The types that openers expect.
fn expected() -> [Box<Record>; 4] {
    let plain = |name: &[u8], size| Type::new(name, 1, size, 8);
    let sensor = plain(b"Sensor", 16)
        .and_then(|made| made.with_field(b"temperature", 0, 4))
        .and_then(|made| made.with_field(b"humidity", 4, 4));
    let all = [
        (Kind::Region, sensor),
        (Kind::Region, plain(b"", 5000)),
        (Kind::Semaphore, plain(b"ipc_sem", 32)),
        (Kind::Queue, plain(b"ipc_mq", 1 << 20)),
    ];
    all.map(|(kind, kind_type)| {
        let record = kind_type.and_then(|kind_type| Record::new(kind, &kind_type, 7));
        record.unwrap_or_else(|_| blank())
    })
}

fn blank() -> Box<Record> {
    Record::blank().unwrap_or_else(|errno| panic!("{errno}"))
}

/// Checks one record, which the input describes: how it is made, where the bytes go, the bytes.
pub(crate) fn run(input: &[u8]) {
    let [how, position_low, position_high, bytes @ ..] = input else {
        return;
    };
    let expected = expected();
    let mut found = blank();
    if how & 3 != 0 {
        let sound = &expected[usize::from(how >> 2) % expected.len()];
        found.as_bytes_mut().copy_from_slice(sound.as_bytes());
    }
    let space = found.as_bytes_mut();
    let start = usize::from(u16::from_le_bytes([*position_low, *position_high])) % space.len();
    for (byte, new) in space[start..].iter_mut().zip(bytes) {
        *byte = if how & 3 == 1 { *byte ^ new } else { *new };
    }
    if how & 0x40 != 0 {
        found.magic = MAGIC;
    }
    if how & 0x80 != 0 {
        // As a hostile maker would have it.
        found.checksum = found.digest();
    }
    for size in [found.total_size, 0, 8192] {
        for wanted in &expected {
            match wanted.check(&"/x", &found, size, how & 1 != 0) {
                Ok(()) => {
                    assert_eq!(found.kind, wanted.kind);
                    assert_eq!((found.total_size, size), (wanted.total_size, size));
                    assert_eq!(found.data_size(), wanted.data_size());
                }
                Err(error) => {
                    let errno = error.errno();
                    assert!(error.is_described());
                    assert!(matches!(
                        errno,
                        Errno::EPROTO | Errno::EUCLEAN | Errno::EMEDIUMTYPE
                    ));
                }
            }
        }
        if let Some(description) = found.describe(size) {
            assert!(description.kind_type.name().len() <= size_of::<Type>());
            assert_eq!(found.total_size, size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run;

    /// Every byte of a sound record with several values, with and without a matching checksum.
    #[test]
    fn each_byte_of_a_record_can_have_any_value() {
        for position in 0..size_of::<super::Record>() as u16 {
            let [low, high] = position.to_le_bytes();
            for value in [0, 0xff] {
                for how in [1, 0x82] {
                    run(&[how, low, high, value]);
                }
            }
        }
    }

    #[test]
    fn random_records_are_checked() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32
        };
        for _ in 0..1000 {
            let length = 3 + next() % 300;
            let input: Vec<u8> = (0..length).map(|_| next() as u8).collect();
            run(&input);
        }
    }
}
