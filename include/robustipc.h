/* robustipc: every way two Linux processes share data, proof against kill -9.
 *
 * Generated from the library's source by cbindgen ("make header"); do not edit.
 *
 * Results: 0 or positive is success, negative is -errno; errno itself is left alone.
 * ipc_strerror(result) says what a result means, ipc_last_error() what went wrong just now.
 * Outputs come first or last and are written on success only.
 * Timeouts: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.
 * Manual: man 7 robustipc.
 */

#ifndef ROBUSTIPC_H
#define ROBUSTIPC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The version of this header; ipc_version() tells the library's. */
#define IPC_VERSION_MAJOR 0
#define IPC_VERSION_MINOR 1
#define IPC_VERSION_PATCH 0
#define IPC_VERSION_STRING "0.1.0"

/*
 Result of opening: the object existed.
 */
#define IPC_OPENED 0

/*
 Result of opening: this call created the object.
 */
#define IPC_CREATED 1

/*
 Result of locking: the lock is held, and its last owner died holding it, so the data may be
 half-changed. Repair it, then call ipc_mutex_consistent().
 */
#define IPC_OWNER_DIED 2

/*
 Open flag: create the object if it does not exist.
 */
#define IPC_CREATE 1

/*
 Open flag, with IPC_CREATE: fail with -EEXIST if the object exists.
 */
#define IPC_EXCLUSIVE 2

/*
 Open flag: for reading only.
 */
#define IPC_READ_ONLY 4

/*
 Open flag: for writing only.
 */
#define IPC_WRITE_ONLY 8

/*
 Open flag: calls that would wait return -EAGAIN.
 */
#define IPC_NONBLOCK 16

/*
 Open flag: accept an object that a program made without this library, by its size alone.
 */
#define IPC_ADOPT 32

/*
 Open flag: the kernel's mechanism instead of this library's in shared memory.
 */
#define IPC_KERNEL 64

/*
 Open flag: the C library's mechanism of that name instead of this library's.
 */
#define IPC_POSIX 128

/*
 Flag of calls that make a descriptor: it is not closed by exec, so that children inherit it.
 */
#define IPC_INHERIT 1024

/*
 Open flag: refuse, with -EACCES, an object that another user owns or that others may write to.
 */
#define IPC_CHECK_OWNER 256

/*
 Flag of ipc_shm_from_fd(): accept memory whose size is not sealed, from a trusted peer.
 */
#define IPC_UNSEALED 512

/*
 Flag of ipc_fifo_open(), with IPC_READ_ONLY: the end of the file does not come when the last
 writer leaves; reading waits for the next one.
 */
#define IPC_FIFO_KEEP_OPEN 65536

/*
 Mutex kind: its owner may lock it again; it is free after as many unlocks.
 */
#define IPC_MUTEX_RECURSIVE 1

/*
 Mutex kind: who waits lends the owner its priority (against priority inversion). The kernel
 keeps the queue; an uncontended lock is not slower.
 */
#define IPC_MUTEX_PRIORITY_INHERIT 2

/*
 Mutex kind: a second lock by the owner fails with -EDEADLK, an unlock by another with
 -EPERM. Every mutex that is not recursive does so; the flag is for saying it.
 */
#define IPC_MUTEX_ERROR_CHECK 4

/*
 The largest write to a pipe or FIFO, in bytes, that the kernel never mixes with another
 writer's.
 */
#define IPC_PIPE_ATOMIC 4096

/*
 The largest value of a semaphore.
 */
#define IPC_SEM_VALUE_MAX 2147483647

/*
 Spawn flag: the child's standard input is a pipe; write to ipc_child_stdin().
 */
#define IPC_STDIN_PIPE 65536

/*
 Spawn flag: the child's standard output is a pipe; read from ipc_child_stdout().
 */
#define IPC_STDOUT_PIPE 131072

/*
 Spawn flag: the child's standard error is a pipe; read from ipc_child_stderr().
 */
#define IPC_STDERR_PIPE 262144

/*
 Stream kind: the same as this process's. What a zeroed struct means.
 */
#define IPC_STREAM_INHERIT 0

/*
 Stream kind: a pipe to or from this process.
 */
#define IPC_STREAM_PIPE 1

/*
 Stream kind: the open descriptor in fd, which stays the caller's.
 */
#define IPC_STREAM_FD 2

/*
 Stream kind: the file at path. For standard input it is read; else it is made if need be (with
 mode 0666 less the umask) and emptied.
 */
#define IPC_STREAM_FILE 3

/*
 Stream kind: the same, but written at its end. Not for standard input.
 */
#define IPC_STREAM_APPEND 4

/*
 Stream kind: /dev/null.
 */
#define IPC_STREAM_NULL 5

/*
 Stream kind: where the child's standard output goes. For standard error only.
 */
#define IPC_STREAM_MERGE 6

/*
 How many fields a type can declare.
 */
#define IPC_TYPE_FIELDS_MAX 32

/*
 A process that this one has started. Made by ipc_spawn(), ended by ipc_child_close().
 */
typedef struct ipc_child_t ipc_child_t;

/*
 A region of shared memory. Made by the ipc_shm_open calls and their like, ended by
 ipc_shm_close().
 */
typedef struct ipc_shm_t ipc_shm_t;

/*
 A condition variable to place in a shared struct, 32 bytes. Used with an ipc_mutex_t.
 Initialised by ipc_cond_init(); never copied or moved.
 */
typedef struct ipc_cond_t {
  uint64_t opaque[4];
} ipc_cond_t;

/*
 A mutex to place in a shared struct, as one places a pthread_mutex_t: process-shared and robust,
 64 bytes. Initialised by ipc_mutex_init(); never copied or moved.
 */
typedef struct ipc_mutex_t {
  uint64_t opaque[8];
} ipc_mutex_t;

/*
 How a mutex shall be. All zeros is the default: robust, process-shared, error-checking.
 */
