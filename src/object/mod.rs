//! Named objects: create, publish, open, check, unlink.
//!
//! An object is published whole. Its creator makes a file without a name, reserves all its
//! space, fills in data and record, sets its mode, and only then links it to its name. A
//! creator that is killed at any instruction before the link leaves nothing, because the kernel
//! removes an unnamed file with its last descriptor; after the link everything is there. An
//! opener therefore never waits for a creator and never sees a half-made object, and when two
//! create at once the kernel's `EEXIST` decides who won.

pub(crate) mod layout;
pub(crate) mod map;

use crate::base::error::{Errno, Result, fail, failed};
use crate::base::name::Name;
use crate::base::text::{Escaped, Text};
use crate::object::layout::{Kind, Record, Type, total_size};
use crate::object::map::{Access, Mapping};
use crate::sys::robust::Thread;
use crate::sys::{file, process};
use core::ffi::CStr;
use core::fmt;
use nix::fcntl::SealFlag;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

/// Where `shm_open` and `sem_open` keep what they make.
pub(crate) const SHM_DIRECTORY: &CStr = c"/dev/shm";

/// The seals without which a peer could shrink the file and so kill us with SIGBUS.
const SIZE_SEALS: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW);

/// An object of at most so many bytes is made without a look before whether it exists: that would cost
/// the many who make one more than it saves the few who find one.
const CHEAP: u64 = 1 << 16;

/// Where an object lives, and what messages call it.
pub(crate) struct Location {
    /// Of its file, or what else to call it when it has none.
    path: CString,
    /// Where in the path begins what messages show.
    shown: usize,
}

impl Location {
    /// A name in the shared-memory file system: where `shm_open` keeps it.
    pub(crate) fn of_name(name: &Name) -> Location {
        Location::in_shm(b"", name)
    }

    /// Where `sem_open` keeps the semaphore with that name.
    pub(crate) fn of_libc_semaphore(name: &Name) -> Location {
        Location::in_shm(SEM_PREFIX, name)
    }

    fn in_shm(prefix: &[u8], name: &Name) -> Location {
        let mut path = SHM_DIRECTORY.to_bytes().to_vec();
        path.push(b'/');
        path.extend_from_slice(prefix);
        path.extend_from_slice(name.file_name().to_bytes());
        Location {
            path: CString::new(path).unwrap_or_default(),
            shown: SHM_DIRECTORY.count_bytes(),
        }
    }

    pub(crate) fn into_path(self) -> CString {
        self.path
    }

    /// A path in any file system.
    pub(crate) fn of_path(path: &CStr) -> Result<Location> {
        let location = Location::unnamed(path);
        match path.to_bytes() {
            [] => Err(fail!(EINVAL, "the path is empty")),
            [.., b'/'] => Err(fail!(EINVAL, "the path \"{location}\" names a directory")),
            _ => Ok(location),
        }
    }

    /// No path, only what messages call an object that has none.
    fn unnamed(shown: &CStr) -> Location {
        Location {
            path: shown.to_owned(),
            shown: 0,
        }
    }

    /// The directory that holds the file.
    fn directory(&self) -> CString {
        let path = self.path.to_bytes();
        let length = match path.iter().rposition(|&byte| byte == b'/') {
            None => return c".".to_owned(),
            Some(0) => 1,
            Some(slash) => slash,
        };
        CString::new(&path[..length]).unwrap_or_default()
    }

    fn failed(&self, what: &str, errno: Errno) -> crate::base::error::Error {
        failed!(errno, "{self}: {what}")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.path.to_bytes()[self.shown..]).fmt(f)
    }
}

/// How to open.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Make the object when there is none.
    pub(crate) create: bool,
    /// Refuse an object that exists.
    pub(crate) exclusive: bool,
    pub(crate) access: Access,
    /// Accept an object without our record, by its size.
    pub(crate) adopt: bool,
    /// Whether the call takes the flag that says so.
    pub(crate) may_adopt: bool,
    /// Refuse an object that another user owns or may write to.
    pub(crate) check_owner: bool,
    /// Accept a descriptor whose size is not sealed.
    pub(crate) unsealed: bool,
    /// Open what this leads to, also where it has lost its name.
    pub(crate) descriptor: Option<RawFd>,
    /// The permissions of an object that is made here, exactly.
    pub(crate) mode: libc::mode_t,
}

