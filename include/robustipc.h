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
 half-changed. Repair it, then call ipc_mutex_consistent() or ipc_rwlock_consistent(); for a
 permit there is nothing to call.
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
 Open flag. Of a queue: calls that would wait return -EAGAIN, whatever their timeout. Of a
 descriptor: plain read() and write() on it do not wait; this library's calls go by their
 timeout.
 */
#define IPC_NONBLOCK 16

/*
 Open flag: accept an object that a program made without this library, by its size alone.
 */
#define IPC_ADOPT 32

/*
 Flag of ipc_mq_open() and ipc_mq_unlink(): the kernel's message queue, the one that mq_open()
 opens, instead of this library's in shared memory.
 */
#define IPC_KERNEL 64

/*
 Flag of ipc_sem_open(): the C library's semaphore, the one that sem_open() opens, instead of
 this library's.
 */
#define IPC_POSIX 128

/*
 Open flag: refuse, with -EACCES, an object that another user owns or that others may write to.
 */
#define IPC_CHECK_OWNER 256

/*
 Flag of ipc_shm_from_fd(): accept memory whose size is not sealed, from a trusted peer.
 */
#define IPC_UNSEALED 512

/*
 Flag of calls that make a descriptor: it is not closed by exec, so that children inherit it.
 */
#define IPC_INHERIT 1024

/*
 How many fields a type can declare.
 */
#define IPC_TYPE_FIELDS_MAX 32

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
 How many threads can hold a readers-writer lock for reading at once; one more waits until
 one of them leaves.
 */
#define IPC_RWLOCK_READERS_MAX 30

/*
 How many permits a pool can have.
 */
#define IPC_PERMITS_MAX 31

/*
 How many participants a barrier can have.
 */
#define IPC_BARRIER_COUNT_MAX 31

/*
 Result of ipc_barrier_wait(), for one participant in each round: all have arrived.
 */
#define IPC_BARRIER_SERIAL 3

/*
 Result of ipc_once(): this call ran the initialisation.
 */
#define IPC_ONCE_RAN 4

/*
 Event kind: each setting releases one waiter, and is taken back by that. Without it an event
 stays set, and releases all, until it is reset.
 */
#define IPC_EVENT_AUTO_RESET 1

/*
 Event kind: set from the beginning.
 */
#define IPC_EVENT_SET 2

/*
 For ipc_mq_attr_t's spin_ns: sleep at once.
 */
#define IPC_MQ_NO_SPIN -1

/*
 Flag of ipc_mq_open(): what this handle sends into a full queue displaces the oldest message of
 the lowest priority there. A message whose own priority is lower than all is dropped itself,
 and sending it succeeds. ipc_mq_stat() counts both. Not with IPC_KERNEL.
 */
#define IPC_MQ_OVERWRITE 65536

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
 The largest write to a pipe or FIFO, in bytes, that the kernel never mixes with another
 writer's.
 */
#define IPC_PIPE_ATOMIC 4096

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
 Flag of ipc_fifo_open(), with IPC_READ_ONLY: the end of the file does not come when the last
 writer leaves; reading waits for the next one.
 */
#define IPC_FIFO_KEEP_OPEN 65536

/*
 Socket type: a connection of bytes without boundaries.
 */
#define IPC_SOCK_STREAM 1

/*
 Socket type: messages without a connection. Nobody is told when the other end has gone.
 */
#define IPC_SOCK_DATAGRAM 2

/*
 Socket type: messages in a connection, which has an end.
 */
#define IPC_SOCK_SEQPACKET 3

/*
 Flag of ipc_sock_connect(): wait for a server that is not there yet.
 */
#define IPC_SOCK_WAIT 65536

/*
 The most descriptors that travel with one message.
 */
#define IPC_SOCK_FDS_MAX 253

/*
 Terminal attribute: bytes pass as they are; no echo, no lines, no signals from keys.
 */
#define IPC_PTY_RAW 1

/*
 In place of a key: a new object that no key leads to. Children inherit its handle, and others
 open it by its id.
 */
#define IPC_SYSV_PRIVATE 0

/*
 For ipc_sysv_msg_receive(): the oldest message, whatever its type.
 */
#define IPC_MSG_ANY 0

/*
 For ipc_sysv_msg_receive(): the oldest message whose type equals wanted.
 */
#define IPC_MSG_TYPE 1

/*
 For ipc_sysv_msg_receive(): of the types in the queue that are not above wanted the lowest,
 and of its messages the oldest.
 */
#define IPC_MSG_UP_TO 2

/*
 For ipc_sysv_msg_receive(): the oldest message whose type is another than wanted.
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
 Kind: a message queue of this library.
 */
#define IPC_KIND_MQ 256

/*
 All the kinds there are.
 */
#define IPC_KIND_ALL 511

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
 A process that this one has started. Made by ipc_spawn(), ended by ipc_child_close().
 */
typedef struct ipc_child_t ipc_child_t;

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
 A mutex to place in a shared struct, as one places a pthread_mutex_t: process-shared and robust,
 64 bytes aligned to 8. Initialised by ipc_mutex_init(); never copied or moved.
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
 A condition variable to place in a shared struct, 32 bytes aligned to 8. Used with an
 ipc_mutex_t. Initialised by ipc_cond_init(); never copied or moved.
 */
typedef struct ipc_cond_t {
  uint64_t opaque[4];
} ipc_cond_t;

/*
 A counting semaphore to place in a shared struct, 32 bytes aligned to 8; or the one that
 ipc_sem_open() finds by its name. A placed one is initialised by ipc_sem_init(); never
 copied or moved. It is not a sem_t: one that was placed with sem_init() stays the C
 library's.
 */
typedef struct ipc_sem_t {
  uint64_t opaque[4];
} ipc_sem_t;

/*
 A readers-writer lock to place in a shared struct: process-shared and robust, 2048 bytes
 aligned to 8. Initialised by ipc_rwlock_init(); never copied or moved.
 */
typedef struct ipc_rwlock_t {
  uint64_t opaque[256];
} ipc_rwlock_t;

/*
 A pool of permits to place in a shared struct, 2048 bytes aligned to 8: like a counting
 semaphore, but a permit has an owner, and comes back when that dies. Initialised by
 ipc_permits_init(); never copied or moved.
 */
typedef struct ipc_permits_t {
  uint64_t opaque[256];
} ipc_permits_t;

/*
 A barrier to place in a shared struct, 2048 bytes aligned to 8: threads of any processes
 wait at it for each other. Initialised by ipc_barrier_init(); never copied or moved.
 */
typedef struct ipc_barrier_t {
  uint64_t opaque[256];
} ipc_barrier_t;

/*
 An initialisation in shared memory that runs once, 96 bytes aligned to 8. All zeros is one
 that has not run: fresh shared memory needs no call to begin with. Never copied or moved.
 */
typedef struct ipc_once_t {
  uint64_t opaque[12];
} ipc_once_t;

/*
 An event to place in a shared struct, 32 bytes aligned to 8: something that has happened or
 not, and that can be waited for. Initialised by ipc_event_init(); never copied or moved.
 */
typedef struct ipc_event_t {
  uint64_t opaque[4];
} ipc_event_t;

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
   How the handle was opened: IPC_KERNEL, IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK,
   IPC_MQ_OVERWRITE. From ipc_mq_getattr(); on opening unused.
   */
  int flags;
  /*
   For how many nanoseconds who has to wait looks before it sleeps, where there is more than
   one processor. On creating: 0 is 50000, IPC_MQ_NO_SPIN none. Unused by IPC_KERNEL.
   */
  int spin_ns;
  /*
   All 0: room for what comes later.
   */
  int reserved[4];
} ipc_mq_attr_t;

/*
 A message of ipc_mq_send_many() or ipc_mq_receive_many().
 */
typedef struct ipc_mq_message_t {
  /*
   The message; for receiving, where it goes to. Not changed when sending.
   */
  void *data;
  /*
   Its length in bytes; before receiving, how many bytes there is room for.
   */
  size_t len;
  /*
   Its priority.
   */
  unsigned int priority;
  /*
   When received: how often it was given back to the queue because a process that had borrowed
   it died. When sent: unused.
   */
  unsigned int redeliveries;
} ipc_mq_message_t;