typedef struct ipc_mutex_attr_t {
  /*
   0 or any of the IPC_MUTEX_... kinds.
   */
  int flags;
  /*
   All 0: room for what comes later.
   */
  int reserved[7];
} ipc_mutex_attr_t;

/*
 A counting semaphore to place in a shared struct, 32 bytes; or the one that ipc_sem_open()
 finds by its name. A placed one is initialised by ipc_sem_init(); never copied or moved.
 */
typedef struct ipc_sem_t {
  uint64_t opaque[4];
} ipc_sem_t;

/*
 One declared field of a type. Filled in by IPC_TYPE_FIELDS.
 */
typedef struct ipc_field_t {
  /*
   The field's name: 1 to 47 bytes.
   */
  const char *name;
  /*
   In bytes, from the struct's beginning.
   */
  size_t offset;
  /*
   In bytes.
   */
  size_t size;
} ipc_field_t;

/*
 What two programs have to agree on about a struct that they share. Filled in by IPC_TYPE or
 IPC_TYPE_FIELDS:

     static const ipc_type_t sensor_type = IPC_TYPE(SensorData, 1);

 Both programs must declare it the same way. Raise the version when the meaning of a field
 changes and its size does not.
 */
typedef struct ipc_type_t {
  /*
   The type's name: 1 to 63 bytes.
   */
  const char *name;
  /*
   The user's version number of the struct.
   */
  uint32_t version;
  /*
   How many of fields[] are declared: 0 to IPC_TYPE_FIELDS_MAX.
   */
  uint32_t field_count;
  /*
   In bytes, at least 1.
   */
  size_t size;
  /*
   In bytes: a power of two up to 4096.
   */
  size_t alignment;
  /*
   The declared fields, in the order of their declaration.
   */
  struct ipc_field_t fields[IPC_TYPE_FIELDS_MAX];
} ipc_type_t;

/*
 Where one of a child's standard streams leads.
 */
typedef struct ipc_stream_t {
  /*
   One of the stream kinds.
   */
  int kind;
  /*
   For IPC_STREAM_FD.
   */
  int fd;
  /*
   For IPC_STREAM_FILE and IPC_STREAM_APPEND.
   */
  const char *path;
} ipc_stream_t;

/*
 How to start a child. All zero is the default in everything.
 */
typedef struct ipc_spawn_attr_t {
  /*
   The child's standard input.
   */
  struct ipc_stream_t input;
  /*
   The child's standard output.
   */
  struct ipc_stream_t output;
  /*
   The child's standard error.
   */
  struct ipc_stream_t error;
  /*
   "NAME=value" strings, ended by NULL; NULL itself for this process's environment.
   */
  const char *const *environment;
  /*
   Where the child begins; NULL for this process's working directory. A program named by a
   relative path is looked for from there.
   */
  const char *directory;
  /*
   Zero.
   */
  uint64_t reserved[4];
} ipc_spawn_attr_t;

/*
 How a child ended.
 */
typedef struct ipc_child_exit_t {
  /*
   0 to 255: what it returned from main() or gave exit(); -1 if a signal ended it.
   */
  int code;
  /*
   The signal that ended it; 0 if it ended by itself.
   */
  int signal;
} ipc_child_exit_t;

/*
 What goes to a child and what comes from it: see ipc_child_communicate(), which moves it on.
 */
typedef struct ipc_exchange_t {
  /*
   What is still to be fed to standard input; moves on as it is taken.
   */
  const void *input;
  /*
   How many bytes that is.
   */
  size_t input_size;
  /*
   Where standard output is collected; NULL: read and thrown away.
   */
  void *output;
  /*
   The size of that buffer.
   */
  size_t output_capacity;
  /*
   How many bytes stand in it (or were thrown away); 0 at first.
   */
  size_t output_size;
  /*
   The same for standard error.
   */
  void *error;
  /*
   The size of that buffer.
   */
  size_t error_capacity;
  /*
   How many bytes stand in it (or were thrown away); 0 at first.
   */
  size_t error_size;
} ipc_exchange_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes a condition variable out of memory that nobody else uses yet.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL or misaligned.
 Threads: one thread initialises, before others use it.
 */
int ipc_cond_init(struct ipc_cond_t *cond);

/*
 Unlocks `mutex`, waits for a signal, and locks `mutex` again. As with every condition
 variable the wait can end without a signal: test what you wait for in a loop.

 mutex: held by this thread. A recursive one is unlocked completely and locked as often
 again.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only gives way to
 others once.

 Returns: 0, or IPC_OWNER_DIED (2) as from ipc_mutex_lock(): both with the mutex held; or a
 negative error.
 Errors, with the mutex held: -ETIMEDOUT; -EAGAIN timeout_ns is 0 and there was no signal;
 -EINTR a signal handler ran; -EPERM this thread does not hold the mutex (it holds nothing
 then); -EINVAL NULL, misaligned, not initialised, a timeout below -1, or a mutex whose owner
 died and that was not made consistent; -EPROTO as in ipc_mutex_lock().
 Errors, with the mutex not held: -ENOTRECOVERABLE the mutex was given up meanwhile.
 Threads: safe.
 Owner death: when the mutex's owner dies, a waiter returns with IPC_OWNER_DIED, 100 ms later
 at most. Waiter and signaller death: a signal that a dying process took or did not finish
 reaches another waiter, 100 ms later at most.
 */
int ipc_cond_wait(struct ipc_cond_t *cond,
                  struct ipc_mutex_t *mutex,
                  int64_t timeout_ns);

/*
 Wakes at least one waiter, if there is one. Usually called with the mutex held.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not a condition variable of
 this library and version.
 Threads: safe.
 */
int ipc_cond_signal(struct ipc_cond_t *cond);

/*
 Wakes all waiters.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not a condition variable of
 this library and version.
 Threads: safe.
 */
int ipc_cond_broadcast(struct ipc_cond_t *cond);

/*
 Ends a condition variable that nobody will use again. Not needed before unmapping.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not a condition variable of
 this library and version.
 Threads: the last one destroys.
 */
int ipc_cond_destroy(struct ipc_cond_t *cond);

