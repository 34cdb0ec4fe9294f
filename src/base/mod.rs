//! The base: results and their texts, names of errors and of objects, deadlines.
//!
//! Every layer uses it; it imports nothing from them.

pub(crate) mod errno;
pub(crate) mod error;
pub(crate) mod name;
pub(crate) mod text;
pub(crate) mod time;
