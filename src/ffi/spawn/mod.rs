//! Child processes: how they are started. Calls on a running child are in [`child`], the exchange
//! with its streams in [`communicate`].

pub mod setup;

pub mod child;

pub mod communicate;

use super::handle::Table;
use super::*;
use crate::ipc::spawn::{Child, SpawnRequest, Stream};
use crate::sys::spawn::Strings;
use core::ffi::{CStr, c_char, c_int};
use core::ptr::NonNull;
use setup::{choices, ipc_child_setup_t};

/// A handle of a child process. Made by ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn(),
/// ended by ipc_child_close().
pub struct ipc_child_t {
    _private: [u8; 0],
}

pub(super) static CHILDREN: Table<Child, { handle::CHILD }> = Table::new();

/// Flag of ipc_spawn(): the child's standard input is a pipe. ipc_child_stdin() returns the
/// end to write to.
pub const IPC_STDIN_PIPE: c_int = 0x10000;
/// Flag of ipc_spawn(): the child's standard output is a pipe. ipc_child_stdout() returns the
/// end to read from.
pub const IPC_STDOUT_PIPE: c_int = 0x20000;
/// Flag of ipc_spawn(): the child's standard error is a pipe. ipc_child_stderr() returns the
/// end to read from.
pub const IPC_STDERR_PIPE: c_int = 0x40000;

/// The flags that put a stream on a pipe, by the stream's number.
const PIPES: [c_int; 3] = [IPC_STDIN_PIPE, IPC_STDOUT_PIPE, IPC_STDERR_PIPE];

/// Kind of a child's stream: this process's own stream. It is 0, and so the kind in a zeroed
/// ipc_stream_t.
pub const IPC_STREAM_INHERIT: c_int = 0;
/// Kind of a child's stream: a pipe to or from this process.
pub const IPC_STREAM_PIPE: c_int = 1;
/// Kind of a child's stream: the open descriptor in the field fd. The caller keeps that
/// descriptor and closes it.
pub const IPC_STREAM_FD: c_int = 2;
/// Kind of a child's stream: the file at the field path. For standard input the file is read.
/// For the two outputs it is created if it does not exist (mode 0666 less the umask), and
/// emptied if it does. A FIFO is refused, because its opening waits for a peer.
pub const IPC_STREAM_FILE: c_int = 3;
/// Kind of a child's output: the file at the field path, written at its end. The file is
/// created if it does not exist (mode 0666 less the umask). A FIFO is refused, because its opening
/// waits for a peer. Not for standard input.
pub const IPC_STREAM_APPEND: c_int = 4;
/// Kind of a child's stream: /dev/null.
pub const IPC_STREAM_NULL: c_int = 5;
/// Kind of a child's standard error: the destination of the child's standard output. For
/// standard error only.
pub const IPC_STREAM_MERGE: c_int = 6;

/// The source or destination of one of a child's standard streams.
#[repr(C)]
pub struct ipc_stream_t {
    /// One of the IPC_STREAM_ constants.
    pub kind: c_int,
    /// The descriptor for IPC_STREAM_FD; otherwise unused.
    pub fd: c_int,
    /// The path for IPC_STREAM_FILE and IPC_STREAM_APPEND; otherwise unused.
    pub path: *const c_char,
}

/// Choices for ipc_spawn_with(). A field that is zero has its default.
#[repr(C)]
pub struct ipc_spawn_attr_t {
    /// The child's standard input.
    pub input: ipc_stream_t,
    /// The child's standard output.
    pub output: ipc_stream_t,
    /// The child's standard error.
    pub error: ipc_stream_t,
    /// The child's environment: "NAME=value" strings, ended by NULL. If the field itself is
    /// NULL, the child gets this process's environment.
    pub environment: *const *const c_char,
    /// The child's working directory; NULL for this process's. A program that is named by a
    /// relative path with a slash is searched for from this directory.
    pub directory: *const c_char,
    /// More choices, for example a new process group or a user; NULL for the defaults.
    pub setup: *const ipc_child_setup_t,
    /// All 0; for later versions.
    pub reserved: [u64; 3],
}

const _: () = {
    let pointer = size_of::<usize>();
    assert!(size_of::<ipc_stream_t>() == 8 + pointer);
    let before_reserved = 3 * size_of::<ipc_stream_t>() + 3 * pointer;
    let aligned = before_reserved.next_multiple_of(align_of::<u64>());
    assert!(size_of::<ipc_spawn_attr_t>() == aligned + 24);
};