/*
 Makes a FIFO, or finds one that is there.

 path: in any file system. A symbolic link is not followed.
 flags: 0, IPC_CREATE (which is meant anyway), or IPC_EXCLUSIVE: refuse one that exists.
 mode: the permissions of a FIFO made by this call, exactly (the umask does not count) and
 from its first moment; else unused.

 Returns: IPC_CREATED (1) or IPC_OPENED (0: there was one), or a negative error.
 Errors: -EINVAL path is NULL or empty, an unknown flag, or mode bits over 0777; -EEXIST a
 FIFO exists and IPC_EXCLUSIVE; -EMEDIUMTYPE something else stands there; -ENOENT or -ENOTDIR
 no such directory; -EACCES or -EPERM not permitted; -ENAMETOOLONG, -ENOSPC, -EROFS the file
 system's; -EAGAIN or -ENOMEM no process can be made (a short-lived one makes the FIFO).
 Threads: safe.
 */
int ipc_fifo_create(const char *path,
                    int flags,
                    mode_t mode);

/*
 Opens one side of a FIFO and waits until somebody has opened, or is opening, the other.

 path: of a FIFO; a symbolic link is not followed.
 flags: IPC_READ_ONLY or IPC_WRITE_ONLY, and any of IPC_NONBLOCK (plain read() and write() on
 the descriptor do not wait; this call waits all the same), IPC_INHERIT (exec does not close
 it), and with IPC_READ_ONLY IPC_FIFO_KEEP_OPEN (the call does not wait, and needs permission
 to write too).
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: a descriptor (0 or more) that the caller closes with close(), or a negative error.
 Errors: -EINVAL path is NULL, not exactly one of the sides, an unknown flag, or a timeout
 below -1; -ENOENT or -ENOTDIR no such FIFO; -EMEDIUMTYPE not a FIFO; -EACCES permissions; -ENXIO no
 reader and timeout_ns is 0; -EAGAIN no writer and timeout_ns is 0; -ETIMEDOUT nobody came;
 -EINTR a signal handler ran while waiting (with IPC_FOREVER only one installed without
 SA_RESTART); -EMFILE or -ENFILE too many descriptors; -ENAMETOOLONG, -ELOOP the path's.
 Threads: safe.
 Death: a writer that was killed after it had opened counts as one that came: reading gives
 the end of the file. Who is killed while waiting leaves nothing.
 */
int ipc_fifo_open(const char *path,
                  int flags,
                  int64_t timeout_ns);

/*
 Removes a FIFO's name. Who has it open keeps it.

 Returns: 0, or a negative error.
 Errors: -EINVAL path is NULL; -ENOENT or -ENOTDIR no such FIFO; -EMEDIUMTYPE something else
 stands there, which is left alone; -EACCES, -EPERM or -EROFS not permitted.
 Threads: safe.
 */
int ipc_fifo_unlink(const char *path);

/*
 Makes a mutex out of memory that nobody else uses yet: in the init of
 ipc_shm_open_typed_init(), or on memory made by ipc_shm_anonymous() before fork.

 mutex: 64 bytes, aligned to 8.
 attr: NULL for the default; not kept.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL or misaligned mutex, unknown flags, or a reserved field that is not
 0; -EBUSY an initialised mutex that is locked; -ENOTSUP a libc without robust lists of a
 known form.
 Threads: one thread initialises, before others use it.
 */
int ipc_mutex_init(struct ipc_mutex_t *mutex,
                   const struct ipc_mutex_attr_t *attr);

/*
 Locks a mutex. Resumed after signal handlers.

 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: 0, the lock is held; IPC_OWNER_DIED (2), the lock is held and its last owner died
 holding it: repair the data and call ipc_mutex_consistent() before unlocking; or a negative
 error, and the lock is not held.
 Errors: -EAGAIN held by another and timeout_ns is 0; -ETIMEDOUT; -EDEADLK this thread holds
 it (unless recursive), or with priority inheritance a circle of owners; -ENOTRECOVERABLE its
 data was given up (see ipc_mutex_unlock()); -EINVAL NULL, misaligned, not initialised, or a
 timeout below -1; -EPROTO something else than a mutex of this library's version and libc, or
 one of another PID namespace; -EOVERFLOW locked 4294967295 times.
 Threads: safe. In signal handlers: not safe, as with pthread mutexes.
 Fork: a lock held belongs to the parent; the child does not have it and cannot unlock it.
 Owner death: also when the thread ends, or the process calls exec, holding the lock. Waiter
 death: nothing happens to others.
 */
int ipc_mutex_lock(struct ipc_mutex_t *mutex,
                   int64_t timeout_ns);

/*
 Unlocks a mutex that this thread holds.

 Unlocking after IPC_OWNER_DIED without ipc_mutex_consistent() gives the data up: from then
 on every lock of this mutex fails with -ENOTRECOVERABLE, and those that wait are woken with
 that.

 Returns: 0, or a negative error.
 Errors: -EPERM this thread does not hold it; -EINVAL NULL, misaligned or not initialised;
 -EPROTO as in ipc_mutex_lock().
 Threads: safe; only the owner can unlock.
 */
int ipc_mutex_unlock(struct ipc_mutex_t *mutex);

/*
 Declares that the data under the lock is sound again, after IPC_OWNER_DIED.

 Returns: 0, or a negative error.
 Errors: -EINVAL the last owner did not die, or NULL, misaligned or not initialised; -EPERM
 this thread does not hold it; -EPROTO as in ipc_mutex_lock().
 Threads: safe.
 */
int ipc_mutex_consistent(struct ipc_mutex_t *mutex);

/*
 Ends a mutex that nobody holds or will use again. Not needed before unmapping.

 Returns: 0, or a negative error.
 Errors: -EBUSY it is locked; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
 ipc_mutex_lock().
 Threads: the last one destroys.
 */
int ipc_mutex_destroy(struct ipc_mutex_t *mutex);

