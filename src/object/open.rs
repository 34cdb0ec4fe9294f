//! Opening an object: by its name, or through a descriptor. Nothing in the file is trusted before the
//! record agrees with what the caller expects.

use super::inspect::{check_owner, check_regular, inspect, not_regular};
use super::layout::{Kind, RECORD_SPAN, Record, Type, total_size};
use super::location::Location;
use super::map::Mapping;
use super::publish::NewObject;
use super::{Initialise, Object, Options, Outcome, SIZE_SEALS, pid_namespace};
use crate::base::error::{Errno, Result, fail};
use crate::base::text::Text;
use crate::sys::{fd, file, path};
use nix::fcntl::SealFlag;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How the opening of an object has begun.
pub(crate) enum Opening {
    Opened(Object),
    /// The object did not exist. It is to be initialised and published.
    New(NewObject),
}

impl Object {
    /// Opens the object at `location`, or makes it if `options` say so. `initialise` gets the zeroed
    /// data of a new object before any other process can see it.
    pub(crate) fn open(
        location: &Location,
        kind: Kind,
        kind_type: &Type,
        options: Options,
        initialise: Initialise<'_>,
    ) -> Result<(Object, Outcome)> {
        loop {
            match Object::begin(location, kind, kind_type, options)? {
                Opening::Opened(object) => return Ok((object, Outcome::Opened)),
                Opening::New(new) => {
                    initialise(new.data(), new.file())?;
                    if let Some(object) = new.publish(location, options)? {
                        return Ok((object, Outcome::Created));
                    }
                }
            }
        }
    }

    /// The first half of [`open`](Self::open): an object that exists, or one that has no name yet.
    pub(crate) fn begin(
        location: &Location,
        kind: Kind,
        kind_type: &Type,
        options: Options,
    ) -> Result<Opening> {
        let wanted = Record::new(kind, kind_type, pid_namespace())?;
        if !options.exclusive {
            match open_file(location, options) {
                Ok(file) => match Object::from_existing(location, file, &wanted, options) {
                    Err(error) if error.errno() == Errno::ESTALE && options.create => {}
                    opened => return opened.map(Opening::Opened),
                },
                Err(error) if error.errno() == Errno::ENOENT && options.create => {}
                Err(error) => return Err(error),
            }
        }
        NewObject::make(location, &wanted, options).map(Opening::New)
    }

    /// Opens the object at `location` with the size that it has. `type_of` makes the expected type from
    /// that size.
    pub(crate) fn open_as_found(
        location: &Location,
        kind: Kind,
        type_of: &dyn Fn(u64) -> Result<Box<Type>>,
        options: Options,
    ) -> Result<Object> {
        let file = open_file(location, options)?;
        let size = file::status(file.as_fd()).map_or(0, |status| status.size());
        let found = inspect(file.as_fd(), size).ok().flatten();
        // Without a sound record any size will do, because every check fails.
        let data_size = found
            .filter(|found| found.is_sound())
            .map_or(1, |found| found.data_size());
        let wanted = Record::new(kind, &*type_of(data_size)?, pid_namespace())?;
        Object::from_existing(location, file, &wanted, options)
    }

    fn from_existing(
        location: &Location,
        file: OwnedFd,
        wanted: &Record,
        options: Options,
    ) -> Result<Object> {
        let status = file::status(file.as_fd())
            .map_err(|errno| location.failed("cannot be examined", errno))?;
        check_regular(location, &status)?;
        if options.check_owner {
            check_owner(location, file.as_fd(), &status)?;
        }
        let data_size = agreed_size(location, file.as_fd(), wanted, options, status.size())?;
        if status.is_unlinked() && options.descriptor.is_none() {
            // Such a file cannot be given a name again, so the path leads to it for as long as the mount
            // stays. Without this check IPC_CREATE would try for ever.
            if is_kept_by_mount(location, &status) {
                return Err(fail!(
                    EBUSY,
                    "{location}: the file there was removed in its own directory and is kept by a mount at this path; unmount it first"
                ));
            }
            return Err(fail!(
                ESTALE,
                "{location}: removed while it was being opened"
            ));
        }
        if location.is_file_of_users() && options.access.is_writable() {
            // A copy of the file may share its blocks with the original, or lack them. On a full file
            // system a write to such a block would be SIGBUS.
            file::reserve_again(file.as_fd(), status.size())
                .map_err(|errno| location.failed("its space cannot be reserved", errno))?;
        }
        let data = Mapping::of_file(file.as_fd(), data_size, options.access)?;
        fill_holes(location, file.as_fd(), &data, options)?;
        Object::new(file, data, options.access)
    }

