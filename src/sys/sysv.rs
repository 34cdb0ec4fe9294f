//! System V shared memory, message queues and semaphores, and the facts about them that a listing shows.

use super::file::{LockFile, widen};
use super::large::{self, Offset, Time, call};
use core::ffi::{CStr, c_int, c_long, c_void};
use core::mem::{MaybeUninit, zeroed};
use core::ptr::{self, NonNull};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::os::fd::OwnedFd;

// From <linux/shm.h> and <linux/msg.h>. The libc crate lacks them.
const SHM_STAT_ANY: c_int = 15;
const MSG_STAT_ANY: c_int = 13;
const SHM_INFO: c_int = 14;
/// A bit in the mode of a segment: the segment vanishes with its last attachment.
const SHM_DEST: libc::mode_t = 0o1000;
/// A flag of `shmget`: huge pages. The 6 bits from `SHM_HUGE_SHIFT` have the logarithm of their size.
const SHM_HUGETLB: c_int = 0o4000;
const SHM_HUGE_SHIFT: u32 = 26;

/// The key for a new object that has no key.
pub(crate) const PRIVATE: libc::key_t = libc::IPC_PRIVATE;

/// The largest number of operations in one `semop` (SEMOPM), by the kernel's default.
pub(crate) const OPERATIONS_MAX: usize = 500;
/// The largest value of a semaphore (SEMVMX).
pub(crate) const VALUE_MAX: u16 = 32767;

/// The object whose status is wanted.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    /// The object with this id.
    Id(c_int),
    /// The object at this place of the kernel's table, whatever its permissions.
    Place(c_int),
}

/// The facts that the three kinds of objects have in common.
#[derive(Clone, Copy)]
pub(crate) struct Permissions {
    pub(crate) id: c_int,
    pub(crate) key: libc::key_t,
    pub(crate) owner: libc::uid_t,
    pub(crate) group: libc::gid_t,
    pub(crate) creator: libc::uid_t,
    pub(crate) creator_group: libc::gid_t,
    pub(crate) mode: libc::mode_t,
}

impl Permissions {
    fn of(which: Which, found: c_int, perm: &libc::ipc_perm) -> Permissions {
        Permissions {
            // For a place the kernel returns the object's id. For an id it returns 0.
            id: match which {
                Which::Id(id) => id,
                Which::Place(_) => found,
            },
            // SAFETY: the struct begins with the key. The field's name differs between libcs.
            key: unsafe { ptr::from_ref(perm).cast::<libc::key_t>().read() },
            owner: perm.uid,
            group: perm.gid,
            creator: perm.cuid,
            creator_group: perm.cgid,
            mode: libc::mode_t::from(perm.mode),
        }
    }
}

/// A time in one of the kernel's structs. It is never negative. A field of 32 bits has the lower half of it.
fn seconds(time: impl Into<i64>) -> i64 {
    match time.into() {
        time @ 0.. => time,
        negative => negative & 0xffff_ffff,
    }
}

/// The key that `ftok` gives for this path and project.
pub(crate) fn key(path: &CStr, project: u8) -> Result<libc::key_t, Errno> {
    let status = large::stat(path)?;
    let (device, inode) = (status.st_dev as u32 & 0xff, status.st_ino as u32 & 0xffff);
    Ok(((u32::from(project) << 24) | (device << 16) | inode) as libc::key_t)
}

// Shared memory

/// The flags with which `shmget` takes pages of 2 to the power of `log` bytes, or of the default huge size for 0.
pub(crate) fn huge_flags(log: u8) -> c_int {
    // With 16 GiB and more the highest bit is set, as the kernel has it.
    SHM_HUGETLB | (u32::from(log) << SHM_HUGE_SHIFT) as c_int
}

pub(crate) fn shm_get(key: libc::key_t, size: usize, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::shmget(key, size, flags) })
}

/// Attaches a segment at an address that the kernel picks.
pub(crate) fn shm_attach(id: c_int, writable: bool) -> Result<NonNull<u8>, Errno> {
    let flags = if writable { 0 } else { libc::SHM_RDONLY };
    // SAFETY: without an address the kernel picks a free one, so no existing memory changes.
    let base = unsafe { libc::shmat(id, ptr::null(), flags) };
    if base.addr() == usize::MAX {
        return Err(Errno::last());
    }
    NonNull::new(base.cast()).ok_or(Errno::ENOMEM)
}

/// Detaches a segment.
///
/// # Safety
///
/// `base` is from `shm_attach`, is still attached, and nobody uses its memory any more.
pub(crate) unsafe fn shm_detach(base: NonNull<u8>) {
    // SAFETY: by this function's contract. With a valid address the call does not fail.
    unsafe { libc::shmdt(base.as_ptr().cast()) };
}

