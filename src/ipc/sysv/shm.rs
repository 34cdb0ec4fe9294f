//! System V shared memory. A segment belongs to the kernel. It outlives every process until it is
//! removed: a detached segment is not deleted.

use super::{Shown, Wanted, absent, change_refused, check_owner, find_or_make, vanished};
use crate::base::error::{Errno, Error, Result, fail};
use crate::object::map::Access;
use crate::object::{Options, Outcome};
use crate::sys::sysv::{self, ShmStatus, Which};
use crate::sys::sysv_change;
use crate::sys::thread::Thread;
use core::ffi::c_int;
use core::fmt;
use core::ptr::NonNull;

const WHAT: &str = "System V shared memory segment";

/// An attached segment.
pub(crate) struct Segment {
    id: c_int,
    base: NonNull<u8>,
    size: usize,
}

// SAFETY: a Segment owns an attachment and gives out raw pointers only. A caller that uses them from
// several threads has to order the accesses, as with all shared memory.
unsafe impl Send for Segment {}
// SAFETY: as above: no method changes the attachment.
unsafe impl Sync for Segment {}

/// The size of huge pages: the logarithm to base 2, or 0 for the system's default.
#[derive(Clone, Copy)]
pub(crate) struct Huge(pub(crate) u8);

impl Segment {
    /// Opens or creates a segment. A new one gets huge pages if they are asked for.
    pub(crate) fn open(
        key: libc::key_t,
        size: usize,
        huge: Option<Huge>,
        options: Options,
    ) -> Result<(Segment, Outcome)> {
        check_size(size)?;
        let shown = Shown::by_key(WHAT, key);
        let access = if options.access.is_writable() {
            0o600
        } else {
            0o400
        };
        let limit = "too large (kernel.shmmax, kernel.shmall) or too many (kernel.shmmni)";
        loop {
            let found = find_or_make(shown, options, access, limit, &mut |flags| {
                // The segment is found by its key alone, so the error for a wrong size can name
                // both sizes.
                if flags & libc::IPC_CREAT == 0 {
                    return sysv::shm_get(key, 0, flags);
                }
                let pages = huge.map_or(0, |Huge(log)| sysv::huge_flags(log));
                sysv::shm_get(key, size, flags | pages)
            });
            let (id, outcome) = match (found, huge) {
                (Err(error), Some(huge)) if options.create => {
                    return Err(huge_refused(shown, size, huge, error));
                }
                (found, _) => found?,
            };
            match Segment::attach(shown, id, size, options) {
                Err(error) if outcome == Outcome::Opened && vanished(error) && options.create => {}
                Err(error) if outcome == Outcome::Created => {
                    // This call fails, so nobody else could want the new segment.
                    let _ = sysv::shm_remove(id);
                    return Err(error);
                }
                attached => return attached.map(|segment| (segment, outcome)),
            }
        }
    }

    pub(crate) fn open_id(id: c_int, size: usize, options: Options) -> Result<Segment> {
        check_size(size)?;
        let shown = Shown::by_id(WHAT, id);
        sysv::shm_status(Which::Id(id)).map_err(|errno| absent(shown, errno))?;
        Segment::attach(shown, id, size, options)
    }

    fn attach(shown: Shown, id: c_int, size: usize, options: Options) -> Result<Segment> {
        let found = sysv::shm_status(Which::Id(id)).map_err(|errno| shown.failed(errno))?;
        check_owner(shown, options, &found.permissions)?;
        if found.size != size {
            return Err(fail!(
                EPROTO,
                "{shown}: expected {size} bytes, found {}",
                found.size
            ));
        }
        let writable = options.access == Access::ReadWrite;
        let base = sysv::shm_attach(id, writable).map_err(|errno| shown.failed(errno))?;
        Ok(Segment { id, base, size })
    }

    pub(crate) fn data(&self) -> NonNull<u8> {
        self.base
    }