/*
 What has happened to a queue in shared memory since it was made, and who waits now.
 */
typedef struct ipc_mq_stat_t {
  /*
   How many threads sleep in ipc_mq_send() and its like, up to 48.
   */
  size_t waiting_senders;
  /*
   How many threads sleep in ipc_mq_receive() and its like, up to 48.
   */
  size_t waiting_receivers;
  /*
   How many messages IPC_MQ_OVERWRITE has dropped.
   */
  uint64_t dropped;
  /*
   How often a thread died inside a call and what it left was repaired.
   */
  uint64_t repairs;
  /*
   How many messages were queued again because their borrowers died.
   */
  uint64_t redelivered;
  /*
   How many reserved messages vanished because their senders died.
   */
  uint64_t abandoned;
  /*
   All 0: room for what comes later.
   */
  uint64_t reserved[6];
} ipc_mq_stat_t;

/*
 What ipc_mq_wait_word() tells.
 */
typedef struct ipc_mq_wait_t {
  /*
   What to sleep on. Good until ipc_mq_close(), and not to be written.
   */
  const uint32_t *word;
  /*
   Its value as long as there is nothing to wake for.
   */
  uint32_t expected;
} ipc_mq_wait_t;

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
   All 0: room for what comes later.
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
   All 0: room for what comes later.
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

/*
 Who is at the other end of a socket.
 */
typedef struct ipc_peer_t {
  /*
   The process's number; 0 when it lives in a PID namespace that this process does not see.
   */
  pid_t pid;
  /*
   Its effective user.
   */
  uid_t uid;
  /*
   Its effective group.
   */
  gid_t gid;
} ipc_peer_t;

/*
 How a pseudoterminal shall be. All zeros is the default.
 */
typedef struct ipc_pty_attr_t {
  /*
   How many lines it says it has; 0 for 24.
   */
  unsigned short rows;
  /*
   How many characters a line has; 0 for 80.
   */
  unsigned short columns;
  /*
   0 or IPC_PTY_RAW.
   */
  int flags;
  /*
   All 0: room for what comes later.
   */
  int reserved[6];
} ipc_pty_attr_t;

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
   Shared memory and this library's queues: the bytes of their data. Other queues: the bytes
   in them now (0 too where the caller may not read a queue of the kernel). System V semaphore
   sets: how many semaphores. Others: the bytes of their file.
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

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

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

/*
 Opens the struct that is shared under a name, or creates it, zeroed, with IPC_CREATE.

 The object appears under its name complete or not at all: whoever is killed while creating
 it leaves nothing, and nobody sees it half-made. Its space is reserved, so that using it
 cannot fail for want of memory. Data begins at offset 0 of the object, page-aligned: a
 program that uses shm_open() and mmap() on the same name sees the same struct.

 out: receives the handle, on success only. End it with ipc_shm_close().
 name: "/" and 1 to 250 bytes without a slash.
 type: what the struct is, from IPC_TYPE or IPC_TYPE_FIELDS; compared with what the creator
 declared. Not kept: it may go away after the call.
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
 As ipc_shm_open_typed(), and a new object is initialised by init before anybody else can see
 it: the place for ipc_mutex_init() and its like.

 init: called with the zeroed struct and context, in this thread, before the call returns,
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
 Opens or creates size bytes under a name without declaring what they are; otherwise as
 ipc_shm_open_typed(). All openers must give the same size.

 out: receives the handle, on success only. End it with ipc_shm_close().
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
 Makes size zeroed bytes without a name, which the process shares with the children that it
 forks.

 out: receives the handle, on success only. End it with ipc_shm_close().
 size: in bytes, at least 1.

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

 out: receives the handle, on success only. End it with ipc_shm_close().
 type: as in ipc_shm_open_typed().

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

 out: receives the handle, on success only. End it with ipc_shm_close().
 fd: a descriptor of shared memory; it stays the caller's, who may close it after the call.
 type: as in ipc_shm_open_typed().
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
 Removes the name of a region, or of an object that a program made without this library.
 Processes that have the object open keep it; ipc_shm_stale() tells them.

 name: as in ipc_shm_open_typed().

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such object;
 -EMEDIUMTYPE the name is that of another kind of object; -EACCES or -EPERM not permitted.
 Threads: safe.
 */
int ipc_shm_unlink(const char *name);

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
 100 ms later at most. Waiter death: a wake-up that a dying waiter took reaches another one,
 100 ms later at most.
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
 Makes a condition variable out of memory that nobody else uses yet.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL or misaligned.
 Threads: one thread initialises, before others use it.
 */
int ipc_cond_init(struct ipc_cond_t *cond);

/*
 Unlocks the mutex, waits for a signal, and locks the mutex again. As with every condition
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

 name: as in ipc_sem_open().

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such
 semaphore; -EMEDIUMTYPE the name is that of another kind of object; -EACCES or -EPERM not
 permitted.
 Threads: safe.
 */
int ipc_sem_unlink(const char *name);

/*
 Removes the name of a semaphore of the C library: one that sem_open(), or ipc_sem_open() with
 IPC_POSIX, made.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name; -ENOENT no such
 semaphore; -EACCES or -EPERM not permitted.
 Threads: safe.
 */
int ipc_sem_unlink_posix(const char *name);

/*
 Makes a readers-writer lock out of memory that nobody else uses yet: in the init of
 ipc_shm_open_typed_init(), or on memory made by ipc_shm_anonymous() before fork.

 rwlock: 2048 bytes, aligned to 8.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL or misaligned; -EBUSY an initialised lock that is held; -ENOTSUP a libc
 without robust lists of a known form.
 Threads: one thread initialises, before others use it.
 */
int ipc_rwlock_init(struct ipc_rwlock_t *rwlock);

/*
 Locks for reading, together with other readers. Resumed after signal handlers. A thread
 that holds it for reading may do so again, also while a writer waits; it then unlocks as
 often.

 Readers that come while a writer waits let it go first.

 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: 0, held for reading; IPC_OWNER_DIED (2), a writer died writing and this thread now
 holds the lock alone, as a writer: repair the data, call ipc_rwlock_consistent(), unlock; or a
 negative error, and the lock is not held.
 Errors: -EAGAIN a writer holds it or waits for it, readers are just being let in after one,
 or all places for readers are taken, and timeout_ns is 0; -ETIMEDOUT; -EDEADLK this thread
 holds it for writing; -ENOTRECOVERABLE its data was given up (see ipc_rwlock_unlock());
 -EINVAL NULL, misaligned, not initialised, or a timeout below -1; -EPROTO something else than
 a readers-writer lock of this library's version and libc, or one of another PID
 namespace; -EOVERFLOW held 4294967295 times by this thread.
 Threads: safe. In signal handlers: not safe, as with pthread locks.
 Owner death: also when the thread ends, or the process calls exec, holding the lock. A
 reader's death frees its place and nobody is told, as it changed nothing; a writer's is told
 to the next locker. Waiter death: nothing happens to others.
 Fork: a lock held belongs to the parent. Exec: frees it as death does.
 */
int ipc_rwlock_read_lock(struct ipc_rwlock_t *rwlock,
                         int64_t timeout_ns);

/*
 Locks for writing, alone. Resumed after signal handlers. From the moment that it is the first
 in the queue no new reader enters, so readers that overlap each other do not keep it out.

 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: 0, held for writing; IPC_OWNER_DIED (2), held for writing, and the last writer died
 writing: repair the data and call ipc_rwlock_consistent() before unlocking; or a negative
 error, and the lock is not held.
 Errors: -EAGAIN others hold it, wait for it or are just trying to, and timeout_ns is 0;
 -ETIMEDOUT; -EDEADLK this thread holds it, for reading or writing; -ENOTRECOVERABLE its data
 was given up (see ipc_rwlock_unlock()); -EINVAL NULL, misaligned, not initialised, or a
 timeout below -1; -EPROTO as in ipc_rwlock_read_lock().
 Threads: safe. In signal handlers: not safe.
 Owner death: as in ipc_rwlock_read_lock(). A writer that dies before the readers have left
 has written nothing, and nobody is told. Waiter death: nothing happens to others.
 Fork: a lock held belongs to the parent. Exec: frees it as death does.
 */
