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
 Kind: POSIX shared memory, made by this library or by another program.
 */
#define IPC_KIND_SHM 1

/*
 Kind: a named semaphore of this library.
 */
#define IPC_KIND_SEM 2

/*
 Kind: another named object of this library.
 */
#define IPC_KIND_OTHER 4

/*
 Kind: a named semaphore of the C library, from sem_open().
 */
#define IPC_KIND_POSIX_SEM 8

/*
 Kind: a message queue of the kernel, from mq_open().
 */
#define IPC_KIND_KERNEL_MQ 16

/*
 Kind: a System V shared memory segment.
 */
#define IPC_KIND_SYSV_SHM 32

/*
 Kind: a System V message queue.
 */
#define IPC_KIND_SYSV_MSG 64

/*
 Kind: a System V semaphore set.
 */
#define IPC_KIND_SYSV_SEM 128

/*
 All the kinds there are.
 */
#define IPC_KIND_ALL 255

/*
 Record: none; the object was made without this library.
 */
#define IPC_RECORD_NONE 0

/*
 Record: good.
 */
#define IPC_RECORD_GOOD 1

/*
 Record: damaged, of another version, or not about this object.
 */
#define IPC_RECORD_DAMAGED 2

/*
 Record: the caller may not read the object.
 */
#define IPC_RECORD_UNREADABLE 3

/*
 The highest priority of a message; the lowest is 0.
 */
#define IPC_MQ_PRIORITY_MAX 32767

/*
 Notification of messages: queue a signal to the process.
 */
#define IPC_NOTIFY_SIGNAL 1

/*
 Notification of messages: call a function.
 */
#define IPC_NOTIFY_CALLBACK 2

/*
 Notification of messages: add 1 to an eventfd.
 */
#define IPC_NOTIFY_EVENTFD 3

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
 In place of a key: a new object that no key leads to. Children inherit its handle, and others
 open it by its id.
 */
#define IPC_SYSV_PRIVATE 0

/*
 Receive the oldest message, whatever its type.
 */
#define IPC_MSG_ANY 0

/*
 Receive the oldest message of exactly this type.
 */
#define IPC_MSG_TYPE 1

/*
 Receive the oldest message of the lowest type that is not above this one.
 */
#define IPC_MSG_UP_TO 2

/*
 Receive the oldest message of any type but this one.
 */
#define IPC_MSG_EXCEPT 3

/*
 Flag of an operation on a semaphore: the kernel takes the change back when the process ends,
 however it ends.
 */
#define IPC_SYSV_UNDO 1

/*
 The largest value of a semaphore in a set.
 */
#define IPC_SYSV_SEM_VALUE_MAX 32767

/*
 How many fields a type can declare.
 */
#define IPC_TYPE_FIELDS_MAX 32

/*
 A list of objects as they were when ipc_list() was called. Ended by ipc_list_close().
 */
typedef struct ipc_list_t ipc_list_t;

/*
 An open message queue. Made by ipc_mq_open(), ended by ipc_mq_close().
 */
typedef struct ipc_mq_t ipc_mq_t;

/*
 A region of shared memory. Made by the ipc_shm_open calls and their like, ended by
 ipc_shm_close().
 */
typedef struct ipc_shm_t ipc_shm_t;

/*
 An open System V message queue. Ended by ipc_sysv_msg_close().
 */
typedef struct ipc_sysv_msg_t ipc_sysv_msg_t;

/*
 An open System V semaphore set. Ended by ipc_sysv_sem_close().
 */
typedef struct ipc_sysv_sem_t ipc_sysv_sem_t;

/*
 An attached System V shared memory segment. Ended by ipc_sysv_shm_close().
 */
typedef struct ipc_sysv_shm_t ipc_sysv_shm_t;

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
 One object, as ipc_list_next() tells of it.
 */
typedef struct ipc_object_t {
  /*
   One of the IPC_KIND_ constants.
   */
  int kind;
  /*
   One of the IPC_RECORD_ constants; IPC_RECORD_NONE for kinds that have no record.
   */
  int record;
  /*
   System V: the id. Else -1.
   */
  int id;
  /*
   System V: the key, 0 for a private object. Else 0.
   */
  int key;
  /*
   Who owns it.
   */
  uid_t owner;
  /*
   Its group.
   */
  gid_t group;
  /*
   The permissions.
   */
  mode_t mode;
  /*
   With a good record: the version of the declared type.
   */
  unsigned int type_version;
  /*
   Shared memory: the bytes of its data. Queues: the bytes in it now (0 too where the
   caller may not read a queue of the kernel). System V semaphore sets: how many
   semaphores. Others: the bytes of their file.
   */
  uint64_t size;
  /*
   How many processes are known to have it mapped or open: ipc_list_users() tells which.
   */
  size_t users;
  /*
   1 if those are all; 0 if there may be more, because /proc did not tell of every process, or
   because nobody knows, as with System V queues and semaphores.
   */
  int users_complete;
  /*
   The object's place in its list.
   */
  unsigned int index;
  /*
   The name to open it by, with its slash, any bytes but a slash behind it; empty for System V.
   */
  char name[264];
  /*
   With a good record: the name of the declared type; empty for untyped memory.
   */
  char type_name[64];
} ipc_object_t;

