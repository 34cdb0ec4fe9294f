//! The facts about a value that was read: a sample of a topic, or a cell's value.

/// The facts about a value that was read, beside the value itself: a sample of a topic, or the value of a cell.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct ipc_sample_t {
    /// The number of the value. The first value has number 1, and each further value the next number.
    pub number: u64,
    /// How many values this reader has missed since the last one, because they were overwritten. For ipc_cell_wait(): how many values were written
    /// after number `after` and before this one. For ipc_cell_read(): 0.
    pub missed: u64,
    /// When the value was written, in nanoseconds on the monotonic clock.
    pub time_ns: i64,
    /// The id of the process that published the sample. For a cell: 0.
    pub publisher: u32,
    /// 0.
    pub flags: u32,
    /// 0.
    pub reserved: [u64; 4],
}

const _: () = assert!(size_of::<ipc_sample_t>() == 64);
