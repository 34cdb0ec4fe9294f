//! Child processes.

use super::handle::Table;
use super::*;
use crate::base::time::Deadline;
use crate::ipc::spawn::{Child, Exchange, Sink, SpawnRequest, Stream};
use crate::sys::spawn::{Exit, Strings};
use core::ffi::{c_char, c_int, c_void};
use core::ptr::NonNull;

/// A process that this one has started. Made by ipc_spawn(), ended by ipc_child_close().
pub struct ipc_child_t {
    _private: [u8; 0],
}

pub(super) static CHILDREN: Table<Child, { handle::CHILD }> = Table::new();

/// Spawn flag: the child's standard input is a pipe; write to ipc_child_stdin().
pub const IPC_STDIN_PIPE: c_int = 0x10000;
/// Spawn flag: the child's standard output is a pipe; read from ipc_child_stdout().
pub const IPC_STDOUT_PIPE: c_int = 0x20000;
/// Spawn flag: the child's standard error is a pipe; read from ipc_child_stderr().
pub const IPC_STDERR_PIPE: c_int = 0x40000;

const PIPES: [c_int; 3] = [IPC_STDIN_PIPE, IPC_STDOUT_PIPE, IPC_STDERR_PIPE];

/// Stream kind: the same as this process's. What a zeroed struct means.
pub const IPC_STREAM_INHERIT: c_int = 0;
/// Stream kind: a pipe to or from this process.
pub const IPC_STREAM_PIPE: c_int = 1;
/// Stream kind: the open descriptor in fd, which stays the caller's.
pub const IPC_STREAM_FD: c_int = 2;
/// Stream kind: the file at path. For standard input it is read; else it is made if need be (with
/// mode 0666 less the umask) and emptied.
pub const IPC_STREAM_FILE: c_int = 3;
/// Stream kind: the same, but written at its end. Not for standard input.
pub const IPC_STREAM_APPEND: c_int = 4;
/// Stream kind: /dev/null.
pub const IPC_STREAM_NULL: c_int = 5;
/// Stream kind: where the child's standard output goes. For standard error only.
pub const IPC_STREAM_MERGE: c_int = 6;

/// Where one of a child's standard streams leads.
#[repr(C)]
pub struct ipc_stream_t {
    /// One of the stream kinds.
    pub kind: c_int,
    /// For IPC_STREAM_FD.
    pub fd: c_int,
    /// For IPC_STREAM_FILE and IPC_STREAM_APPEND.
    pub path: *const c_char,
}

/// How to start a child. All zero is the default in everything.
#[repr(C)]
pub struct ipc_spawn_attr_t {
    /// The child's standard input.
    pub input: ipc_stream_t,
    /// The child's standard output.
    pub output: ipc_stream_t,
    /// The child's standard error.
    pub error: ipc_stream_t,
    /// "NAME=value" strings, ended by NULL; NULL itself for this process's environment.
    pub environment: *const *const c_char,
    /// Where the child begins; NULL for this process's working directory. A program named by a
    /// relative path is looked for from there.
    pub directory: *const c_char,
    /// All 0: room for what comes later.
    pub reserved: [u64; 4],
}

/// How a child ended.
#[repr(C)]
pub struct ipc_child_exit_t {
    /// 0 to 255: what it returned from main() or gave exit(); -1 if a signal ended it.
    pub code: c_int,
    /// The signal that ended it; 0 if it ended by itself.
    pub signal: c_int,
}

/// What goes to a child and what comes from it: see ipc_child_communicate(), which moves it on.
#[repr(C)]
pub struct ipc_exchange_t {
    /// What is still to be fed to standard input; moves on as it is taken.
    pub input: *const c_void,
    /// How many bytes that is.
    pub input_size: usize,
    /// Where standard output is collected; NULL: read and thrown away.
    pub output: *mut c_void,
    /// The size of that buffer.
    pub output_capacity: usize,
    /// How many bytes stand in it (or were thrown away); 0 at first.
    pub output_size: usize,
    /// The same for standard error.
    pub error: *mut c_void,
    /// The size of that buffer.
    pub error_capacity: usize,
    /// How many bytes stand in it (or were thrown away); 0 at first.
    pub error_size: usize,
}