/*
 How large a message queue is. Zero what is not named here: { .max_messages = 10,
 .message_size = 128 }.
 */
typedef struct ipc_mq_attr_t {
  /*
   How many messages the queue holds before it is full.
   */
  size_t max_messages;
  /*
   How many bytes a message has at most.
   */
  size_t message_size;
  /*
   How many messages are in the queue now. From ipc_mq_getattr(); on opening unused.
   */
  size_t current_messages;
  /*
   How the handle was opened: IPC_KERNEL, IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK. From
   ipc_mq_getattr(); on opening unused.
   */
  int flags;
  /*
   0.
   */
  int reserved[5];
} ipc_mq_attr_t;

/*
 What ipc_mq_notify() does when messages come. Zero what is not used.
 */
typedef struct ipc_mq_notify_t {
  /*
   IPC_NOTIFY_SIGNAL, IPC_NOTIFY_CALLBACK or IPC_NOTIFY_EVENTFD.
   */
  int kind;
  /*
   The signal, for IPC_NOTIFY_SIGNAL; else 0.
   */
  int signal;
  /*
   An eventfd, for IPC_NOTIFY_EVENTFD; else 0. It stays the caller's, who may close it.
   */
  int eventfd;
  /*
   0.
   */
  int reserved;
  /*
   The function, for IPC_NOTIFY_CALLBACK; else NULL.
   */
  void (*callback)(struct ipc_mq_t *mq, void *context);
  /*
   Passed to the function as it is; for IPC_NOTIFY_SIGNAL, the signal's si_value.sival_ptr.
   */
  void *context;
} ipc_mq_notify_t;

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
 finds by its name. A placed one is initialised by ipc_sem_init(); never copied or moved. It is
 not a sem_t: one that was placed with sem_init() stays the C library's.
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
 What the kernel knows of a segment.
 */
typedef struct ipc_sysv_shm_stat_t {
  /*
   The key; 0 for a private or removed segment.
   */
  int key;
  /*
   The id, as ipcs shows it.
   */
  int id;
  /*
   Who owns it.
   */
  uid_t owner;
  /*
   Its group.
   */
  gid_t group;
  /*
   Who created it.
   */
  uid_t creator;
  /*
   The creator's group.
   */
  gid_t creator_group;
  /*
   The permissions, 0777 at most.
   */
  mode_t mode;
  /*
   1 if it was removed and only awaits its last detaching, else 0.
   */
  int removed;
  /*
   In bytes, as its creator asked for it.
   */
  size_t size;
  /*
   How often it is attached.
   */
  size_t attached;
  /*
   The process that created it. All processes: 0 for one not visible here.
   */
  pid_t creator_pid;
  /*
   Who last attached or detached it.
   */
  pid_t last_pid;
  /*
   When it was last attached. All times: seconds since 1970; 0 for never.
   */
  int64_t attach_time;
  /*
   When it was last detached.
   */
  int64_t detach_time;
  /*
   When it was created or its owner or mode last changed.
   */
  int64_t change_time;
} ipc_sysv_shm_stat_t;

/*
 What the kernel knows of a queue.
 */
typedef struct ipc_sysv_msg_stat_t {
  /*
   The key; 0 for a private queue.
   */
  int key;
  /*
   The id, as ipcs shows it.
   */
  int id;
  /*
   Who owns it.
   */
  uid_t owner;
  /*
   Its group.
   */
  gid_t group;
  /*
   Who created it.
   */
  uid_t creator;
  /*
   The creator's group.
   */
  gid_t creator_group;
  /*
   The permissions, 0777 at most.
   */
  mode_t mode;
  /*
   Who last sent; 0 for nobody, or a process not visible here.
   */
  pid_t last_sender;
  /*
   Who last received.
   */
  pid_t last_receiver;
  /*
   Messages in the queue.
   */
  size_t messages;
  /*
   Their bytes in all.
   */
  size_t bytes;
  /*
   How many bytes there may be.
   */
  size_t bytes_max;
  /*
   When a message was last sent. All times: seconds since 1970; 0 for never.
   */
  int64_t send_time;
  /*
   When a message was last received.
   */
  int64_t receive_time;
  /*
   When it was created or its owner or mode last changed.
   */
  int64_t change_time;
} ipc_sysv_msg_stat_t;

/*
 One operation of ipc_sysv_sem_op().
 */
typedef struct ipc_sysv_sem_op_t {
  /*
   Which semaphore of the set, counted from 0.
   */
  unsigned short index;
  /*
   Below 0: takes so many, waiting until they are there (P). Above 0: gives so many (V). 0:
   waits until the value is 0.
   */
  short change;
  /*
   0 or IPC_SYSV_UNDO.
   */
  int flags;
} ipc_sysv_sem_op_t;

