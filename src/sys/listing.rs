//! The sources of a listing: directories, the kernel's message queues, and /proc.

use super::ProcPath;
use super::fd::{self, made};
use super::large::{self, FileStat};
use super::path::open_directory;
use crate::base::alloc::{List, LongCText};
use crate::base::text::CText;
use core::ffi::{CStr, c_int, c_uint};
use core::fmt;
use core::ptr;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::UnlinkatFlags;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

// From <linux/mount.h>. The libc crate has only the numbers of the calls.
const FSOPEN_CLOEXEC: c_uint = 1;
const FSCONFIG_CMD_CREATE: c_uint = 6;
const FSMOUNT_CLOEXEC: c_uint = 1;

/// The name of a file in its directory. It has at most 255 bytes.
pub(crate) type FileName = CText<256>;

/// A file in a directory, with the facts that a listing shows.
pub(crate) struct Entry {
    pub(crate) name: FileName,
    pub(crate) owner: libc::uid_t,
    pub(crate) group: libc::gid_t,
    pub(crate) mode: libc::mode_t,
    pub(crate) size: u64,
    pub(crate) file: FileId,
}

/// The identity of a file: no other file has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl FileId {
    fn of(status: &FileStat) -> FileId {
        FileId {
            device: status.st_dev,
            inode: status.st_ino,
        }
    }
}

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

pub(crate) use super::path::each_name;

/// Calls `found` with each line of a text file, without the white space at the line's end. An error of `found`
/// ends the list.
pub(crate) fn each_line(
    path: &CStr,
    found: &mut dyn FnMut(&[u8]) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let file = fd::open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut buffer = List::new();
    buffer.resize(4096, 0)?;
    let mut filled = 0;
    loop {
        match nix::unistd::read(&file, &mut buffer[filled..]) {
            Ok(0) => return Ok(()),
            Ok(count) => filled += count,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let read = &buffer[..filled];
        let complete = read
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |last| last + 1);
        for line in read[..complete].split_inclusive(|&byte| byte == b'\n') {
            found(line.trim_ascii_end())?;
        }
        buffer.copy_within(complete..filled, 0);
        filled -= complete;
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0)?;
        }
    }
}

/// The number that the text is; `None` if the text is anything else.
pub(crate) fn number(text: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(core::str::from_utf8(text).ok()?, radix).ok()
}

/// The regular files in a directory. A file that vanishes meanwhile is left out.
pub(crate) fn regular_files(directory: BorrowedFd<'_>) -> Result<List<Entry>, Errno> {
    let mut entries = List::new();
    let again = fd::open_at(directory, c".", DIRECTORY)?;
    each_name(
        again.as_fd(),
        &mut |name, _| match regular_file(directory, name) {
            Ok(Some(entry)) => entries.push(entry),
            _ => Ok(()),
        },
    )?;
    Ok(entries)
}

/// The file with this name in a directory; `None` if it is not a regular file.
pub(crate) fn regular_file(directory: BorrowedFd<'_>, name: &CStr) -> Result<Option<Entry>, Errno> {
    let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
    let name = FileName::of(&[name.to_bytes()]).ok_or(Errno::ENAMETOOLONG)?;
    let status = large::fstatat(directory, &name, flags)?;
    Ok(is_regular(&status).then(|| Entry {
        name,
        owner: status.st_uid,
        group: status.st_gid,
        mode: status.st_mode & 0o7777,
        size: status.st_size.try_into().unwrap_or(0),
        file: FileId::of(&status),
    }))
}

fn is_regular(status: &FileStat) -> bool {
    SFlag::from_bits_truncate(status.st_mode & libc::S_IFMT) == SFlag::S_IFREG
}

