//! The processes that use the listed objects: those that map a file or have it open, and those
//! that have a System V segment attached.

use super::{Listed, ListedKind};
use crate::base::alloc::List;
use crate::base::error::Errno;
use crate::sys::listing::{self, FileId, Use};
use core::ffi::c_int;

/// Fills in the users of all the objects, in one pass over the processes.
pub(super) fn find(objects: &mut [Listed]) -> Result<(), Errno> {
    // Which objects each key leads to, in the order of the keys. A file with two names is two
    // objects, and both have its users.
    let mut by_file: List<(FileId, usize)> = List::new();
    let mut by_segment: List<(c_int, usize)> = List::new();
    for (index, object) in objects.iter().enumerate() {
        match object.file {
            Some(file) => by_file.push((file, index))?,
            None if object.kind == ListedKind::SysvShm => by_segment.push((object.id, index))?,
            None => {}
        }
    }
    if by_file.is_empty() && by_segment.is_empty() {
        return Ok(());
    }
    by_file.sort_unstable();
    by_segment.sort_unstable();
    let is_complete = listing::each_use(&mut |pid, used| match used {
        Use::File(file) => add_user(objects, leading(&by_file, file), pid),
        Use::Segment(id) => add_user(objects, leading(&by_segment, id), pid),
    })?;
    for object in objects {
        object.users.sort_unstable();
        object.users.dedup();
        object.users_complete =
            is_complete && (object.file.is_some() || object.kind == ListedKind::SysvShm);
    }
    Ok(())
}

/// The entries of a sorted list that have this key.
fn leading<K: Ord + Copy>(sorted: &[(K, usize)], key: K) -> &[(K, usize)] {
    let start = sorted.partition_point(|&(other, _)| other < key);
    let end = sorted.partition_point(|&(other, _)| other <= key);
    &sorted[start..end]
}

fn add_user<K>(
    objects: &mut [Listed],
    found: &[(K, usize)],
    pid: libc::pid_t,
) -> Result<(), Errno> {
    for &(_, index) in found {
        // A process that maps a file many times is reported many times in a row: noted once, it
        // takes no memory for each of them.
        if objects[index].users.last() != Some(&pid) {
            objects[index].users.push(pid)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_to_all_objects_that_have_it() {
        let sorted = [(1, 4), (3, 0), (3, 2), (7, 1)];
        assert_eq!(leading(&sorted, 3), [(3, 0), (3, 2)]);
        assert_eq!(leading(&sorted, 7), [(7, 1)]);
        assert!(leading(&sorted, 2).is_empty());
        assert!(leading(&sorted, 8).is_empty());
    }
}