/*
 What the kernel knows of a semaphore set.
 */
typedef struct ipc_sysv_sem_stat_t {
  /*
   The key; 0 for a private set.
   */
  int key;
  /*
   The id, as ipcs shows it.
   */
  int id;
  /*
   Who owns it.
   */
  uid_t owner;
  /*
   Its group.
   */
  gid_t group;
  /*
   Who created it.
   */
  uid_t creator;
  /*
   The creator's group.
   */
  gid_t creator_group;
  /*
   The permissions, 0777 at most.
   */
  mode_t mode;
  /*
   How many semaphores it has.
   */
  int count;
  /*
   When an operation last took place. All times: seconds since 1970; 0 for never.
   */
  int64_t operation_time;
  /*
   When it was created or its owner or mode last changed.
   */
  int64_t change_time;
} ipc_sysv_sem_stat_t;

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
 Lists the objects of these kinds that the caller can see: names, owners, sizes, and who uses
 them.

 Seen are all objects of the caller's IPC namespace and /dev/shm, whoever owns them. Queues
 of the kernel need CAP_SYS_ADMIN or a mounted file system of type mqueue (nothing is mounted
 by this call); without them the queues are left out, and ipc_list_unlisted() says so. Users
 are looked for in /proc: of other users' processes only privileged callers see them.

 out: receives the list, on success only. End it with ipc_list_close().
 kinds: any of the IPC_KIND_ constants, added up; IPC_KIND_ALL for all.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL, or kinds is 0 or has unknown bits; -EMFILE too many handles.
 Threads: safe. Fork: the child has the list too, with a place of its own in it.
 */
int ipc_list(struct ipc_list_t **out,
             int kinds);

/*
 Tells of the next object in a list. Objects of one kind stand together.

 object: receives what is known of it, if there is one.

 Returns: 1 if there was one, 0 at the end, or a negative error.
 Errors: -EINVAL a NULL; -EBADF a closed or foreign handle.
 Threads: safe; each object is given to one caller.
 */
int ipc_list_next(struct ipc_list_t *list, struct ipc_object_t *object);

/*
 The processes that have an object of the list mapped or open.

 object: from ipc_list_next() on the same list.
 pids: receives up to capacity process ids in ascending order; may be NULL if capacity is 0.

 Returns: how many there are, which may be more than capacity, or a negative error.
 Errors: -EINVAL a NULL, or an object of another list; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_list_users(const struct ipc_list_t *list,
                   const struct ipc_object_t *object,
                   pid_t *pids,
                   size_t capacity);

/*
 Which of the kinds that were asked for could not be listed.

 Returns: IPC_KIND_ constants, added up; 0 if all were listed; or a negative error.
 Errors: -EINVAL list is NULL; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_list_unlisted(const struct ipc_list_t *list);

/*
 Ends a list.

 list: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_list_close(struct ipc_list_t *list);

/*
 Removes one object, as the unlink and remove call of its kind does: those who have it open
 keep shared memory, semaphores and queues with a name; those who wait on a System V queue or
 semaphore get -EIDRM. An object of another kind at that name is left alone.

 kind: exactly one of the IPC_KIND_ constants, as ipc_list_next() gave it.
 name: the name, with its slash; unused for System V.
 id: the id of a System V object; else unused.

 Returns: 0, or a negative error.
 Errors: -EINVAL kind is not one kind, or name is NULL or malformed; -ENAMETOOLONG the name;
 -ENOENT there is none; -EMEDIUMTYPE the name belongs to another kind of object; -EACCES or
 -EPERM not permitted.
 Threads: safe.
 */
int ipc_remove(int kind,
               const char *name,
               int id);

/*
 Opens the message queue of that name, or creates it with IPC_CREATE.

 With IPC_KERNEL it is the kernel's queue, the same that mq_open() gives other programs. The
 queue in shared memory, without that flag, is not in this version.

 out: receives the handle, on success only. End it with ipc_mq_close().
 name: "/" and 1 to 250 bytes without a slash.
 attr: the size of a queue created by this call, and what an existing one must have; NULL: the
 system's default, and any. Not kept: it may go away after the call.
 flags: IPC_KERNEL, and any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY (receive only),
 IPC_WRITE_ONLY (send only), IPC_NONBLOCK (calls that would wait return -EAGAIN, whatever
 their timeout), IPC_CHECK_OWNER.
 mode: the permissions of a queue created by this call, exactly (the umask does not count);
 else unused.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL a NULL, a malformed name, flag or mode, reserved not 0, a size of 0, or sizes
 over the limits fs.mqueue.msg_max and msgsize_max; -ENAMETOOLONG the name; -ENOENT no such
 queue and no IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EACCES permissions, or
 IPC_CHECK_OWNER; -EPROTO the existing queue has other sizes than attr (ipc_last_error() tells
 both sides); -EMFILE this user's queues would take more than RLIMIT_MSGQUEUE bytes, or too many
 descriptors or handles (ipc_last_error() tells which, and the numbers); -ENFILE too many open
 files in the system; -ENOSPC more queues than fs.mqueue.queues_max; -ENOMEM; -ENOTSUP
 without IPC_KERNEL; -ENOSYS the kernel has no message queues.
 Threads: safe. Fork: the handle is the child's too.
 */