int ipc_rwlock_write_lock(struct ipc_rwlock_t *rwlock,
                          int64_t timeout_ns);

/*
 Unlocks what this thread holds, for reading or writing.

 Unlocking after IPC_OWNER_DIED without ipc_rwlock_consistent() gives the data up: from then
 on every lock fails with -ENOTRECOVERABLE, and those that wait are woken with that.

 Returns: 0, or a negative error.
 Errors: -EPERM this thread does not hold it; -EINVAL NULL, misaligned or not initialised;
 -EPROTO as in ipc_rwlock_read_lock().
 Threads: safe; only the thread that locked can unlock.
 Owner death: one that dies in here has unlocked, or dies as a holder. Waiter death: nothing
 happens to others.
 Fork: the child holds nothing and gets -EPERM. Exec: as death.
 */
int ipc_rwlock_unlock(struct ipc_rwlock_t *rwlock);

/*
 Declares that the data under the lock is sound again, after IPC_OWNER_DIED. The lock stays
 held, alone.

 Returns: 0, or a negative error.
 Errors: -EINVAL no writer died, or NULL, misaligned or not initialised; -EPERM this thread
 does not hold it for writing; -EPROTO as in ipc_rwlock_read_lock().
 Threads: safe.
 Owner death: one that dies before this has repaired nothing: the next is told again. Waiter
 death: nothing happens to others. Fork, exec: as in ipc_rwlock_unlock().
 */
int ipc_rwlock_consistent(struct ipc_rwlock_t *rwlock);

/*
 Ends a readers-writer lock that nobody holds or will use again. Not needed before unmapping.

 Returns: 0, or a negative error.
 Errors: -EBUSY it is held; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
 ipc_rwlock_read_lock().
 Threads: the last one destroys.
 Owner death: who died holding it does not hold it. Fork, exec: nothing to do with it.
 */
int ipc_rwlock_destroy(struct ipc_rwlock_t *rwlock);

/*
 Makes a pool of permits out of memory that nobody else uses yet.

 permits: 2048 bytes, aligned to 8.
 count: how many permits there are, 1 to IPC_PERMITS_MAX. All are free.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned, or a count out of range; -EBUSY an initialised pool of
 which a permit is held; -ENOTSUP a libc without robust lists of a known form.
 Threads: one thread initialises, before others use it.
 */
int ipc_permits_init(struct ipc_permits_t *permits, unsigned int count);

/*
 Takes a permit, waiting until one is free. A thread can hold several. One whose last holder
 died is taken before others.

 permit: receives the permit's number, 0 to count - 1, on success only; for
 ipc_permits_give(), and for knowing which of count resources is this thread's now.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: 0, the permit is held; IPC_OWNER_DIED (2), the permit is held and its last holder
 died with it: what it stands for may have to be repaired; or a negative error.
 Errors: -EAGAIN none is free and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
 while waiting; -EINVAL a NULL, misaligned, not initialised, or a timeout below -1; -EPROTO
 not a pool of permits of this library's version and libc, one of another PID namespace, or a
 damaged one.
 Threads: safe. In signal handlers: not safe.
 Owner death: the permit is free at once; also when the thread ends, or the process calls
 exec, holding it. A waiter notices at once on Linux 5.16 and newer, else 100 ms later at most.
 If the one who was told dies too, the next is told. Waiter death: a wake-up that a dying
 process took or did not send is made up for 100 ms later at most.
 Fork: a permit held belongs to the parent. Exec: gives it back as death does.
 */
int ipc_permits_take(struct ipc_permits_t *permits,
                     unsigned int *permit,
                     int64_t timeout_ns);

/*
 Gives a permit back that this thread holds.

 permit: its number, from ipc_permits_take().

 Returns: 0, or a negative error.
 Errors: -EPERM this thread does not hold that permit; -EINVAL no such permit, or NULL,
 misaligned or not initialised; -EPROTO as in ipc_permits_take().
 Threads: safe; only the thread that took it can give it.
 Owner death: one that dies in here has given it back, or dies as its holder. Waiter death:
 as in ipc_permits_take(). Fork: the child holds nothing and gets -EPERM. Exec: as death.
 */
int ipc_permits_give(struct ipc_permits_t *permits,
                     unsigned int permit);

/*
 How many permits are free. Others may take and give some during the call.

 free: receives the number, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL, misaligned or not initialised; -EPROTO as in ipc_permits_take().
 Threads: safe.
 Owner death: a dead holder's permit counts as free. Fork, exec: nothing to do with it.
 */
int ipc_permits_free(const struct ipc_permits_t *permits, unsigned int *free);

/*
 Ends a pool of which nobody holds or will take a permit. Not needed before unmapping.

 Returns: 0, or a negative error.
 Errors: -EBUSY a permit is held; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
 ipc_permits_take().
 Threads: the last one destroys.
 Owner death: who died holding a permit does not hold it. Fork, exec: nothing to do with it.
 */
int ipc_permits_destroy(struct ipc_permits_t *permits);

/*
 Makes a barrier out of memory that nobody else uses yet.

 barrier: 2048 bytes, aligned to 8.
 count: for how many participants, 1 to IPC_BARRIER_COUNT_MAX.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned, or a count out of range; -EBUSY an initialised barrier with
 participants; -ENOTSUP a libc without robust lists of a known form.
 Threads: one thread initialises, before others use it.
 */
int ipc_barrier_init(struct ipc_barrier_t *barrier,
                     unsigned int count);

/*
 Makes this thread a participant, as its first ipc_barrier_wait() would: from here on the
 others learn of its death. A participant already stays one.

 Returns: 0, or a negative error.
 Errors: -EOWNERDEAD a participant died (see ipc_barrier_wait()); -EBUSY the barrier has all
 its participants; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
 ipc_barrier_wait().
 Threads: safe. In signal handlers: not safe.
 Owner death, fork, exec: as in ipc_barrier_wait().
 */
int ipc_barrier_join(struct ipc_barrier_t *barrier);

/*
 Waits until all participants have arrived; then the next round begins. A thread becomes a
 participant with its first wait or with ipc_barrier_join(), and stays one until
 ipc_barrier_leave(), which it has to call before it ends and before the memory is unmapped.

 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only looks whether this
 thread was the last to come. Who fails has not arrived; it stays a participant, but a thread
 whose first wait finds that a participant has died before does not become one.

 Returns: IPC_BARRIER_SERIAL (3) for one participant and 0 for the others, when all have
 arrived; or a negative error.
 Errors: -EOWNERDEAD a participant died before all had arrived: the round is broken for all, and
 so is each wait until ipc_barrier_reset(); -EAGAIN others are missing and timeout_ns is
 0; -ETIMEDOUT; -EINTR a signal handler ran while waiting; -EBUSY the barrier has all its
 participants and this thread is none of them; -EINVAL NULL, misaligned, not initialised, or a
 timeout below -1; -EPROTO not a barrier of this library's version and libc, one of another PID
 namespace, or a damaged one.
 Threads: safe. In signal handlers: not safe.
 Owner death: a participant's, waiting or not, is told as above; at once on Linux 5.16 and
 newer, else 100 ms later at most. So is its end without ipc_barrier_leave(), and exec. A
 process that dies before it is a participant is not known here; use a timeout. Waiter death:
 the same.
 Fork: the child is no participant. Exec: as death.
 */
int ipc_barrier_wait(struct ipc_barrier_t *barrier,
                     int64_t timeout_ns);

/*
 Ends this thread's part in the barrier. The others then wait for another thread to take its
 place.

 Returns: 0, or a negative error.
 Errors: -EPERM this thread is no participant; -EINVAL NULL, misaligned or not initialised;
 -EPROTO as in ipc_barrier_wait().
 Threads: safe.
 Owner death: one that dies in here has left, or dies as a participant. Fork: the child is no
 participant and gets -EPERM. Exec: as death.
 */
int ipc_barrier_leave(struct ipc_barrier_t *barrier);