#[derive(Clone, Copy)]
pub(crate) struct ShmStatus {
    pub(crate) permissions: Permissions,
    pub(crate) size: usize,
    pub(crate) attached: u64,
    pub(crate) creator_pid: libc::pid_t,
    pub(crate) last_pid: libc::pid_t,
    pub(crate) attach_time: i64,
    pub(crate) detach_time: i64,
    pub(crate) change_time: i64,
    pub(crate) is_removed: bool,
}

pub(crate) fn shm_status(which: Which) -> Result<ShmStatus, Errno> {
    // SAFETY: shmid_ds consists of integers, for which all zeros is a value.
    let mut status: libc::shmid_ds = unsafe { zeroed() };
    let (number, command) = match which {
        Which::Id(id) => (id, libc::IPC_STAT),
        Which::Place(place) => (place, SHM_STAT_ANY),
    };
    // SAFETY: both commands write one shmid_ds to the address given.
    let found = Errno::result(unsafe { libc::shmctl(number, command, &mut status) })?;
    let permissions = Permissions::of(which, found, &status.shm_perm);
    Ok(ShmStatus {
        is_removed: permissions.mode & SHM_DEST != 0,
        permissions,
        size: status.shm_segsz,
        attached: widen(status.shm_nattch),
        creator_pid: status.shm_cpid,
        last_pid: status.shm_lpid,
        attach_time: seconds(status.shm_atime),
        detach_time: seconds(status.shm_dtime),
        change_time: seconds(status.shm_ctime),
    })
}

pub(crate) fn shm_remove(id: c_int) -> Result<(), Errno> {
    // SAFETY: IPC_RMID does not use the third argument.
    Errno::result(unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) }).map(drop)
}

/// The highest place in use in the kernel's table of segments.
pub(crate) fn shm_last_place() -> Result<c_int, Errno> {
    // Larger than the struct shm_info that the kernel writes there (48 bytes).
    let mut room = [0u64; 32];
    // SAFETY: SHM_INFO writes one struct shm_info to the address given.
    Errno::result(unsafe { libc::shmctl(0, SHM_INFO, room.as_mut_ptr().cast()) })
}

// Message queues

pub(crate) fn msg_get(key: libc::key_t, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::msgget(key, flags) })
}

/// Room for a message in the kernel's form: its type in the first word, its data behind it.
pub(crate) type Envelope = [MaybeUninit<u64>];

/// How many words hold a message of `length` bytes.
pub(crate) const fn envelope_words(length: usize) -> usize {
    1 + length.div_ceil(size_of::<u64>())
}

/// Sends `data`, which it copies into `envelope` first. The envelope must be large enough.
pub(crate) fn msg_send(
    id: c_int,
    envelope: &mut Envelope,
    message_type: c_long,
    data: &[u8],
    wait: bool,
) -> Result<(), Errno> {
    assert!(envelope.len() >= envelope_words(data.len()));
    let flags = if wait { 0 } else { libc::IPC_NOWAIT };
    let base: *mut u8 = envelope.as_mut_ptr().cast();
    // SAFETY: as just checked, the envelope has room for a type and data.len() bytes. It does not overlap the
    // borrowed data and is aligned for the type. The kernel reads only what was written here.
    Errno::result(unsafe {
        base.cast::<c_long>().write(message_type);
        base.add(size_of::<c_long>())
            .copy_from_nonoverlapping(data.as_ptr(), data.len());
        libc::msgsnd(id, base.cast(), data.len(), flags)
    })
    .map(drop)
}

/// Receives a message of at most `capacity` bytes into `envelope` and returns its length. `E2BIG` if the
/// message is longer; it stays in the queue.
pub(crate) fn msg_receive(
    id: c_int,
    envelope: &mut Envelope,
    capacity: usize,
    selector: c_long,
    flags: c_int,
) -> Result<usize, Errno> {
    assert!(envelope.len() >= envelope_words(capacity));
    let base: *mut c_void = envelope.as_mut_ptr().cast();
    // SAFETY: as just checked, the envelope has room for a type and `capacity` bytes.
    let length = unsafe { libc::msgrcv(id, base, capacity, selector, flags) };
    usize::try_from(length).map_err(|_| Errno::last())
}

/// The type and the data of a message that was received into `envelope`.
///
/// # Safety
///
/// `msg_receive` has put a message of at least `length` bytes there.
pub(crate) unsafe fn envelope_open(envelope: &Envelope, length: usize) -> (c_long, &[u8]) {
    let base: *const u8 = envelope.as_ptr().cast();
    // SAFETY: by this function's contract the kernel has written the type and `length` bytes.
    unsafe {
        (
            base.cast::<c_long>().read(),
            core::slice::from_raw_parts(base.add(size_of::<c_long>()), length),
        )
    }
}