int ipc_mq_open(struct ipc_mq_t **out,
                const char *name,
                const struct ipc_mq_attr_t *attr,
                int flags,
                mode_t mode);

/*
 Sends one message, waiting while the queue is full.

 msg: the message; NULL only with len 0.
 len: in bytes, 0 or more, up to the queue's message_size.
 priority: 0 to IPC_MQ_PRIORITY_MAX; higher ones are received first.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the queue is full, and timeout_ns is 0 or the handle IPC_NONBLOCK;
 -ETIMEDOUT; -EINTR a signal handler ran while waiting; -EMSGSIZE the message is longer than
 the queue's message_size; -EINVAL a NULL, a priority too high, or a timeout below -1; -EBADF
 the handle is closed, or IPC_READ_ONLY; -EFAULT msg leads to no memory; -ENOMEM.
 Threads: safe.
 Death: a message is in the queue whole or not at all; it stays when its sender dies.
 */
int ipc_mq_send(struct ipc_mq_t *mq,
                const void *msg,
                size_t len,
                unsigned int priority,
                int64_t timeout_ns);

/*
 Takes the message of the highest priority, of several the oldest, waiting for one.

 buf: receives the message, on success only.
 capacity: in bytes, at least the queue's message_size, also when the message that waits is
 shorter: the kernel has it so.
 priority: receives the message's priority, on success only; NULL if it is not wanted.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: the message's length in bytes, which may be 0, or a negative error.
 Errors: -EAGAIN there is no message, and timeout_ns is 0 or the handle IPC_NONBLOCK;
 -ETIMEDOUT; -EINTR a signal handler ran while waiting; -EMSGSIZE capacity is too small: the
 message stays in the queue, and ipc_last_error() tells the size needed; -EINVAL buf is NULL,
 priority misaligned, or a timeout below -1; -EBADF the handle is closed, or IPC_WRITE_ONLY;
 -EFAULT buf leads to no memory: the message is lost.
 Threads: safe; each message goes to one receiver.
 Death: a receiver that dies takes with it at most the one message that it had just received.
 */
ptrdiff_t ipc_mq_receive(struct ipc_mq_t *mq,
                         void *buf,
                         size_t capacity,
                         unsigned int *priority,
                         int64_t timeout_ns);

/*
 Tells a queue's sizes, how many messages it holds at some moment during the call, and how the
 handle was opened.

 attr: receives them, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL or misaligned; -EBADF the handle is closed.
 Threads: safe.
 */
int ipc_mq_getattr(const struct ipc_mq_t *mq,
                   struct ipc_mq_attr_t *attr);

/*
 The queue's descriptor, for poll() and its like: readable when there is a message, writable
 when there is room. It is an mqd_t. It has O_NONBLOCK, which must stay so: waiting is the
 library's.

 Returns: the descriptor, which stays the handle's: it is good until ipc_mq_close() and must
 not be closed; or a negative error.
 Errors: -EINVAL NULL; -EBADF the handle is closed.
 Threads: safe.
 */
int ipc_mq_fd(const struct ipc_mq_t *mq);

/*
 Has something done when messages come: at once for those that are in the queue already, then for
 each that comes, until it is ended. It needs no arming anew.

 Several messages that come close together may be told of once, and what is told of may have
 been taken by another receiver. So receive with timeout 0 until -EAGAIN; who does so when told
 never misses a message. Any number of handles and processes may have a notification of the same
 queue.

 This is the one call that starts a thread: it is named "ipc_mq_notify", blocks all signals, has
 three descriptors (four for an eventfd), and ends with the notification. Without a thread, poll
 ipc_mq_fd().

 A signal is queued with sigqueue() to the process: its si_code is SI_QUEUE. When the limit of
 queued real-time signals is reached, it comes without its value.

 A function is called in the thread, with this handle. It may receive one message or all: it is
 called again as long as it takes some and some are left. It must return, must not wait, and may
 end the notification or close the handle. No longjmp, no C++ exception, no pthread_exit().

 how: what to do; not kept. NULL ends the notification: when the call returns, the function is
 not running any more, unless it is the function that calls.

 Returns: 0, also when there was no notification to end; or a negative error.
 Errors: -EINVAL mq is NULL, or how has an unknown kind, no valid signal, no function,
 something that its kind does not use, or reserved not 0; -EBADF the handle is closed, or the
 descriptor is not an eventfd; -EBUSY the handle has a notification already, or another thread is
 just changing it; -EMFILE or -ENFILE too many descriptors; -EAGAIN no thread can be started;
 -ENOSPC too many descriptors are watched (fs.epoll.max_user_watches); -ENOMEM.
 Threads: safe. Fork: the notification is the parent's; the child has none and may begin its own.
 */
