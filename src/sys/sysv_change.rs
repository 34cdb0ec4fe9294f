//! Changes of an existing System V object: its owner, group and mode, the bytes of a queue, the values of a set.

use super::sysv::semid_ds;
use core::ffi::{c_int, c_ulong};
use core::mem::zeroed;
use nix::errno::Errno;

/// The properties that IPC_SET sets for each kind of object.
#[derive(Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) owner: libc::uid_t,
    pub(crate) group: libc::gid_t,
    /// At most 0777.
    pub(crate) mode: libc::mode_t,
}

impl Grant {
    fn write(self, perm: &mut libc::ipc_perm) {
        perm.uid = self.owner;
        perm.gid = self.group;
        // The field has 16 or 32 bits, as the libc has it.
        perm.mode = self.mode as _;
    }
}

/// `EINVAL` also for a user or group that has no number in this user namespace. The same holds for the two functions
/// below.
pub(crate) fn shm_set(id: c_int, grant: Grant) -> Result<(), Errno> {
    // SAFETY: shmid_ds consists of integers, for which all zeros is a value.
    let mut status: libc::shmid_ds = unsafe { zeroed() };
    grant.write(&mut status.shm_perm);
    // SAFETY: IPC_SET reads one shmid_ds from the address given.
    Errno::result(unsafe { libc::shmctl(id, libc::IPC_SET, &mut status) }).map(drop)
}

/// Also sets how many bytes the messages in the queue may have together.
pub(crate) fn msg_set(id: c_int, grant: Grant, bytes_max: usize) -> Result<(), Errno> {
    // SAFETY: msqid_ds consists of integers, for which all zeros is a value.
    let mut status: libc::msqid_ds = unsafe { zeroed() };
    grant.write(&mut status.msg_perm);
    status.msg_qbytes = bytes_max as libc::msglen_t;
    // SAFETY: IPC_SET reads one msqid_ds from the address given.
    Errno::result(unsafe { libc::msgctl(id, libc::IPC_SET, &mut status) }).map(drop)
}

pub(crate) fn sem_set(id: c_int, grant: Grant) -> Result<(), Errno> {
    // SAFETY: semid_ds consists of integers, for which all zeros is a value.
    let mut status: semid_ds = unsafe { zeroed() };
    grant.write(&mut status.sem_perm);
    // SAFETY: IPC_SET reads one semid_ds from the address given.
    Errno::result(unsafe { libc::semctl(id, 0, libc::IPC_SET, &raw mut status) }).map(drop)
}

/// Sets the value of one semaphore.
pub(crate) fn sem_set_value(id: c_int, index: c_int, value: u16) -> Result<(), Errno> {
    // The fourth argument is a union as large as a pointer, and the number is at its first byte. That is another register
    // value than the number itself if the machine is big-endian and has 64 bits.
    let mut bytes = [0; size_of::<c_ulong>()];
    bytes[..size_of::<c_int>()].copy_from_slice(&c_int::from(value).to_ne_bytes());
    let argument = c_ulong::from_ne_bytes(bytes);
    // SAFETY: SETVAL takes the number and uses no address.
    Errno::result(unsafe { libc::semctl(id, index, libc::SETVAL, argument) }).map(drop)
}

/// Sets all values of a set at once. `values` has one value for each semaphore of the set.
pub(crate) fn sem_set_all(id: c_int, values: &[u16]) -> Result<(), Errno> {
    // SAFETY: SETALL only reads one value per semaphore, and the caller knows that the set has this many.
    Errno::result(unsafe { libc::semctl(id, 0, libc::SETALL, values.as_ptr()) }).map(drop)
}