/*
 Makes a pipe: what is written to one descriptor is read from the other, in order, each byte
 once.

 read_fd: receives the descriptor to read from, on success only.
 write_fd: receives the descriptor to write to, on success only. Both are the caller's, who
 closes them with close().
 flags: 0 or any of IPC_NONBLOCK (plain read() and write() on them do not wait), IPC_INHERIT
 (exec does not close them).

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL, or an unknown flag; -EMFILE or -ENFILE too many descriptors.
 Threads: safe. Fork: the child has both ends too; who does not need one closes it, or the
 end of the file never comes.
 */
int ipc_pipe(int *read_fd,
             int *write_fd,
             int flags);

/*
 Reads until the buffer is full or the file ends, whatever interrupts it: a signal handler, a
 partial transfer, a descriptor that does not wait. From any descriptor that is read as a
 stream: pipe, FIFO, stream socket, terminal, file.

 buf: room for len bytes; may be NULL when len is 0.
 timeout_ns: nanoseconds on the monotonic clock for the whole transfer, whether the descriptor
 blocks or not; IPC_FOREVER waits, 0 takes only what is there.

 Returns: len, or less when the end of the file came first (0: there was nothing more), or a
 negative error. After an error ipc_last_transferred() tells how many bytes stand in buf: they
 are taken from the descriptor.
 Errors: -EINVAL buf is NULL, len over SSIZE_MAX, or a timeout below -1; -EBADF fd is not open
 for reading; -EAGAIN not all is there and timeout_ns is 0; -ETIMEDOUT; -EISDIR a directory;
 -ECONNRESET a socket's peer is gone; -EIO the terminal's other side is gone, or a disk's
 error; -EFAULT buf is not memory.
 Threads: safe; two that read from one descriptor share its bytes between them.
 Signals: resumed after a handler.
 */
ptrdiff_t ipc_read_full(int fd,
                        void *buf,
                        size_t len,
                        int64_t timeout_ns);

/*
 Writes all the bytes, whatever interrupts it: a signal handler, a partial transfer, a
 descriptor that does not wait. To any descriptor that is written as a stream: pipe, FIFO,
 stream socket, terminal, file. Never raises SIGPIPE, and leaves its disposition alone.

 buf: len bytes; may be NULL when len is 0.
 timeout_ns: nanoseconds on the monotonic clock for the whole transfer, whether the descriptor
 blocks or not; IPC_FOREVER waits, 0 gives only what there is room for.

 Returns: len, or a negative error. After an error ipc_last_transferred() tells how many
 bytes are written.
 Errors: -EINVAL buf is NULL, len over SSIZE_MAX, or a timeout below -1; -EBADF fd is not open
 for writing; -EPIPE nobody has it open for reading any more; -EAGAIN there is not room for
 all and timeout_ns is 0; -ETIMEDOUT; -ENOTCONN or -ECONNRESET a socket without a peer;
 -ENOSPC, -EFBIG, -EDQUOT or -EIO a file's; -EFAULT buf is not memory.
 Threads: safe. Up to IPC_PIPE_ATOMIC bytes go into a pipe in one piece; longer transfers of
 two writers may be mixed.
 Signals: resumed after a handler.
 */
ptrdiff_t ipc_write_full(int fd,
                         const void *buf,
                         size_t len,
                         int64_t timeout_ns);

/*
 How many bytes this thread's last failed ipc_read_full() or ipc_write_full() had transferred
 when it failed, so that the rest can be transferred later. Those that succeed do not change
 it.

 Returns: bytes; 0 when no transfer of this thread has failed.
 Threads: safe; each thread has its own.
 */
size_t ipc_last_transferred(void);

/*
 How many bytes a pipe or FIFO holds before writers wait: 65536 unless it was changed.

 fd: either end.

 Returns: bytes, or a negative error.
 Errors: -EBADF fd is not open, or not a pipe.
 Threads: safe.
 */
ptrdiff_t ipc_pipe_capacity(int fd);

/*
 Gives a pipe or FIFO room for at least so many bytes.

 fd: either end.
 bytes: the kernel takes the next power of two, and at least a page.

 Returns: the capacity that it has now, or a negative error; then it is what it was.
 Errors: -EBADF fd is not open, or not a pipe; -EINVAL bytes is 0 or over INT_MAX; -EPERM more
 than /proc/sys/fs/pipe-max-size or /proc/sys/fs/pipe-user-pages-soft allows; -EBUSY it holds
 more than that now; -ENOMEM no memory.
 Threads: safe.
 */
ptrdiff_t ipc_pipe_set_capacity(int fd,
                                size_t bytes);

/*
 Makes a semaphore out of memory that nobody else uses yet.

 value: how many permits are free, up to IPC_SEM_VALUE_MAX.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned, or a value too large.
 Threads: one thread initialises, before others use it.
 */
int ipc_sem_init(struct ipc_sem_t *sem, unsigned int value);

/*
 Takes a permit, waiting until there is one.

 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: 0, or a negative error.
 Errors: -EAGAIN none is free and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
 while waiting; -EINVAL NULL, misaligned, not initialised, or a timeout below -1; -EPROTO not
 a semaphore of this library and version.
 Threads: safe.
 Death: a process that dies keeps the permits that it took: nobody owns a permit. A wake-up
 that a dying process took or did not send reaches another waiter, 100 ms later at most.
 */
int ipc_sem_wait(struct ipc_sem_t *sem,
                 int64_t timeout_ns);

/*
 Adds a permit and wakes a waiter, if there is one. May be called from a signal handler.

 Returns: 0, or a negative error.
 Errors: -EOVERFLOW the value is IPC_SEM_VALUE_MAX already; -EINVAL NULL, misaligned or not
 initialised; -EPROTO not a semaphore of this library and version.
 Threads: safe.
 */
int ipc_sem_post(struct ipc_sem_t *sem);

/*
 How many permits are free, at some moment during the call.

 value: receives the number, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL, misaligned or not initialised; -EPROTO not a semaphore of this
 library and version.
 Threads: safe.
 */
int ipc_sem_value(const struct ipc_sem_t *sem, unsigned int *value);