/// A directory of the message queues of this IPC namespace, which is mounted nowhere and vanishes with its
/// descriptor. Needs CAP_SYS_ADMIN.
fn private_queue_directory() -> Result<OwnedFd, Errno> {
    // SAFETY: the name is NUL-terminated, and the call reads nothing else.
    let made = unsafe { libc::syscall(libc::SYS_fsopen, c"mqueue".as_ptr(), FSOPEN_CLOEXEC) };
    let context = descriptor(made)?;
    // SAFETY: this command takes neither key nor value.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_fsconfig,
            context.as_raw_fd(),
            FSCONFIG_CMD_CREATE,
            ptr::null::<u8>(),
            ptr::null::<u8>(),
            0,
        )
    })?;
    // SAFETY: the call takes numbers only.
    let mounted =
        unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, 0) };
    // This is an O_PATH descriptor, which cannot be read.
    let root = descriptor(mounted)?;
    fd::open_at(root.as_fd(), c".", DIRECTORY)
}

fn descriptor(result: libc::c_long) -> Result<OwnedFd, Errno> {
    // SAFETY: the call has just made this descriptor and nobody else knows it.
    unsafe { made(result as c_int) }
}

/// A directory of the kernel's message queues. `ENOENT` if this process has no way to see them.
pub(crate) fn queue_directory() -> Result<OwnedFd, Errno> {
    if let Ok(directory) = private_queue_directory() {
        return Ok(directory);
    }
    let mut directory = None;
    each_line(c"/proc/thread-self/mountinfo", &mut |line| {
        if directory.is_none() {
            let path = queue_mount(line)?;
            directory = path.and_then(|path| open_directory(&path).ok());
        }
        Ok(())
    })?;
    directory.ok_or(Errno::ENOENT)
}

/// The mount point of message queues, if this line of mountinfo describes one.
fn queue_mount(line: &[u8]) -> Result<Option<LongCText>, Errno> {
    let mut fields = line.split(|&byte| byte == b' ');
    let path = fields.nth(4);
    let is_queues =
        fields.any(|field| field == b"-") && fields.next().is_some_and(|kind| kind == b"mqueue");
    match path {
        Some(path) if is_queues => LongCText::of(&[&unescaped(path)?]).map(Some),
        _ => Ok(None),
    }
}

/// The path without the escapes of /proc, which writes a space, a tab, a newline and a backslash as a
/// backslash and three octal digits.
fn unescaped(path: &[u8]) -> Result<List<u8>, Errno> {
    let mut plain = List::with_room(path.len())?;
    let mut rest = path;
    while let [first, others @ ..] = rest {
        rest = match rest {
            [b'\\', digits @ ..] if digits.len() >= 3 => {
                let value = digits[..3].iter().try_fold(0u8, |value, digit| {
                    let digit = digit.checked_sub(b'0').filter(|&digit| digit < 8)?;
                    value.checked_mul(8)?.checked_add(digit)
                });
                plain.push(value.unwrap_or(*first))?;
                if value.is_some() {
                    &digits[3..]
                } else {
                    others
                }
            }
            _ => {
                plain.push(*first)?;
                others
            }
        };
    }
    Ok(plain)
}

/// Opens a file in a directory for reading. `ESTALE` if it has meanwhile become another file.
pub(crate) fn open_entry(directory: BorrowedFd<'_>, entry: &Entry) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY
        | OFlag::O_CLOEXEC
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_NOCTTY;
    let file = fd::open_at(directory, &entry.name, flags)?;
    let status = large::fstat(file.as_raw_fd())?;
    if is_regular(&status) && FileId::of(&status) == entry.file {
        Ok(file)
    } else {
        Err(Errno::ESTALE)
    }
}

/// Something that a process uses.
pub(crate) enum Use {
    File(FileId),
    /// A System V segment, by its id.
    Segment(c_int),
}