int ipc_mq_notify(struct ipc_mq_t *mq,
                  const struct ipc_mq_notify_t *how);

/*
 Ends the use of a queue, and its notification as ipc_mq_notify() with NULL does. The queue and
 its messages stay until ipc_mq_unlink() and the last closing.

 mq: NULL does nothing. Calls that use the handle in other threads finish first.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed already, or not a message queue's.
 Threads: safe.
 */
int ipc_mq_close(struct ipc_mq_t *mq);

/*
 Removes a queue's name. Processes that have it open keep it, with its messages.

 flags: IPC_KERNEL.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed, or an unknown flag; -ENAMETOOLONG the name; -ENOENT
 no such queue; -EACCES or -EPERM not permitted; -ENOTSUP without IPC_KERNEL; -ENOSYS the
 kernel has no message queues.
 Threads: safe.
 */
int ipc_mq_unlink(const char *name,
                  int flags);

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
 Owner death: also when the thread ends, or the process calls exec, holding the lock. Where
 the kernel does not report it (it looks at 2048 locks of a thread), those that wait find out
 100 ms later at most. Waiter death: nothing happens to others.
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
 a semaphore of this library and version; -EBADF one of the C library that was closed.
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
 initialised; -EPROTO not a semaphore of this library and version; -EBADF one of the C library
 that was closed.
 Threads: safe.
 */
int ipc_sem_post(struct ipc_sem_t *sem);

/*
 How many permits are free, at some moment during the call.

 value: receives the number, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL, misaligned or not initialised; -EPROTO not a semaphore of this
 library and version; -EBADF one of the C library that was closed.
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

 With IPC_POSIX it is the C library's semaphore of that name, the same that sem_open() gives
 other programs: a permit posted here is taken there, and the reverse. The two kinds have
 different names: "/a" without IPC_POSIX and "/a" with it are two semaphores.

 out: receives the semaphore, on success only. End it with ipc_sem_close().
 name: "/" and 1 to 250 bytes without a slash. Named objects of all kinds of this library
 share one space of names.
 value: the first value of a semaphore created by this call, up to IPC_SEM_VALUE_MAX; else
 unused.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER, IPC_POSIX.
 mode: the permissions of a semaphore created by this call, exactly. Waiting and posting need
 read and write permission.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: those of ipc_shm_open_typed(); -EINVAL also for a value too large; -EPROTO with
 IPC_POSIX: what has the name has not the size of a sem_t.
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
 Threads: safe. With IPC_POSIX, calls that use it in other threads finish first.
 */
int ipc_sem_close(struct ipc_sem_t *sem);

/*
 Removes a semaphore's name, not that of a semaphore of the C library. Processes that have it
 open keep it.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such
 semaphore; -EACCES or -EPERM not permitted.
 Threads: safe.
 */
int ipc_sem_unlink(const char *name);

/*
 The same for a semaphore of the C library: one that sem_open(), or ipc_sem_open() with
 IPC_POSIX, made.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such
 semaphore; -EACCES or -EPERM not permitted.
 Threads: safe.
 */
int ipc_sem_unlink_posix(const char *name);

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
 Computes the System V key for a path and a project number: the one that ftok() gives, so that
 programs with and without this library meet. Two paths can have the same key: a key holds
 16 bits of the inode number and 8 of the device.

 out: receives the key (a key_t is an int), on success only. Apart from the result because
 one good key in four thousand millions is -1.
 path: of an existing file; a symbolic link is followed. A file that is removed and made anew
 gives another key.
 project: 1 to 255, a letter for example.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL, or a project out of range; -ENOENT or -ENOTDIR no such file; -EACCES a
 directory on the way may not be searched; -ELOOP too many symbolic links; -ENAMETOOLONG the
 path.
 Threads: safe.
 */
int ipc_sysv_key(int *out,
                 const char *path,
                 int project);

/*
 Attaches the System V shared memory segment with that key, or creates it, zeroed, with
 IPC_CREATE. A segment is created and sized in one step: nobody sees it half-made. It
 outlives all processes until it is removed: detaching is not deleting.

 out: receives the handle, on success only. End it with ipc_sysv_shm_close().
 key: from ipc_sysv_key() or agreed on, or IPC_SYSV_PRIVATE with IPC_CREATE.
 size: in bytes, at least 1. An existing segment must have exactly this size, so that two
 builds that disagree about a struct find out here.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY, IPC_CHECK_OWNER.
 mode: the permissions of a segment created by this call, exactly; else unused.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL out is NULL, size is 0 or above kernel.shmmax, a malformed flag or mode,
 IPC_SYSV_PRIVATE without IPC_CREATE; -ENOENT no such segment and no IPC_CREATE; -EEXIST it
 exists and IPC_EXCLUSIVE; -EPROTO it has another size (ipc_last_error() tells both);
 -EACCES permissions, or IPC_CHECK_OWNER; -ENOSPC a limit of the system; -ENOMEM no memory
 or address space; -EIDRM removed meanwhile; -EMFILE too many handles.
 Threads: safe. Fork: the handle and the memory are the child's too; exec detaches.
 */