    /// Opens the object behind a descriptor. The descriptor stays the caller's.
    pub(crate) fn from_descriptor(
        number: i32,
        kind: Kind,
        kind_type: &Type,
        options: Options,
    ) -> Result<Object> {
        let shown = Text::<64>::of(format_args!("descriptor {number}"));
        let shown = Location::unnamed(shown.as_c_str());
        let wanted = Record::new(kind, kind_type, pid_namespace())?;
        let file = fd::borrow(number).map_err(|errno| shown.failed("not usable", errno))?;
        let status = file::status(file.as_fd())
            .map_err(|errno| shown.failed("cannot be examined", errno))?;
        check_regular(&shown, &status)?;
        if !options.unsealed {
            check_sealed(&shown, file.as_fd())?;
        }
        if options.access.is_writable() {
            check_writable(&shown, file.as_fd())?;
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
        fill_holes(&shown, file.as_fd(), &data, options)?;
        Object::new(file, data, options.access)
    }
}

fn open_file(location: &Location, options: Options) -> Result<OwnedFd> {
    let opened = match options.descriptor {
        Some(number) => fd::borrow(number),
        None => file::open(location.path(), options.access.is_writable()),
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

fn check_sealed(location: &Location, file: BorrowedFd<'_>) -> Result<()> {
    let seals = file::seals(file).unwrap_or(SealFlag::empty());
    if seals.contains(SIZE_SEALS) {
        return Ok(());
    }
    Err(fail!(
        EPERM,
        "{location}: its size is not sealed, so its maker could truncate it under this process; IPC_UNSEALED accepts it"
    ))
}

fn check_writable(location: &Location, file: BorrowedFd<'_>) -> Result<()> {
    match file::is_writable(file) {
        Ok(true) => Ok(()),
        Ok(false) => Err(fail!(
            EACCES,
            "{location}: expected a descriptor open for writing, found one for reading; IPC_READ_ONLY accepts it"
        )),
        Err(errno) => Err(location.failed("cannot be examined", errno)),
    }
}

/// Checks an existing file against what is wanted. Returns how many bytes of data to map.
fn agreed_size(
    location: &Location,
    file: BorrowedFd<'_>,
    wanted: &Record,
    options: Options,
    file_size: u64,
) -> Result<u64> {
    let found = inspect(file, file_size)
        .map_err(|errno| location.failed("its record cannot be read", errno))?;
    match found {
        None if options.adopt => adopted_size(location, file, wanted, options, file_size),
        found => {
            let found = match found {
                Some(found) => found,
                None => Record::blank()?,
            };
            wanted.check(location, &found, file_size, options.may_adopt)?;
            Ok(wanted.offset())
        }
    }
}

/// The size of a foreign object, if it is the expected one. Reserves its space where that is possible.
fn adopted_size(
    location: &Location,
    file: BorrowedFd<'_>,
    wanted: &Record,
    options: Options,
    file_size: u64,
) -> Result<u64> {
    let size = wanted.data_size();
    let whole_pages = total_size(size)? - RECORD_SPAN;
    if file_size == 0 {
        return Err(fail!(
            EAGAIN,
            "{location}: found 0 bytes: its maker has not sized it yet"
        ));
    }
    if file_size != size && file_size != whole_pages {
        return Err(fail!(
            EPROTO,
            "{location}: expected a foreign object of {size} bytes, found {file_size}"
        ));
    }
    if options.access.is_writable() {
        // Its maker probably used ftruncate, which reserves nothing. Then a full file system would
        // cause SIGBUS. Any other failure (a sealed file, a file system without the call) leaves
        // the file as its maker left it.
        if let Err(errno @ (Errno::ENOSPC | Errno::EDQUOT)) = file::allocate(file, file_size) {
            return Err(location.failed("has no space reserved and none is left", errno));
        }
    }
    Ok(size)
}

/// Makes sure that a foreign object opened for reading only can be read everywhere. If its maker has reserved
/// no space, reading takes some, and a full file system would cause SIGBUS.
fn fill_holes(
    location: &Location,
    file: BorrowedFd<'_>,
    data: &Mapping,
    options: Options,
) -> Result<()> {
    if !options.adopt || options.access.is_writable() || !file::has_holes_in_memory(file) {
        return Ok(());
    }
    let filled = match data.populate_for_reading() {
        // Before Linux 5.14. A process that may not write leaves the file as its maker left it.
        Err(Errno::EINVAL) => match file::open_again(file) {
            Ok(writable) => file::allocate(writable.as_fd(), data.size() as u64),
            Err(_) => Ok(()),
        },
        filled => filled,
    };
    match filled {
        Err(Errno::EFAULT | Errno::ENOSPC | Errno::EDQUOT | Errno::ENOMEM) => Err(fail!(
            ENOSPC,
            "{location}: its maker has reserved no space for it, and its file system has none left"
        )),
        _ => Ok(()),
    }
}

/// Whether the path still leads to a file without a name. For a moment it also does so during a removal.
fn is_kept_by_mount(location: &Location, status: &file::Status) -> bool {
    let leads_there =
        || file::status_of(location.path()).is_ok_and(|found| found.is_same_file(status));
    if leads_there() {
        path::await_removal(location.path());
    }
    leads_there()
}