    /// In bytes, as requested when the segment was created.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn id(&self) -> c_int {
        self.id
    }

    pub(crate) fn status(&self) -> Result<ShmStatus> {
        sysv::shm_status(Which::Id(self.id)).map_err(|errno| self.shown().failed(errno))
    }

    pub(crate) fn set(&self, wanted: Wanted) -> Result<()> {
        let grant = wanted.grant(|| Ok(self.status()?.permissions))?;
        sysv_change::shm_set(self.id, grant).map_err(|errno| {
            change_refused(
                self.shown(),
                errno,
                grant,
                sysv::shm_status(Which::Id(self.id)),
            )
        })
    }

    /// Marks the segment for removal. It is gone when the last process has detached it.
    pub(crate) fn remove(&self) -> Result<()> {
        mark_for_removal(self.id).map_err(|errno| self.shown().failed(errno))
    }

    fn shown(&self) -> Shown {
        Shown::by_id(WHAT, self.id)
    }

    /// Fails while the calling thread holds a lock inside the segment, as
    /// [`Region`](crate::ipc::shm::Region) does.
    pub(crate) fn check_closable(&self) -> Result<()> {
        match Thread::current() {
            Ok(thread) if thread.holds_within(self.base, self.size) => Err(fail!(
                EBUSY,
                "this thread holds a lock that lies in the memory; unlock it first"
            )),
            _ => Ok(()),
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: this Segment owns the attachment, and no user of it outlives the Segment.
        unsafe { sysv::shm_detach(self.base) };
    }
}

fn check_size(size: usize) -> Result<()> {
    match size {
        0 => Err(fail!(EINVAL, "the size is 0; expected at least 1 byte")),
        _ => Ok(()),
    }
}

/// The failure to create a segment with huge pages, which has causes of its own.
fn huge_refused(shown: Shown, size: usize, huge: Huge, error: Error) -> Error {
    let pages = Pages(huge);
    match error.errno() {
        Errno::ENOMEM => fail!(
            ENOMEM,
            "the {shown} cannot be created: too few free {pages} for {size} bytes; vm.nr_hugepages reserves those of the default size, /sys/kernel/mm/hugepages/*/nr_hugepages those of each size"
        ),
        Errno::EPERM => fail!(
            EPERM,
            "the {shown} cannot be created: {pages} need CAP_IPC_LOCK, the group in vm.hugetlb_shm_group, or a higher RLIMIT_MEMLOCK"
        ),
        Errno::EINVAL => fail!(
            EINVAL,
            "the {shown} cannot be created: this system has no {pages} (/sys/kernel/mm/hugepages has a directory for each size), or {size} bytes are too large (kernel.shmmax)"
        ),
        // The kernel failed to make their file system at its start.
        Errno::ENOENT => fail!(
            EOPNOTSUPP,
            "the {shown} cannot be created: this kernel has no {pages}"
        ),
        _ => error,
    }
}

/// The size of huge pages, as messages show it.
struct Pages(Huge);

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.0 {
            0 => write!(f, "huge pages"),
            log @ 10..20 => write!(f, "huge pages of {} KiB", 1u64 << (log - 10)),
            log @ 20..30 => write!(f, "huge pages of {} MiB", 1u64 << (log - 20)),
            log @ 30.. => write!(f, "huge pages of {} GiB", 1u64 << (log - 30)),
            log => write!(f, "huge pages of {} bytes", 1u64 << log),
        }
    }
}

/// Marks the segment with this id for removal.
pub(crate) fn remove(id: c_int) -> Result<()> {
    let shown = Shown::by_id(WHAT, id);
    mark_for_removal(id).map_err(|errno| absent(shown, errno))
}

fn mark_for_removal(id: c_int) -> Result<(), Errno> {
    match sysv::shm_status(Which::Id(id)) {
        // It is marked already. The kernel would mark it again and report success.
        Ok(found) if found.is_removed => Err(Errno::EIDRM),
        _ => sysv::shm_remove(id),
    }
}