/// Whether the object was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Opened,
    Created,
}

/// An open object: its file and its mapped data.
pub(crate) struct Object {
    file: OwnedFd,
    data: Mapping,
    access: Access,
}

impl Object {
    /// Opens the object at `location`, or makes it when `options` say so. `initialise` gets the
    /// zeroed data of a new object before anybody else can see it.
    pub(crate) fn open(
        location: &Location,
        kind: Kind,
        kind_type: Type,
        options: Options,
        initialise: &mut dyn FnMut(&Mapping, BorrowedFd<'_>) -> Result<()>,
    ) -> Result<(Object, Outcome)> {
        let wanted = Record::new(kind, kind_type, pid_namespace())?;
        // Each further round means that another process removed the name or took it just now.
        loop {
            if !options.exclusive {
                match open_file(location, options) {
                    Ok(file) => match Object::from_existing(location, file, &wanted, options) {
                        Err(error) if error.errno() == Errno::ESTALE && options.create => {}
                        opened => return opened.map(|object| (object, Outcome::Opened)),
                    },
                    Err(error) if error.errno() == Errno::ENOENT && options.create => {}
                    Err(error) => return Err(error),
                }
            }
            match Object::create(location, &wanted, options, initialise) {
                Err(error) if error.errno() == Errno::EEXIST && !options.exclusive => {}
                created => return created.map(|object| (object, Outcome::Created)),
            }
        }
    }

    /// Opens the object at `location` whatever its size, of which `type_of` makes the type that it
    /// must have.
    pub(crate) fn open_as_found(
        location: &Location,
        kind: Kind,
        type_of: &dyn Fn(u64) -> Result<Type>,
        options: Options,
    ) -> Result<Object> {
        let file = open_file(location, options)?;
        let size = file::status(file.as_fd()).map_or(0, |status| status.size());
        let found = inspect(file.as_fd(), size).ok().flatten();
        // Without a sound record any size will do, because every check fails.
        let data_size = found
            .filter(|found| found.is_sound())
            .map_or(1, |found| found.data_size());
        let wanted = Record::new(kind, type_of(data_size)?, pid_namespace())?;
        Object::from_existing(location, file, &wanted, options)
    }

    fn create(
        location: &Location,
        record: &Record,
        options: Options,
        initialise: &mut dyn FnMut(&Mapping, BorrowedFd<'_>) -> Result<()>,
    ) -> Result<Object> {
        let is_much_work = record.total_size() > CHEAP;
        if options.exclusive && is_much_work && file::status_of(&location.path).is_ok() {
            // The link below would say the same, after all the work.
            return Err(location.failed("cannot be created", Errno::EEXIST));
        }
        let file = file::create_unnamed(&location.directory()).map_err(|errno| match errno {
            Errno::EOPNOTSUPP | Errno::EISDIR => fail!(
                EOPNOTSUPP,
                "{location}: its file system has no unnamed files (O_TMPFILE), without which a killed creator would leave a half-made object"
            ),
            errno => location.failed("no file can be made in its directory", errno),
        })?;
        let data = fill(location, file.as_fd(), record)?;
        initialise(&data, file.as_fd())?;
        file::set_permissions(file.as_fd(), options.mode)
            .map_err(|errno| location.failed("its mode cannot be set", errno))?;
        // Making it took a writable mapping; what was asked for may be less.
        let data = match options.access {
            Access::ReadWrite => data,
            Access::ReadOnly => Mapping::of_file(file.as_fd(), record.offset(), options.access)?,
        };
        // Last, so that a call which fails leaves no name.
        file::publish(file.as_fd(), &location.path)
            .map_err(|errno| location.failed("cannot be created", errno))?;
        Ok(Object {
            file,
            data,
            access: options.access,
        })
    }

    fn from_existing(
        location: &Location,
        file: OwnedFd,
        wanted: &Record,
        options: Options,
    ) -> Result<Object> {
        let status = file::status(file.as_fd())
            .map_err(|errno| location.failed("cannot be examined", errno))?;
        if !status.is_regular() {
            return Err(not_regular(location));
        }
        if options.check_owner {
            check_owner(location, &status)?;
        }
        let data_size = agreed_size(location, file.as_fd(), wanted, options, status.size())?;
        if status.is_unlinked() && options.descriptor.is_none() {
            return Err(fail!(
                ESTALE,
                "{location}: removed while it was being opened"
            ));
        }
        let data = Mapping::of_file(file.as_fd(), data_size, options.access)?;
        Ok(Object {
            file,
            data,
            access: options.access,
        })
    }

    /// Makes an object without a name, whose size nobody can change, to be passed on as a
    /// descriptor.
    pub(crate) fn sealed(kind: Kind, kind_type: Type) -> Result<Object> {
        let shown = Location::unnamed(c"(sealed memory)");
        let record = Record::new(kind, kind_type, pid_namespace())?;
        let file = file::create_sealable(c"robustipc")
            .map_err(|errno| shown.failed("no memory file can be made", errno))?;
        let data = fill(&shown, file.as_fd(), &record)?;
        file::add_seals(file.as_fd(), SIZE_SEALS)
            .map_err(|errno| shown.failed("cannot be sealed", errno))?;
        Ok(Object {
            file,
            data,
            access: Access::ReadWrite,
        })
    }

    /// Opens the object behind a descriptor. The descriptor stays the caller's.
    pub(crate) fn from_descriptor(
        number: i32,
        kind: Kind,
        kind_type: Type,
        options: Options,
    ) -> Result<Object> {
        let shown = Text::<64>::of(format_args!("descriptor {number}"));
        let shown = Location::unnamed(shown.as_c_str());
        let wanted = Record::new(kind, kind_type, pid_namespace())?;
        let file = file::borrow(number).map_err(|errno| shown.failed("not usable", errno))?;
        let status = file::status(file.as_fd())
            .map_err(|errno| shown.failed("cannot be examined", errno))?;
        if !status.is_regular() {
            return Err(not_regular(&shown));
        }
        if !options.unsealed {
            let seals = file::seals(file.as_fd()).unwrap_or(SealFlag::empty());
            if !seals.contains(SIZE_SEALS) {
                return Err(fail!(
                    EPERM,
                    "{shown}: its size is not sealed, so its maker could truncate it under this process; IPC_UNSEALED accepts it"
                ));
            }
        }
        let writable = file::is_writable(file.as_fd())
            .map_err(|errno| shown.failed("cannot be examined", errno))?;
        if options.access.is_writable() && !writable {
            return Err(fail!(
                EACCES,
                "{shown}: expected a descriptor open for writing, found one for reading; IPC_READ_ONLY accepts it"
            ));
        }
        let data_size = agreed_size(&shown, file.as_fd(), &wanted, options, status.size())?;
        let data =
            Mapping::of_file(file.as_fd(), data_size, options.access).map_err(
                |error| match error.errno() {
                    Errno::EPERM => fail!(
                        EPERM,
                        "{shown}: its maker has sealed it against writing; IPC_READ_ONLY accepts it"
                    ),
                    _ => error,
                },
            )?;
        Ok(Object {
            file,
            data,
            access: options.access,
        })
    }

    /// Forbids new writable mappings, and hole punching, to everybody; this object's own
    /// mapping stays writable.
    pub(crate) fn seal_writing(&self) -> Result<()> {
        let seals = SealFlag::from_bits_retain(libc::F_SEAL_FUTURE_WRITE) | SealFlag::F_SEAL_SEAL;
        file::add_seals(self.file.as_fd(), seals).map_err(|errno| {
            failed!(
                errno,
                "cannot be sealed against writing (only memory from ipc_shm_sealed can)"
            )
        })
    }

    pub(crate) fn data(&self) -> &Mapping {
        &self.data
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(crate) fn access(&self) -> Access {
        self.access
    }

    /// Whether the object's name is gone, or leads to another object.
    pub(crate) fn is_stale(&self) -> Result<bool> {
        // Only memory files can be sealed so, and they never have a name.
        let seals = file::seals(self.file.as_fd()).unwrap_or(SealFlag::empty());
        if seals.contains(SIZE_SEALS) {
            return Ok(false);
        }
        match file::status(self.file.as_fd()) {
            Ok(status) => Ok(status.is_unlinked()),
            Err(errno) => Err(errno.into()),
        }
    }
}

fn open_file(location: &Location, options: Options) -> Result<OwnedFd> {
    let opened = match options.descriptor {
        Some(number) => file::borrow(number),
        None => file::open(&location.path, options.access.is_writable()),
    };
    opened.map_err(|errno| match errno {
        Errno::ELOOP => fail!(
            ELOOP,
            "{location}: a symbolic link stands there; none is followed"
        ),
        // A directory, or a socket or a device without a driver.
        Errno::EISDIR | Errno::ENXIO => not_regular(location),
        errno => location.failed("cannot be opened", errno),
    })
}

/// Of this process: as the thread knows it already, or asked for anew.
fn pid_namespace() -> u32 {
    Thread::current().map_or_else(|_| process::pid_namespace(), Thread::pid_namespace)
}

/// What libc puts before the name of a semaphore.
pub(crate) const SEM_PREFIX: &[u8] = b"sem.";

/// The sizes of libc's semaphores: of programs with 32-bit and with 64-bit words.
const LIBC_SEM_SIZES: [u64; 2] = [16, 32];

/// Whether a file in /dev/shm without a record is a semaphore of libc, as far as its name and size tell.
pub(crate) fn is_libc_semaphore(file_name: &[u8], size: u64) -> bool {
    file_name.len() > SEM_PREFIX.len()
        && file_name.starts_with(SEM_PREFIX)
        && LIBC_SEM_SIZES.contains(&size)
}

/// What a call may remove.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removable {
    /// An object with a record of this kind. A region may also be one that a program made without this library.
    Recorded(Kind),
    /// A named semaphore of libc.
    LibcSemaphore,
}

impl Removable {
    fn name(self) -> &'static str {
        match self {
            Removable::Recorded(kind) => Kind::name_of(kind as u32),
            Removable::LibcSemaphore => "a semaphore of the C library",
        }
    }
}

/// Removes a name, if it is that of an object of the kind. The object lives on in the processes that have it open.
///
/// Every call that removes something in /dev/shm comes through here: none removes what it has not looked at.
pub(crate) fn unlink(location: &Location, wanted: Removable) -> Result<()> {
    let cannot = |errno| location.failed("cannot be removed", errno);
    let other = |found: &dyn fmt::Display| {
        fail!(
            EMEDIUMTYPE,
            "{location}: expected {}, found {found}; it is unchanged",
            wanted.name()
        )
    };
    let status = file::status_of(&location.path).map_err(cannot)?;
    if !status.is_regular() {
        return Err(other(&status.kind()));
    }
    let file_name = location.path.to_bytes();
    let file_name = &file_name[file_name
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1)..];
    let record = match file::open(&location.path, false) {
        Ok(file) => {
            let size = file::status(file.as_fd()).map_or(0, |status| status.size());
            inspect(file.as_fd(), size).map_err(cannot)?
        }
        // Its owner may remove what the mode forbids to read. It has no record that could be seen.
        Err(Errno::EACCES)
            if !matches!(wanted, Removable::Recorded(Kind::Semaphore | Kind::Queue)) =>
        {
            None
        }
        Err(errno) => return Err(cannot(errno)),
    };
    match (record, wanted) {
        (Some(record), Removable::Recorded(kind)) => record.check_kind(location, kind as u32)?,
        (Some(record), Removable::LibcSemaphore) => {
            return Err(other(&Kind::name_of(record.kind())));
        }
        (None, Removable::LibcSemaphore) if is_libc_semaphore(file_name, status.size()) => {}
        (None, Removable::Recorded(Kind::Region)) => {
            if is_libc_semaphore(file_name, status.size()) {
                return Err(other(&Removable::LibcSemaphore.name()));
            }
        }
        (None, _) => {
            return Err(other(&"an object that was made without this library"));
        }
    }
    file::unlink(&location.path).map_err(cannot)
}