/*
 Ends a placed semaphore that nobody will use again. Not needed before unmapping; a named one
 is closed instead.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not a semaphore of this library
 and version.
 Threads: the last one destroys.
 */
int ipc_sem_destroy(struct ipc_sem_t *sem);

/*
 Opens the semaphore of that name, or creates it with IPC_CREATE.

 out: receives the semaphore, on success only. End it with ipc_sem_close().
 name: "/" and 1 to 250 bytes without a slash. Named objects of all kinds of this library
 share one space of names.
 value: the first value of a semaphore created by this call, up to IPC_SEM_VALUE_MAX; else
 unused.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER.
 mode: the permissions of a semaphore created by this call, exactly. Waiting and posting need
 read and write permission.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: those of ipc_shm_open_typed(); -EINVAL also for a value too large.
 Threads: safe. Fork: the semaphore is the child's too.
 */
int ipc_sem_open(struct ipc_sem_t **out,
                 const char *name,
                 unsigned int value,
                 int flags,
                 mode_t mode);

/*
 Ends the use of a named semaphore. The semaphore stays until ipc_sem_unlink() and its last
 closing.

 sem: from ipc_sem_open(); NULL does nothing. No thread may use it any more.

 Returns: 0, or a negative error.
 Errors: -EBADF not an open named semaphore of this process.
 Threads: safe.
 */
int ipc_sem_close(struct ipc_sem_t *sem);

/*
 Removes a semaphore's name. Processes that have it open keep it.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such
 semaphore; -EACCES or -EPERM not permitted.
 Threads: safe.
 */
int ipc_sem_unlink(const char *name);

/*
 Opens the struct that is shared under `name`, or creates it, zeroed, with IPC_CREATE.

 The object appears under its name complete or not at all: whoever is killed while creating
 it leaves nothing, and nobody sees it half-made. Its space is reserved, so that using it
 cannot fail for want of memory. Data begins at offset 0 of the object, page-aligned: a
 program that uses shm_open() and mmap() on the same name sees the same struct.

 out: receives the handle, on success only. End it with ipc_shm_close().
 name: "/" and 1 to 250 bytes without a slash.
 type: what the struct is, from IPC_TYPE or IPC_TYPE_FIELDS; compared with what the creator
 declared. Not
 kept: it may go away after the call.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY, IPC_ADOPT, IPC_CHECK_OWNER.
 mode: the permissions of an object created by this call, exactly (the umask does not count);
 else unused.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL a NULL, a malformed name, type, flag or mode; -ENAMETOOLONG the name;
 -ENOENT no such object and no IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EACCES
 permissions, or IPC_CHECK_OWNER; -ENOSPC no room for it; -EPROTO another type, size, field,
 word size or libc, or no record of this library (ipc_last_error() tells both sides);
 -EMEDIUMTYPE another kind of object; -EUCLEAN the record is damaged; -ESTALE removed
 meanwhile; -EAGAIN with IPC_ADOPT: its maker has not sized it yet; -ELOOP the name is a
 symbolic link; -EMFILE or -ENFILE too many descriptors or handles; -ENOMEM no address space.
 Threads: safe. Fork: the handle and the memory are the child's too.
 */
int ipc_shm_open_typed(struct ipc_shm_t **out,
                       const char *name,
                       const struct ipc_type_t *type,
                       int flags,
                       mode_t mode);

/*
 The same, and a new object is initialised by `init` before anybody else can see it: the
 place for ipc_mutex_init() and its like.

 init: called with the zeroed struct and `context`, in this thread, before the call returns,
 and only when this call makes an object. NULL does nothing. When two processes create at
 once, both may call it, each on memory of its own, and one of the two is then thrown away:
 it should change nothing but the struct. It must return: no longjmp, no C++ exception.
 context: passed to init as it is.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: those of ipc_shm_open_typed().
 Threads: safe. Fork: the handle and the memory are the child's too.
 */
int ipc_shm_open_typed_init(struct ipc_shm_t **out,
                            const char *name,
                            const struct ipc_type_t *type,
                            int flags,
                            mode_t mode,
                            void (*init)(void *data, void *context),
                            void *context);

/*
 Opens or creates `size` bytes under `name` without declaring what they are; otherwise as
 ipc_shm_open_typed(). All openers must give the same size.

 size: in bytes, at least 1.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: those of ipc_shm_open_typed(). A typed object is not opened: -EPROTO.
 Threads: safe. Fork: the handle and the memory are the child's too.
 */
int ipc_shm_open(struct ipc_shm_t **out,
                 const char *name,
                 size_t size,
                 int flags,
                 mode_t mode);

/*
 Opens or creates a memory-mapped file, whose data outlives the machine's next start;
 otherwise as ipc_shm_open_typed().

 path: of a regular file, in a file system that has unnamed files (O_TMPFILE: ext4, xfs,
 btrfs, tmpfs, f2fs, ubifs). The last part is not followed if it is a symbolic link.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: those of ipc_shm_open_typed(); -EOPNOTSUPP a file system without unnamed files;
 -ENOTDIR, -EROFS, -EIO the file system's.
 Threads: safe. Fork: the handle and the memory are the child's too.
 */
int ipc_shm_open_file(struct ipc_shm_t **out,
                      const char *path,
                      const struct ipc_type_t *type,
                      int flags,
                      mode_t mode);

/*
 Makes `size` zeroed bytes without a name, which the process shares with the children that it
 forks.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL or size is 0; -ENOMEM no memory; -EMFILE too many handles.
 Threads: safe. Fork: this is what it is for.
 */
int ipc_shm_anonymous(struct ipc_shm_t **out,
                      size_t size);

/*
 Makes a zeroed struct without a name whose size nobody can change any more, for peers that
 are not trusted: pass ipc_shm_fd() on over a socket; they open it with ipc_shm_from_fd(). A
 peer can then spoil the data, but not kill this process by truncating it.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL or a malformed type; -ENOSPC no memory; -EMFILE or -ENFILE too many
 descriptors or handles; -ENOMEM no address space.
 Threads: safe. Fork: the handle and the memory are the child's too.
 */