const _: () = assert!(size_of::<ipc_stream_t>() == 16);
const _: () = assert!(size_of::<ipc_spawn_attr_t>() == 96);
const _: () = assert!(size_of::<ipc_child_exit_t>() == 8);
const _: () = assert!(size_of::<ipc_exchange_t>() == 64);

/// Starts a program, with the standard streams that the flags name on pipes and the others
/// inherited. No shell is involved.
///
/// The child gets no other descriptor of this process, whoever opened it and however; its
/// signals are all at their defaults and none is blocked.
///
/// out: receives the handle, on success only. End it with ipc_child_close().
/// argv: the program's name and its arguments, ended by NULL. A name without a slash is looked
/// for in PATH.
/// flags: 0 or any of IPC_STDIN_PIPE, IPC_STDOUT_PIPE, IPC_STDERR_PIPE, IPC_INHERIT (the child
/// also gets those descriptors that exec does not close).
///
/// Returns: 0 when the program runs, or a negative error; then there is no child.
/// Errors: -EINVAL a NULL, no name, or an unknown flag; -ENOENT or -ENOTDIR no such program;
/// -EACCES it may not be executed; -ENOEXEC not a program; -E2BIG, -ELOOP, -ETXTBSY,
/// -ENAMETOOLONG exec's others; -EAGAIN no more processes are allowed; -EMFILE or -ENFILE too
/// many descriptors or handles; -ENOMEM no memory.
/// Threads: safe, whatever other threads do.
/// Signals: none are lost; handlers wait until the program runs.
/// Fork: a child that this process forks can signal the program, but not wait for it.
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

/// As ipc_spawn(), with more to choose: files, descriptors and /dev/null as streams, the
/// environment, the working directory.
///
/// out, argv, flags: as in ipc_spawn().
/// attr: not kept; NULL for the defaults. A stream that a flag puts on a pipe has the kind
/// IPC_STREAM_INHERIT (0) or IPC_STREAM_PIPE there. Relative paths of files are looked for from
/// this process's working directory.
///
/// Returns: 0 when the program runs, or a negative error; then there is no child.
/// Errors: those of ipc_spawn(); -EINVAL also for an unknown stream kind, one that the stream
/// cannot have, or a reserved field that is not zero; -EBADF a stream's fd is not open; -ENOENT,
/// -ENOTDIR, -EACCES, -EISDIR, -EROFS, -ENOSPC a stream's file or the directory cannot be used.
/// Threads: safe, whatever other threads do.
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
        Some(unsafe { placed(attr, "attr") }?)
    };
    if attr.is_some_and(|attr| attr.reserved != [0; 4]) {
        return Err(fail!(EINVAL, "attr: a reserved field is not zero"));
    }
    let streams = attr.map(|attr| [&attr.input, &attr.output, &attr.error]);
    let mut paths = [c""; 3];
    if let Some(streams) = streams {
        for (path, stream) in paths.iter_mut().zip(streams) {
            if matches!(stream.kind, IPC_STREAM_FILE | IPC_STREAM_APPEND) {
                // SAFETY: by this function's contract.
                *path = unsafe { path_from_c(stream.path) }?;
            }
        }
    }
    let mut wanted = [Stream::Inherited; 3];
    for (number, wanted) in wanted.iter_mut().enumerate() {
        let is_pipe = flags & PIPES[number] != 0;
        *wanted = match streams {
            None if is_pipe => Stream::Pipe,
            None => Stream::Inherited,
            Some(streams) => stream(number, streams[number], paths[number], is_pipe)?,
        };
    }
    let directory = match attr {
        // SAFETY: by this function's contract.
        Some(attr) if !attr.directory.is_null() => Some(unsafe { path_from_c(attr.directory) }?),
        _ => None,
    };
    let child = Child::start(&SpawnRequest {
        arguments,
        // SAFETY: by this function's contract.
        environment: unsafe {
            environment(attr.map_or(core::ptr::null(), |attr| attr.environment))
        },
        directory,
        streams: wanted,
        inherits: flags & IPC_INHERIT != 0,
        leads_session: false,
    })?;
    // SAFETY: checked for NULL and alignment; the rest by this function's contract.
    unsafe { put(out, CHILDREN.insert(child)?) }
}

/// An environment that C gave, or this process's.
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