/// Reads a number in the data of the object at `location`, if there is one that may be read.
pub(crate) fn read_number(location: &Location, offset: u64) -> Option<u64> {
    let file = file::open(&location.path, false).ok()?;
    let mut bytes = [0; 8];
    let complete = file::read_at(file.as_fd(), &mut bytes, offset).ok()?;
    complete.then(|| u64::from_ne_bytes(bytes))
}

/// Refuses a file that another user owns, or that others may write to.
pub(crate) fn check_owner(shown: &dyn fmt::Display, status: &file::Status) -> Result<()> {
    let (user, owner) = (process::effective_user(), status.owner());
    let permissions = status.permissions();
    if owner == user && permissions & 0o022 == 0 {
        return Ok(());
    }
    Err(fail!(
        EACCES,
        "{shown}: expected owner {user} and nobody else with write permission, found owner {owner} and mode {permissions:04o}"
    ))
}

fn not_regular(location: &Location) -> crate::base::error::Error {
    fail!(
        EMEDIUMTYPE,
        "{location}: expected a shared memory object, found something that is not a regular file"
    )
}

/// Gives an empty file its size and its record, and maps its data.
fn fill(location: &Location, file: BorrowedFd<'_>, record: &Record) -> Result<Mapping> {
    let total = record.total_size();
    file::allocate(file, total).map_err(|errno| match errno {
        Errno::ENOSPC | Errno::EFBIG | Errno::EDQUOT | Errno::ENOMEM => fail!(
            ENOSPC,
            "{location}: its file system has no room for {total} bytes"
        ),
        errno => failed!(errno, "{location}: cannot reserve {total} bytes"),
    })?;
    file::write_at(file, record.as_bytes(), record.offset())
        .map_err(|errno| location.failed("its record cannot be written", errno))?;
    Mapping::of_file(file, record.offset(), Access::ReadWrite)
}