int ipc_shm_sealed(struct ipc_shm_t **out,
                   const struct ipc_type_t *type);

/*
 From now on nobody can map the memory for writing; mappings that exist stay as they are. For
 a maker with read-only subscribers, before it passes the descriptor on.

 shm: from ipc_shm_sealed().

 Returns: 0, or a negative error.
 Errors: -EINVAL shm is NULL, or not memory that can be sealed; -EBADF a closed or foreign
 handle; -EPERM sealed so already; -ENOTSUP anonymous memory.
 Threads: safe.
 */
int ipc_shm_seal_writing(struct ipc_shm_t *shm);

/*
 Opens the struct behind a descriptor that a peer passed on.

 fd: a descriptor of shared memory; it stays the caller's, who may close it after the call.
 flags: 0 or any of IPC_READ_ONLY, IPC_ADOPT, and IPC_UNSEALED for memory of a trusted peer
 whose size is not sealed.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL, a malformed type or flag; -EBADF fd is not open; -EPERM the size is
 not sealed and no IPC_UNSEALED, or sealed against writing and no IPC_READ_ONLY; -EACCES open
 for reading only and no IPC_READ_ONLY; -EPROTO, -EMEDIUMTYPE, -EUCLEAN, -EAGAIN as in
 ipc_shm_open_typed(); -EMFILE or -ENFILE too many descriptors or handles; -ENOMEM no address
 space.
 Threads: safe. Fork: the handle and the memory are the child's too.
 */
int ipc_shm_from_fd(struct ipc_shm_t **out,
                    int fd,
                    const struct ipc_type_t *type,
                    int flags);

/*
 The shared struct.

 Returns: its address, page-aligned, valid until ipc_shm_close(); NULL for a NULL, closed or
 foreign handle (ipc_last_error() tells which). With IPC_READ_ONLY writing there is SIGSEGV.
 Threads: safe.
 */
void *ipc_shm_data(const struct ipc_shm_t *shm);

/*
 The size of the shared struct.

 Returns: bytes, as given when it was opened; 0 for a NULL, closed or foreign handle.
 Threads: safe.
 */
size_t ipc_shm_size(const struct ipc_shm_t *shm);

/*
 The descriptor of the memory, for passing on or for fstat().

 Returns: a close-on-exec descriptor that belongs to the handle (do not close it), or a
 negative error.
 Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle; -ENOTSUP anonymous memory,
 which has none.
 Threads: safe.
 */
int ipc_shm_fd(const struct ipc_shm_t *shm);

/*
 Tells whether the object's name was removed, or given to another object, since it was
 opened: its memory stays usable by those that have it, but who opens the name now gets
 another or none.

 Returns: 1 if so, 0 if not, or a negative error.
 Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_shm_stale(const struct ipc_shm_t *shm);

/*
 Writes the data of a memory-mapped file to its disk and waits until it is there. Other
 processes see changes at once, without this.

 Returns: 0, or a negative error.
 Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle; -ENOTSUP anonymous memory;
 -EIO the disk's.
 Threads: safe.
 */
int ipc_shm_sync(struct ipc_shm_t *shm);

/*
 Ends a handle and unmaps its memory. The object stays until ipc_shm_unlink() and its last
 closing.

 shm: NULL does nothing. No thread may use the memory any more, or hold a lock in it.

 Returns: 0, or a negative error.
 Errors: -EBADF a closed or foreign handle; -EBUSY this thread holds a lock that lies in the
 memory (the handle stays open).
 Threads: safe; calls with this handle that are under way in other threads finish first.
 Fork: closes the calling process's handle only.
 */
int ipc_shm_close(struct ipc_shm_t *shm);

/*
 Removes a name. Processes that have the object open keep it; ipc_shm_stale() tells them.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such object;
 -EACCES or -EPERM not permitted.
 Threads: safe.
 */
int ipc_shm_unlink(const char *name);

/*
 Starts a program, with the standard streams that the flags name on pipes and the others
 inherited. No shell is involved.

 The child gets no other descriptor of this process, whoever opened it and however; its
 signals are all at their defaults and none is blocked.

 out: receives the handle, on success only. End it with ipc_child_close().
 argv: the program's name and its arguments, ended by NULL. A name without a slash is looked
 for in PATH.
 flags: 0 or any of IPC_STDIN_PIPE, IPC_STDOUT_PIPE, IPC_STDERR_PIPE, IPC_INHERIT (the child
 also gets those descriptors that exec does not close).

 Returns: 0 when the program runs, or a negative error; then there is no child.
 Errors: -EINVAL a NULL, no name, or an unknown flag; -ENOENT or -ENOTDIR no such program;
 -EACCES it may not be executed; -ENOEXEC not a program; -E2BIG, -ELOOP, -ETXTBSY, -ENAMETOOLONG exec's others;
 -EAGAIN no more processes are allowed; -EMFILE or -ENFILE too many descriptors or handles;
 -ENOMEM no memory.
 Threads: safe, whatever other threads do.
 Signals: none are lost; handlers wait until the program runs.
 Fork: a child that this process forks can signal the program, but not wait for it.
 */
int ipc_spawn(struct ipc_child_t **out,
              const char *const *argv,
              int flags);

/*
 The same with more to choose: files, descriptors and /dev/null as streams, the environment, the
 working directory.

 attr: not kept; NULL for the defaults. A stream that a flag puts on a pipe has the kind
 IPC_STREAM_INHERIT (0) or IPC_STREAM_PIPE there. Relative paths of files are looked for from
 this process's working directory.

 Returns: 0 when the program runs, or a negative error; then there is no child.
 Errors: those of ipc_spawn(); -EINVAL also for an unknown stream kind, one that the stream
 cannot have, or a reserved field that is not zero; -EBADF a stream's fd is not open; -ENOENT,
 -ENOTDIR, -EACCES, -EISDIR, -EROFS, -ENOSPC a stream's file or the directory cannot be used.
 Threads: safe, whatever other threads do.
 */