int ipc_sysv_shm_open(struct ipc_sysv_shm_t **out,
                      int key,
                      size_t size,
                      int flags,
                      mode_t mode);

/*
 Attaches the System V shared memory segment with that id: a private one, of which another
 process has told the id.

 size: in bytes; must be the segment's.
 flags: 0 or any of IPC_READ_ONLY, IPC_CHECK_OWNER.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL, size is 0, a malformed flag; -ENOENT no such segment; -EPROTO it
 has another size; -EACCES permissions, or IPC_CHECK_OWNER; -EIDRM removed meanwhile; -ENOMEM
 no memory or address space; -EMFILE too many handles.
 Threads: safe. Fork: the handle and the memory are the child's too; exec detaches.
 */
int ipc_sysv_shm_open_id(struct ipc_sysv_shm_t **out,
                         int id,
                         size_t size,
                         int flags);

/*
 The attached memory.

 Returns: its address, page-aligned, valid until ipc_sysv_shm_close(); NULL for a NULL, closed
 or foreign handle. With IPC_READ_ONLY writing there is SIGSEGV.
 Threads: safe.
 */
void *ipc_sysv_shm_data(const struct ipc_sysv_shm_t *shm);

/*
 The size of the segment.

 Returns: bytes, as given when it was opened; 0 for a NULL, closed or foreign handle.
 Threads: safe.
 */
size_t ipc_sysv_shm_size(const struct ipc_sysv_shm_t *shm);

/*
 The id of the segment, as ipcs and ipcrm know it.

 Returns: the id, 0 or more, or a negative error.
 Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_sysv_shm_id(const struct ipc_sysv_shm_t *shm);

/*
 What the kernel knows of the segment.

 out: receives it, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL; -EBADF a closed or foreign handle; -EACCES no read permission; -EIDRM
 the segment was removed.
 Threads: safe.
 */
int ipc_sysv_shm_stat(const struct ipc_sysv_shm_t *shm,
                      struct ipc_sysv_shm_stat_t *out);

/*
 Ends a handle and detaches its memory. The segment and its data stay until it is removed:
 detaching is not deleting.

 shm: NULL does nothing. No thread may use the memory any more, or hold a lock in it.

 Returns: 0, or a negative error.
 Errors: -EBADF a closed or foreign handle; -EBUSY this thread holds a lock that lies in the
 memory (the handle stays open).
 Threads: safe; calls with this handle that are under way in other threads finish first.
 Fork: detaches the calling process only.
 */
int ipc_sysv_shm_close(struct ipc_sysv_shm_t *shm);

/*
 Removes the segment. From now on no key leads to it; processes that have it attached keep
 it, and it is gone when the last of them has detached it. The handle stays open until it is
 closed.

 Returns: 0, or a negative error.
 Errors: -EINVAL shm is NULL; -EBADF a closed or foreign handle; -EIDRM removed already;
 -EPERM neither owner nor creator.
 Threads: safe.
 */
int ipc_sysv_shm_remove(struct ipc_sysv_shm_t *shm);

/*
 Removes the segment with that id, as ipcrm does; otherwise as ipc_sysv_shm_remove().

 Returns: 0, or a negative error.
 Errors: -ENOENT there is none; -EPERM neither owner nor creator.
 Threads: safe.
 */
int ipc_sysv_shm_remove_id(int id);

/*
 Opens the System V message queue with that key, or creates it with IPC_CREATE.

 out: receives the handle, on success only. End it with ipc_sysv_msg_close().
 key: from ipc_sysv_key() or agreed on, or IPC_SYSV_PRIVATE with IPC_CREATE.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER, and IPC_READ_ONLY or
 IPC_WRITE_ONLY, which ask for no more than the permission to receive or to send.
 mode: the permissions of a queue created by this call, exactly; else unused.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL out is NULL, a malformed flag or mode, IPC_SYSV_PRIVATE without IPC_CREATE;
 -ENOENT no such queue and no IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EACCES
 permissions, or IPC_CHECK_OWNER; -ENOSPC too many queues (kernel.msgmni); -ENOMEM no memory;
 -EIDRM removed meanwhile; -EMFILE too many handles.
 Threads: safe. Fork: the handle is the child's too.
 */
int ipc_sysv_msg_open(struct ipc_sysv_msg_t **out,
                      int key,
                      int flags,
                      mode_t mode);

/*
 Opens the System V message queue with that id: a private one, of which another process has told
 the id. Needs read permission.

 flags: 0 or IPC_CHECK_OWNER.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL or a malformed flag; -ENOENT no such queue; -EACCES permissions,
 or IPC_CHECK_OWNER; -EIDRM removed meanwhile; -EMFILE too many handles.
 Threads: safe. Fork: the handle is the child's too.
 */
