//! Making an object: one that gets a name when it is complete, or one without a name whose size
//! nobody can change.

use super::layout::{Kind, Record, Type};
use super::location::Location;
use super::map::{Access, Mapping, check_size};
use super::{Object, Options, SIZE_SEALS, pid_namespace};
use crate::base::error::{Errno, Result, fail, failed};
use crate::sys::new_owner::NewOwner;
use crate::sys::{file, process};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// For an exclusive object of more bytes than this, the library first checks whether the name exists.
/// For a smaller object that check would cost every creator more than it saves those that find the
/// name taken.
const CHECK_NAME_ABOVE: u64 = 1 << 16;

/// A complete object without a name, whose data is to be initialised. If it is dropped, nothing is left of it.
pub(crate) struct NewObject {
    file: OwnedFd,
    data: Mapping,
    /// The end of the data, at which the record begins.
    offset: u64,
}

impl NewObject {
    pub(super) fn make(
        location: &Location,
        record: &Record,
        options: Options,
    ) -> Result<NewObject> {
        let is_much_work = record.total_size() > CHECK_NAME_ABOVE;
        if options.exclusive && is_much_work && file::status_of(location.path()).is_ok() {
            // The link in `publish` would give the same error, after all the work.
            return Err(location.failed("cannot be created", Errno::EEXIST));
        }
        let directory = location.directory()?;
        let file = file::create_unnamed(&directory).map_err(|errno| match errno {
            Errno::EOPNOTSUPP | Errno::EISDIR => fail!(
                EOPNOTSUPP,
                "{location}: its file system has no unnamed files (O_TMPFILE), without which a killed creator would leave a half-made object"
            ),
            errno => location.failed("no file can be made in its directory", errno),
        })?;
        if location.is_file_of_users() {
            file::avoid_copy_on_write(file.as_fd());
        }
        let data = fill(location, file.as_fd(), record)?;
        Ok(NewObject {
            file,
            data,
            offset: record.offset(),
        })
    }

    /// The zeroed data, writable.
    pub(crate) fn data(&self) -> &Mapping {
        &self.data
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Publishes the object at `location`. `None`: another process has just made an object there, which is to be opened.
    /// If `options` are exclusive, that is `EEXIST`.
    pub(crate) fn publish(self, location: &Location, options: Options) -> Result<Option<Object>> {
        let NewObject { file, data, offset } = self;
        file::set_permissions(file.as_fd(), options.mode)
            .map_err(|errno| location.failed("its mode cannot be set", errno))?;
        give(location, file.as_fd(), options.owner)?;
        // Filling needs a writable mapping. The caller may have asked for a read-only one.
        let data = match options.access {
            Access::ReadWrite => data,
            Access::ReadOnly => Mapping::of_file(file.as_fd(), offset, options.access)?,
        };
        let object = Object::new(file, data, options.access)?;
        // Last, so that a call which fails leaves no name.
        match file::publish(object.file()?, location.path()) {
            Ok(()) => Ok(Some(object)),
            Err(Errno::EEXIST) if !options.exclusive => Ok(None),
            Err(errno) => Err(location.failed("cannot be created", errno)),
        }
    }
}

impl Object {
    /// Makes an object without a name, whose size nobody can change. It reaches other processes as a
    /// descriptor.
    pub(crate) fn sealed(kind: Kind, kind_type: &Type) -> Result<Object> {
        let shown = Location::unnamed(c"(sealed memory)");
        let record = Record::new(kind, kind_type, pid_namespace())?;
        let file = file::create_sealable(c"robustipc")
            .map_err(|errno| shown.failed("no memory file can be made", errno))?;
        let data = fill(&shown, file.as_fd(), &record)?;
        file::add_seals(file.as_fd(), SIZE_SEALS)
            .map_err(|errno| shown.failed("cannot be sealed", errno))?;
        Object::new(file, data, Access::ReadWrite)
    }
}

/// Gives a new file to the owner that its creator wants.
pub(crate) fn give(
    name: &dyn core::fmt::Display,
    file: BorrowedFd<'_>,
    owner: NewOwner,
) -> Result<()> {
    owner.give(file).map_err(|errno| match errno {
        Errno::EPERM | Errno::EINVAL => failed!(
            errno,
            "{name}: user {} may not give it to {owner}: that needs CAP_CHOWN, or membership of the group; nothing was created",
            process::effective_user()
        ),
        errno => failed!(errno, "{name}: it cannot be given to {owner}"),
    })
}

/// Gives an empty file its size and its record, and maps its data.
fn fill(location: &Location, file: BorrowedFd<'_>, record: &Record) -> Result<Mapping> {
    let total = record.total_size();
    // A 32-bit process can give a file more bytes than it can map.
    check_size(total)?;
    file::allocate(file, total).map_err(|errno| match errno {
        Errno::EFBIG if file::is_above_size_limit(total) => fail!(
            EFBIG,
            "{location}: {total} bytes are more than RLIMIT_FSIZE allows this process's files"
        ),
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
