//! The library's own src/base, as far as the models need it.

#[path = "../../src/base/errno.rs"]
pub(crate) mod errno;
#[path = "../../src/base/error.rs"]
#[allow(unused_macros, unused_imports)]
pub(crate) mod error;
#[path = "../../src/base/text.rs"]
pub(crate) mod text;
#[path = "../../src/base/time.rs"]
pub(crate) mod time;