int ipc_spawn_with(struct ipc_child_t **out,
                   const char *const *argv,
                   int flags,
                   const struct ipc_spawn_attr_t *attr);

/*
 Where to write what the child reads from its standard input. Writing with ipc_write_full()
 raises no SIGPIPE if the child is gone.

 Returns: a descriptor that belongs to the handle (ipc_child_close_stdin() closes it), or a
 negative error.
 Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle, or standard input is not a
 pipe, or closed already.
 Threads: safe.
 */
int ipc_child_stdin(const struct ipc_child_t *child);

/*
 Where to read what the child writes to its standard output.

 Returns: a descriptor that belongs to the handle, or a negative error.
 Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle, or standard output is not a
 pipe, or ipc_child_communicate() has read it to its end.
 Threads: safe.
 */
int ipc_child_stdout(const struct ipc_child_t *child);

/*
 Where to read what the child writes to its standard error.

 Returns: a descriptor that belongs to the handle, or a negative error.
 Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle, or standard error is not a
 pipe, or ipc_child_communicate() has read it to its end.
 Threads: safe.
 */
int ipc_child_stderr(const struct ipc_child_t *child);

/*
 Closes the pipe to the child's standard input: the child reads the end of the file.

 Returns: 0, or a negative error.
 Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle, or standard input is not a
 pipe, or closed already.
 Threads: no other thread may be writing to it.
 */
int ipc_child_close_stdin(struct ipc_child_t *child);

/*
 The child's process id, for messages. To signal it, ipc_child_kill() is safe from mistaking
 another process for it.

 Returns: the id, or a negative error.
 Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_child_pid(const struct ipc_child_t *child);

/*
 The child's pidfd, for poll(): readable when the child has ended.

 Returns: a descriptor that belongs to the handle (do not close it), or a negative error.
 Errors: -EINVAL child is NULL; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_child_fd(const struct ipc_child_t *child);

/*
 Waits until the child has ended, and how. May be called again: the answer stays.

 how: receives how it ended, on success only; may be NULL.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only asks.

 Returns: 0 when it has ended, or a negative error.
 Errors: -EAGAIN it runs and timeout_ns is 0; -ETIMEDOUT it runs still; -EINTR a signal
 handler ran while waiting; -ECHILD this process is not the one that started it, or ignores
 SIGCHLD, or has waited for it by other means; -EINVAL child is NULL, or a timeout below -1;
 -EBADF a closed or foreign handle.
 Threads: safe; all that wait get the same answer.
 */
int ipc_child_wait(struct ipc_child_t *child,
                   struct ipc_child_exit_t *how,
                   int64_t timeout_ns);

/*
 Sends the child a signal: SIGTERM, SIGKILL and so on. Never reaches another process that got
 its id after it ended.

 signal: a signal's number; 0 only asks whether it is there.

 Returns: 0, or a negative error.
 Errors: -ESRCH it has ended and was waited for; -EINVAL child is NULL, or no such signal;
 -EPERM it has changed its user; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_child_kill(struct ipc_child_t *child,
                   int signal);

/*
 Feeds the child's standard input and collects its standard output and error, as far as they
 are pipes, whichever is possible first: no size leads to a deadlock. Ends when the child has
 been fed everything (its input is then closed) and has closed its outputs, which ending does
 too; ipc_child_wait() then tells how it ended. A child that does not want all its input is
 no error: input_size tells what is left.

 exchange: the buffers, and how far it has come; also moved on when the call fails, so that
 nothing is lost: call again to go on, after -ENOBUFS with a larger (or emptied) buffer.
 timeout_ns: nanoseconds on the monotonic clock for the whole exchange; IPC_FOREVER waits, 0
 does what is possible at once.

 Returns: 0, or a negative error.
 Errors: -ENOBUFS a buffer is full and there is more; -EAGAIN not finished and timeout_ns is
 0; -ETIMEDOUT not finished; -EINVAL a NULL, a size over its capacity, input for a child whose
 standard input is no pipe, or a timeout below -1; -EBADF a closed or foreign handle.
 Threads: one at a time for a child.
 Signals: resumed after a handler.
 Death: a killed child has closed its streams. A process that the child left behind may hold
 them open: give a timeout.
 */
int ipc_child_communicate(struct ipc_child_t *child,
                          struct ipc_exchange_t *exchange,
                          int64_t timeout_ns);

/*
 Ends a handle and closes its pipes. The child is not killed: if it runs, it runs on, and when it
 has ended, a later ipc_spawn() or ipc_child_close() of this process takes its remains away.

 child: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF a closed or foreign handle.
 Threads: safe; calls with this handle that are under way in other threads finish first.
 Fork: closes the calling process's handle only.
 */
int ipc_child_close(struct ipc_child_t *child);

/*
 Describes a result of any call of this library.

 Returns: a text without a newline; constant, never freed, never NULL. Success values have
 texts too.
 Threads: safe.
 */
const char *ipc_strerror(int result);

/*
 Describes this thread's last failed call in full: which call, which error, which object,
 what was expected and what was found. Calls that succeed do not change it.

 Returns: one line; "" when no call of this thread has failed. Valid until this thread calls
 ipc_last_error() again or ends; never freed by the caller, never NULL.
 Threads: safe; each thread has its own.
 */
const char *ipc_last_error(void);

/*
 The version of the library that is loaded, for example "0.1.0"; the header's is
 IPC_VERSION_STRING.

 Returns: a constant text, never freed, never NULL.
 Threads: safe.
 */
const char *ipc_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROBUSTIPC_H */


/* For timeout_ns: wait as long as it takes. */
#define IPC_FOREVER ((int64_t)-1)

/* Describes a struct by its name, version, size and alignment: a constant initialiser for
 * ipc_type_t, in C99 and newer and in C++17.
 *
 *     static const ipc_type_t sensor_type = IPC_TYPE(SensorData, 1);
 */