/*
 Makes a barrier usable again after a participant's death: the dead one's place is free for
 another thread, the living ones stay participants. Does nothing if none died.

 Returns: 0, or a negative error.
 Errors: -EBUSY a participant has not yet returned from the broken wait: it will, 100 ms later
 at most; -EINVAL NULL, misaligned or not initialised; -EPROTO as in ipc_barrier_wait().
 Threads: safe.
 Owner death: one that dies in here leaves the barrier broken or reset. Fork, exec: nothing to do
 with it.
 */
int ipc_barrier_reset(struct ipc_barrier_t *barrier);

/*
 Ends a barrier without participants. Not needed before unmapping.

 Returns: 0, or a negative error.
 Errors: -EBUSY it has participants; -EINVAL NULL, misaligned or not initialised; -EPROTO as in
 ipc_barrier_wait().
 Threads: the last one destroys.
 Owner death: who died is no participant. Fork, exec: nothing to do with it.
 */
int ipc_barrier_destroy(struct ipc_barrier_t *barrier);

/*
 Runs an initialisation, run(context), if no process has done so yet, and waits for one that is
 running it. When this returns 0 or more, it has been run to its end, and all that it did is
 seen here.

 once: 96 bytes, aligned to 8, all zeros at first.
 run: called at most once by this call. It has to return: no longjmp out of it, no end of
 the thread in it, by pthread_exit() or cancellation. If its process dies in it, another
 runs it again, so it has to cope with what a run that was cut off left behind.
 context: passed to run as it is.
 timeout_ns: for waiting, not for running; nanoseconds on the monotonic clock; IPC_FOREVER
 waits, 0 does not wait for another's run.

 Returns: IPC_ONCE_RAN (4) this call ran it; 0 another did; or a negative error.
 Errors: -EAGAIN another is running it and timeout_ns is 0; -ETIMEDOUT; -EDEADLK called by
 run itself; -EINVAL a NULL, misaligned, or a timeout below -1; -EPROTO neither zeros nor a
 once of this library's version and libc, or one that runs in another PID namespace; -ENOTSUP
 a libc without robust lists of a known form.
 Threads: safe. In signal handlers: not safe.
 Owner death: when the runner dies, or calls exec, a waiter or the next caller runs it. Waiter
 death: nothing happens to others.
 Fork: in run, the child is not the runner; it must not return from run. Exec: as death.
 */
int ipc_once(struct ipc_once_t *once,
             void (*run)(void *context),
             void *context,
             int64_t timeout_ns);

/*
 Makes an event out of memory that nobody else uses yet.

 flags: 0 or any of IPC_EVENT_AUTO_RESET, IPC_EVENT_SET.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned, or unknown flags.
 Threads: one thread initialises, before others use it.
 */
int ipc_event_init(struct ipc_event_t *event, int flags);

/*
 Sets an event: releases all who wait for it, or one if it resets itself. Setting what is
 set changes nothing: settings are not counted (a semaphore counts). May be called from a
 signal handler.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL, misaligned or not initialised; -EPROTO not an event of this library and
 version.
 Threads: safe.
 Owner death: nobody owns an event. A setter that dies in here has set it or not; if it could
 not wake the waiters any more, they notice 100 ms later at most. Waiter death: nothing happens
 to others. Fork, exec: nothing to do with it.
 */
int ipc_event_set(struct ipc_event_t *event);

/*
 Takes a setting back: who waits from now on waits for the next. Those who waited already when
 it was set are released all the same.

 Returns: 0, or a negative error.
 Errors: those of ipc_event_set().
 Threads: safe.
 Owner death, waiter death, fork, exec: nothing to do with it.
 */
int ipc_event_reset(struct ipc_event_t *event);

/*
 Waits until an event is set, and takes the setting back if the event resets itself.

 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only looks.

 Returns: 0, or a negative error.
 Errors: -EAGAIN it is not set and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
 while waiting; -EINVAL NULL, misaligned, not initialised, or a timeout below -1; -EPROTO not
 an event of this library and version.
 Threads: safe.
 Owner death: nobody owns an event. Waiter death: one that dies after it took an automatic
 event's setting has had it; a wake-up that it took before that reaches another waiter, 100 ms
 later at most. Fork, exec: nothing to do with it.
 */
int ipc_event_wait(struct ipc_event_t *event,
                   int64_t timeout_ns);

/*
 Whether an event is set, at some moment during the call. Does not take an automatic one's
 setting back.

 Returns: 1 set, 0 not set, or a negative error.
 Errors: those of ipc_event_set().
 Threads: safe.
 Owner death, waiter death, fork, exec: nothing to do with it.
 */
int ipc_event_is_set(const struct ipc_event_t *event);

/*
 Ends an event that nobody will use again. Not needed before unmapping.

 Returns: 0, or a negative error.
 Errors: those of ipc_event_set().
 Threads: the last one destroys.
 Owner death, waiter death, fork, exec: nothing to do with it.
 */
int ipc_event_destroy(struct ipc_event_t *event);

/*
 Opens the message queue of that name, or creates it with IPC_CREATE.

 The queue is in shared memory: it needs no privileges, has no limits but memory, makes no
 system call while nobody sleeps, and outlives its processes until ipc_mq_unlink(). With
 IPC_KERNEL it is the kernel's queue, the same that mq_open() gives other programs.

 out: receives the handle, on success only. End it with ipc_mq_close().
 name: "/" and 1 to 250 bytes without a slash.
 attr: the sizes of a queue created by this call, and what an existing one must have; NULL: 10
 messages of 8192 bytes (with IPC_KERNEL the system's default), and any. Not kept: it may go
 away after the call.
 flags: any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY (receive only), IPC_WRITE_ONLY (send
 only), IPC_NONBLOCK (calls that would wait return -EAGAIN, whatever their timeout),
 IPC_CHECK_OWNER, IPC_MQ_OVERWRITE, IPC_KERNEL.
 mode: the permissions of a queue created by this call, exactly (the umask does not count);
 else unused. Who sends or receives needs both read and write permission, because both change
 the queue; with IPC_KERNEL only that for its direction.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL a NULL, a malformed name, flag or mode, reserved not 0, sizes that are 0 or too
 large (with IPC_KERNEL: over the limits fs.mqueue.msg_max and msgsize_max); -ENAMETOOLONG the
 name; -ENOENT no such queue and no IPC_CREATE; -EEXIST it exists and IPC_EXCLUSIVE; -EACCES
 permissions, or IPC_CHECK_OWNER; -EPROTO the existing queue has other sizes than attr, or
 belongs to another version, word size, libc or PID namespace (ipc_last_error() tells both
 sides); -EMEDIUMTYPE the name is another kind of object's; -EUCLEAN the queue is damaged;
 -ELOOP the name is a symbolic link; -ENOSPC no room in /dev/shm (IPC_KERNEL: more queues than
 fs.mqueue.queues_max); -EMFILE too many descriptors or handles (IPC_KERNEL: or this user's
 queues would take more than RLIMIT_MSGQUEUE bytes; ipc_last_error() tells which, and the
 numbers); -ENFILE too many open files in the system; -ENOMEM; -ENOTSUP no robust lock is
 possible with this libc; -ENOSYS with IPC_KERNEL: the kernel has no message queues.
 Threads: safe. Fork: the handle is the child's too.
 */
int ipc_mq_open(struct ipc_mq_t **out,
                const char *name,
                const struct ipc_mq_attr_t *attr,
                int flags,
                mode_t mode);

/*
 Opens a queue in shared memory by a descriptor of its memory, also one that has lost its name:
 of its file in /dev/shm, as it is got from open() or passed on by a process that has it open.

 out: receives the handle, on success only. End it with ipc_mq_close().
 fd: open for reading and writing. It stays the caller's, who may close it after the call.
 flags: any of IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK, IPC_MQ_OVERWRITE, as in ipc_mq_open().

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL or a malformed flag; -EBADF fd is not open; -EACCES it is not open for
 both; -EMEDIUMTYPE it is something else's; -EPROTO, -EUCLEAN, -EMFILE, -ENFILE, -ENOMEM and
 -ENOTSUP as in ipc_mq_open().
 Threads: safe. Fork: the handle is the child's too.
 */
