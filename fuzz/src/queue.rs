//! Calls on a queue with arbitrary contents: see src/ipc/mq/shared/fuzz.rs.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| robustipc::fuzzing::queue(bytes));