/// Calls `found` with the process id for every file and segment that a process of this machine has mapped,
/// and for every file that it has open. Returns whether all processes could be examined.
/// An error of `found` ends the search, and so does `ENOMEM`.
pub(crate) fn each_use(
    found: &mut dyn FnMut(libc::pid_t, Use) -> Result<(), Errno>,
) -> Result<bool, Errno> {
    let own_namespace = ipc_namespace(format_args!("thread-self"));
    let mut complete = true;
    let listed = open_directory(c"/proc").and_then(|processes| {
        each_name(processes.as_fd(), &mut |name, _| {
            let Some(pid) = id_in(name) else {
                return Ok(());
            };
            match uses_of(pid, own_namespace, found) {
                // If the process has ended meanwhile, it uses nothing.
                Ok(()) | Err(Errno::ENOENT | Errno::ESRCH) => {}
                Err(Errno::ENOMEM) => return Err(Errno::ENOMEM),
                Err(_) => complete = false,
            }
            Ok(())
        })
    });
    match listed {
        Err(Errno::ENOMEM) => Err(Errno::ENOMEM),
        listed => Ok(listed.is_ok() && complete),
    }
}

fn id_in(name: &CStr) -> Option<libc::pid_t> {
    number(name.to_bytes(), 10).and_then(|id| id.try_into().ok())
}

/// Calls `found` with what the threads of one process use.
///
/// The files of a process are not enough: when its main thread has ended, they are empty, though other threads live.
/// And a thread may have a table of descriptors of its own.
fn uses_of(
    process: libc::pid_t,
    own_namespace: Result<u64, Errno>,
    found: &mut dyn FnMut(libc::pid_t, Use) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let path = ProcPath::of(format_args!("/proc/{process}/task"));
    let threads = open_directory(path.as_c_str())?;
    let mut outcome = Ok(());
    let mut are_maps_known = false;
    // The last thread whose descriptors were examined.
    let mut examined = None;
    each_name(threads.as_fd(), &mut |name, _| {
        let Some(thread) = id_in(name) else {
            return Ok(());
        };
        // A segment's id is valid in one IPC namespace only.
        let namespace = ipc_namespace(format_args!("{process}/task/{thread}"));
        let same_namespace = namespace.is_ok() && namespace == own_namespace;
        let mut uses = || {
            if !are_maps_known {
                // All threads have the same memory. Those that have ended show none.
                are_maps_known = maps_of(process, thread, same_namespace, &mut |used| {
                    found(process, used)
                })?;
            }
            if examined.is_none_or(|other| !share_descriptors(other, thread)) {
                let mut count = 0;
                descriptors_of(process, thread, &mut |file| {
                    count += 1;
                    found(process, Use::File(file))
                })?;
                if count != 0 {
                    examined = Some(thread);
                }
            }
            Ok(())
        };
        match uses() {
            Ok(()) | Err(Errno::ENOENT | Errno::ESRCH) => {}
            Err(Errno::ENOMEM) => return Err(Errno::ENOMEM),
            Err(errno) => outcome = Err(errno),
        }
        Ok(())
    })?;
    outcome
}

/// Whether two threads certainly have the same table of descriptors.
fn share_descriptors(first: libc::pid_t, second: libc::pid_t) -> bool {
    // From <linux/kcmp.h>.
    const KCMP_FILES: c_int = 2;
    // SAFETY: the call takes numbers only.
    unsafe { libc::syscall(libc::SYS_kcmp, first, second, KCMP_FILES, 0, 0) == 0 }
}

fn ipc_namespace(process: fmt::Arguments<'_>) -> Result<u64, Errno> {
    let path = ProcPath::of(format_args!("/proc/{process}/ns/ipc"));
    large::stat(path.as_c_str()).map(|status| status.st_ino)
}

/// Returns whether the thread shows any mapping.
fn maps_of(
    process: libc::pid_t,
    thread: libc::pid_t,
    same_namespace: bool,
    found: &mut dyn FnMut(Use) -> Result<(), Errno>,
) -> Result<bool, Errno> {
    let path = ProcPath::of(format_args!("/proc/{process}/task/{thread}/maps"));
    let mut is_any = false;
    each_line(path.as_c_str(), &mut |line| {
        is_any = true;
        match mapped(line) {
            Some(Use::Segment(_)) if !same_namespace => Ok(()),
            Some(used) => found(used),
            None => Ok(()),
        }
    })?;
    Ok(is_any)
}