int ipc_mq_open_fd(struct ipc_mq_t **out,
                   int fd,
                   int flags);

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
 the handle is closed, or IPC_READ_ONLY; -EUCLEAN the queue is damaged; -EDEADLK called from
 a signal handler that interrupted a call on the same queue; -EMFILE, -ENFILE, -EACCES the queue
 has a descriptor, see ipc_mq_fd(), and this process cannot open it: nothing has changed; with
 IPC_KERNEL: -EFAULT msg leads to no memory; -ENOMEM.
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
 capacity: in bytes, enough for the message that waits; with IPC_KERNEL at least the queue's
 message_size, also when that message is shorter: the kernel has it so.
 priority: receives the message's priority, on success only; NULL if it is not wanted.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: the message's length in bytes, which may be 0, or a negative error.
 Errors: -EAGAIN there is no message, and timeout_ns is 0 or the handle IPC_NONBLOCK;
 -ETIMEDOUT; -EINTR a signal handler ran while waiting; -EMSGSIZE capacity is too small: the
 message stays in the queue, and ipc_last_error() tells the size needed; -EINVAL buf is NULL,
 priority misaligned, or a timeout below -1; -EBADF the handle is closed, or IPC_WRITE_ONLY;
 -EUCLEAN, -EDEADLK, -EMFILE, -ENFILE and -EACCES as in ipc_mq_send(); with IPC_KERNEL:
 -EFAULT buf leads to no memory, and the message is lost.
 Threads: safe; each message goes to one receiver.
 Death: a receiver that dies takes with it at most the one message that it had just received.
 */
ssize_t ipc_mq_receive(struct ipc_mq_t *mq,
                       void *buf,
                       size_t capacity,
                       unsigned int *priority,
                       int64_t timeout_ns);

/*
 Sends several messages, at the cost of little more than one; each has its own priority.
 Waits until there is room for the first, then sends as many as there is room for.

 messages: count of them, in the order of sending.
 timeout_ns: as in ipc_mq_send().

 Returns: how many were sent, the first ones, 1 or more (0 only for count 0); or a negative
 error, and then none was.
 Errors: -EAGAIN, -ETIMEDOUT, -EINTR, -EMSGSIZE, -EINVAL, -EBADF, -EUCLEAN, -EDEADLK,
 -EFAULT, -ENOMEM as ipc_mq_send(), for the first message: a later one that is wrong ends the
 batch before it.
 Threads: safe. Others' messages may come between.
 Death: each message is in the queue whole or not at all.
 */
ssize_t ipc_mq_send_many(struct ipc_mq_t *mq,
                         const struct ipc_mq_message_t *messages,
                         size_t count,
                         int64_t timeout_ns);

/*
 Receives several messages, at the cost of little more than one. Waits for the first, then takes
 as many as there are.

 messages: count descriptions of where each goes to; of those received, len, priority and
 redeliveries are filled in. A message that is too long for its place ends the batch before it.
 timeout_ns: as in ipc_mq_receive().

 Returns: how many were received, 1 or more (0 only for count 0); or a negative error, and then
 none was.
 Errors: -EAGAIN, -ETIMEDOUT, -EINTR, -EMSGSIZE, -EINVAL, -EBADF, -EUCLEAN, -EDEADLK, -EFAULT as
 ipc_mq_receive().
 Threads: safe; each message goes to one receiver.
 Death: a receiver that dies takes with it at most the messages of this call.
 */
ssize_t ipc_mq_receive_many(struct ipc_mq_t *mq,
                            struct ipc_mq_message_t *messages,
                            size_t count,
                            int64_t timeout_ns);

/*
 Tells the priority of the message that the next ipc_mq_receive() would take, without taking it.
 Another receiver may take it first.

 priority: receives it, on success only.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the queue is empty; -EINVAL a NULL; -EBADF the handle is closed, or
 IPC_WRITE_ONLY; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP with IPC_KERNEL.
 Threads: safe.
 */
int ipc_mq_peek_priority(struct ipc_mq_t *mq,
                         unsigned int *priority);

/*
 Reserves room for a message, which is written there and then sent by ipc_mq_commit(), or given
 up by ipc_mq_abandon(): so a large message is not copied. Waits while the queue is full.

 Several messages may be reserved at once; each takes the room of one. They are sent in the order
 of committing. A queue opened with IPC_MQ_OVERWRITE drops a message to make room, whatever
 its priority.

 out: receives the address of message_size bytes, aligned to 64, on success only. What stands in
 them is not defined.
 timeout_ns: as in ipc_mq_send().

 Returns: 0, or a negative error.
 Errors: as ipc_mq_send(); -ENOTSUP with IPC_KERNEL.
 Threads: safe. The thread that reserves is the one that commits or abandons: to another it is
 -EPERM.
 Death: the room of a thread that has ended goes back to the queue; the message vanishes.
 Fork: the message is the parent's.
 */
int ipc_mq_reserve(struct ipc_mq_t *mq,
                   void **out,
                   int64_t timeout_ns);

/*
 Sends a message that was written in place.

 message: what ipc_mq_reserve() gave. It is not this thread's any more when the call succeeds.
 len: in bytes, up to the queue's message_size.
 priority: as in ipc_mq_send().

 Returns: 0, or a negative error, and then the message is still reserved.
 Errors: -EINVAL message is not reserved, or no message of this queue, or the priority is too
 high; -EPERM another thread has reserved it; -EMSGSIZE len; -EBADF the handle is closed, or
 IPC_READ_ONLY; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP with IPC_KERNEL.
 Threads: safe.
 */
int ipc_mq_commit(struct ipc_mq_t *mq,
                  void *message,
                  size_t len,
                  unsigned int priority);

/*
 Gives the room of a reserved message back without sending it.

 message: what ipc_mq_reserve() gave.

 Returns: 0, or a negative error.
 Errors: -EINVAL message is not reserved, or no message of this queue; -EPERM another thread has
 reserved it; -EBADF the handle is closed; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP
 with IPC_KERNEL.
 Threads: safe.
 */
int ipc_mq_abandon(struct ipc_mq_t *mq,
                   void *message);

/*
 Takes a message as ipc_mq_receive() does, to be read in place: so a large message is not
 copied. It takes its room in the queue until ipc_mq_return().

 out: receives the message's address, aligned to 64, on success only.
 priority: receives its priority, on success only; NULL if it is not wanted.
 redeliveries: receives how often the message was borrowed before by a thread that died before
 it returned it, on success only: not 0 means that some of its work may have been done. NULL if
 it is not wanted.
 timeout_ns: as in ipc_mq_receive().

 Returns: the message's length in bytes, or a negative error.
 Errors: as ipc_mq_receive(), but no -EMSGSIZE; -ENOTSUP with IPC_KERNEL.
 Threads: safe. The thread that borrows is the one that returns: to another it is -EPERM.
 Death: a message that its borrower had not returned is queued again in its old place.
 Fork: the message is the parent's.
 */
ssize_t ipc_mq_borrow(struct ipc_mq_t *mq,
                      const void **out,
                      unsigned int *priority,
                      unsigned int *redeliveries,
                      int64_t timeout_ns);

/*
 Ends the use of a borrowed message: it is received, and its room is the queue's again.

 message: what ipc_mq_borrow() gave.

 Returns: 0, or a negative error.
 Errors: -EINVAL message is not borrowed, or no message of this queue; -EPERM another thread has
 borrowed it; -EBADF the handle is closed; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP
 with IPC_KERNEL.
 Threads: safe.
 */
int ipc_mq_return(struct ipc_mq_t *mq,
                  const void *message);

/*
 Tells what has happened to a queue. With IPC_KERNEL all is 0.

 stat: receives it, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL or misaligned; -EBADF the handle is closed.
 Threads: safe. The numbers are read one after the other while others work.
 */