fn stream<'a>(
    number: usize,
    stream: &ipc_stream_t,
    path: &'a core::ffi::CStr,
    is_pipe: bool,
) -> Result<Stream<'a>> {
    Ok(match stream.kind {
        IPC_STREAM_INHERIT | IPC_STREAM_PIPE if is_pipe => Stream::Pipe,
        IPC_STREAM_INHERIT => Stream::Inherited,
        IPC_STREAM_PIPE => Stream::Pipe,
        kind if is_pipe => {
            return Err(fail!(
                EINVAL,
                "standard stream {number}: expected a pipe by flags, found kind {kind} in attr"
            ));
        }
        IPC_STREAM_FD => Stream::Descriptor(stream.fd),
        IPC_STREAM_FILE => Stream::File(path),
        IPC_STREAM_APPEND if number != 0 => Stream::Append(path),
        IPC_STREAM_NULL => Stream::Null,
        IPC_STREAM_MERGE if number == 2 => Stream::Merged,
        kind => {
            return Err(fail!(
                EINVAL,
                "standard stream {number}: it cannot be of kind {kind}"
            ));
        }
    })
}

/// Where to write what the child reads from its standard input. Writing with ipc_write_full()
/// raises no SIGPIPE if the child is gone.
///
/// Returns: a descriptor that belongs to the handle (ipc_child_close_stdin() closes it), or a
/// negative error.
/// Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle, or standard input is not a
/// pipe, or closed already.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_stdin(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_stdin", move || CHILDREN.get(child)?.end(0))
}

/// Where to read what the child writes to its standard output.
///
/// Returns: a descriptor that belongs to the handle, or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle, or standard output is not a
/// pipe, or ipc_child_communicate() has read it to its end.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_stdout(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_stdout", move || CHILDREN.get(child)?.end(1))
}

/// Where to read what the child writes to its standard error.
///
/// Returns: a descriptor that belongs to the handle, or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle, or standard error is not a
/// pipe, or ipc_child_communicate() has read it to its end.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_stderr(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_stderr", move || CHILDREN.get(child)?.end(2))
}

/// Closes the pipe to the child's standard input: the child reads the end of the file.
///
/// Returns: 0, or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle, or standard input is not a
/// pipe, or closed already.
/// Threads: no other thread may be writing to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_close_stdin(child: *mut ipc_child_t) -> c_int {
    guard(c"ipc_child_close_stdin", move || {
        CHILDREN.get(child)?.close_end(0)?;
        Ok(0)
    })
}

/// The child's process id, for messages. To signal it, ipc_child_kill() is safe from mistaking
/// another process for it.
///
/// Returns: the id, or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_pid(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_pid", move || Ok(CHILDREN.get(child)?.id()))
}

/// The child's pidfd, for poll(): readable when the child has ended.
///
/// Returns: a descriptor that belongs to the handle (do not close it), or a negative error.
/// Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_fd(child: *const ipc_child_t) -> c_int {
    guard(c"ipc_child_fd", move || {
        Ok(CHILDREN.get(child)?.descriptor())
    })
}

/// Waits until the child has ended, and how. May be called again: the answer stays.
///
/// how: receives how it ended, on success only; may be NULL.
/// timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only asks.
///
/// Returns: 0 when it has ended, or a negative error.
/// Errors: -EAGAIN it runs and timeout_ns is 0; -ETIMEDOUT it runs still; -EINTR a signal
/// handler ran while waiting; -ECHILD this process is not the one that started it, or ignores
/// SIGCHLD, or has waited for it by other means; -EINVAL child is NULL, or a timeout below -1;
/// -EBADF a closed or foreign handle.
/// Threads: safe; all that wait get the same answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_wait(
    child: *mut ipc_child_t,
    how: *mut ipc_child_exit_t,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_child_wait", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let how = if how.is_null() {
            None
        } else {
            Some(checked(how, "how")?)
        };
        let found = match CHILDREN.get(child)?.wait(deadline)? {
            Exit::Code(code) => ipc_child_exit_t { code, signal: 0 },
            Exit::Signal(signal) => ipc_child_exit_t { code: -1, signal },
        };
        if let Some(how) = how {
            // SAFETY: checked for NULL and alignment; the rest by the contract of this call.
            unsafe { put(how, found) }?;
        }
        Ok(0)
    })
}