/// Starts a program as a child process. The streams that flags names are pipes; the child
/// shares the other streams with this process. No shell is involved.
///
/// The child gets no other descriptor of this process, however it was opened. All its signals
/// have their default actions, and none is blocked. The call returns when the program runs, so
/// a program that cannot be executed is an error of this call and never an exit status.
///
/// out: receives the handle, on success only. End it with ipc_child_close().
/// argv: the program's name and its arguments, ended by NULL. A name without a slash is
/// searched for in this process's PATH.
/// flags: 0 or any of IPC_STDIN_PIPE, IPC_STDOUT_PIPE, IPC_STDERR_PIPE and IPC_INHERIT. With
/// IPC_INHERIT, the child also gets the descriptors that exec does not close.
///
/// Returns: 0, and the program runs; or a negative error, and there is no child.
/// Errors: -EINVAL out or argv is NULL or misaligned, argv has no name, or flags has an
/// unknown bit; -ENOENT or -ENOTDIR the program does not exist; -EACCES the program may not be
/// executed; -ENOEXEC the file is not a program; -E2BIG the arguments and the environment are
/// too large; -ETXTBSY the program is open for writing; -ELOOP or -ENAMETOOLONG its path
/// cannot be followed; -EAGAIN no more processes are allowed; -EMFILE this process has too
/// many open descriptors or handles; -ENFILE the system has too many open files; -ENOMEM there
/// is no memory.
/// Threads: safe, whatever other threads do: the child makes only system calls before exec.
/// Signals: held back in the calling thread until the program runs; none is lost.
/// Fork: a process that this one forks later can signal the program, but cannot wait for it.
/// Death: the program continues when this process dies. It gets the end of the file on a
/// standard input that is a pipe, and EPIPE or SIGPIPE on an output that is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_spawn(
    out: *mut *mut ipc_child_t,
    argv: *const *const c_char,
    flags: c_int,
) -> c_int {
    guard(c"ipc_spawn", move || {
        // SAFETY: by the contract of this call.
        unsafe { spawn(out, argv, flags, core::ptr::null()) }
    })
}

/// Starts a program as a child process, with a choice of files, descriptors or /dev/null for
/// its streams, an environment and a working directory. No shell is involved.
///
/// The child gets no other descriptor of this process, however it was opened. All its signals
/// have their default actions, and none is blocked. The call returns when the program runs, so
/// a program that cannot be executed is an error of this call and never an exit status.
///
/// out: receives the handle, on success only. End it with ipc_child_close().
/// argv: the program's name and its arguments, ended by NULL. A name without a slash is
/// searched for in this process's PATH.
/// flags: 0 or any of IPC_STDIN_PIPE, IPC_STDOUT_PIPE, IPC_STDERR_PIPE and IPC_INHERIT. With
/// IPC_INHERIT, the child also gets the descriptors that exec does not close.
/// attr: the choices; NULL for the defaults. Not kept after the call. A stream that flags puts
/// on a pipe must have the kind IPC_STREAM_INHERIT (0) or IPC_STREAM_PIPE. Relative paths of
/// streams' files start at this process's working directory, not at the child's.
///
/// Returns: 0, and the program runs; or a negative error, and there is no child.
/// Errors: -EINVAL out, argv or a needed path is NULL, a pointer is misaligned, argv has no
/// name, flags has an unknown bit, a stream's kind is unknown or not allowed for that stream, a stream's path names a FIFO,
/// or a reserved field is not 0; -EBADF the fd of a stream is not open; -ENOENT or -ENOTDIR
/// the program does not exist; -EACCES the program may not be executed; -ENOEXEC the file is
/// not a program; -E2BIG the arguments and the environment are too large; -ETXTBSY the program
/// is open for writing; -ELOOP or -ENAMETOOLONG its path cannot be followed; -EAGAIN no more
/// processes are allowed; -EMFILE this process has too many open descriptors or handles;
/// -ENFILE the system has too many open files; -ENOMEM there is no memory; -EISDIR, -EROFS or
/// -ENOSPC a stream's file cannot be opened or created; -EPERM or -EACCES this process may not set the
/// child's user, scheduling or a limit; -ESRCH this process ended meanwhile (IPC_CHILD_DIES_WITH_PARENT).
/// -ENOENT, -ENOTDIR, -EACCES, -ELOOP and -ENAMETOOLONG can also concern a stream's file or the
/// directory, and -EINVAL and -EBADF an entry of the setup; ipc_last_error() says which.
/// Threads: safe, whatever other threads do: the child makes only system calls before exec.
/// Signals: held back in the calling thread until the program runs; none is lost.
/// Fork: a process that this one forks later can signal the program, but cannot wait for it.
/// Death: the program continues when this process dies. It gets the end of the file on a
/// standard input that is a pipe, and EPIPE or SIGPIPE on an output that is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_spawn_with(
    out: *mut *mut ipc_child_t,
    argv: *const *const c_char,
    flags: c_int,
    attr: *const ipc_spawn_attr_t,
) -> c_int {
    guard(c"ipc_spawn_with", move || {
        // SAFETY: by the contract of this call.
        unsafe { spawn(out, argv, flags, attr) }
    })
}