int ipc_sysv_msg_open_id(struct ipc_sysv_msg_t **out,
                         int id,
                         int flags);

/*
 Sends a message, waiting while the queue is full. Either all of it arrives or nothing.

 type: 1 or more; receivers select by it.
 msg: len bytes; may be NULL if len is 0.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries. The kernel
 knows no limited wait here: one is made of tries with pauses, so that room in the
 queue can be seen up to 2 ms late.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the queue is full and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
 while waiting, whatever its flags; -EMSGSIZE longer than kernel.msgmax (8192 at first) or
 than the whole queue; -EIDRM the queue was removed, before or during the call; -EACCES no
 write permission; -EINVAL a NULL, a type below 1, or a timeout below -1; -EBADF a closed or
 foreign handle; -ENOMEM no memory in the kernel.
 Threads: safe. Needs 9 KiB of stack. Allocates nothing, except that a message above 8192
 bytes, while another thread waits with such a one on the same handle, takes memory for the
 call.
 */
int ipc_sysv_msg_send(struct ipc_sysv_msg_t *queue,
                      long type,
                      const void *msg,
                      size_t len,
                      int64_t timeout_ns);

/*
 Receives and removes one message, waiting until there is one that is selected. A message that
 does not fit stays in the queue.

 type: receives the message's type, on success only; may be NULL.
 buf: for capacity bytes; may be NULL if capacity is 0.
 select: IPC_MSG_ANY takes the oldest message; IPC_MSG_TYPE the oldest of exactly this type;
 IPC_MSG_UP_TO the oldest of the lowest type that is not above this one; IPC_MSG_EXCEPT the
 oldest of any type but this one.
 wanted: the type that select speaks of, 1 or more; unused with IPC_MSG_ANY.
 timeout_ns: as in ipc_sysv_msg_send().

 Returns: the message's length, 0 or more, or a negative error.
 Errors: -EAGAIN no such message and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
 while waiting, whatever its flags; -EMSGSIZE the message has more than capacity bytes
 (ipc_last_error() tells how many, if the kernel does); -EIDRM the queue was removed,
 before or during the call; -EACCES no read permission; -EINVAL a NULL, a malformed select
 or wanted, or a timeout below -1; -EBADF a closed or foreign handle; -ENOMEM no memory for
 a message above 8192 bytes.
 Threads: safe. Needs 9 KiB of stack. Allocates as ipc_sysv_msg_send() does.
 Death: a receiver that is killed has either taken a whole message or none.
 */
ssize_t ipc_sysv_msg_receive(struct ipc_sysv_msg_t *queue,
                             long *type,
                             void *buf,
                             size_t capacity,
                             int select,
                             long wanted,
                             int64_t timeout_ns);

/*
 The id of the queue, as ipcs and ipcrm know it.

 Returns: the id, 0 or more, or a negative error.
 Errors: -EINVAL queue is NULL; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_sysv_msg_id(const struct ipc_sysv_msg_t *queue);

/*
 What the kernel knows of the queue.

 out: receives it, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL; -EBADF a closed or foreign handle; -EACCES no read permission; -EIDRM
 the queue was removed.
 Threads: safe.
 */
int ipc_sysv_msg_stat(const struct ipc_sysv_msg_t *queue,
                      struct ipc_sysv_msg_stat_t *out);

/*
 Ends a handle. The queue stays until it is removed.

 queue: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF a closed or foreign handle.
 Threads: safe; calls with this handle that are under way in other threads go on to their end.
 Fork: closes the calling process's handle only.
 */
int ipc_sysv_msg_close(struct ipc_sysv_msg_t *queue);

/*
 Removes the queue. Its messages are gone at once, and who waits on it gets -EIDRM.
 The handle stays open until it is closed.

 Returns: 0, or a negative error.
 Errors: -EINVAL queue is NULL; -EBADF a closed or foreign handle; -EIDRM removed already; -EPERM
 neither owner nor creator.
 Threads: safe.
 */
int ipc_sysv_msg_remove(struct ipc_sysv_msg_t *queue);

/*
 Removes the queue with that id, as ipcrm does; otherwise as ipc_sysv_msg_remove().

 Returns: 0, or a negative error.
 Errors: -ENOENT there is none; -EPERM neither owner nor creator.
 Threads: safe.
 */
int ipc_sysv_msg_remove_id(int id);

