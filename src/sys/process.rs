//! Facts about this process.

use super::fd;
use super::large;
use core::ffi::CStr;
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::os::fd::AsRawFd;

/// A number for this process's PID namespace: that of its inode, or a number that stands for an unknown one.
///
/// Lock words hold thread ids, and these are valid only inside one PID namespace: the programs in two
/// containers may both be thread 1.
///
/// A process never leaves its PID namespace, so the kernel is asked once. A thread or a child that cannot ask, after
/// a chroot into a directory without /proc, has the answer that is known. `generation` is a number that a fork
/// changes.
#[cold]
pub(crate) fn pid_namespace(generation: u32) -> u32 {
    /// The answer, and the process that got it.
    static KNOWN: AtomicU64 = AtomicU64::new(0);
    // Ids have at most 22 bits. A child in a new namespace may have its parent's id, but not its generation.
    const GENERATION_BITS: u32 = 10;
    let asker =
        u64::from(id()) << GENERATION_BITS | u64::from(generation & ((1 << GENERATION_BITS) - 1));
    let of = |known: u64| (known as u32, known >> 32);
    // Relaxed: the word stands for itself.
    let known = KNOWN.load(Ordering::Relaxed);
    let (namespace, its_asker) = of(known);
    if its_asker == asker {
        return namespace;
    }
    let namespace = namespace_in_proc()
        .or_else(namespace_of_pidfd)
        .or_else(|| {
            // A parent in another namespace is 0 to its child, and one that has died is another process.
            let parent = nix::unistd::getppid().as_raw();
            let is_of_parent = parent > 0 && its_asker >> GENERATION_BITS == parent as u64;
            is_of_parent.then_some(namespace)
        })
        .unwrap_or_else(unknown_namespace);
    let answer = asker << 32 | u64::from(namespace);
    match KNOWN.compare_exchange(known, answer, Ordering::Relaxed, Ordering::Relaxed) {
        // Another thread was faster. Two unknown namespaces would not be equal.
        Err(now) if of(now).1 == asker => of(now).0,
        _ => namespace,
    }
}

fn namespace_in_proc() -> Option<u32> {
    let path = c"/proc/thread-self/ns/pid";
    let found = large::stat(path).ok()?;
    // Namespace inodes are 32-bit numbers in the kernel (struct ns_common.inum).
    Some(found.st_ino as u32)
}

/// From Linux 6.11 on a process descriptor tells the namespace without /proc.
fn namespace_of_pidfd() -> Option<u32> {
    // PIDFD_GET_PID_NAMESPACE of <linux/pidfd.h>.
    const GET_PID_NAMESPACE: u32 = 0xff05;
    let process = fd::pidfd(id().try_into().ok()?).ok()?;
    // SAFETY: the request takes the number 0.
    let result = unsafe { libc::ioctl(process.as_raw_fd(), GET_PID_NAMESPACE as _, 0) };
    // SAFETY: the kernel has just made the descriptor, close-on-exec, and nobody else knows it.
    let namespace = unsafe { fd::made(result) }.ok()?;
    Some(large::fstat(namespace.as_raw_fd()).ok()?.st_ino as u32)
}

/// The numbers of namespaces that the kernel has begin here (PROC_DYNAMIC_FIRST and the fixed ones before it).
const FIRST_KNOWN: u32 = 0xe000_0000;

/// A number for a namespace that is not known. It is no other process's: two unknown namespaces may differ.
fn unknown_namespace() -> u32 {
    let mut bytes = [0; 4];
    // SAFETY: the kernel writes at most the array's size.
    let filled =
        unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    let mut number = u32::from_ne_bytes(bytes);
    if filled != 4 {
        number = crate::base::time::now().as_nanos() as u32 ^ id().rotate_left(16);
    }
    number % (FIRST_KNOWN - 1) + 1
}

/// A PID namespace in messages.
pub(crate) struct ShownNamespace(pub(crate) u32);

impl fmt::Display for ShownNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            FIRST_KNOWN.. => write!(f, "PID namespace {}", self.0),
            _ => f.write_str("an unknown PID namespace (without /proc)"),
        }
    }
}

/// A number for this start of the machine; `None` if /proc does not tell.
pub(crate) fn boot() -> Option<u64> {
    let file = super::file::open(c"/proc/sys/kernel/random/boot_id", false).ok()?;
    let mut text = [0; 36];
    let length = nix::unistd::read(&file, &mut text).ok()?;
    // FNV-1a. The id is random, so any hash will do.
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    (length == text.len()).then(|| text.iter().fold(0xcbf2_9ce4_8422_2325, hash))
}

/// The effective user and group.
pub(crate) fn effective_ids() -> (libc::uid_t, libc::gid_t) {
    (effective_user(), nix::unistd::getegid().as_raw())
}

pub(crate) fn effective_user() -> libc::uid_t {
    nix::unistd::geteuid().as_raw()
}

/// Whether this number stands for several users here: for those without a number of their own in this
/// process's user namespace (user_namespaces(7)). Costs two or three reads from /proc.
#[cold]
pub(crate) fn is_ambiguous_user(user: libc::uid_t) -> bool {
    const EVERY_USER: u32 = u32::MAX;
    let mut bytes = [0; 4096];
    let overflow = first_numbers(c"/proc/sys/kernel/overflowuid", &mut bytes);
    // Without /proc, the number that Linux uses if nobody has changed it.
    if user != overflow.map_or(65534, |[user, _, _]| user) {
        return false;
    }
    // One range of all numbers: every user has one, as in the first namespace.
    let map = first_numbers(c"/proc/self/uid_map", &mut bytes);
    !map.is_some_and(|[first, _, count]| first == 0 && count == EVERY_USER)
}

/// The first numbers in a small file; 0 for those that are missing. `None` if it cannot be read.
fn first_numbers(path: &CStr, bytes: &mut [u8]) -> Option<[u32; 3]> {
    let file = super::file::open(path, false).ok()?;
    let length = nix::unistd::read(&file, bytes).ok()?;
    let text = core::str::from_utf8(bytes.get(..length)?).ok()?;
    let mut numbers = text
        .split_whitespace()
        .map_while(|number| number.parse().ok());
    Some([(); 3].map(|()| numbers.next().unwrap_or(0)))
}

/// Points to libc's `__libc_single_threaded`, or to a 0 if libc has no such variable (before glibc 2.32).
static SINGLE_THREADED: AtomicPtr<u8> = AtomicPtr::new(ptr::from_ref(&0u8).cast_mut());

/// Finds libc's variable. Before this call `is_single_threaded` always returns false.
pub(crate) fn find_single_threaded() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the name is a C string. RTLD_DEFAULT searches the loaded libraries, and libc stays loaded.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
    if !found.is_null() {
        SINGLE_THREADED.store(found.cast(), Ordering::Relaxed);
    }
    DONE.store(true, Ordering::Relaxed);
}

/// Whether this process certainly has only one thread. False proves nothing.
#[inline(always)]
pub(crate) fn is_single_threaded() -> bool {
    // SAFETY: libc's variable and our 0 live for ever. libc changes its variable only in a call that
    // starts a thread. As long as there is one thread, no such call runs while this one reads.
    unsafe { SINGLE_THREADED.load(Ordering::Relaxed).read_volatile() != 0 }
}

pub(crate) fn id() -> u32 {
    std::process::id()
}
