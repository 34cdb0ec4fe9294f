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
 The largest value of a semaphore.
 */
#define IPC_SEM_VALUE_MAX 2147483647

/*
 How many fields a type can declare.
 */
#define IPC_TYPE_FIELDS_MAX 32

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
 death: a wake-up that a dying waiter took reaches another one, 100 ms later at most.
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