/*
 Opens the System V semaphore set with that key, or creates it with IPC_CREATE. The kernel
 makes a set and gives it its values in two steps; here nobody sees the time between: who
 finds a set that another process is creating waits for it, and if its creator was killed
 between the two steps, the next opener with IPC_CREATE completes it and gets IPC_CREATED.

 out: receives the handle, on success only. End it with ipc_sysv_sem_close().
 key: from ipc_sysv_key() or agreed on, or IPC_SYSV_PRIVATE with IPC_CREATE.
 count: how many semaphores. An existing set must have as many. Without IPC_CREATE, 0 opens a
 set of any size.
 values: count numbers up to IPC_SYSV_SEM_VALUE_MAX, the first values of a set created by
 this call; NULL for all 0. Else unused.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER.
 mode: the permissions of a set created by this call, exactly; else unused. Using it needs read
 and write permission.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL out is NULL, a count out of range, a malformed flag or mode,
 IPC_SYSV_PRIVATE without IPC_CREATE; -ERANGE a value too large; -ENOENT no such set and no
 IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EPROTO it has another count
 (ipc_last_error() tells both); -EAGAIN it was created but never given values, and no
 IPC_CREATE, or its creator is stopped (found out after 2 s); -EACCES permissions, or
 IPC_CHECK_OWNER; -ENOSPC a limit of the system (kernel.sem); -ENOMEM no memory; -EIDRM
 removed meanwhile; -EMFILE or -ENFILE too many descriptors or handles.
 Threads: safe. Fork: the handle is the child's too.
 */
int ipc_sysv_sem_open(struct ipc_sysv_sem_t **out,
                      int key,
                      int count,
                      const unsigned short *values,
                      int flags,
                      mode_t mode);

/*
 Opens the System V semaphore set with that id: a private one, of which another process has told
 the id.

 count: how many semaphores it must have; 0 for any number.
 flags: 0 or IPC_CHECK_OWNER.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL, a negative count or a malformed flag; -ENOENT no such set;
 -EPROTO it has another count; -EACCES permissions, or IPC_CHECK_OWNER; -EIDRM removed
 meanwhile; -EMFILE too many handles.
 Threads: safe. Fork: the handle is the child's too.
 */
int ipc_sysv_sem_open_id(struct ipc_sysv_sem_t **out,
                         int id,
                         int count,
                         int flags);

/*
 Does several operations on a set at once: all of them, or none, waiting until all are possible.

 ops: count operations, done in this order. With IPC_SYSV_UNDO the kernel takes an operation
 back when the process ends, by kill -9 too: for a permit that must not die with its holder.
 count: 1 to 500.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: 0, or a negative error.
 Errors: -EAGAIN not possible now and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
 while waiting, whatever its flags; -EIDRM the set was removed, before or during the call;
 -ERANGE a value would exceed IPC_SYSV_SEM_VALUE_MAX; -E2BIG no operation, or too many;
 -EACCES permissions; -ENOSPC or -ENOMEM no room in the kernel for what is to be undone;
 -EINVAL a NULL, an index beyond the set, a malformed flag, or a timeout below -1; -EBADF a
 closed or foreign handle.
 Threads: safe. What is to be undone belongs to the process, and is undone when its last
 thread ends. Fork: the child undoes only what it did itself; exec keeps what is to be undone.
 */
int ipc_sysv_sem_op(struct ipc_sysv_sem_t *set,
                    const struct ipc_sysv_sem_op_t *ops,
                    size_t count,
                    int64_t timeout_ns);

/*
 The value of one semaphore, at some moment during the call.

 index: counted from 0.

 Returns: the value, 0 or more, or a negative error.
 Errors: -EINVAL set is NULL, or no such index; -EBADF a closed or foreign handle; -EIDRM the set
 was removed; -EACCES no read permission.
 Threads: safe.
 */
int ipc_sysv_sem_value(const struct ipc_sysv_sem_t *set,
                       int index);

/*
 The id of the semaphore set, as ipcs and ipcrm know it.

 Returns: the id, 0 or more, or a negative error.
 Errors: -EINVAL set is NULL; -EBADF a closed or foreign handle.
 Threads: safe.
 */
int ipc_sysv_sem_id(const struct ipc_sysv_sem_t *set);

/*
 What the kernel knows of the semaphore set.

 out: receives it, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL; -EBADF a closed or foreign handle; -EACCES no read permission; -EIDRM
 the semaphore set was removed.
 Threads: safe.
 */
int ipc_sysv_sem_stat(const struct ipc_sysv_sem_t *set,
                      struct ipc_sysv_sem_stat_t *out);

/*
 Ends a handle. The semaphore set stays until it is removed.

 set: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF a closed or foreign handle.
 Threads: safe; calls with this handle that are under way in other threads go on to their end.
 Fork: closes the calling process's handle only.
 */
int ipc_sysv_sem_close(struct ipc_sysv_sem_t *set);

/*
 Removes the semaphore set. Who waits on it gets -EIDRM.
 The handle stays open until it is closed.

 Returns: 0, or a negative error.
 Errors: -EINVAL set is NULL; -EBADF a closed or foreign handle; -EIDRM removed already; -EPERM
 neither owner nor creator.
 Threads: safe.
 */
int ipc_sysv_sem_remove(struct ipc_sysv_sem_t *set);

/*
 Removes the semaphore set with that id, as ipcrm does; otherwise as ipc_sysv_sem_remove().

 Returns: 0, or a negative error.
 Errors: -ENOENT there is none; -EPERM neither owner nor creator.
 Threads: safe.
 */
int ipc_sysv_sem_remove_id(int id);

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