/// Sends the child a signal: SIGTERM, SIGKILL and so on. Never reaches another process that got
/// its id after it ended.
///
/// signal: a signal's number; 0 only asks whether it is there.
///
/// Returns: 0, or a negative error.
/// Errors: -ESRCH it has ended and was waited for; -EINVAL child is NULL, or no such signal;
/// -EPERM it has changed its user; -EBADF a closed or foreign handle.
/// Threads: safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_kill(child: *mut ipc_child_t, signal: c_int) -> c_int {
    guard(c"ipc_child_kill", move || {
        CHILDREN.get(child)?.send_signal(signal)?;
        Ok(0)
    })
}

/// Feeds the child's standard input and collects its standard output and error, as far as they
/// are pipes, whichever is possible first: no size leads to a deadlock. Ends when the child has
/// been fed everything (its input is then closed) and has closed its outputs, which ending does
/// too; ipc_child_wait() then tells how it ended. A child that does not want all its input is
/// no error: input_size tells what is left.
///
/// exchange: the buffers, and how far it has come; also moved on when the call fails, so that
/// nothing is lost: call again to go on, after -ENOBUFS with a larger (or emptied) buffer.
/// timeout_ns: nanoseconds on the monotonic clock for the whole exchange; IPC_FOREVER waits, 0
/// does what is possible at once.
///
/// Returns: 0, or a negative error.
/// Errors: -ENOBUFS a buffer is full and there is more; -EAGAIN not finished and timeout_ns is
/// 0; -ETIMEDOUT not finished; -EINVAL a NULL, a size over its capacity, input for a child whose
/// standard input is no pipe, or a timeout below -1; -EBADF a closed or foreign handle.
/// Threads: one at a time for a child.
/// Signals: resumed after a handler.
/// Death: a killed child has closed its streams. A process that the child left behind may hold
/// them open: give a timeout.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_communicate(
    child: *mut ipc_child_t,
    exchange: *mut ipc_exchange_t,
    timeout_ns: i64,
) -> c_int {
    guard(c"ipc_child_communicate", move || {
        let deadline = Deadline::after(timeout_ns)?;
        let mut exchange = checked(exchange, "exchange")?;
        // SAFETY: checked for NULL and alignment; nobody else uses it, by the contract of this call.
        let state = unsafe { exchange.as_mut() };
        let child = CHILDREN.get(child)?;
        // SAFETY: by the contract of this call.
        let mut moved = unsafe {
            Exchange {
                input: readable(state.input, state.input_size, "input")?,
                output: sink(
                    state.output,
                    state.output_capacity,
                    state.output_size,
                    "output",
                )?,
                error: sink(state.error, state.error_capacity, state.error_size, "error")?,
            }
        };
        let outcome = child.communicate(&mut moved, deadline);
        let taken = state.input_size - moved.input.len();
        state.input = state.input.wrapping_byte_add(taken);
        state.input_size -= taken;
        state.output_size = moved.output.count;
        state.error_size = moved.error.count;
        outcome?;
        Ok(0)
    })
}

/// # Safety
///
/// `buffer` is NULL or has room for `capacity` bytes, which nobody else uses during the call.
unsafe fn sink<'a>(
    buffer: *mut c_void,
    capacity: usize,
    size: usize,
    what: &str,
) -> Result<Sink<'a>> {
    if buffer.is_null() {
        return Ok(Sink {
            room: None,
            count: size,
        });
    }
    // SAFETY: by this function's contract.
    let buffer = unsafe { writable(buffer, capacity, what) }?;
    match buffer.get_mut(size..) {
        Some(room) => Ok(Sink {
            room: Some(room),
            count: size,
        }),
        None => Err(fail!(
            EINVAL,
            "{what}: a size of {size} bytes is over the capacity of {capacity}"
        )),
    }
}

/// Ends a handle and closes its pipes. The child is not killed: if it runs, it runs on, and when it
/// has ended, a later ipc_spawn() or ipc_child_close() of this process takes its remains away.
///
/// child: NULL does nothing.
///
/// Returns: 0, or a negative error.
/// Errors: -EBADF a closed or foreign handle.
/// Threads: safe; calls with this handle that are under way in other threads finish first.
/// Fork: closes the calling process's handle only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipc_child_close(child: *mut ipc_child_t) -> c_int {
    guard(c"ipc_child_close", move || {
        if child.is_null() {
            return Ok(NOTHING_TO_CLOSE);
        }
        CHILDREN.close(child)?;
        Ok(0)
    })
}
