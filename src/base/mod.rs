//! The base: errors and their texts, errno, object names, deadlines, memory that may be refused.
//!
//! Every layer uses the base. The base imports from no layer.

pub(crate) mod alloc;
pub(crate) mod errno;
pub(crate) mod error;
pub(crate) mod name;
pub(crate) mod text;
pub(crate) mod time;