/// The file or segment in a line of /proc/PID/maps, which has these fields: addresses, permissions, offset,
/// device, inode, path.
fn mapped(line: &[u8]) -> Option<Use> {
    let mut fields = line
        .split(|&byte| byte == b' ')
        .filter(|field| !field.is_empty());
    let device = fields.nth(3)?;
    let colon = device.iter().position(|&byte| byte == b':')?;
    let inode = number(fields.next()?, 10)?;
    let major = number(&device[..colon], 16)?.try_into().ok()?;
    let minor = number(&device[colon + 1..], 16)?.try_into().ok()?;
    // The kernel shows a segment as the file /SYSV followed by the key. The device has the major number 0,
    // and the inode number is the segment's id.
    let path = fields.next().unwrap_or_default();
    let is_segment = major == 0
        && path
            .strip_prefix(b"/SYSV")
            .is_some_and(|key| key.len() == 8 && number(key, 16).is_some());
    if is_segment {
        return c_int::try_from(inode).ok().map(Use::Segment);
    }
    (inode != 0).then(|| {
        Use::File(FileId {
            device: libc::makedev(major, minor),
            inode,
        })
    })
}

fn descriptors_of(
    process: libc::pid_t,
    thread: libc::pid_t,
    found: &mut dyn FnMut(FileId) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let path = ProcPath::of(format_args!("/proc/{process}/task/{thread}/fd"));
    let directory = open_directory(path.as_c_str())?;
    each_name(directory.as_fd(), &mut |name, _| {
        // This follows the link to the open file and opens nothing.
        match large::fstatat(directory.as_fd(), name, AtFlags::empty()) {
            Ok(status) => found(FileId::of(&status)),
            Err(_) => Ok(()),
        }
    })
}

/// Removes a file's name from its directory.
pub(crate) fn unlink_entry(directory: BorrowedFd<'_>, entry: &Entry) -> Result<(), Errno> {
    let flags = UnlinkatFlags::NoRemoveDir;
    nix::unistd::unlinkat(directory, &*entry.name, flags)
}

/// Removes the name of one of the kernel's message queues. `name` has no slash.
pub(crate) fn queue_unlink(name: &CStr) -> Result<(), Errno> {
    // SAFETY: the name is NUL-terminated, and the call reads nothing else.
    Errno::result(unsafe { libc::syscall(libc::SYS_mq_unlink, name.as_ptr()) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps_are_read() {
        let file = b"7f00-7f01 rw-s 00000000 00:18 42      /dev/shm/a";
        assert!(
            matches!(mapped(file), Some(Use::File(FileId { inode: 42, device })) if device == libc::makedev(0, 0x18))
        );
        let segment = b"7f00-7f01 rw-s 00000000 00:01 32768    /SYSV4101b2c3 (deleted)";
        assert!(matches!(mapped(segment), Some(Use::Segment(32768))));
        let other = b"7f00-7f01 rw-s 00000000 08:01 7    /SYSV4101b2c3";
        assert!(matches!(mapped(other), Some(Use::File(_))));
        assert!(mapped(b"7f00-7f01 rw-p 00000000 00:00 0    [heap]").is_none());
        assert!(mapped(b"nonsense").is_none());
        assert!(matches!(
            mapped(b"1-2 r--s 0 00:18 9 /dev/shm/\xff\xfe"),
            Some(Use::File(_))
        ));
    }

    #[test]
    fn mounts_of_queues_are_found() {
        let line = b"25 30 0:21 / /dev/a\\040b rw - mqueue mqueue rw";
        let mount = |line: &[u8]| queue_mount(line).ok().unwrap();
        assert_eq!(&*mount(line).unwrap(), c"/dev/a b");
        assert!(mount(b"25 30 0:21 / /dev/shm rw shared:2 - tmpfs tmpfs rw").is_none());
        assert!(mount(b"25 30").is_none());
        assert_eq!(*unescaped(b"a\\9").ok().unwrap(), *b"a\\9");
        assert_eq!(*unescaped(b"\\777x").ok().unwrap(), *b"\\777x");
    }
}