#[derive(Clone, Copy)]
pub(crate) struct MsgStatus {
    pub(crate) permissions: Permissions,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_max: u64,
    pub(crate) last_sender: libc::pid_t,
    pub(crate) last_receiver: libc::pid_t,
    pub(crate) send_time: i64,
    pub(crate) receive_time: i64,
    pub(crate) change_time: i64,
}

pub(crate) fn msg_status(which: Which) -> Result<MsgStatus, Errno> {
    // SAFETY: msqid_ds consists of integers, for which all zeros is a value.
    let mut status: libc::msqid_ds = unsafe { zeroed() };
    let (number, command) = match which {
        Which::Id(id) => (id, libc::IPC_STAT),
        Which::Place(place) => (place, MSG_STAT_ANY),
    };
    // SAFETY: both commands write one msqid_ds to the address given.
    let found = Errno::result(unsafe { libc::msgctl(number, command, &mut status) })?;
    Ok(MsgStatus {
        permissions: Permissions::of(which, found, &status.msg_perm),
        messages: widen(status.msg_qnum),
        bytes: widen(status.__msg_cbytes),
        bytes_max: widen(status.msg_qbytes),
        last_sender: status.msg_lspid,
        last_receiver: status.msg_lrpid,
        send_time: seconds(status.msg_stime),
        receive_time: seconds(status.msg_rtime),
        change_time: seconds(status.msg_ctime),
    })
}

pub(crate) fn msg_remove(id: c_int) -> Result<(), Errno> {
    // SAFETY: IPC_RMID does not use the third argument.
    Errno::result(unsafe { libc::msgctl(id, libc::IPC_RMID, ptr::null_mut()) }).map(drop)
}

fn msg_info(command: c_int) -> Result<(c_int, libc::msginfo), Errno> {
    // SAFETY: msginfo consists of integers, for which all zeros is a value.
    let mut info: libc::msginfo = unsafe { zeroed() };
    // SAFETY: both commands write one struct msginfo to the address given.
    let last = Errno::result(unsafe { libc::msgctl(0, command, (&raw mut info).cast()) })?;
    Ok((last, info))
}

/// The length of the longest message (fs/kernel.msgmax).
pub(crate) fn msg_length_max() -> Result<usize, Errno> {
    msg_info(libc::IPC_INFO).map(|(_, info)| usize::try_from(info.msgmax).unwrap_or(0))
}

/// How many bytes a queue may hold without CAP_SYS_RESOURCE (kernel.msgmnb).
pub(crate) fn msg_bytes_max() -> Result<usize, Errno> {
    msg_info(libc::IPC_INFO).map(|(_, info)| usize::try_from(info.msgmnb).unwrap_or(0))
}

/// The highest place in use in the kernel's table of queues.
pub(crate) fn msg_last_place() -> Result<c_int, Errno> {
    msg_info(libc::MSG_INFO).map(|(last, _)| last)
}

// Semaphores

#[cfg(not(target_env = "musl"))]
pub(super) use libc::semid_ds;
#[cfg(not(target_env = "musl"))]
use libc::seminfo;

/// As <sys/sem.h> of musl has it. The libc crate lacks it.
#[cfg(target_env = "musl")]
#[repr(C)]
#[allow(non_camel_case_types)]
pub(super) struct semid_ds {
    pub(super) sem_perm: libc::ipc_perm,
    sem_otime: c_long,
    #[cfg(any(target_arch = "x86_64", target_pointer_width = "32"))]
    unused_1: c_long,
    sem_ctime: c_long,
    #[cfg(any(target_arch = "x86_64", target_pointer_width = "32"))]
    unused_2: c_long,
    sem_nsems: libc::c_ulong,
    unused: [c_long; 8],
}

/// Room for the struct seminfo of musl, ten numbers. The libc crate lacks it.
#[cfg(target_env = "musl")]
#[repr(C)]
#[allow(non_camel_case_types)]
struct seminfo([c_int; 10]);

pub(crate) fn sem_get(key: libc::key_t, count: c_int, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::semget(key, count, flags) })
}

/// Does all the operations or none. Waits without limit, or until `left` has passed (`EAGAIN`).
pub(crate) fn sem_operate(
    id: c_int,
    operations: &mut [libc::sembuf],
    left: Option<core::time::Duration>,
) -> Result<(), Errno> {
    let left = left.map(Time::from);
    let left = left.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the operations outlive the call. `left` is NULL or a time that outlives it.
    Errno::result(unsafe {
        libc::syscall(
            call::SEMTIMEDOP,
            id,
            operations.as_mut_ptr(),
            operations.len(),
            left,
        )
    })
    .map(drop)
}