int ipc_mq_stat(const struct ipc_mq_t *mq, struct ipc_mq_stat_t *stat);

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
 A descriptor for poll(), select() and epoll: readable as long as there is a message,
 writable as long as there is room, whoever sends and receives. Nothing is to be read from it
 or written to it.

 The queue in shared memory has one from the first such call on, of whatever process: a
 hidden FIFO in /dev/shm, which ipc_mq_unlink() removes with the queue. From then on a call
 that finds or leaves the queue empty or full makes a system call for it, in all processes.
 When a process dies in a call, the descriptor may be ready for nothing until the next call:
 so send and receive with timeout 0. (A message that comes back because its borrower died
 makes it readable when the next call on the queue finds that out. In a queue whose room is
 all reserved or borrowed it is writable.)

 With IPC_KERNEL it is the queue's own, an mqd_t. It has O_NONBLOCK, which must stay so:
 waiting is the library's.

 Returns: the descriptor, which stays the handle's: it is good until ipc_mq_close() and must
 not be closed; or a negative error.
 Errors: -EINVAL NULL; -EBADF the handle is closed; -EACCES, -EPERM another user owns the
 queue, and has to ask for its descriptor first; -ESTALE the queue has lost its name, and
 this handle had no descriptor; -EMFILE, -ENFILE too many descriptors; -ENOSPC, -ENOMEM;
 -EUCLEAN and -EDEADLK as in ipc_mq_send().
 Threads: safe.
 */
int ipc_mq_fd(const struct ipc_mq_t *mq);

/*
 Gives the queue a queue of the kernel's, opened with mq_open(), as its descriptor, instead
 of the FIFO that ipc_mq_fd() makes: for those who give <mqueue.h> programs this library's
 queue. Its mq_maxmsg has to be 2 and its mq_msgsize 1, and all processes that have the queue
 open have to bring the same. ipc_mq_fd() gives it then, with poll() right from that call on,
 and the kernel's mq_notify() on it tells of messages.

 fd: the library's from now on, also when the call fails; closed with the handle.

 Returns: 0, or a negative error.
 Errors: -EINVAL NULL; -EBADF the handle is closed, or fd negative; -EBUSY it has one
 already; -EUCLEAN and -EDEADLK as in ipc_mq_send(); -ENOTSUP with IPC_KERNEL.
 Threads: safe.
 */
int ipc_mq_bring_fd(struct ipc_mq_t *mq,
                    int fd);

/*
 Begins or ends a wait in which the caller sleeps by other means than ipc_mq_send() and
 ipc_mq_receive(), for instance by a system call that can be cancelled. After those gave
 -EAGAIN with timeout 0: call this, and if it gives 0, sleep with futex(2)'s FUTEX_WAIT on
 wait's word while it is as expected, without FUTEX_PRIVATE_FLAG and for at most 100 ms; then
 call this with wait NULL, and try again. Looks first as long as the queue's spin_ns says.

 direction: IPC_READ_ONLY for a message, IPC_WRITE_ONLY for room.
 wait: receives them, on success only; NULL ends the wait.

 Returns: 0 sleep, and end the wait; 1 try again; or a negative error.
 Errors: -EINVAL mq is NULL, wait misaligned, or another direction; -EBADF the handle is
 closed; -ENOTSUP with IPC_KERNEL.
 Threads: safe.
 */
int ipc_mq_wait_word(const struct ipc_mq_t *mq,
                     int direction,
                     struct ipc_mq_wait_t *wait);

/*
 Has something done when messages come: at once for those that are in the queue already, then for
 each that comes, until it is ended. It needs no arming anew.

 Several messages that come close together may be told of once, and what is told of may have
 been taken by another receiver. So receive with timeout 0 until -EAGAIN; who does so when told
 never misses a message. Any number of handles and processes may have a notification of the same
 queue.

 This is the one call that starts a thread: it is named "ipc_mq_notify", blocks all signals, and
 ends with the notification. With IPC_KERNEL it has three descriptors; one more for an eventfd.
 Without a thread, poll ipc_mq_fd().

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
 Tells whether a queue's name is gone, or leads to another queue by now: then processes that open
 the name do not meet this one.

 Returns: 1 if so, 0 if not, or a negative error.
 Errors: -EINVAL NULL; -EBADF the handle is closed.
 Threads: safe.
 */
int ipc_mq_stale(const struct ipc_mq_t *mq);

/*
 Ends the use of a queue, and its notification as ipc_mq_notify() with NULL does. The queue and
 its messages stay until ipc_mq_unlink() and the last closing.

 mq: NULL does nothing. Calls that use the handle in other threads finish first.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed already, or not a message queue's; -EBUSY this thread has a
 message reserved or borrowed.
 Threads: safe. Messages that other threads have reserved or borrowed must be given back before.
 */
int ipc_mq_close(struct ipc_mq_t *mq);

/*
 Removes a queue's name. Processes that have it open keep it, with its messages.

 name: as in ipc_mq_open().
 flags: IPC_KERNEL.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed, or an unknown flag; -ENAMETOOLONG the name; -ENOENT
 no such queue; -EMEDIUMTYPE the name is another kind of object's; -EACCES or -EPERM not
 permitted; -ENOSYS with IPC_KERNEL: the kernel has no message queues.
 Threads: safe.
 */
int ipc_mq_unlink(const char *name,
                  int flags);

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
ssize_t ipc_read_full(int fd,
                      void *buf,
                      size_t len,
                      int64_t timeout_ns);

/*
 Writes all the bytes, whatever interrupts it: a signal handler, a partial transfer, a
 descriptor that does not wait. To any descriptor that is written as a stream: pipe, FIFO,
 stream socket, terminal, file. Never raises SIGPIPE, and leaves its disposition alone: on a
 pipe that costs some 50 ns more than write(), on a socket nothing.

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
ssize_t ipc_write_full(int fd,
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
ssize_t ipc_pipe_capacity(int fd);

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
ssize_t ipc_pipe_set_capacity(int fd,
                              size_t bytes);

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
 -EACCES it may not be executed; -ENOEXEC not a program; -E2BIG, -ELOOP, -ETXTBSY,
 -ENAMETOOLONG exec's others; -EAGAIN no more processes are allowed; -EMFILE or -ENFILE too
 many descriptors or handles; -ENOMEM no memory.
 Threads: safe, whatever other threads do.
 Signals: none are lost; handlers wait until the program runs.
 Fork: a child that this process forks can signal the program, but not wait for it.
 */
int ipc_spawn(struct ipc_child_t **out,
              const char *const *argv,
              int flags);

/*
 As ipc_spawn(), with more to choose: files, descriptors and /dev/null as streams, the
 environment, the working directory.

 out, argv, flags: as in ipc_spawn().
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
 below -1; -ENOENT or -ENOTDIR no such FIFO; -EMEDIUMTYPE not a FIFO; -EACCES permissions;
 -ENXIO no reader and timeout_ns is 0; -EAGAIN no writer and timeout_ns is 0; -ETIMEDOUT
 nobody came; -EINTR a signal handler ran while waiting (with IPC_FOREVER only one installed
 without SA_RESTART); -EMFILE or -ENFILE too many descriptors; -ENAMETOOLONG, -ELOOP the
 path's.
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
 Makes two connected sockets, for a process and its child or for two threads.

 With IPC_SOCK_DATAGRAM nobody who waits to receive is told when the other end has gone; with the
 other two types receiving returns 0 then.

 first, second: receive a descriptor each, on success only. End them with close(2).
 type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
 flags: 0 or any of IPC_INHERIT, IPC_NONBLOCK (for plain read(2) and write(2): the calls of this
 library have their timeouts).

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL, an unknown type or flag; -EMFILE or -ENFILE too many descriptors;
 -ENOMEM no memory.
 Threads: safe.
 */
int ipc_sock_pair(int *first,
                  int *second,
                  int type,
                  int flags);

