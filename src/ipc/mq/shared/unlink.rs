//! Unlinking a queue.

use crate::base::error::Result;
use crate::base::name::Name;
use crate::object::{self, Location, Removable};

pub(crate) fn unlink(name: &Name) -> Result<()> {
    object::unlink(&Location::of_name(name), Removable::Queue)
}