/// The value of one semaphore.
pub(crate) fn sem_value(id: c_int, index: c_int) -> Result<c_int, Errno> {
    // SAFETY: GETVAL does not use the fourth argument.
    Errno::result(unsafe { libc::semctl(id, index, libc::GETVAL) })
}

/// The last process that changed one semaphore; 0 for none.
pub(crate) fn sem_last_pid(id: c_int, index: c_int) -> Result<libc::pid_t, Errno> {
    // SAFETY: GETPID does not use the fourth argument.
    Errno::result(unsafe { libc::semctl(id, index, libc::GETPID) })
}

#[derive(Clone, Copy)]
pub(crate) struct SemStatus {
    pub(crate) permissions: Permissions,
    pub(crate) count: u64,
    pub(crate) operation_time: i64,
    pub(crate) change_time: i64,
}

pub(crate) fn sem_status(which: Which) -> Result<SemStatus, Errno> {
    // SAFETY: semid_ds consists of integers, for which all zeros is a value.
    let mut status: semid_ds = unsafe { zeroed() };
    let (number, command) = match which {
        Which::Id(id) => (id, libc::IPC_STAT),
        Which::Place(place) => (place, libc::SEM_STAT_ANY),
    };
    // SAFETY: both commands write one semid_ds to the address given.
    let found = Errno::result(unsafe { libc::semctl(number, 0, command, &raw mut status) })?;
    Ok(SemStatus {
        permissions: Permissions::of(which, found, &status.sem_perm),
        count: widen(status.sem_nsems),
        operation_time: seconds(status.sem_otime),
        change_time: seconds(status.sem_ctime),
    })
}

pub(crate) fn sem_remove(id: c_int) -> Result<(), Errno> {
    // SAFETY: IPC_RMID does not use the fourth argument.
    Errno::result(unsafe { libc::semctl(id, 0, libc::IPC_RMID) }).map(drop)
}

/// The highest place in use in the kernel's table of sets.
pub(crate) fn sem_last_place() -> Result<c_int, Errno> {
    // SAFETY: seminfo consists of integers, for which all zeros is a value.
    let mut info: seminfo = unsafe { zeroed() };
    // SAFETY: SEM_INFO writes one struct seminfo to the address given.
    Errno::result(unsafe { libc::semctl(0, 0, libc::SEM_INFO, &raw mut info) })
}

/// The file in /proc that lists the semaphore sets. It serves for locks: it exists if sets exist, every
/// process may read it, and the kernel releases its locks when their holder dies.
fn sets_file() -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    super::fd::open(c"/proc/sysvipc/sem", flags, Mode::empty())
}

/// A lock on the byte that stands for a key. Returns the type of the lock that the kernel reports back.
fn lock_of_key(
    file: &OwnedFd,
    command: c_int,
    lock_type: c_int,
    key: libc::key_t,
) -> Result<c_int, Errno> {
    large::lock_byte(file, command, lock_type, Offset::from(key as u32))
}

/// Held while a process makes the set with a key and gives it its values. It is a shared lock, for three
/// reasons: a file open for reading allows no other, `semget` already makes creators exclude each other, and
/// nobody can delay a creator.
pub(crate) struct CreatorMark(OwnedFd, libc::key_t);

impl CreatorMark {
    /// `ENOENT` without /proc.
    pub(crate) fn set(key: libc::key_t) -> Result<CreatorMark, Errno> {
        let file = sets_file()?;
        lock_of_key(&file, libc::F_OFD_SETLK, libc::F_RDLCK, key)?;
        Ok(CreatorMark(file, key))
    }
}

impl Drop for CreatorMark {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has just forked has the file open too.
        let _ = lock_of_key(&self.0, libc::F_OFD_SETLK, libc::F_UNLCK, self.1);
    }
}

/// Held by one process at a time, while it examines and completes a set that never got its values.
pub(crate) struct CompletionLock(LockFile);

impl CompletionLock {
    /// `EAGAIN` if another process has the lock, `ENOENT` without /proc.
    pub(crate) fn attempt() -> Result<CompletionLock, Errno> {
        let file = LockFile(sets_file()?);
        file.attempt()?;
        Ok(CompletionLock(file))
    }

    /// Whether a living process has marked itself as the creator of this key's set.
    pub(crate) fn has_creator(&self, key: libc::key_t) -> Result<bool, Errno> {
        // Asks which lock would conflict with an exclusive one. Taking an exclusive lock is not allowed here.
        let found = lock_of_key(&self.0.0, libc::F_OFD_GETLK, libc::F_WRLCK, key)?;
        Ok(found != libc::F_UNLCK)
    }
}