#define IPC_TYPE(type, version) \
  { #type, (version), 0, sizeof(type), IPC_ALIGNOF(type), IPC_NO_FIELDS }

/* The same with up to 32 fields, given by name, whose offsets and sizes two programs must then agree on too.
 * In C++ the type has to be a standard-layout one.
 *
 *     static const ipc_type_t sensor_type =
 *         IPC_TYPE_FIELDS(SensorData, 1, temperature, humidity, sequence);
 */
#define IPC_TYPE_FIELDS(type, version, ...) \
  { #type, (version), IPC_COUNT(__VA_ARGS__), sizeof(type), IPC_ALIGNOF(type), \
    { IPC_FOR_EACH(IPC_FIELD, type, __VA_ARGS__) } }

/* The rest serves the two macros above. */
#define IPC_FIELD(type, field) { #field, offsetof(type, field), sizeof(((type *)0)->field) }
#define IPC_NO_FIELDS { { NULL, 0, 0 } }
#if defined(__cplusplus)
#define IPC_ALIGNOF(type) alignof(type)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define IPC_ALIGNOF(type) _Alignof(type)
#else
#define IPC_ALIGNOF(type) __alignof__(type)
#endif
#define IPC_COUNT_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14,  \
                   _15, _16, _17, _18, _19, _20, _21, _22, _23, _24, _25, _26, _27,  \
                   _28, _29, _30, _31, _32, count, ...) count
#define IPC_COUNT(...) IPC_COUNT_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24,  \
  23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2,  \
  1, 0)
#define IPC_PASTE_(a, b) a##b
#define IPC_PASTE(a, b) IPC_PASTE_(a, b)
#define IPC_FOR_EACH(do, type, ...) \
  IPC_PASTE(IPC_EACH_, IPC_COUNT(__VA_ARGS__))(do, type, __VA_ARGS__)
#define IPC_EACH_1(do, type, field) do(type, field)
#define IPC_EACH_2(do, type, field, ...) \
  do(type, field), IPC_EACH_1(do, type, __VA_ARGS__)
#define IPC_EACH_3(do, type, field, ...) \
  do(type, field), IPC_EACH_2(do, type, __VA_ARGS__)
#define IPC_EACH_4(do, type, field, ...) \
  do(type, field), IPC_EACH_3(do, type, __VA_ARGS__)
#define IPC_EACH_5(do, type, field, ...) \
  do(type, field), IPC_EACH_4(do, type, __VA_ARGS__)
#define IPC_EACH_6(do, type, field, ...) \
  do(type, field), IPC_EACH_5(do, type, __VA_ARGS__)
#define IPC_EACH_7(do, type, field, ...) \
  do(type, field), IPC_EACH_6(do, type, __VA_ARGS__)
#define IPC_EACH_8(do, type, field, ...) \
  do(type, field), IPC_EACH_7(do, type, __VA_ARGS__)
#define IPC_EACH_9(do, type, field, ...) \
  do(type, field), IPC_EACH_8(do, type, __VA_ARGS__)
#define IPC_EACH_10(do, type, field, ...) \
  do(type, field), IPC_EACH_9(do, type, __VA_ARGS__)
#define IPC_EACH_11(do, type, field, ...) \
  do(type, field), IPC_EACH_10(do, type, __VA_ARGS__)
#define IPC_EACH_12(do, type, field, ...) \
  do(type, field), IPC_EACH_11(do, type, __VA_ARGS__)
#define IPC_EACH_13(do, type, field, ...) \
  do(type, field), IPC_EACH_12(do, type, __VA_ARGS__)
#define IPC_EACH_14(do, type, field, ...) \
  do(type, field), IPC_EACH_13(do, type, __VA_ARGS__)
#define IPC_EACH_15(do, type, field, ...) \
  do(type, field), IPC_EACH_14(do, type, __VA_ARGS__)
#define IPC_EACH_16(do, type, field, ...) \
  do(type, field), IPC_EACH_15(do, type, __VA_ARGS__)
#define IPC_EACH_17(do, type, field, ...) \
  do(type, field), IPC_EACH_16(do, type, __VA_ARGS__)
#define IPC_EACH_18(do, type, field, ...) \
  do(type, field), IPC_EACH_17(do, type, __VA_ARGS__)
#define IPC_EACH_19(do, type, field, ...) \
  do(type, field), IPC_EACH_18(do, type, __VA_ARGS__)
#define IPC_EACH_20(do, type, field, ...) \
  do(type, field), IPC_EACH_19(do, type, __VA_ARGS__)
#define IPC_EACH_21(do, type, field, ...) \
  do(type, field), IPC_EACH_20(do, type, __VA_ARGS__)
#define IPC_EACH_22(do, type, field, ...) \
  do(type, field), IPC_EACH_21(do, type, __VA_ARGS__)
#define IPC_EACH_23(do, type, field, ...) \
  do(type, field), IPC_EACH_22(do, type, __VA_ARGS__)
#define IPC_EACH_24(do, type, field, ...) \
  do(type, field), IPC_EACH_23(do, type, __VA_ARGS__)
#define IPC_EACH_25(do, type, field, ...) \
  do(type, field), IPC_EACH_24(do, type, __VA_ARGS__)
#define IPC_EACH_26(do, type, field, ...) \
  do(type, field), IPC_EACH_25(do, type, __VA_ARGS__)
#define IPC_EACH_27(do, type, field, ...) \
  do(type, field), IPC_EACH_26(do, type, __VA_ARGS__)
#define IPC_EACH_28(do, type, field, ...) \
  do(type, field), IPC_EACH_27(do, type, __VA_ARGS__)
#define IPC_EACH_29(do, type, field, ...) \
  do(type, field), IPC_EACH_28(do, type, __VA_ARGS__)
#define IPC_EACH_30(do, type, field, ...) \
  do(type, field), IPC_EACH_29(do, type, __VA_ARGS__)
#define IPC_EACH_31(do, type, field, ...) \
  do(type, field), IPC_EACH_30(do, type, __VA_ARGS__)
#define IPC_EACH_32(do, type, field, ...) \
  do(type, field), IPC_EACH_31(do, type, __VA_ARGS__)