/*
 Makes the socket that clients find under path: for connections to be accepted with
 ipc_sock_accept(), or, with IPC_SOCK_DATAGRAM, for messages to be received from it.

 A living socket is never displaced, whoever owns it. The file of one whose processes have
 all ended is replaced; of two that try so at once one wins. The permissions are at no moment
 wider than asked. A process killed in this call leaves nothing, or a dead socket's file.

 path: up to 107 bytes. The file stays when the socket is closed: ipc_sock_unlink() removes
 it. With a leading "@" it is an abstract name: it has no file, no permissions (anybody in
 the same network namespace may connect, or take the name first: ask ipc_sock_peer()), and
 ends with its socket.
 type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
 flags: 0 or any of IPC_INHERIT, IPC_NONBLOCK. A socket that accepts connections never waits
 in accept(2), with or without it.
 mode: the permissions of the file, exactly (the umask does not count); connecting and
 sending need write permission. Not used for an abstract name.

 Returns: a descriptor, to be ended with close(2), or a negative error. 128 connections may
 wait to be accepted; listen(2) on the descriptor sets another number.
 Errors: -EADDRINUSE a living socket has the name; -EMEDIUMTYPE a file that is no socket
 stands there; -EINVAL a NULL, an empty path, an unknown type, flag or mode; -ENAMETOOLONG
 the path has more than 107 bytes; -ENOENT or -ENOTDIR the directory; -EACCES or -EPERM not
 permitted to make the file, to ask whether the old socket lives, to read the directory, or
 to remove the old file; -EBUSY another process has had the directory locked for 2 seconds
 while an old file was to be replaced; -ESTALE the file was removed during the call; -EROFS,
 -ENOSPC the file system; -EMFILE or -ENFILE too many descriptors; -ENOMEM no memory.
 Threads: safe. Fork: the socket lives until all processes that have it have closed it.
 */
int ipc_sock_listen(const char *path,
                    int type,
                    int flags,
                    mode_t mode);

/*
 Takes the next connection, waiting until there is one.

 listener: from ipc_sock_listen(). Any other listening UNIX socket works too; only if that is
 a blocking one and another process takes the connection that this call was woken for does
 the call wait beyond its timeout.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: a descriptor, close-on-exec, to be ended with close(2), or a negative error.
 Errors: -EAGAIN there is none and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran
 while waiting; -EINVAL a socket that does not listen, or a timeout below -1; -EBADF not
 open; -ENOTSOCK no socket; -EMFILE or -ENFILE too many descriptors (the connection goes on
 waiting); -ENOMEM no memory.
 Threads: safe.
 */
int ipc_sock_accept(int listener,
                    int64_t timeout_ns);

/*
 Connects to the socket that a server has made under path. It returns when the connection
 stands in the server's backlog; the server need not have accepted it.

 path: as in ipc_sock_listen().
 type: the server's.
 flags: 0 or any of IPC_INHERIT, IPC_NONBLOCK, and IPC_SOCK_WAIT to wait for a server that is
 not there yet (no file, or a socket without a process).
 timeout_ns: nanoseconds on the monotonic clock, for the server to come and for room in its
 backlog; IPC_FOREVER waits, 0 only tries.

 Returns: a descriptor, to be ended with close(2), or a negative error.
 Errors: -ENOENT no such file; -ECONNREFUSED nobody listens there; -EAGAIN the backlog is
 full, or with IPC_SOCK_WAIT there is no server, and timeout_ns is 0; -ETIMEDOUT; -EINTR a
 signal handler ran while waiting; -EPROTOTYPE the server's socket is of another type;
 -EMEDIUMTYPE a file that is no socket; -EACCES no write permission for the file, or none to
 search its directory; -EINVAL a NULL, an empty path, an unknown type or flag, or a timeout
 below -1; -ENAMETOOLONG the path has more than 107 bytes; -ENOTDIR the directory; -EMFILE or
 -ENFILE too many descriptors; -ENOMEM no memory.
 Threads: safe.
 */
int ipc_sock_connect(const char *path,
                     int type,
                     int flags,
                     int64_t timeout_ns);

/*
 Sends a message or, on a stream, bytes. Never raises SIGPIPE.

 msg: len bytes; on a datagram socket len may be 0.
 timeout_ns: how long to wait for room: nanoseconds on the monotonic clock; IPC_FOREVER
 waits, 0 only tries. O_NONBLOCK of the descriptor does not count and is not changed.

 Returns: how many bytes were taken, or a negative error and none was. A message is taken as
 a whole; of a stream's bytes there may be room for less than len, whatever the timeout:
 ipc_write_full() sends all.
 Errors: -EAGAIN no room and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler ran while
 waiting; -EPIPE, -ECONNRESET or -ECONNREFUSED the other end is closed, or its process has
 ended; -EMSGSIZE the message is larger than the send buffer takes (SO_SNDBUF); -ENOTCONN not
 connected; -EINVAL a NULL, a length above SSIZE_MAX, an empty message on a seqpacket socket,
 or a timeout below -1; -EFAULT msg is not readable; -EBADF not open; -ENOTSOCK no socket;
 -ENOBUFS or -ENOMEM no memory.
 Threads: safe; messages do not mix, bytes of a stream may.
 */
ssize_t ipc_sock_send(int fd,
                      const void *msg,
                      size_t len,
                      int64_t timeout_ns);

/*
 Receives the next message, whole, or, on a stream, the bytes that are there. Descriptors
 that travel with it are closed: ipc_sock_recv_fds() receives them.

 buf: receives up to capacity bytes, on success only; capacity is at least 1.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries. O_NONBLOCK
 of the descriptor does not count and is not changed.

 Returns: how many bytes were received; 0 at the end of a stream or seqpacket connection (the
 other end is closed, or its process has ended), and for an empty message of a datagram
 socket; or a negative error.
 Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler
 ran while waiting; -EMSGSIZE the next message is larger than capacity: ipc_last_error()
 tells its size, and it stays in the socket (unless another receiver of the same socket takes
 a message between this call's two steps: receivers that share a socket give room for the
 largest message); -ECONNRESET the other end closed with messages of ours unread; -ENOTCONN or
 -EINVAL not connected; -EINVAL also a NULL, a capacity of 0 or above SSIZE_MAX, or a timeout
 below -1; -EFAULT buf is not writable (what was to be received may be lost); -EBADF not open;
 -ENOTSOCK no socket; -ENOMEM no memory.
 Threads: safe; each message goes to one receiver.
 */
ssize_t ipc_sock_recv(int fd,
                      void *buf,
                      size_t capacity,
                      int64_t timeout_ns);

/*
 Sends a message and descriptors with it: the receiver gets descriptors of its own for the
 same open files. The sender's stay open and may be closed after the call. Never raises SIGPIPE.

 msg: len bytes, at least 1.
 fds: count descriptors, 1 to IPC_SOCK_FDS_MAX.
 timeout_ns: as in ipc_sock_send().

 Returns: how many bytes were taken, or a negative error and nothing was. The descriptors
 travel with the first byte: when a stream takes less than len, the rest is sent without them.
 Errors: those of ipc_sock_send(); -EINVAL also for a len of 0 or a count outside 1 to 253;
 -EBADF also for one of fds that is not open; -ETOOMANYREFS too many descriptors of this user
 are on their way (RLIMIT_NOFILE).
 Threads: safe.
 */
ssize_t ipc_sock_send_fds(int fd,
                          const void *msg,
                          size_t len,
                          const int *fds,
                          size_t count,
                          int64_t timeout_ns);

/*
 Receives as ipc_sock_recv(), and the descriptors that travel with the message or with the
 bytes. They are close-on-exec and the caller's, who ends them with close(2). If the call
 fails, all that had come are closed.

 buf: receives up to capacity bytes, on success only; capacity is at least 1.
 fds: receives the descriptors, on success only; may be NULL when fds_capacity is 0.
 fds_capacity: how many ints fds has. IPC_SOCK_FDS_MAX is always enough.
 fds_count: receives how many came, 0 included, on success only.
 timeout_ns: as in ipc_sock_recv().

 Returns: how many bytes were received, as ipc_sock_recv(), or a negative error.
 Errors: those of ipc_sock_recv(); -EINVAL also for fds or fds_count NULL; -ENOBUFS more
 descriptors came than fds_capacity (ipc_last_error() tells how many), and -EMFILE they could
 not all be installed, because this process may not have so many open or a security module
 forbids it: after both the message is taken and the descriptors are closed.
 Threads: safe.
 */
ssize_t ipc_sock_recv_fds(int fd,
                          void *buf,
                          size_t capacity,
                          int *fds,
                          size_t fds_capacity,
                          size_t *fds_count,
                          int64_t timeout_ns);