/// Starts a program for both spawning exports: the checks of their arguments, and the child's handle.
///
/// # Safety
///
/// Each pointer is NULL or what its export says.
unsafe fn spawn(
    out: *mut *mut ipc_child_t,
    argv: *const *const c_char,
    flags: c_int,
    attr: *const ipc_spawn_attr_t,
) -> Result<c_int> {
    let out = checked(out, "out")?;
    check_flags(flags, IPC_INHERIT | PIPES[0] | PIPES[1] | PIPES[2])?;
    // SAFETY: by this function's contract.
    let arguments = unsafe { Strings::new(checked(argv.cast_mut(), "argv")?) };
    let attr = if attr.is_null() {
        None
    } else {
        // SAFETY: as above.
        Some(unsafe { placed_to_read(attr, "attr") }?)
    };
    if attr.is_some_and(|attr| attr.reserved != [0; 3]) {
        return Err(fail!(EINVAL, "attr: a reserved field is not 0"));
    }
    // SAFETY: by this function's contract.
    let streams = unsafe { streams(attr, flags) }?;
    let directory = match attr {
        // SAFETY: by this function's contract.
        Some(attr) if !attr.directory.is_null() => Some(unsafe { path_from_c(attr.directory) }?),
        _ => None,
    };
    // SAFETY: by this function's contract.
    let choices = unsafe { choices(attr.map_or(core::ptr::null(), |attr| attr.setup)) }?;
    if directory.is_some() && choices.directory.is_some() {
        return Err(fail!(EINVAL, "attr and its setup both name a directory"));
    }
    let room = CHILDREN.room()?;
    let child = Child::start(&SpawnRequest {
        arguments,
        // SAFETY: by this function's contract.
        environment: unsafe {
            environment(attr.map_or(core::ptr::null(), |attr| attr.environment))
        },
        directory: directory.or(choices.directory),
        streams,
        inherits: flags & IPC_INHERIT != 0,
        leads_session: false,
        program: choices.program,
        setup: choices.setup,
    })?;
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    unsafe { put(out, room.fill(child)) }
}

/// The child's three streams, from the C caller's attributes and the flags that ask for pipes.
///
/// # Safety
///
/// The paths in `attr` are NULL or strings, for streams whose kind has a path.
unsafe fn streams(attr: Option<&ipc_spawn_attr_t>, flags: c_int) -> Result<[Stream<'_>; 3]> {
    let mut streams = [Stream::Inherited; 3];
    let given = attr.map(|attr| [&attr.input, &attr.output, &attr.error]);
    for (number, made) in streams.iter_mut().enumerate() {
        let is_pipe = flags & PIPES[number] != 0;
        *made = match given {
            None if is_pipe => Stream::Pipe,
            None => Stream::Inherited,
            // SAFETY: by this function's contract.
            Some(given) => unsafe { stream(number, given[number], is_pipe) }?,
        };
    }
    Ok(streams)
}

/// The environment that the C caller gave, or this process's if it gave NULL.
///
/// # Safety
///
/// `given` is NULL or what `Strings::new` asks for.
pub(super) unsafe fn environment<'a>(given: *const *const c_char) -> Strings<'a> {
    match NonNull::new(given.cast_mut()) {
        // SAFETY: by this function's contract.
        Some(given) => unsafe { Strings::new(given) },
        None => Strings::environment(),
    }
}

/// One of the child's streams.
///
/// # Safety
///
/// `stream.path` is NULL or a string if the stream's kind has a path.
unsafe fn stream(number: usize, stream: &ipc_stream_t, is_pipe: bool) -> Result<Stream<'_>> {
    // SAFETY: by this function's contract; called only for kinds that have a path.
    let path = || unsafe { path_from_c(stream.path) };
    Ok(match stream.kind {
        IPC_STREAM_INHERIT | IPC_STREAM_PIPE if is_pipe => Stream::Pipe,
        IPC_STREAM_INHERIT => Stream::Inherited,
        IPC_STREAM_PIPE => Stream::Pipe,
        kind if is_pipe => {
            return Err(fail!(
                EINVAL,
                "standard stream {number}: flags asks for a pipe, but attr has kind {kind}"
            ));
        }
        IPC_STREAM_FD => Stream::Descriptor(stream.fd),
        IPC_STREAM_FILE => Stream::File(path()?),
        IPC_STREAM_APPEND if number != 0 => Stream::Append(path()?),
        IPC_STREAM_NULL => Stream::Null,
        IPC_STREAM_MERGE if number == 2 => Stream::Merged,
        kind => {
            return Err(fail!(
                EINVAL,
                "standard stream {number} cannot be of kind {kind}"
            ));
        }
    })
}
