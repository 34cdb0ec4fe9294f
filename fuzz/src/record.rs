//! Checks records made of arbitrary bytes: see src/object/layout/record/fuzz.rs.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| robustipc::fuzzing::record(bytes));