/*
 Who is at the other end.

 The user and the group are proof: the kernel noted them when the peer called connect(2),
 listen(2) or, for a pair, socketpair(2), and nobody can forge them. They say who that was
 then: the descriptor may have been passed on, or inherited, since. The pid is a hint: the
 process may have ended and its number may be another's; ipc_sock_peer_pidfd() has not this
 weakness.

 peer: receives the answer, on success only.

 Returns: 0, or a negative error.
 Errors: -ENOTCONN a socket without a known peer: not connected, or a datagram socket that is
 not of a pair; -EINVAL a NULL; -EBADF not open; -ENOTSOCK no socket.
 Threads: safe.
 */
int ipc_sock_peer(int fd,
                  struct ipc_peer_t *peer);

/*
 A pidfd of the process that was at the other end when the connection was made: always that
 process, never another with its number. poll(2) reports it readable when the process has
 ended.

 Returns: a descriptor, close-on-exec, to be ended with close(2), or a negative error.
 Errors: -ESRCH the process has ended; -ENOTSUP the kernel is older than Linux 6.5 (a pidfd
 made from the number alone would prove nothing, so none is made); -ENOTCONN as in
 ipc_sock_peer(); -EBADF not open; -ENOTSOCK no socket; -EMFILE or -ENFILE too many
 descriptors.
 Threads: safe.
 */
int ipc_sock_peer_pidfd(int fd);

/*
 Removes the file of a socket, living or dead, and nothing that is no socket. A server that
 ends does it before it closes its socket: afterwards the file may be a successor's.

 Returns: 0, or a negative error.
 Errors: -ENOENT no such file; -EMEDIUMTYPE a file that is no socket; -EINVAL a NULL, an
 empty path, or an abstract name, which has no file; -ENAMETOOLONG the path has more than 107
 bytes; -EACCES or -EPERM not permitted; -EBUSY another process has had the directory locked
 for 2 seconds; -ENOTDIR, -EROFS the directory; -EMFILE or -ENFILE too many descriptors.
 Threads: safe.
 */
int ipc_sock_unlink(const char *path);

/*
 Makes a pseudoterminal.

 controller_fd: receives the end of the program that plays the user: what it writes is typed,
 what it reads was printed. On success only; end it with close(2), which hangs the terminal up.
 terminal_fd: receives the terminal, for a program to use as its standard streams. On success
 only; end it with close(2). It does not become this process's controlling terminal.
 attr: NULL for 24 lines of 80 characters with echo; not kept.

 Returns: 0, or a negative error. Both descriptors are close-on-exec.
 Errors: -EINVAL a NULL, unknown flags, or a reserved field that is not 0; -ENOSPC no
 pseudoterminal is free; -ENOENT no /dev/ptmx; -EMFILE or -ENFILE too many descriptors;
 -EACCES not permitted.
 Threads: safe.
 */
int ipc_pty_open(int *controller_fd,
                 int *terminal_fd,
                 const struct ipc_pty_attr_t *attr);

/*
 Starts a program on a new pseudoterminal: as the leader of a new session, with the terminal
 as its controlling terminal and its three standard streams, no other descriptor, and all
 signals at their defaults and unblocked.

 out: receives the program's handle, on success only, as from ipc_spawn(): ipc_child_wait(),
 ipc_child_kill() and ipc_child_fd() take it, ipc_child_close() ends it. None of its streams
 is a pipe.
 controller_fd: receives the end that plays the user, close-on-exec, on success only. End it
 with close(2): the program gets SIGHUP.
 argv: the program and its arguments, ended by NULL. A name without a slash is searched for
 in PATH. No shell is involved.
 envp: its environment, ended by NULL; NULL for this process's.
 attr: as in ipc_pty_open().

 Returns: 0, the program is running; or a negative error, and there is no child.
 Errors: those of ipc_spawn() and of ipc_pty_open().
 Threads: safe, whatever other threads do.
 Signals: none are lost; handlers wait until the program runs.
 Fork: a child that this process forks can signal the program, but not wait for it.
 */
int ipc_pty_spawn(struct ipc_child_t **out,
                  int *controller_fd,
                  const char *const *argv,
                  const char *const *envp,
                  const struct ipc_pty_attr_t *attr);

/*
 Reads what the programs on the terminal have printed, waiting until there is something.

 fd: the controlling end. Where several threads or processes read from it, O_NONBLOCK has to
 be set for the timeout to hold.
 buf: receives up to capacity bytes, on success only; capacity is at least 1.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits, 0 only tries.

 Returns: how many bytes were read; 0 when all programs have closed the terminal (read(2)
 says EIO then); or a negative error.
 Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT; -EINTR a signal handler
 ran while waiting; -EINVAL a NULL, a capacity of 0 or above SSIZE_MAX, or a timeout below
 -1; -EFAULT buf is not writable; -EBADF not open; -ENOTTY not the controlling end of a
 pseudoterminal.
 Threads: safe; each byte goes to one reader.
 */
ssize_t ipc_pty_read(int fd,
                     void *buf,
                     size_t capacity,
                     int64_t timeout_ns);

/*
 Asks for a terminal's size.

 fd: either end.
 rows, columns: receive the size, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a NULL; -EBADF not open; -ENOTTY no terminal.
 Threads: safe.
 */
int ipc_pty_window_size(int fd, unsigned short *rows, unsigned short *columns);

/*
 Sets a terminal's size. If it is another than before, the programs in the terminal's
 foreground get SIGWINCH.

 fd: either end.

 Returns: 0, or a negative error.
 Errors: -EBADF not open; -ENOTTY no terminal.
 Threads: safe.
 */
int ipc_pty_set_window_size(int fd, unsigned short rows, unsigned short columns);

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

 out: receives the handle, on success only. End it with ipc_sysv_shm_close().
 id: from ipc_sysv_shm_id(), or as ipcs shows it.
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

 out: receives the handle, on success only. End it with ipc_sysv_msg_close().
 id: from ipc_sysv_msg_id(), or as ipcs shows it.
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
 select: IPC_MSG_ANY takes the oldest message; IPC_MSG_TYPE the oldest whose type equals
 wanted; IPC_MSG_UP_TO the oldest of the lowest type that is not above wanted; IPC_MSG_EXCEPT
 the oldest whose type is another than wanted.
 wanted: a type, 1 or more; unused with IPC_MSG_ANY.
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

 out: receives the handle, on success only. End it with ipc_sysv_sem_close().
 id: from ipc_sysv_sem_id(), or as ipcs shows it.
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

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus


/* For timeout_ns: wait as long as it takes. */
#define IPC_FOREVER (-INT64_C(1))

/* Describes a struct by its name, version, size and alignment: a constant initialiser for
 * ipc_type_t, in C99 and newer and in C++17.
 *
 *     static const ipc_type_t sensor_type = IPC_TYPE(SensorData, 1);
 */
#define IPC_TYPE(type, version) \
  { #type, (version), 0, sizeof(type), IPC_ALIGNOF(type), IPC_NO_FIELDS }

/* The same with 1 to 32 fields, given by name, whose offsets and sizes two programs must then
 * agree on too. In C++ the type has to be a standard-layout one.
 *
 *     static const ipc_type_t sensor_type =
 *         IPC_TYPE_FIELDS(SensorData, 1, temperature, humidity, sequence);
 */
#define IPC_TYPE_FIELDS(type, version, ...) \
  { #type, (version), IPC_COUNT(__VA_ARGS__), sizeof(type), IPC_ALIGNOF(type), \
    { IPC_FOR_EACH(IPC_FIELD, type, __VA_ARGS__) } }

/* The rest serves the two macros above. */
#define IPC_FIELD(type, field) { #field, offsetof(type, field), sizeof(IPC_NOWHERE(type)->field) }
#define IPC_NO_FIELDS { { NULL, 0, 0 } }
#if defined(__cplusplus)
#define IPC_NOWHERE(type) static_cast<type *>(nullptr)
#define IPC_ALIGNOF(type) alignof(type)
#else
#define IPC_NOWHERE(type) ((type *)0)
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define IPC_ALIGNOF(type) _Alignof(type)
#else
#define IPC_ALIGNOF(type) __alignof__(type)
#endif
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

#endif /* ROBUSTIPC_H */