/// Checks an existing file against what is wanted and returns how many bytes of data to map.
fn agreed_size(
    location: &Location,
    file: BorrowedFd<'_>,
    wanted: &Record,
    options: Options,
    file_size: u64,
) -> Result<u64> {
    let mut found = Record::blank();
    let offset = file_size.saturating_sub(crate::object::layout::RECORD_SPAN);
    let complete = file::read_at(file, found.as_bytes_mut(), offset)
        .map_err(|errno| location.failed("its record cannot be read", errno))?;
    if !complete {
        found = Record::blank();
    }
    if options.adopt && !found.is_present() {
        return adopted_size(location, file, wanted, options, file_size);
    }
    wanted.check(location, &found, file_size, options.may_adopt)?;
    Ok(wanted.offset())
}

/// Reads the record of a file that may be anything; `None` when it has none.
pub(crate) fn inspect(file: BorrowedFd<'_>, file_size: u64) -> Result<Option<Record>, Errno> {
    let mut found = Record::blank();
    let offset = file_size.saturating_sub(crate::object::layout::RECORD_SPAN);
    let complete = file::read_at(file, found.as_bytes_mut(), offset)?;
    Ok((complete && found.is_present()).then_some(found))
}

/// The size of a foreign object, if it is the one expected, with its space reserved where that
/// is possible.
fn adopted_size(
    location: &Location,
    file: BorrowedFd<'_>,
    wanted: &Record,
    options: Options,
    file_size: u64,
) -> Result<u64> {
    let size = wanted.data_size();
    let pages = total_size(size)? - crate::object::layout::RECORD_SPAN;
    if file_size == 0 {
        return Err(fail!(
            EAGAIN,
            "{location}: found 0 bytes: its maker has not sized it yet"
        ));
    }
    if file_size != size && file_size != pages {
        return Err(fail!(
            EPROTO,
            "{location}: expected a foreign object of {size} bytes, found {file_size}"
        ));
    }
    if options.access.is_writable() {
        // Its maker probably used ftruncate, which reserves nothing: a full file system would
        // be SIGBUS. Other failures (sealed, a file system without the call) leave it as its
        // maker did.
        if let Err(errno @ (Errno::ENOSPC | Errno::EDQUOT)) = file::allocate(file, file_size) {
            return Err(location.failed("has no space reserved and none is left", errno));
        }
    }
    Ok(size)
}

/// The path in a C string, checked for length.
///
/// # Safety
///
/// `path` is NULL or points to a NUL-terminated string, which stays as it is during the call,
/// or to at least PATH_MAX bytes.
pub(crate) unsafe fn path_from_c<'a>(path: *const core::ffi::c_char) -> Result<&'a CStr> {
    if path.is_null() {
        return Err(fail!(EINVAL, "the path is NULL"));
    }
    let limit = libc::PATH_MAX as usize;
    // SAFETY: by this function's contract; strnlen stops at the NUL or the limit.
    let length = unsafe { libc::strnlen(path, limit) };
    if length == limit {
        return Err(fail!(ENAMETOOLONG, "the path has {limit} bytes or more"));
    }
    // SAFETY: strnlen has just found the NUL; the string lives by this function's contract.
    Ok(unsafe { CStr::from_ptr(path) })
}
