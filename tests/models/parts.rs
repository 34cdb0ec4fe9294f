//! The parts of src/sync that topics and services use: the latch and the sleepers.

#[path = "."]
pub(crate) mod sync {
    #[path = "../../src/sync/latch.rs"]
    #[allow(dead_code)]
    pub(crate) mod latch;
    #[path = "../../src/sync/sleepers.rs"]
    #[allow(dead_code)]
    mod sleepers;

    use crate::base::error::Result;
    use crate::base::time::Deadline;
    use crate::sys::atomic::AtomicU32;
    use crate::sys::futex::{self, Awoken};

    /// No holder dies unnoticed in these models.
    struct NextExamination;

    impl NextExamination {
        fn of_new_wait(_: Deadline) -> NextExamination {
            NextExamination
        }

        fn is_due(&mut self, _: Awoken) -> bool {
            false
        }
    }

    fn sleep(word: &AtomicU32, expected: u32, deadline: Deadline) -> Result<Awoken> {
        Ok(futex::wait(word, expected, deadline)?)
    }
}
