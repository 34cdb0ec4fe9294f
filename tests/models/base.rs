//! The parts of the library's own src/base that the models need.

#[path = "../../src/base/alloc.rs"]
pub(crate) mod alloc;
#[path = "../../src/base/errno.rs"]
pub(crate) mod errno;
#[path = "../../src/base/error.rs"]
#[allow(unused_macros, unused_imports)]
pub(crate) mod error;
#[path = "../../src/base/text.rs"]
pub(crate) mod text;
#[path = "../../src/base/time.rs"]
pub(crate) mod time;
