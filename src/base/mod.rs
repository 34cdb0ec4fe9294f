//! The base: errors and their texts, errno, object names, deadlines.
//!
//! Every layer uses the base. The base imports from no layer.

pub(crate) mod errno;
pub(crate) mod error;
pub(crate) mod name;
pub(crate) mod text;
pub(crate) mod time;
