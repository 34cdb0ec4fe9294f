/* robustipc: every way two Linux processes share data, proof against kill -9.
 *
 * Generated from the library's source by cbindgen ("make header"). Do not edit.
 *
 * Results: 0 or positive is success; negative is -errno. No call changes errno itself.
 * ipc_strerror(result) describes a result; ipc_last_error() describes this thread's last failure.
 * Outputs are the first or the last arguments. They are written on success only.
 * Timeouts: nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit; 0 only tries.
 * Every timeout_ns may also be an absolute deadline, from ipc_deadline().
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

/* The placed types have the same size and alignment on every machine. */
#define IPC_ALIGNED(bytes) __attribute__((aligned(bytes)))

/*
 Result of an open call: the object existed already.
 */
#define IPC_OPENED 0

/*
 Result of an open call: this call created the object.
 */
#define IPC_CREATED 1

/*
 Result of a lock call: the lock is held, and its last owner died holding it, so the data may be
 half-changed. Repair the data, then call ipc_mutex_consistent() or ipc_rwlock_consistent(). For
 a permit, there is nothing to call.
 */
#define IPC_OWNER_DIED 2

/*
 Open flag: create the object if it does not exist.
 */
#define IPC_CREATE 1

/*
 Open flag, together with IPC_CREATE: fail with -EEXIST if the object exists.
 */
#define IPC_EXCLUSIVE 2

/*
 Open flag: open for reading only. On a queue: for receiving only.
 */
#define IPC_READ_ONLY 4

/*
 Open flag: open for writing only. On a queue: for sending only.
 */
#define IPC_WRITE_ONLY 8

/*
 Open flag. On a queue: calls that would wait return -EAGAIN, whatever their timeout. On a
 descriptor: plain read() and write() do not wait; calls of this library follow their timeout.
 */
#define IPC_NONBLOCK 16

/*
 Open flag: accept an object that a program created without this library, if its size matches.
 */
#define IPC_ADOPT 32

/*
 Flag of ipc_mq_open() and ipc_mq_unlink(): use the kernel's message queue, which mq_open()
 opens, instead of this library's queue in shared memory.
 */
#define IPC_KERNEL 64

/*
 Flag of ipc_sem_open(): use the C library's semaphore, which sem_open() opens, instead of this
 library's semaphore.
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
 Flag of calls that create a descriptor: exec does not close it, so that children inherit it.
 */
#define IPC_INHERIT 1024

/*
 How many fields a type can declare with IPC_TYPE_FIELDS or IPC_TYPE_AS.
 */
#define IPC_TYPE_FIELDS_MAX 32

/*
 Mutex flag: the owner may lock the mutex again. The mutex is free after as many unlocks as
 locks.
 */
#define IPC_MUTEX_RECURSIVE 1

/*
 Mutex flag: a waiter lends the owner its priority, against priority inversion. The kernel keeps
 the queue of waiters. An uncontended lock is as fast as without this flag.
 */
#define IPC_MUTEX_PRIORITY_INHERIT 2

/*
 Mutex flag: a second lock by the owner fails with -EDEADLK, and an unlock by another thread
 fails with -EPERM. Every mutex that is not recursive behaves so: the flag only states it.
 */
#define IPC_MUTEX_ERROR_CHECK 4

/*
 The largest value of a semaphore.
 */
#define IPC_SEM_VALUE_MAX 2147483647

/*
 How many threads can hold a readers-writer lock for reading at the same time. One more reader
 waits until one of them unlocks.
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
 Result of ipc_barrier_wait() for exactly one participant in each completed round.
 */
#define IPC_BARRIER_SERIAL 3

/*
 Result of ipc_once(): this call ran the initialisation.
 */
#define IPC_ONCE_RAN 4

/*
 Event flag: each time the event is set, it releases one waiter, and that waiter resets it.
 Without this flag an event stays set until ipc_event_reset() and releases all waiters.
 */
#define IPC_EVENT_AUTO_RESET 1

/*
 Event flag: the event is set from the beginning.
 */
#define IPC_EVENT_SET 2

/*
 Flag of ipc_mq_open() and ipc_mq_open_fd(): a message that this handle sends into a full queue
 displaces the oldest message of the lowest priority in the queue. If the new message has a
 lower priority than all others, it is dropped itself, and sending it succeeds. ipc_mq_stat()
 counts both cases. Not possible with IPC_KERNEL.
 */
#define IPC_MQ_OVERWRITE 65536

/*
 The highest priority of a message. The lowest is 0.
 */
#define IPC_MQ_PRIORITY_MAX 32767

/*
 For kind of ipc_mq_notify_t: queue a signal to the process.
 */
#define IPC_NOTIFY_SIGNAL 1

/*
 For kind of ipc_mq_notify_t: call a function.
 */
#define IPC_NOTIFY_CALLBACK 2

/*
 For kind of ipc_mq_notify_t: add 1 to an eventfd.
 */
#define IPC_NOTIFY_EVENTFD 3

/*
 For flags of ipc_topic_attr_t: a publisher of a full topic waits until its living subscribers
 have taken the oldest sample. Without it, the oldest sample is overwritten.
 */
#define IPC_TOPIC_WAIT 1

/*
 Flag in ipc_service_attr_t: a request is delivered at most once. If its server dies, its client gets -EOWNERDEAD.
 Without the flag, the next server gets the request, with a number of redeliveries above 0.
 */
#define IPC_SERVICE_ONCE 1

/*
 Flag of ipc_client_open(): a call waits if no process serves. Without the flag, it fails with -ENOENT.
 */
#define IPC_CLIENT_WAIT 65536

/*
 The largest write to a pipe or FIFO, in bytes, that the kernel keeps in one piece. The bytes
 of a longer write may be mixed with those of other writers.
 */
#define IPC_PIPE_ATOMIC 4096

/*
 Flag of ipc_spawn(): the child's standard input is a pipe. ipc_child_stdin() returns the
 end to write to.
 */
#define IPC_STDIN_PIPE 65536

/*
 Flag of ipc_spawn(): the child's standard output is a pipe. ipc_child_stdout() returns the
 end to read from.
 */
#define IPC_STDOUT_PIPE 131072

/*
 Flag of ipc_spawn(): the child's standard error is a pipe. ipc_child_stderr() returns the
 end to read from.
 */
#define IPC_STDERR_PIPE 262144

/*
 Kind of a child's stream: this process's own stream. It is 0, and so the kind in a zeroed
 ipc_stream_t.
 */
#define IPC_STREAM_INHERIT 0

/*
 Kind of a child's stream: a pipe to or from this process.
 */
#define IPC_STREAM_PIPE 1

/*
 Kind of a child's stream: the open descriptor in the field fd. The caller keeps that
 descriptor and closes it.
 */
#define IPC_STREAM_FD 2

/*
 Kind of a child's stream: the file at the field path. For standard input the file is read.
 For the two outputs it is created if it does not exist (mode 0666 less the umask), and
 emptied if it does. A FIFO is refused, because its opening waits for a peer.
 */
#define IPC_STREAM_FILE 3

/*
 Kind of a child's output: the file at the field path, written at its end. The file is
 created if it does not exist (mode 0666 less the umask). A FIFO is refused, because its opening
 waits for a peer. Not for standard input.
 */
#define IPC_STREAM_APPEND 4

/*
 Kind of a child's stream: /dev/null.
 */
#define IPC_STREAM_NULL 5

/*
 Kind of a child's standard error: the destination of the child's standard output. For
 standard error only.
 */
#define IPC_STREAM_MERGE 6

/*
 Flag in ipc_child_setup_t: the child dies with this process. It gets SIGKILL when this process ends, in
 whatever way, or executes another program; and it does not start if this process has ended already.
 The end of the thread that started it does not matter. The library starts a thread for each such
 child, which sleeps until the child has ended. A program with set-user-id bits or file capabilities is
 not killed.
 */
#define IPC_CHILD_DIES_WITH_PARENT 1

/*
 Flag in ipc_child_setup_t: the child leads a new process group. ipc_child_kill_group() reaches it.
 */
#define IPC_CHILD_NEW_GROUP 2

/*
 Flag in ipc_child_setup_t: the child leads a new session, without a controlling terminal, and a new
 process group. ipc_child_kill_group() reaches it.
 */
#define IPC_CHILD_NEW_SESSION 4

/*
 Flag in ipc_child_setup_t: the child runs as the user and the group in the fields user and group, with
 the supplementary groups in groups and no others.
 */
#define IPC_CHILD_USER 8

/*
 Flag in ipc_child_setup_t: the child has the file creation mask in the field umask.
 */
#define IPC_CHILD_UMASK 16

/*
 Flag in ipc_child_setup_t: the child has the usual scheduling policy (SCHED_OTHER) and the nice value
 0, whatever this thread has.
 */
#define IPC_CHILD_RESET_SCHEDULING 32

/*
 Flag in ipc_child_setup_t: signals that this process ignores stay ignored in the child. Without it all
 signals have their default actions.
 */
#define IPC_CHILD_KEEP_IGNORED 64

/*
 Flag of ipc_fifo_open(), only together with IPC_READ_ONLY: the reader does not get the end
 of the file when the last writer leaves. Reading waits for the next writer instead.
 */
#define IPC_FIFO_KEEP_OPEN 65536

/*
 Socket type: a connection of bytes without message boundaries.
 */
#define IPC_SOCK_STREAM 1

/*
 Socket type: messages without a connection. A receiver is not told when the other end has
 gone.
 */
#define IPC_SOCK_DATAGRAM 2

/*
 Socket type: messages in a connection. When the connection ends, receiving returns 0.
 */
#define IPC_SOCK_SEQPACKET 3

/*
 Flag of ipc_sock_connect(): wait for a server that is not there yet.
 */
#define IPC_SOCK_WAIT 65536

/*
 Flag of ipc_sock_connect() for IPC_SOCK_DATAGRAM: the socket gets an abstract name that the kernel
 chooses, so that the server can answer with ipc_sock_send_to(). Such a name is valid in one network
 namespace.
 */
#define IPC_SOCK_NAMED 131072

/*
 The largest number of descriptors that one message carries.
 */
#define IPC_SOCK_FDS_MAX 253

/*
 Flag in ipc_pty_attr_t: bytes pass unchanged, without echo, line editing or signals from
 keys.
 */
#define IPC_PTY_RAW 1

/*
 For ipc_waitset_add(): an ipc_mq_t is ready while it has a message.
 */
#define IPC_WAIT_MESSAGE 1

/*
 For ipc_waitset_add(): an ipc_mq_t is ready while it has room.
 */
#define IPC_WAIT_ROOM 2

/*
 For ipc_waitset_add(): an ipc_event_t is ready while it is set.
 */
#define IPC_WAIT_EVENT 3

/*
 For ipc_waitset_add(): an ipc_sem_t is ready while a permit is free.
 */
#define IPC_WAIT_SEM 4

/*
 For ipc_waitset_add(): an ipc_child_t is ready when the child has ended.
 */
#define IPC_WAIT_CHILD 5

/*
 For ipc_waitset_add(): an ipc_topic_t that subscribes is ready while it has a sample to take.
 */
#define IPC_WAIT_SAMPLE 6

/*
 For ipc_waitset_add(): an ipc_cell_t is ready while the cell holds a value that the handle has not read.
 */
#define IPC_WAIT_CHANGE 7

/*
 For ipc_waitset_add(): an ipc_service_t is ready while a request waits for a server.
 */
#define IPC_WAIT_REQUEST 8

/*
 For ipc_waitset_add(): an ipc_client_t is ready while a reply waits for ipc_client_receive().
 */
#define IPC_WAIT_REPLY 9

/*
 In ipc_ready_t: a descriptor from ipc_waitset_add_fd() is ready.
 */
#define IPC_WAIT_FD 10

/*
 In ipc_ready_t: a timer from ipc_waitset_add_timer() has expired.
 */
#define IPC_WAIT_TIMER 11

/*
 Use it in place of a key for a new object that no key leads to. Children inherit the handle.
 Other processes open the object by its id.
 */
#define IPC_SYSV_PRIVATE 0

/*
 Flag of ipc_sysv_shm_open(), with IPC_CREATE: a new segment consists of huge pages of the system's
 default size (Hugepagesize in /proc/meminfo). Pages of 2 to the power of N bytes:
 IPC_SYSV_HUGE | N << IPC_SYSV_HUGE_SHIFT.
 */
#define IPC_SYSV_HUGE 65536

/*
 The place of N, the logarithm of the size of huge pages, in the flags of ipc_sysv_shm_open().
 */
#define IPC_SYSV_HUGE_SHIFT 20

/*
 As IPC_SYSV_HUGE, with pages of 2 MiB.
 */
#define IPC_SYSV_HUGE_2MB 22085632

/*
 As IPC_SYSV_HUGE, with pages of 1 GiB.
 */
#define IPC_SYSV_HUGE_1GB 31522816

/*
 For select of ipc_sysv_msg_receive(): take the oldest message, whatever its type.
 */
#define IPC_MSG_ANY 0

/*
 For select of ipc_sysv_msg_receive(): take the oldest message whose type equals wanted.
 */
#define IPC_MSG_TYPE 1

/*
 For select of ipc_sysv_msg_receive(): find the lowest type in the queue that is not above
 wanted, and take the oldest message of that type.
 */
#define IPC_MSG_UP_TO 2

/*
 For select of ipc_sysv_msg_receive(): take the oldest message whose type differs from wanted.
 */
#define IPC_MSG_EXCEPT 3

/*
 Flag of an operation in ipc_sysv_sem_op(): the kernel undoes the change when the process ends,
 however it ends.
 */
#define IPC_SYSV_UNDO 1

/*
 The largest value of a semaphore in a System V semaphore set.
 */
#define IPC_SYSV_SEM_VALUE_MAX 32767

/*
 Kind of object: POSIX shared memory, made by this library or by another program.
 */
#define IPC_KIND_SHM 1

/*
 Kind of object: a named semaphore of this library.
 */
#define IPC_KIND_SEM 2

/*
 Kind of object: a named object of this library whose kind this version does not know.
 */
#define IPC_KIND_OTHER 4

/*
 Kind of object: a named semaphore of the C library, made by sem_open(), or by
 ipc_sem_open() with IPC_POSIX.
 */
#define IPC_KIND_POSIX_SEM 8

/*
 Kind of object: a message queue of the kernel, made by mq_open(), or by
 ipc_mq_open() with IPC_KERNEL.
 */
#define IPC_KIND_KERNEL_MQ 16

/*
 Kind of object: a System V shared memory segment.
 */
#define IPC_KIND_SYSV_SHM 32

/*
 Kind of object: a System V message queue.
 */
#define IPC_KIND_SYSV_MSG 64

/*
 Kind of object: a System V semaphore set.
 */
#define IPC_KIND_SYSV_SEM 128

/*
 Kind of object: a message queue of this library, in shared memory.
 */
#define IPC_KIND_MQ 256

/*
 Kind of object: a topic.
 */
#define IPC_KIND_TOPIC 512

/*
 Kind of object: a cell.
 */
#define IPC_KIND_CELL 1024

/*
 Kind of object: a service.
 */
#define IPC_KIND_SERVICE 2048

/*
 All the kinds of objects that ipc_list() knows.
 */
#define IPC_KIND_ALL 4095

/*
 The object has no record of this library: it was made without this library, or its kind has
 no record.
 */
#define IPC_RECORD_NONE 0

/*
 The object has an intact record of this library.
 */
#define IPC_RECORD_GOOD 1

/*
 The object's record is damaged, has another version, or does not fit the object.
 */
#define IPC_RECORD_DAMAGED 2

/*
 The caller may not read the object, so it is unknown whether the object has a record.
 */
#define IPC_RECORD_UNREADABLE 3

/*
 A handle for a cell, which holds the latest value of a type. ipc_cell_open() creates it, and ipc_cell_close()
 ends it.
 */
typedef struct ipc_cell_t ipc_cell_t;

/*
 A handle of a child process. Made by ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn(),
 ended by ipc_child_close().
 */
typedef struct ipc_child_t ipc_child_t;

/*
 A handle that calls a service. ipc_client_open() creates it, and ipc_client_close() ends it.
 */
typedef struct ipc_client_t ipc_client_t;

/*
 A list of objects as they were when ipc_list() was called. Ended by ipc_list_close().
 */
typedef struct ipc_list_t ipc_list_t;

/*
 An open message queue. ipc_mq_open() and ipc_mq_open_fd() make it, ipc_mq_close() ends it.
 */
typedef struct ipc_mq_t ipc_mq_t;

/*
 A handle that serves: it receives requests and replies to them. ipc_service_open() creates it, and
 ipc_service_close() ends it.
 */
typedef struct ipc_service_t ipc_service_t;

/*
 A handle for a region of shared memory. The ipc_shm_open calls, ipc_shm_anonymous(),
 ipc_shm_sealed() and ipc_shm_from_fd() create it, and ipc_shm_close() ends it.
 */
typedef struct ipc_shm_t ipc_shm_t;

/*
 An open System V message queue. ipc_sysv_msg_open() and ipc_sysv_msg_open_id() make it,
 ipc_sysv_msg_close() ends it.
 */
typedef struct ipc_sysv_msg_t ipc_sysv_msg_t;

/*
 An open System V semaphore set. ipc_sysv_sem_open() and ipc_sysv_sem_open_id() make it,
 ipc_sysv_sem_close() ends it.
 */
typedef struct ipc_sysv_sem_t ipc_sysv_sem_t;

/*
 An attached System V shared memory segment. ipc_sysv_shm_open() and ipc_sysv_shm_open_id() make
 it, ipc_sysv_shm_close() ends it.
 */
typedef struct ipc_sysv_shm_t ipc_sysv_shm_t;

/*
 An open topic: a handle that publishes or one that subscribes. ipc_topic_open() makes it,
 ipc_topic_close() ends it.
 */
typedef struct ipc_topic_t ipc_topic_t;

/*
 A set of things to wait for. ipc_waitset_open() makes it, ipc_waitset_close() ends it.
 */
typedef struct ipc_waitset_t ipc_waitset_t;

/*
 One declared field of a type. IPC_TYPE_FIELDS or IPC_TYPE_AS fills it in.
 */
typedef struct ipc_field_t {
  /*
   The field's name, 1 to 47 bytes.
   */
  const char *name;
  /*
   The field's distance from the beginning of the struct, in bytes.
   */
  size_t offset;
  /*
   The field's size, in bytes.
   */
  size_t size;
} ipc_field_t;

/*
 Describes a struct that programs share. Both programs must describe it in the same way. IPC_TYPE,
 IPC_TYPE_FIELDS or IPC_TYPE_AS fills it in:

     static const ipc_type_t sensor_type = IPC_TYPE(SensorData, 1);

 Raise the version if the meaning of a field changes and its size does not.
 */
typedef struct ipc_type_t {
  /*
   The type's name, 1 to 63 bytes. A leading "struct ", "union ", "enum " or "class " does not
   count, nor does a "::" at the name's beginning: "struct Sensor" and "Sensor" are one type.
   */
  const char *name;
  /*
   The version number that the programs give the struct.
   */
  uint32_t version;
  /*
   How many fields are declared, 0 to IPC_TYPE_FIELDS_MAX.
   */
  uint32_t field_count;
  /*
   The struct's size in bytes, at least 1.
   */
  size_t size;
  /*
   The struct's alignment in bytes, a power of two up to 4096.
   */
  size_t alignment;
  /*
   The declared fields, in the order of their declaration.
   */
  struct ipc_field_t fields[IPC_TYPE_FIELDS_MAX];
} ipc_type_t;

/*
 A mutex to place in a shared struct, as a program places a pthread_mutex_t. It is
 process-shared and robust, and takes 64 bytes aligned to 8. ipc_mutex_init() initialises it.
 Never copy or move it.
 */
typedef struct IPC_ALIGNED(8) ipc_mutex_t {
  uint64_t opaque[8];
} ipc_mutex_t;

/*
 The attributes of a new mutex. All zeros is the default: robust, process-shared,
 error-checking.
 */
typedef struct ipc_mutex_attr_t {
  /*
   0, or IPC_MUTEX_PRIORITY_INHERIT combined with at most one of IPC_MUTEX_RECURSIVE and
   IPC_MUTEX_ERROR_CHECK.
   */
  int flags;
  /*
   All 0. These fields are reserved for later versions.
   */
  int reserved[7];
} ipc_mutex_attr_t;

/*
 A condition variable to place in a shared struct, for use with an ipc_mutex_t. It takes 32
 bytes aligned to 8. ipc_cond_init() initialises it. Never copy or move it.
 */
typedef struct IPC_ALIGNED(8) ipc_cond_t {
  uint64_t opaque[4];
} ipc_cond_t;

/*
 A counting semaphore to place in a shared struct, 32 bytes aligned to 8, or a semaphore that
 ipc_sem_open() opens by name. ipc_sem_init() initialises a placed one. Never copy or move it.
 It is not a sem_t: a semaphore that sem_init() placed still belongs to the C library's calls.
 */
typedef struct IPC_ALIGNED(8) ipc_sem_t {
  uint64_t opaque[4];
} ipc_sem_t;

/*
 A readers-writer lock to place in a shared struct. It is process-shared and robust, and takes
 2048 bytes aligned to 8. ipc_rwlock_init() initialises it. Never copy or move it.
 */
typedef struct IPC_ALIGNED(8) ipc_rwlock_t {
  uint64_t opaque[256];
} ipc_rwlock_t;

/*
 A pool of permits to place in a shared struct, 2048 bytes aligned to 8. It is like a counting
 semaphore, but each permit has an owner, a thread. If the owner dies, the permit is free again.
 ipc_permits_init() initialises the pool. Never copy or move it.
 */
typedef struct IPC_ALIGNED(8) ipc_permits_t {
  uint64_t opaque[256];
} ipc_permits_t;

/*
 A barrier to place in a shared struct, 2048 bytes aligned to 8, at which threads of any
 processes wait for each other. ipc_barrier_init() initialises it. Never copy or move it.
 */
typedef struct IPC_ALIGNED(8) ipc_barrier_t {
  uint64_t opaque[256];
} ipc_barrier_t;

/*
 An initialisation in shared memory that runs once, 96 bytes aligned to 8. All zeros means that
 it has not run, so fresh shared memory needs no call to prepare it. Never copy or move it.
 */
typedef struct IPC_ALIGNED(8) ipc_once_t {
  uint64_t opaque[12];
} ipc_once_t;

/*
 An event to place in a shared struct, 32 bytes aligned to 8. An event is set or not set, and
 threads of any processes can wait until it is set. ipc_event_init() initialises it. Never copy
 or move it.
 */
typedef struct IPC_ALIGNED(8) ipc_event_t {
  uint64_t opaque[4];
} ipc_event_t;

/*
 The size of a message queue. Set fields that you do not use to 0, for example with the
 initialiser { .max_messages = 10, .message_size = 128 }.
 */
typedef struct ipc_mq_attr_t {
  /*
   How many messages the queue holds before it is full.
   */
  size_t max_messages;
  /*
   The largest length of a message, in bytes. 0, if there is a type: the type's size.
   */
  size_t message_size;
  /*
   How many messages are in the queue. ipc_mq_getattr() sets it; ipc_mq_open() ignores it.
   */
  size_t current_messages;
  /*
   How the handle was opened: any of IPC_KERNEL, IPC_READ_ONLY, IPC_WRITE_ONLY, IPC_NONBLOCK
   and IPC_MQ_OVERWRITE. ipc_mq_getattr() sets it; ipc_mq_open() ignores it.
   */
  int flags;
  /*
   How long a waiter spins before it sleeps, in nanoseconds, if there is more than one
   processor. For a new queue, 0 means 50000 and IPC_MQ_NO_SPIN means not at all. An existing
   queue keeps its own value. IPC_KERNEL ignores it.
   */
  int spin_ns;
  /*
   The type of a message, from IPC_TYPE or IPC_TYPE_FIELDS; or NULL: bytes. A queue keeps the type that its creator
   gives. A program that opens the queue with another type is refused; one that gives NULL is not. The library
   keeps no reference to it. ipc_mq_getattr() sets it to NULL. IPC_KERNEL allows NULL only. With a type,
   message_size 0 means the type's size, and a larger message_size is allowed: the length of each message is the
   sender's choice as without a type.
   */
  const struct ipc_type_t *type;
  /*
   All 0: reserved for later versions.
   */
  int reserved[4];
} ipc_mq_attr_t;

/*
 A message of ipc_mq_send_many() or ipc_mq_receive_many().
 */
typedef struct ipc_mq_message_t {
  /*
   The message to send, or the buffer to receive into. Sending does not change the bytes.
   */
  void *data;
  /*
   The message's length in bytes. Before receiving: the buffer's size in bytes.
   */
  size_t len;
  /*
   The message's priority.
   */
  unsigned int priority;
  /*
   After receiving: how often the message went back to the queue because a process that had
   borrowed it died. Sending ignores it.
   */
  unsigned int redeliveries;
} ipc_mq_message_t;

/*
 Statistics of a queue in shared memory, from ipc_mq_stat(). The counts cover all processes
 since the queue was created.
 */
typedef struct ipc_mq_stat_t {
  /*
   How many threads wait now, spinning or asleep, because the queue is full, up to 48.
   */
  size_t waiting_senders;
  /*
   How many threads wait now, spinning or asleep, because the queue is empty, up to 48.
   */
  size_t waiting_receivers;
  /*
   How many messages IPC_MQ_OVERWRITE has dropped.
   */
  uint64_t dropped;
  /*
   How often a thread died inside a call on the queue and the queue was repaired.
   */
  uint64_t repairs;
  /*
   How many messages were queued again because their borrowers died. A receive, a borrow, a peek,
   ipc_mq_getattr() and ipc_mq_stat() notice such a death.
   */
  uint64_t redelivered;
  /*
   How many reserved messages vanished because their senders died. A send that finds the queue full,
   ipc_mq_getattr() and ipc_mq_stat() notice such a death.
   */
  uint64_t abandoned;
  /*
   All 0: reserved for later versions.
   */
  uint64_t reserved[6];
} ipc_mq_stat_t;

/*
 A request to ipc_mq_notify(): the thing to do when messages arrive. Set fields that you do not use to 0.
 */
typedef struct ipc_mq_notify_t {
  /*
   IPC_NOTIFY_SIGNAL, IPC_NOTIFY_CALLBACK or IPC_NOTIFY_EVENTFD.
   */
  int kind;
  /*
   For IPC_NOTIFY_SIGNAL: the signal's number. Otherwise 0.
   */
  int signal;
  /*
   For IPC_NOTIFY_EVENTFD: an eventfd. It stays the caller's, who may close it after the call.
   Otherwise 0.
   */
  int eventfd;
  /*
   0: reserved for later versions.
   */
  int reserved;
  /*
   For IPC_NOTIFY_CALLBACK: the function. Otherwise NULL.
   */
  void (*callback)(struct ipc_mq_t *mq, void *context);
  /*
   For IPC_NOTIFY_CALLBACK: passed to the function unchanged. For IPC_NOTIFY_SIGNAL: the
   signal's si_value.sival_ptr. For IPC_NOTIFY_EVENTFD: NULL.
   */
  void *context;
} ipc_mq_notify_t;

/*
 The sizes of a topic. Set fields that you do not use to 0, for example with the initialiser
 { .type = &frame_type, .capacity = 8, .history = 1 }.
 */
typedef struct ipc_topic_attr_t {
  /*
   The type of a sample, from IPC_TYPE or IPC_TYPE_FIELDS, or NULL: bytes. A topic keeps the type
   that its creator gives. A program that opens the topic with another type is refused; one that
   gives NULL is not. The library keeps no reference to it. ipc_topic_getattr() sets it to NULL.
   */
  const struct ipc_type_t *type;
  /*
   The largest length of a sample, in bytes, up to 4294967295. 0: the type's size.
   */
  size_t sample_size;
  /*
   How many samples the topic keeps for subscribers that have not taken them, 1 to 1048576.
   */
  size_t capacity;
  /*
   How many of the latest samples a new subscriber gets, 0 to capacity.
   */
  size_t history;
  /*
   How many handles may subscribe at once, up to 4096. 0: 64.
   */
  size_t max_subscribers;
  /*
   How many handles may publish at once, up to 1024. 0: 8.
   */
  size_t max_publishers;
  /*
   How many samples one handle may have reserved or borrowed at once, up to 1024. 0: 4.
   */
  size_t max_borrowed;
  /*
   0, or IPC_TOPIC_WAIT. ipc_topic_getattr() adds IPC_READ_ONLY, IPC_WRITE_ONLY and
   IPC_NONBLOCK as the handle has them; ipc_topic_open() ignores these three.
   */
  int flags;
  /*
   All 0: reserved for later versions.
   */
  int reserved[7];
} ipc_topic_attr_t;

/*
 The facts about a value that was read, beside the value itself: a sample of a topic, or the value of a cell.
 */
typedef struct ipc_sample_t {
  /*
   The number of the value. The first value has number 1, and each further value the next number.
   */
  uint64_t number;
  /*
   How many values this reader has missed since the last one, because they were overwritten. For ipc_cell_wait(): how many values were written
   after number `after` and before this one. For ipc_cell_read(): 0.
   */
  uint64_t missed;
  /*
   When the value was written, in nanoseconds on the monotonic clock.
   */
  int64_t time_ns;
  /*
   The id of the process that published the sample. For a cell: 0.
   */
  uint32_t publisher;
  /*
   0.
   */
  uint32_t flags;
  /*
   0.
   */
  uint64_t reserved[4];
} ipc_sample_t;

/*
 The state of a topic, from ipc_topic_stat().
 */
typedef struct ipc_topic_stat_t {
  /*
   How many samples were published since the topic was created. This is the newest one's number.
   */
  uint64_t published;
  /*
   How many handles of living processes publish.
   */
  size_t publishers;
  /*
   How many handles of living processes subscribe.
   */
  size_t subscribers;
  /*
   How many samples are reserved now.
   */
  size_t reserved_samples;
  /*
   How many times samples are borrowed now: a sample that two subscribers have borrowed counts twice.
   */
  size_t borrowed_samples;
  /*
   How often a publisher died inside a call on the topic and the topic was repaired.
   */
  uint64_t repairs;
  /*
   How many reserved samples became free because their publishers died.
   */
  uint64_t abandoned;
  /*
   For how many samples the topic has memory.
   */
  size_t slots;
  /*
   How many of these hold neither one of the latest capacity samples nor a reserved one. While nobody
   is inside a call, slots is free_slots, plus reserved_samples, plus published or capacity, whichever is
   less.
   */
  size_t free_slots;
  /*
   All 0: reserved for later versions.
   */
  uint64_t reserved[6];
} ipc_topic_stat_t;

/*
 The sizes and the types of a service. Set fields that you do not use to 0, for example with the initialiser
 { .request_size = 64, .reply_size = 256 }.
 */
typedef struct ipc_service_attr_t {
  /*
   The type of a request, from IPC_TYPE or IPC_TYPE_FIELDS; or NULL: bytes. A service keeps the type that its creator
   gives.
   */
  const struct ipc_type_t *request_type;
  /*
   The type of a reply, or NULL: bytes.
   */
  const struct ipc_type_t *reply_type;
  /*
   The largest length of a request, in bytes. 0: the size of the type; without a type 8192.
   */
  size_t request_size;
  /*
   The largest length of a reply, in bytes. 0: the size of the type; without a type 8192.
   */
  size_t reply_size;
  /*
   How many calls may be under way at once, up to 1048576. 0: 64.
   */
  size_t max_requests;
  /*
   How many client handles may be open at once, up to 1048576. 0: 64.
   */
  size_t max_clients;
  /*
   0, or IPC_SERVICE_ONCE.
   */
  int flags;
  /*
   All 0: reserved for later versions.
   */
  int reserved[7];
} ipc_service_attr_t;

/*
 The facts about a request, beside its bytes. ipc_service_receive() fills them in.
 */
typedef struct ipc_request_t {
  /*
   Tells the request from all other requests of the service; never 0. ipc_service_reply() uses nothing else of the struct.
   */
  uint64_t id;
  /*
   The priority that the client gave.
   */
  unsigned int priority;
  /*
   How many servers have died or closed with the request before. If it is not 0, some of the work may have been
   done.
   */
  unsigned int redeliveries;
  /*
   When the client stops waiting for the reply, in nanoseconds on the monotonic clock; 0 if it sets no limit.
   */
  int64_t deadline_ns;
  /*
   The process id of the client, as the client's process gave it. It is no proof.
   */
  pid_t pid;
  /*
   The effective user id of the client, as the client's process gave it. It is no proof.
   */
  uid_t uid;
  /*
   The effective group id of the client, as the client's process gave it. It is no proof.
   */
  gid_t gid;
  /*
   0.
   */
  uint64_t reserved[4];
} ipc_request_t;

/*
 The counts of a service. ipc_service_stat() fills it in.
 */
typedef struct ipc_service_stat_t {
  /*
   Handles that serve.
   */
  uint32_t servers;
  /*
   Handles that call.
   */
  uint32_t clients;
  /*
   Requests that wait for a server.
   */
  uint32_t pending;
  /*
   Requests that a server has received and not answered.
   */
  uint32_t taken;
  /*
   Requests that were answered, since the creation of the service.
   */
  uint64_t answered;
  /*
   How often a request went back because its server died or closed.
   */
  uint64_t redelivered;
  /*
   Requests that failed with -EOWNERDEAD because their servers died or closed.
   */
  uint64_t lost;
  /*
   Requests whose clients gave up or died before the reply.
   */
  uint64_t withdrawn;
  /*
   Deaths inside a call on the service, after which it was repaired.
   */
  uint64_t repairs;
  /*
   0.
   */
  uint64_t reserved[4];
} ipc_service_stat_t;

/*
 A reader of lines, from ipc_line_reader_init(). It is the caller's, needs no end, and owns neither the
 descriptor nor the buffer. A program may read its fields, and calls ipc_line_reader_init() to change
 them.
 */
typedef struct ipc_line_reader_t {
  /*
   The descriptor.
   */
  int fd;
  /*
   1 if the last line ended with a newline; 0 if it was a piece of a line that is longer than the
   buffer, or the last line of a stream that does not end with a newline.
   */
  int is_whole;
  /*
   The buffer.
   */
  char *buffer;
  /*
   Its size in bytes.
   */
  size_t capacity;
  /*
   The bytes that were read behind the last line: those from buffer[begin] to before buffer[end].
   */
  size_t begin;
  /*
   See begin.
   */
  size_t end;
  /*
   How many of those are known to hold no newline.
   */
  size_t searched;
} ipc_line_reader_t;

/*
 The source or destination of one of a child's standard streams.
 */
typedef struct ipc_stream_t {
  /*
   One of the IPC_STREAM_ constants.
   */
  int kind;
  /*
   The descriptor for IPC_STREAM_FD; otherwise unused.
   */
  int fd;
  /*
   The path for IPC_STREAM_FILE and IPC_STREAM_APPEND; otherwise unused.
   */
  const char *path;
} ipc_stream_t;

/*
 A resource limit of a child, see getrlimit(2).
 */
typedef struct ipc_child_limit_t {
  /*
   The limit that the kernel enforces; UINT64_MAX for none.
   */
  uint64_t soft;
  /*
   The value up to which the child may raise it; UINT64_MAX for none.
   */
  uint64_t hard;
  /*
   RLIMIT_NOFILE and its like.
   */
  int resource;
  /*
   0; for later versions.
   */
  int reserved;
} ipc_child_limit_t;

/*
 A descriptor that a child gets.
 */
typedef struct ipc_child_descriptor_t {
  /*
   An open descriptor of this process. It stays the caller's.
   */
  int fd;
  /*
   Its number in the child, 3 or more.
   */
  int number;
} ipc_child_descriptor_t;

/*
 More choices for a child, named by the field setup of ipc_spawn_attr_t and ipc_pty_attr_t. A field that
 is zero has its default. The child applies them in the order group or session, scheduling, limits,
 umask, streams, descriptors, user, death with the parent, directory. If one fails, there is no child,
 and the call that starts it returns the error of that step; ipc_last_error() names the step.
 */
typedef struct ipc_child_setup_t {
  /*
   0 or any of the IPC_CHILD_ flags.
   */
  int flags;
  /*
   With IPC_CHILD_UMASK: the file creation mask, up to 0777.
   */
  mode_t umask;
  /*
   With IPC_CHILD_USER: the user.
   */
  uid_t user;
  /*
   With IPC_CHILD_USER: the group.
   */
  gid_t group;
  /*
   With IPC_CHILD_USER: the supplementary groups.
   */
  const gid_t *groups;
  /*
   How many there are, up to 65536.
   */
  size_t group_count;
  /*
   Resource limits that differ from this process's.
   */
  const struct ipc_child_limit_t *limits;
  /*
   How many there are, up to 255.
   */
  size_t limit_count;
  /*
   Descriptors for the child beside its streams. No two have the same number.
   */
  const struct ipc_child_descriptor_t *descriptors;
  /*
   How many there are, up to 255.
   */
  size_t descriptor_count;
  /*
   The program to execute, or NULL: the one that argv[0] names. With it the child sees any argv[0]. A
   name without a slash is searched for in this process's PATH.
   */
  const char *program;
  /*
   The child's working directory, or NULL: this process's. It is entered as the child's user. In
   ipc_spawn_with(), the attribute directory must then be NULL.
   */
  const char *directory;
  /*
   All 0; for later versions.
   */
  uint64_t reserved[4];
} ipc_child_setup_t;

/*
 Choices for ipc_spawn_with(). A field that is zero has its default.
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
   The child's environment: "NAME=value" strings, ended by NULL. If the field itself is
   NULL, the child gets this process's environment.
   */
  const char *const *environment;
  /*
   The child's working directory; NULL for this process's. A program that is named by a
   relative path with a slash is searched for from this directory.
   */
  const char *directory;
  /*
   More choices, for example a new process group or a user; NULL for the defaults.
   */
  const struct ipc_child_setup_t *setup;
  /*
   All 0; for later versions.
   */
  uint64_t reserved[3];
} ipc_spawn_attr_t;

/*
 A child's end, from ipc_child_wait().
 */
typedef struct ipc_child_exit_t {
  /*
   The exit status, 0 to 255, that the child returned from main() or passed to exit(); -1
   if a signal ended the child.
   */
  int code;
  /*
   The signal that ended the child; 0 if it ended by itself.
   */
  int signal;
  /*
   1 if the signal made the kernel dump the child's memory (core(5)), otherwise 0.
   */
  int core_dumped;
  /*
   0; for later versions.
   */
  int reserved;
  /*
   How long the child ran in its own code, in nanoseconds. This and the following fields count the
   child's own children too, as far as it has waited for them.
   */
  uint64_t user_ns;
  /*
   How long it ran in the kernel, in nanoseconds.
   */
  uint64_t system_ns;
  /*
   The most memory that it, or one of its children, had at once, in bytes.
   */
  uint64_t max_resident;
  /*
   How often memory that it used was not mapped, but was in memory.
   */
  uint64_t minor_faults;
  /*
   How often memory that it used had to be read from a disk.
   */
  uint64_t major_faults;
} ipc_child_exit_t;

/*
 The input for a child and the buffers for its outputs. ipc_child_communicate() updates the
 fields as it proceeds.
 */
typedef struct ipc_exchange_t {
  /*
   The bytes that the child's standard input has not taken yet. The call advances this
   pointer.
   */
  const void *input;
  /*
   The number of bytes at input. The call reduces it.
   */
  size_t input_size;
  /*
   The buffer for standard output; NULL to read the output and discard it.
   */
  void *output;
  /*
   The size of the buffer at output, in bytes.
   */
  size_t output_capacity;
  /*
   The number of bytes in the buffer at output, or discarded. Set it to 0 before the first
   call.
   */
  size_t output_size;
  /*
   The buffer for standard error; NULL to read the output and discard it.
   */
  void *error;
  /*
   The size of the buffer at error, in bytes.
   */
  size_t error_capacity;
  /*
   The number of bytes in the buffer at error, or discarded. Set it to 0 before the first
   call.
   */
  size_t error_size;
} ipc_exchange_t;

/*
 The process at the other end of a socket, from ipc_sock_peer().
 */
typedef struct ipc_peer_t {
  /*
   The process id; 0 if the process lives in a PID namespace that this process does not
   see.
   */
  pid_t pid;
  /*
   Its effective user id when the kernel noted the peer.
   */
  uid_t uid;
  /*
   Its effective group id when the kernel noted the peer.
   */
  gid_t gid;
} ipc_peer_t;

/*
 The sender of a datagram, from ipc_sock_recv_from().
 */
typedef struct ipc_sender_t {
  /*
   The process id, as the kernel noted it at the send. 0 if it is unknown: the message was sent before
   this socket noted senders, or from a PID namespace that this process does not see.
   */
  pid_t pid;
  /*
   The sender's effective user id; (uid_t)-1 if pid is 0.
   */
  uid_t uid;
  /*
   Its effective group id; (gid_t)-1 if pid is 0.
   */
  gid_t gid;
  /*
   The name of the sender's socket, for ipc_sock_send_to(); "" if it has none, so that it cannot be
   answered. A relative path starts at the sender's directory.
   */
  char name[116];
} ipc_sender_t;

/*
 The attributes of a new pseudoterminal. A field that is zero has its default.
 */
typedef struct ipc_pty_attr_t {
  /*
   The number of lines that the terminal reports; 0 for 24.
   */
  unsigned short rows;
  /*
   The number of characters in a line that the terminal reports; 0 for 80.
   */
  unsigned short columns;
  /*
   0 or IPC_PTY_RAW.
   */
  int flags;
  /*
   For ipc_pty_spawn(): more choices for the program, for example a directory or a user; NULL for the
   defaults. IPC_CHILD_NEW_GROUP and IPC_CHILD_NEW_SESSION change nothing: the program leads a session.
   ipc_pty_open() wants NULL.
   */
  const struct ipc_child_setup_t *setup;
  /*
   All 0; for later versions.
   */
  int reserved[4];
} ipc_pty_attr_t;

/*
 A report of ipc_waitset_wait() about one entry that is ready.
 */
typedef struct ipc_ready_t {
  /*
   The tag with which the entry was added.
   */
  void *tag;
  /*
   The entry's IPC_WAIT_ constant.
   */
  int what;
  /*
   0: reserved for later versions.
   */
  int reserved;
} ipc_ready_t;

/*
 The kernel's data about a System V shared memory segment, from ipc_sysv_shm_stat().
 */
typedef struct ipc_sysv_shm_stat_t {
  /*
   The key. 0 for a private segment, and for a removed one.
   */
  int key;
  /*
   The id, as ipcs shows it.
   */
  int id;
  /*
   The user id of the owner.
   */
  uid_t owner;
  /*
   The group id of the owner.
   */
  gid_t group;
  /*
   The user id of the creator.
   */
  uid_t creator;
  /*
   The group id of the creator.
   */
  gid_t creator_group;
  /*
   The permissions, at most 0777.
   */
  mode_t mode;
  /*
   1 if the segment was removed and only waits for its last process to detach it; otherwise 0.
   */
  int removed;
  /*
   The size in bytes that the creator asked for.
   */
  size_t size;
  /*
   How often the segment is attached.
   */
  size_t attached;
  /*
   The process that created the segment; 0 if that process is not visible here.
   */
  pid_t creator_pid;
  /*
   The process that last attached or detached the segment; 0 if there is none, or if that
   process is not visible here.
   */
  pid_t last_pid;
  /*
   When the segment was last attached, in seconds since 1970; 0 if never.
   */
  int64_t attach_time;
  /*
   When the segment was last detached, in seconds since 1970; 0 if never.
   */
  int64_t detach_time;
  /*
   When the segment was created, or its owner or mode last changed, in seconds since 1970.
   */
  int64_t change_time;
} ipc_sysv_shm_stat_t;

/*
 The kernel's data about a System V message queue, from ipc_sysv_msg_stat().
 */
typedef struct ipc_sysv_msg_stat_t {
  /*
   The key. 0 for a private queue.
   */
  int key;
  /*
   The id, as ipcs shows it.
   */
  int id;
  /*
   The user id of the owner.
   */
  uid_t owner;
  /*
   The group id of the owner.
   */
  gid_t group;
  /*
   The user id of the creator.
   */
  uid_t creator;
  /*
   The group id of the creator.
   */
  gid_t creator_group;
  /*
   The permissions, at most 0777.
   */
  mode_t mode;
  /*
   The process that last sent; 0 if none has sent, or if that process is not visible here.
   */
  pid_t last_sender;
  /*
   The process that last received; 0 if none has received, or if that process is not visible
   here.
   */
  pid_t last_receiver;
  /*
   How many messages are in the queue.
   */
  size_t messages;
  /*
   How many bytes the messages in the queue have together.
   */
  size_t bytes;
  /*
   How many bytes the messages in the queue may have together.
   */
  size_t bytes_max;
  /*
   When a message was last sent, in seconds since 1970; 0 if never.
   */
  int64_t send_time;
  /*
   When a message was last received, in seconds since 1970; 0 if never.
   */
  int64_t receive_time;
  /*
   When the queue was created, or its owner or mode last changed, in seconds since 1970.
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
   Below 0: takes that many, and waits until the value is large enough (P). Above 0: gives
   that many (V). 0: waits until the value is 0.
   */
  short change;
  /*
   0 or IPC_SYSV_UNDO.
   */
  int flags;
} ipc_sysv_sem_op_t;

/*
 The kernel's data about a System V semaphore set, from ipc_sysv_sem_stat().
 */
typedef struct ipc_sysv_sem_stat_t {
  /*
   The key. 0 for a private set.
   */
  int key;
  /*
   The id, as ipcs shows it.
   */
  int id;
  /*
   The user id of the owner.
   */
  uid_t owner;
  /*
   The group id of the owner.
   */
  gid_t group;
  /*
   The user id of the creator.
   */
  uid_t creator;
  /*
   The group id of the creator.
   */
  gid_t creator_group;
  /*
   The permissions, at most 0777.
   */
  mode_t mode;
  /*
   How many semaphores the set has.
   */
  int count;
  /*
   When an operation was last done, in seconds since 1970; 0 if never.
   */
  int64_t operation_time;
  /*
   When the set was created, or its owner or mode last changed, in seconds since 1970.
   */
  int64_t change_time;
} ipc_sysv_sem_stat_t;

/*
 One object in a list, from ipc_list_next().
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
   The id of a System V object; otherwise -1.
   */
  int id;
  /*
   The key of a System V object, or 0 for a private one; otherwise 0.
   */
  int key;
  /*
   The user id of the owner.
   */
  uid_t owner;
  /*
   The group id.
   */
  gid_t group;
  /*
   The permission bits.
   */
  mode_t mode;
  /*
   The version of the declared type if the record is good; otherwise 0.
   */
  unsigned int type_version;
  /*
   The object's size. An object in /dev/shm: the bytes of its data if the record is good,
   otherwise the bytes of its file. A queue of the kernel or of System V: the bytes that
   wait in it now (0 if the caller may not read a kernel queue). A System V shared memory
   segment: its bytes. A System V semaphore set: the number of its semaphores.
   */
  uint64_t size;
  /*
   The number of processes that are known to have the object mapped or open.
   ipc_list_users() returns their ids.
   */
  size_t users;
  /*
   1 if users counts all of them. 0 if there may be more: /proc did not show every
   process, or the object is a System V queue or semaphore set, whose users the kernel
   does not report.
   */
  int users_complete;
  /*
   The object's index in its list, for ipc_list_users().
   */
  unsigned int index;
  /*
   The name that the object is opened by: a slash, then bytes that may have any value
   except a slash and NUL. Empty for System V objects.
   */
  char name[264];
  /*
   The name of the declared type if the record is good; empty for untyped memory and
   without a good record.
   */
  char type_name[64];
  /*
   How much is in the object now: the messages in a queue of this library or of System V, the samples
   that a topic keeps, the requests that wait in a service, or the value of a semaphore of this
   library. 0 for other objects, and if the caller may not read the object.
   */
  uint64_t count;
  /*
   How many messages a queue, samples a topic, or requests a service of this library can hold. 0 for
   other objects, and if the caller may not read the object.
   */
  uint64_t capacity;
} ipc_object_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Describes a result of any call of this library, a success or an error.

 result: what the call returned.

 Returns: a text without a newline. It is constant and never NULL; do not free it.
 Threads: safe.
 */
const char *ipc_strerror(int result);

/*
 Describes this thread's last failed call of this library in full: which call, which error, which
 object, what was expected and what was found. Calls that succeed do not change it.

 Returns: one line, without a newline; "" if no call of this thread has failed. The text is valid
 until this thread calls ipc_last_error() again or ends. It is never NULL; do not free it.
 Threads: safe. Each thread has its own last error.
 */
const char *ipc_last_error(void);

/*
 Gives the version of the library that is loaded, for example "0.1.0". The version of the header is
 IPC_VERSION_STRING.

 Returns: a text. It is constant and never NULL; do not free it.
 Threads: safe.
 */
const char *ipc_version(void);

/*
 Turns a timeout that counts from the beginning of a call into an absolute deadline, for several
 calls that have to be over at the same time. Pass the result as the timeout_ns of every call that
 has one, as often as you like: a call that is repeated after -EINTR does not wait longer.

 timeout_ns: nanoseconds from now on the monotonic clock. IPC_FOREVER, 0, a result of this call
 and an invalid timeout are returned unchanged.

 Returns: the deadline, a negative number below IPC_FOREVER. It is at most 146 years after the
 machine started. A call whose deadline has passed makes one attempt, as with timeout_ns 0. If that
 would have to wait, the call returns -ETIMEDOUT. The deadline is valid in every process of this
 machine (of one time namespace), until the machine restarts.
 Errors: none; the call that gets an invalid timeout reports it.
 Threads: safe. Signal handlers may call it. It is no cancellation point.
 */
int64_t ipc_deadline(int64_t timeout_ns);

/*
 Sets the user and the group that own the objects which this thread creates from now on: named
 memory and files of memory, queues (also the kernel's), topics, cells, services, semaphores (also the
 C library's), FIFOs and sockets. A call that creates such an object gives it to them before the object
 gets its name. (A queue of the kernel and a socket get their name first: for a moment they belong to
 the caller, with no more permissions than mode.) If that is not permitted, the call returns -EPERM
 and creates nothing. It does not apply to System V objects, which have
 ipc_sysv_shm_set_permissions() and two calls like it.

 user: a user's id, or (uid_t)-1 for the usual one: the caller's effective user.
 group: a group's id, or (gid_t)-1 for the usual one: the caller's effective group, or that of the
 directory if the directory's set-group-id bit is set.

 Returns: 0. The values are not checked here: the call that creates an object reports what is wrong.
 Errors: none.
 Threads: safe; it applies to the calling thread only. Threads begin with the usual user and group.
 Fork: the child's thread has its parent's setting. exec ends it.
 */
int ipc_new_owner(uid_t user,
                  gid_t group);

/*
 Opens the struct that is shared under a name, or creates it, zeroed, if flags has IPC_CREATE.

 The object appears under its name complete or not at all. If a process is killed while it
 creates the object, nothing is left, and no other process has seen it. The space is reserved,
 so using the object cannot fail for lack of memory. The struct begins at offset 0 of the
 object, page-aligned: a program that uses shm_open() and mmap() on the same name sees the same
 struct.

 out: receives the handle, on success only. End it with ipc_shm_close().
 name: "/" followed by 1 to 250 bytes that contain no slash.
 type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The call compares it with the type
 that the creator declared. The library keeps no reference to it.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_READ_ONLY, IPC_ADOPT,
 IPC_CHECK_OWNER.
 mode: the permissions of an object that this call creates, exactly: the umask is not applied.
 Unused without IPC_CREATE.

 Returns: IPC_CREATED (1) if this call created the object; IPC_OPENED (0) if it existed; or a
 negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the name or type is malformed, a flag is not
 allowed here, or mode is above 0777; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if
 no such object exists and flags lacks IPC_CREATE; -EEXIST if the object exists and flags has
 IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if with IPC_CHECK_OWNER another
 user owns the object or others may write to it; -EFBIG if the object would be larger
 than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO
 if the two programs disagree about type, version, size, alignment, a field, word size or C
 library, or if the object has no record of this library (ipc_last_error() reports both sides);
 -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the record is damaged;
 -ESTALE if the object was removed during the call; -EAGAIN if, with IPC_ADOPT, the creator has
 not sized the object yet; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many
 descriptors or handles are open; -ENOMEM if no memory or address space is left; -EPERM or -EROFS
 if the system does not let this process set the mode of what it creates.
 Threads: safe.
 Fork: the child has the handle and the memory too, at the same address.
 */
int ipc_shm_open_typed(struct ipc_shm_t **out,
                       const char *name,
                       const struct ipc_type_t *type,
                       int flags,
                       mode_t mode);

/*
 Opens the struct that is shared under a name, or creates it, zeroed, if flags has IPC_CREATE. A
 new object is initialised by init before any other process can see it: call ipc_mutex_init()
 and the other initialisers there.

 The object appears under its name complete or not at all. If a process is killed while it
 creates the object, nothing is left, and no other process has seen it. The space is reserved,
 so using the object cannot fail for lack of memory. The struct begins at offset 0 of the
 object, page-aligned: a program that uses shm_open() and mmap() on the same name sees the same
 struct.

 out: receives the handle, on success only. End it with ipc_shm_close().
 name: "/" followed by 1 to 250 bytes that contain no slash.
 type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The call compares it with the type
 that the creator declared. The library keeps no reference to it.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_READ_ONLY, IPC_ADOPT,
 IPC_CHECK_OWNER.
 mode: the permissions of an object that this call creates, exactly: the umask is not applied.
 Unused without IPC_CREATE.
 init: called in this thread, before this call returns, with the zeroed struct and context, only
 if this call creates an object. It returns 0, or a negative error: then nothing is created, and
 this call returns that error. NULL does nothing. If two processes create the object at the
 same time, both may call init, each on its own memory. One of the two objects is then
 discarded, so init should change nothing but the struct. If a C++ exception or pthread_exit()
 leaves it, nothing is created, and the exception reaches the caller of this call. It must not be
 left by longjmp(). While it runs, its thread is not cancelled.
 context: passed to init unchanged.

 Returns: IPC_CREATED (1) if this call created the object; IPC_OPENED (0) if it existed; or a
 negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the name or type is malformed, a flag is not
 allowed here, or mode is above 0777; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if
 no such object exists and flags lacks IPC_CREATE; -EEXIST if the object exists and flags has
 IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if with IPC_CHECK_OWNER another
 user owns the object or others may write to it; -EFBIG if the object would be larger
 than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO
 if the two programs disagree about type, version, size, alignment, a field, word size or C
 library, or if the object has no record of this library (ipc_last_error() reports both sides);
 -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the record is damaged;
 -ESTALE if the object was removed during the call; -EAGAIN if, with IPC_ADOPT, the creator has
 not sized the object yet; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many
 descriptors or handles are open; -ENOMEM if no memory or address space is left; -EPERM or -EROFS
 if the system does not let this process set the mode of what it creates.
 Threads: safe.
 Fork: the child has the handle and the memory too, at the same address.
 */
int ipc_shm_open_typed_init(struct ipc_shm_t **out,
                            const char *name,
                            const struct ipc_type_t *type,
                            int flags,
                            mode_t mode,
                            int (*init)(void *data, void *context),
                            void *context);

/*
 Opens size bytes that are shared under a name, or creates them, zeroed, if flags has
 IPC_CREATE. The content has no declared type. All programs that open the object must give the
 same size.

 The object appears under its name complete or not at all. If a process is killed while it
 creates the object, nothing is left, and no other process has seen it. The space is reserved,
 so using the object cannot fail for lack of memory. The data begins at offset 0 of the object,
 page-aligned: a program that uses shm_open() and mmap() on the same name sees the same data.

 out: receives the handle, on success only. End it with ipc_shm_close().
 name: "/" followed by 1 to 250 bytes that contain no slash.
 size: in bytes, at least 1.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_READ_ONLY, IPC_ADOPT,
 IPC_CHECK_OWNER.
 mode: the permissions of an object that this call creates, exactly: the umask is not applied.
 Unused without IPC_CREATE.

 Returns: IPC_CREATED (1) if this call created the object; IPC_OPENED (0) if it existed; or a
 negative error.
 Errors: -EINVAL if out is misaligned, a pointer is NULL, the name is malformed, size is 0 or too
 large for an object, a flag is not allowed here, or mode is above 0777; -ENAMETOOLONG if name
 has more than 251 bytes; -ENOENT if no such object exists and flags lacks IPC_CREATE; -EEXIST if
 the object exists and flags has IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if
 with IPC_CHECK_OWNER another user owns the object or others may write to it; -EFBIG if the
 object would be larger than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file
 system has no room; -EPROTO if the object has another size or a declared type, was created for
 another word size or C library, or has no record of this library (ipc_last_error() reports both
 sides); -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the record is
 damaged; -ESTALE if the object was removed during the call; -EAGAIN if, with IPC_ADOPT, the
 creator has not sized the object yet; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE
 if too many descriptors or handles are open; -ENOMEM if no memory or address space is left;
 -EPERM or -EROFS if the system does not let this process set the mode of what it creates.
 Threads: safe.
 Fork: the child has the handle and the memory too, at the same address.
 */
int ipc_shm_open(struct ipc_shm_t **out,
                 const char *name,
                 size_t size,
                 int flags,
                 mode_t mode);

/*
 Opens the struct in a memory-mapped file, or creates the file, zeroed, if flags has IPC_CREATE.
 The data survives a restart of the machine.

 The file appears under its path complete or not at all. If a process is killed while it creates
 the file, nothing is left, and no other process has seen it. The space is reserved, so using
 the file cannot fail for lack of space. The struct begins at offset 0 of the file, page-aligned
 in memory.

 out: receives the handle, on success only. End it with ipc_shm_close().
 path: of a regular file, in a file system that has unnamed files (O_TMPFILE: ext4, xfs, btrfs,
 tmpfs, f2fs, ubifs). If the last part of the path is a symbolic link, the call fails.
 type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The call compares it with the type
 that the creator declared. The library keeps no reference to it.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_READ_ONLY, IPC_ADOPT,
 IPC_CHECK_OWNER.
 mode: the permissions of a file that this call creates, exactly: the umask is not applied.
 Unused without IPC_CREATE.

 Returns: IPC_CREATED (1) if this call created the file; IPC_OPENED (0) if it existed; or a
 negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the path is empty or ends with a slash, the
 type is malformed, a flag is not allowed here, or mode is above 0777; -ENAMETOOLONG if path or a
 part of it is too long; -ENOENT if the directory does not exist, or the file does not exist and
 flags lacks IPC_CREATE; -EEXIST if the file exists and flags has IPC_EXCLUSIVE; -EACCES if the
 permissions do not allow it, or if with IPC_CHECK_OWNER another user owns the file or others may
 write to it; -EFBIG if the object would be larger
 than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO if the two programs disagree about
 type, version, size, alignment, a field, word size or C library, or if the file has no record of
 this library (ipc_last_error() reports both sides); -EMEDIUMTYPE if path belongs to another kind
 of object or is not a regular file; -EUCLEAN if the record is damaged; -ESTALE if the file was
 removed during the call; -EBUSY if a mount shows a removed file at path;
 -EAGAIN if, with IPC_ADOPT, the creator has not sized the file yet; -ELOOP if the last part of path is a symbolic link; -EMFILE or -ENFILE if too many descriptors
 or handles are open; -EOPNOTSUPP if the file system has no unnamed files; -ENOTDIR if a part of
 the path is not a directory; -EROFS if the file system is read-only; -EIO if the disk failed;
 -ENOMEM if no memory or address space is left; -EPERM if the system does not let this process
 set the mode of what it creates.
 Threads: safe.
 Death: locks that were held when the machine went down, or when the file was copied, are granted
 once with IPC_OWNER_DIED after this call. It marks them if no living process has the file open
 for writing, and reads all data for that once.
 Fork: the child has the handle and the memory too, at the same address.
 */
int ipc_shm_open_file(struct ipc_shm_t **out,
                      const char *path,
                      const struct ipc_type_t *type,
                      int flags,
                      mode_t mode);

/*
 Creates size zeroed bytes without a name, which the process shares with the children that it
 forks.

 out: receives the handle, on success only. End it with ipc_shm_close().
 size: in bytes, at least 1.

 Returns: 0, or a negative error.
 Errors: -EINVAL if out is NULL or misaligned, or size is 0; -ENOMEM if no memory is left;
 -EMFILE or -ENFILE if too many handles of this process, or files of the system, are open.
 Threads: safe.
 Fork: the child has the same memory at the same address.
 */
int ipc_shm_anonymous(struct ipc_shm_t **out,
                      size_t size);

/*
 Creates a zeroed struct without a name whose size no process can change. Use it with peers that
 are not trusted: send the descriptor from ipc_shm_fd() over a socket, and the peer opens it
 with ipc_shm_from_fd(). A peer can spoil the data, but it cannot kill this process by
 truncating the memory.

 out: receives the handle, on success only. End it with ipc_shm_close().
 type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The library keeps no reference to
 it.

 Returns: 0, or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, or the type is malformed; -EFBIG if
 the memory would be larger than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if no
 memory is left for it; -EMFILE or -ENFILE if too many descriptors or handles are open; -ENOMEM
 if no address space is left; -EPERM if the system forbids this process to seal memory.
 Threads: safe.
 Fork: the child has the handle and the memory too, at the same address.
 */
int ipc_shm_sealed(struct ipc_shm_t **out,
                   const struct ipc_type_t *type);

/*
 Forbids new writable mappings of sealed memory, for all processes. Existing mappings stay
 writable. A process whose subscribers only read calls this before it sends the descriptor to
 them.

 shm: from ipc_shm_sealed().

 Returns: 0, or a negative error.
 Errors: -EINVAL if shm is NULL or its file cannot be sealed at all; -EBADF if the handle is
 closed or foreign; -EPERM if the memory is sealed against writing already, or does not come
 from ipc_shm_sealed(); -ENOTSUP if the memory is anonymous.
 Threads: safe.
 */
int ipc_shm_seal_writing(struct ipc_shm_t *shm);

/*
 Opens the struct behind a descriptor that a peer has sent.

 out: receives the handle, on success only. End it with ipc_shm_close().
 fd: a descriptor of shared memory. It still belongs to the caller, who may close it after the
 call.
 type: what the struct is, from IPC_TYPE, IPC_TYPE_FIELDS or IPC_TYPE_AS. The call compares it with the type
 that the creator declared. The library keeps no reference to it.
 flags: 0 or any of IPC_READ_ONLY, IPC_ADOPT and IPC_UNSEALED. IPC_UNSEALED accepts memory of a
 trusted peer whose size is not sealed.

 Returns: 0, or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the type is malformed, or a flag is not
 allowed here; -EBADF if fd is not open; -EPERM if the size is not sealed and flags lacks
 IPC_UNSEALED, or the memory is sealed against writing and flags lacks IPC_READ_ONLY; -EACCES if
 fd is open for reading only and flags lacks IPC_READ_ONLY; -EPROTO if the two programs disagree
 about type, version, size, alignment, a field, word size or C library, or if the memory has no
 record of this library (ipc_last_error() reports both sides); -EMEDIUMTYPE if fd is another
 kind of object; -EUCLEAN if the record is damaged; -EAGAIN if, with IPC_ADOPT, the creator has
 not sized the memory yet; -EMFILE or -ENFILE if too many descriptors or handles are open;
 -ENOMEM if no address space is left.
 Threads: safe.
 Fork: the child has the handle and the memory too, at the same address.
 */
int ipc_shm_from_fd(struct ipc_shm_t **out,
                    int fd,
                    const struct ipc_type_t *type,
                    int flags);

/*
 Returns the address of the shared memory.

 shm: an open handle.

 Returns: the address, page-aligned, valid until ipc_shm_close(); NULL if the handle is NULL,
 closed or foreign (ipc_last_error() says which). If the handle was opened with IPC_READ_ONLY,
 writing there causes SIGSEGV.
 Threads: safe.
 Fork: the address is valid in the child too.
 */
void *ipc_shm_data(const struct ipc_shm_t *shm);

/*
 Returns the size of the shared memory.

 shm: an open handle.

 Returns: the size in bytes, as given when the handle was opened; 0 if the handle is NULL,
 closed or foreign.
 Threads: safe.
 */
size_t ipc_shm_size(const struct ipc_shm_t *shm);

/*
 Returns the descriptor of the memory, for sending to another process or for fstat().

 shm: an open handle.

 Returns: a close-on-exec descriptor that belongs to the handle: do not close it; or a negative
 error.
 Errors: -EINVAL if shm is NULL; -EBADF if the handle is closed or foreign; -ENOTSUP if the
 memory is anonymous and so has no descriptor.
 Threads: safe.
 */
int ipc_shm_fd(const struct ipc_shm_t *shm);

/*
 Tells whether the object's name was removed, or given to another object, since the object was
 opened. Processes that have the object open can still use it, but a process that opens the name
 finds another object or none.

 shm: an open handle.

 Returns: 1 if the name was removed or given to another object, 0 if not, or a negative error.
 Anonymous and sealed memory never had a name: 0.
 Errors: -EINVAL if shm is NULL; -EBADF if the handle is closed or foreign; -EACCES if the system
 does not let this process examine the object; -ENOMEM if the kernel has no memory.
 Threads: safe.
 */
int ipc_shm_stale(const struct ipc_shm_t *shm);

/*
 Writes the data of a memory-mapped file to its disk and waits until it is there. Other
 processes see changes at once, without this call. A handle opened with IPC_READ_ONLY has
 nothing to write: 0.

 shm: an open handle.

 Returns: 0, or a negative error.
 Errors: -EINVAL if shm is NULL; -EBADF if the handle is closed or foreign; -ENOTSUP if the
 memory is anonymous; -EIO if the disk failed; -ENOSPC if the file system has no room for the
 data; -EIO if an earlier call on this handle failed. The data that it should have written may be
 lost: open the region again, write all data again, and sync that handle.
 Threads: safe.
 */
int ipc_shm_sync(struct ipc_shm_t *shm);

/*
 Ends a handle and unmaps its memory. A named object exists until its name is removed with
 ipc_shm_unlink() and the last process has closed it. A file exists until its path is removed
 with unlink().

 shm: an open handle; NULL does nothing. No thread may use the memory any more or hold a lock in
 it.

 Returns: 0, or a negative error.
 Errors: -EBADF if the handle is closed or foreign; -EBUSY if this thread holds a lock that lies
 in the memory: the handle stays open.
 Threads: safe. Calls with this handle that other threads have begun go on: this call does not wait
 for them, and the last of them releases what the handle stands for.
 Fork: closes the calling process's handle only.
 */
int ipc_shm_close(struct ipc_shm_t *shm);

/*
 Removes the name of a region of shared memory, or of shared memory that a program created without
 this library. Every other object or file with that name is left unchanged: semaphores and queues,
 the C library's semaphores, FIFOs, sockets, symbolic links and directories. Processes that have the object open can still use it, and ipc_shm_stale() then
 returns 1.

 name: "/" followed by 1 to 250 bytes that contain no slash.

 Returns: 0, or a negative error.
 Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes;
 -ENOENT if no such object exists; -EMEDIUMTYPE if the name belongs to another kind of object;
 -EACCES or -EPERM if the permissions do not allow it; -EMFILE or -ENFILE if too many descriptors
 are open to examine the object; -ENOMEM if the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
 if another file system is mounted on the file.
 Threads: safe.
 */
int ipc_shm_unlink(const char *name);

/*
 Initialises a mutex in memory that no other thread uses yet. Call it in the init function of
 ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().

 mutex: 64 bytes, aligned to 8.
 attr: the attributes; NULL for the default. The library keeps no reference to it.

 Returns: 0, or a negative error.
 Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EINVAL if mutex
 is NULL, if mutex or attr is misaligned, if attr has an unknown flag, both IPC_MUTEX_RECURSIVE
 and IPC_MUTEX_ERROR_CHECK, or a reserved field that is not 0; -EBUSY if the memory holds an
 initialised mutex that is locked or whose owner died holding it; -ENOTSUP if the C library's
 robust lists have a form that this library does not know.
 Threads: one thread initialises the mutex before other threads use it.
 */
int ipc_mutex_init(struct ipc_mutex_t *mutex,
                   const struct ipc_mutex_attr_t *attr);

/*
 Locks a mutex, waiting until it is free. The wait resumes after a signal handler.

 mutex: an initialised mutex.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
 without limit, 0 does not wait.

 Returns: 0 if the lock is held; IPC_OWNER_DIED (2) if the lock is held and its last owner died
 holding it: repair the data and call ipc_mutex_consistent() before you unlock; or a negative
 error, and this call has not taken the lock.
 Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
 another thread holds the mutex and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EDEADLK
 if this thread holds the mutex already and the mutex is not recursive, or if, with priority
 inheritance, the owners wait for each other in a circle; -ENOTRECOVERABLE if an owner unlocked
 the mutex after IPC_OWNER_DIED without calling ipc_mutex_consistent(), or if, with priority
 inheritance, the kernel refuses the lock word; -EINVAL if mutex is NULL, misaligned or not
 initialised, or if timeout_ns is invalid; -EPROTO if the memory holds something other than a
 mutex of this library's version and C library, or a mutex initialised in another PID namespace;
 -EOVERFLOW if a recursive mutex is locked 4294967295 times already; -ENOSYS if a sandbox
 (seccomp) forbids this process to sleep on a futex.
 Threads: safe. In signal handlers: safe on a mutex that the interrupted code neither holds nor
 locks. The handler unlocks it before it returns.
 Fork: a held lock belongs to the parent's thread. The child does not hold the lock and cannot
 unlock it.
 Owner death: the lock is granted to the next locker with IPC_OWNER_DIED. The end of the owning
 thread and its process's exec count as death too. If the kernel does not report the death
 (it checks at most 2048 locks of a thread), sleeping waiters notice it within 15 s.
 Waiter death: if a dying waiter had received a wake-up, another waiter wakes at once
 (before Linux 6.2: within 1 s).
 */
int ipc_mutex_lock(struct ipc_mutex_t *mutex,
                   int64_t timeout_ns);

/*
 Unlocks a mutex that this thread holds.

 If the lock was granted with IPC_OWNER_DIED and ipc_mutex_consistent() was not called,
 unlocking gives the data up. From then on every lock of this mutex fails with -ENOTRECOVERABLE,
 and the threads that wait for it wake with that error.

 mutex: an initialised mutex that this thread holds.

 Returns: 0, or a negative error.
 Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EPERM if this
 thread does not hold the mutex; -EINVAL if mutex is NULL, misaligned or not initialised; -EPROTO
 if the memory holds something other than a mutex of this library's version and C library, or a
 mutex initialised in another PID namespace.
 Threads: safe; only the owner can unlock.
 Fork: the child does not hold its parent's locks and gets -EPERM.
 Owner death: if the owner dies inside this call, the mutex is free, or the next locker gets
 IPC_OWNER_DIED.
 */
int ipc_mutex_unlock(struct ipc_mutex_t *mutex);

/*
 Declares that the data under a mutex is sound again, after a lock that returned IPC_OWNER_DIED.
 The mutex stays locked.

 mutex: an initialised mutex that this thread holds.

 Returns: 0, or a negative error.
 Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EINVAL if the
 last owner did not die holding the mutex, or if mutex is NULL, misaligned or not initialised;
 -EPERM if this thread does not hold the mutex; -EPROTO if the memory holds something other than
 a mutex of this library's version and C library, or a mutex initialised in another PID
 namespace.
 Threads: safe; only the owner can call it.
 Fork: the child does not hold its parent's locks and gets -EPERM.
 Owner death: if the owner dies before this call, the next locker gets IPC_OWNER_DIED too.
 */
int ipc_mutex_consistent(struct ipc_mutex_t *mutex);

/*
 Ends a mutex that no thread holds or will use again. This call is not needed before the memory
 is unmapped.

 mutex: an initialised mutex.

 Returns: 0, or a negative error.
 Errors: -EACCES if the mutex lies in memory that was opened with IPC_READ_ONLY; -EBUSY if the
 mutex is locked, or if its owner died holding it and no locker has been told: lock it first;
 -EINVAL if mutex is NULL, misaligned or not initialised; -EPROTO if the memory holds something
 other than a mutex of this library's version and C library, or a mutex initialised in another
 PID namespace.
 Threads: one thread destroys the mutex, after all others have used it for the last time. Do not
 use the memory for other data at once: if a thread is killed in its last unlock, the kernel may
 set a bit in it.
 */
int ipc_mutex_destroy(struct ipc_mutex_t *mutex);

/*
 Initialises a condition variable in memory that no other thread uses yet. Call it in the init
 function of ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().

 cond: 32 bytes, aligned to 8.

 Returns: 0, or a negative error.
 Errors: -EACCES if the condition variable lies in memory that was opened with IPC_READ_ONLY;
 -EINVAL if cond is NULL or misaligned.
 Threads: one thread initialises the condition variable before other threads use it.
 */
int ipc_cond_init(struct ipc_cond_t *cond);

/*
 Unlocks the mutex, waits for a signal, and locks the mutex again. As with every condition
 variable the wait can end without a signal: test your condition in a loop.

 cond: an initialised condition variable.
 mutex: held by this thread. A recursive mutex is unlocked completely and locked again as often.
 timeout_ns: how long to wait for the signal at most, in nanoseconds on the monotonic clock;
 IPC_FOREVER waits without limit, 0 only unlocks the mutex and locks it again. The timeout does
 not limit the wait for the mutex afterwards.

 Returns: 0 with the mutex held; IPC_OWNER_DIED (2) with the mutex held, if its last owner died
 holding it: repair the data and call ipc_mutex_consistent(); or a negative error.
 Errors, with the mutex held as before the call: -ETIMEDOUT if the time has passed; -EAGAIN if
 timeout_ns is 0 and no signal came; -EINTR if a signal handler ran; -EINVAL if a pointer is NULL
 or misaligned, an object is not initialised, timeout_ns is invalid, or the mutex's last owner
 died and ipc_mutex_consistent() was not called; -EPROTO if the memory holds something other than
 a condition variable of this library's version, something other than a mutex of this library's
 version and C library, or a mutex initialised in another PID namespace; -ENOSYS if a sandbox
 (seccomp) forbids this process to sleep on a futex.
 Errors, with the mutex not held: -EPERM if this thread did not hold the mutex; -ENOTRECOVERABLE
 if, during the wait, an owner unlocked the mutex after IPC_OWNER_DIED without calling
 ipc_mutex_consistent().
 Threads: safe.
 Fork: the child does not hold its parent's locks; it locks the mutex before it waits.
 Owner death: if the mutex's owner dies, a waiter returns with IPC_OWNER_DIED within 1 s.
 Waiter and signaller death: if a process dies that should deliver or had received a signal,
 another waiter gets the signal within 1 s.
 */
int ipc_cond_wait(struct ipc_cond_t *cond,
                  struct ipc_mutex_t *mutex,
                  int64_t timeout_ns);

/*
 Wakes at least one waiter of a condition variable, if there is one. Programs usually call it
 with the mutex held.

 cond: an initialised condition variable.

 Returns: 0, or a negative error.
 Errors: -EACCES if the condition variable lies in memory that was opened with IPC_READ_ONLY;
 -EINVAL if cond is NULL, misaligned or not initialised; -EPROTO if the memory holds something
 other than a condition variable of this library's version.
 Threads: safe.
 Signaller death: if the signaller dies inside this call, the signal was not given, or a waiter
 gets it within 1 s.
 */
int ipc_cond_signal(struct ipc_cond_t *cond);

/*
 Wakes all waiters of a condition variable. Programs usually call it with the mutex held.

 cond: an initialised condition variable.

 Returns: 0, or a negative error.
 Errors: -EACCES if the condition variable lies in memory that was opened with IPC_READ_ONLY;
 -EINVAL if cond is NULL, misaligned or not initialised; -EPROTO if the memory holds something
 other than a condition variable of this library's version.
 Threads: safe.
 Signaller death: if the signaller dies inside this call, the signal was not given, or all
 waiters get it within 1 s.
 */
int ipc_cond_broadcast(struct ipc_cond_t *cond);

/*
 Ends a condition variable that no thread will use again. This call is not needed before the
 memory is unmapped.

 cond: an initialised condition variable.

 Returns: 0, or a negative error.
 Errors: -EACCES if the condition variable lies in memory that was opened with IPC_READ_ONLY;
 -EINVAL if cond is NULL, misaligned or not initialised; -EPROTO if the memory holds something
 other than a condition variable of this library's version.
 Threads: one thread destroys the condition variable, after all others have used it for the last
 time.
 */
int ipc_cond_destroy(struct ipc_cond_t *cond);

/*
 Initialises a semaphore in memory that no other thread uses yet. Call it in the init function
 of ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().

 sem: 32 bytes, aligned to 8.
 value: how many permits are free, 0 to IPC_SEM_VALUE_MAX.

 Returns: 0, or a negative error.
 Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EINVAL if
 sem is NULL, misaligned or a semaphore that ipc_sem_open() opened, which other processes use
 too, or if value is above IPC_SEM_VALUE_MAX.
 Threads: one thread initialises the semaphore before other threads use it.
 */
int ipc_sem_init(struct ipc_sem_t *sem,
                 unsigned int value);

/*
 Takes a permit of a semaphore, waiting until one is free.

 sem: an initialised semaphore, or one from ipc_sem_open().
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
 without limit, 0 does not wait.

 Returns: 0 if the permit is taken, or a negative error.
 Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
 no permit is free and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EINTR if a signal
 handler ran during the wait; -EINVAL if sem is NULL, misaligned or not initialised, or if
 timeout_ns is invalid; -EPROTO if the memory holds something other than a semaphore of this
 library's version; -EBADF if sem was opened with IPC_POSIX and is closed; -ENOSYS if a sandbox
 (seccomp) forbids this process to sleep on a futex.
 Threads: safe.
 Fork: the child uses the same semaphore.
 Owner death: a permit has no owner, so a permit that a dead process took does not come back.
 Waiter death: if a process dies that should deliver or had received a wake-up, another waiter
 wakes at once (before Linux 6.2: within 1 s). A waiter in sem_wait() of the C library may go on sleeping.
 */
int ipc_sem_wait(struct ipc_sem_t *sem,
                 int64_t timeout_ns);

/*
 Adds a permit to a semaphore and wakes a waiter, if there is one. A signal handler may call it.

 sem: an initialised semaphore, or one from ipc_sem_open().

 Returns: 0, or a negative error.
 Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EOVERFLOW
 if the value is IPC_SEM_VALUE_MAX already; -EINVAL if sem is NULL, misaligned or not
 initialised; -EPROTO if the memory holds something other than a semaphore of this library's
 version; -EBADF if sem was opened with IPC_POSIX and is closed.
 Threads: safe. In signal handlers: safe.
 Fork: the child uses the same semaphore.
 Poster death: if the poster dies inside this call, the permit was not added, or a waiter gets
 it at once (before Linux 6.2: within 1 s). A waiter in sem_wait() of the C library may go on sleeping.
 */
int ipc_sem_post(struct ipc_sem_t *sem);

/*
 Stores how many permits of a semaphore are free at some moment during the call.

 sem: an initialised semaphore, or one from ipc_sem_open().
 value: receives the number, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, or sem is not initialised; -EPROTO if the
 memory holds something other than a semaphore of this library's version; -EBADF if sem was
 opened with IPC_POSIX and is closed.
 Threads: safe.
 */
int ipc_sem_value(const struct ipc_sem_t *sem,
                  unsigned int *value);

/*
 Ends a placed semaphore that no thread will use again. This call is not needed before the
 memory is unmapped. Close a named semaphore with ipc_sem_close() instead.

 sem: an initialised semaphore.

 Returns: 0, or a negative error.
 Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EINVAL if
 sem is NULL, misaligned, not initialised or a semaphore that ipc_sem_open() opened, which other
 processes use too; -EPROTO if the memory holds something other than a semaphore of this
 library's version.
 Threads: one thread destroys the semaphore, after all others have used it for the last time.
 */
int ipc_sem_destroy(struct ipc_sem_t *sem);

/*
 Gives a descriptor for poll(), select() and epoll, which is readable while a semaphore has a free permit. It is
 an eventfd that belongs to this process. Do not read from it or write to it. It is always writable.

 Whichever process posts makes the descriptor readable. The descriptor may be readable although no permit is
 free any more, because another process took it: then ipc_sem_wait() with timeout 0 gives -EAGAIN, and the
 descriptor is not readable any more. With EPOLLET, take permits with timeout 0 until -EAGAIN. Then every change
 from no free permit to a free one is reported.

 Where the kernel has io_uring with IORING_OP_FUTEX_WAIT (Linux 6.7) and permits it, the descriptor needs one more
 descriptor, of an io_uring, and no thread. Elsewhere the first such call of a process starts a thread, which
 stays. It is named "ipc_watch", blocks all signals, and sleeps until something happens. Where the kernel
 has no futex_waitv() either (before Linux 5.16, or in a sandbox), that thread checks all semaphores every 10 ms.

 sem: an initialised semaphore, or one from ipc_sem_open() without IPC_POSIX. If it lies in memory that the
 program maps itself, and the memory is to be unmapped, call ipc_sem_destroy() or close the descriptor before.

 Returns: the descriptor, or a negative error. Every call with this semaphore gives the same descriptor. It
 belongs to the library and lasts until ipc_sem_destroy() or ipc_sem_close(), until the region with the semaphore
 is closed, or until the program closes it.
 Errors: -EACCES if the semaphore lies in memory that was opened with IPC_READ_ONLY; -EINVAL if sem
 is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than a
 semaphore of this library's version; -ENOTSUP if sem was opened with IPC_POSIX: the C library's sem_post() wakes
 threads only; -EBADF if sem was opened with IPC_POSIX and is closed; -EMFILE if this process has too many
 descriptors; -ENFILE if the system has too many open files; -EAGAIN if no thread can be started, or if a signal
 handler makes this call and interrupted a call on the same semaphore; -ENOMEM if there is no memory.
 Threads: safe.
 Fork: the descriptor stays the parent's. The child calls ipc_sem_fd() itself and gets its own.
 Owner death: a permit has no owner. A poster that dies has posted and made the descriptor readable, or
 neither.
 */
int ipc_sem_fd(struct ipc_sem_t *sem);

/*
 Opens the semaphore with a name, or creates it if flags has IPC_CREATE.

 With IPC_POSIX it is the C library's semaphore, which sem_open() opens in other programs under
 the same name. A permit that one side posts can be taken by the other side. Names with
 IPC_POSIX and names without it are separate: "/a" with IPC_POSIX and "/a" without it are two
 semaphores.

 If a process is killed while it creates a semaphore, nothing is left.

 An open semaphore keeps its memory mapped, and no descriptor.

 out: receives the semaphore, on success only. End it with ipc_sem_close().
 name: "/" followed by 1 to 250 bytes that contain no slash. Without IPC_POSIX, named objects of
 all kinds of this library share one space of names.
 value: the first value of a semaphore that this call creates, 0 to IPC_SEM_VALUE_MAX; otherwise
 unused.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_CHECK_OWNER,
 IPC_POSIX.
 mode: the permissions of a semaphore that this call creates, exactly: the umask is not applied.
 Waiting and posting need read and write permission. Unused without IPC_CREATE.

 Returns: IPC_CREATED (1) if this call created the semaphore; IPC_OPENED (0) if it existed; or a
 negative error.
 Errors: -EINVAL if out is misaligned, out or name is NULL, the name is malformed, a flag is not
 allowed here, mode is above 0777, or value is above IPC_SEM_VALUE_MAX; -ENAMETOOLONG if name has
 more than 251 bytes; -ENOENT if the semaphore does not exist and flags lacks IPC_CREATE; -EEXIST
 if the semaphore exists and flags has IPC_EXCLUSIVE; -EACCES if the permissions do not allow it,
 or if with IPC_CHECK_OWNER another user owns the semaphore or others may write to it; -ENOSPC if
 /dev/shm has no room; -EPROTO if the object was made by another program, or by this library for
 another word size or C library, or with another record version, or if with IPC_POSIX its file
 does not have the size of a sem_t; -EMEDIUMTYPE if the name belongs to another kind of object;
 -EUCLEAN if the object's record is damaged; -ESTALE if the semaphore was removed during the
 call; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many descriptors or
 handles are open; -ENOMEM if no memory or address space is left; -EPERM or -EROFS if the system
 does not let this process set the mode of what it creates; -EFBIG if the new file of a semaphore
 would be larger than RLIMIT_FSIZE allows.
 Threads: safe.
 Fork: the child can use the semaphore too, and closes its own.
 */
int ipc_sem_open(struct ipc_sem_t **out,
                 const char *name,
                 unsigned int value,
                 int flags,
                 mode_t mode);

/*
 Ends this process's use of a named semaphore. The semaphore itself exists until its name is
 removed with ipc_sem_unlink() or ipc_sem_unlink_posix() and the last process has closed it.

 sem: from ipc_sem_open(); NULL does nothing. No thread may use it any more.

 Returns: 0, or a negative error.
 Errors: -EBADF if sem is not an open named semaphore of this process.
 Threads: safe. If sem was opened with IPC_POSIX, calls that other threads have begun go on, and
 this call does not wait for them.
 Fork: closes the semaphore for the calling process only.
 */
int ipc_sem_close(struct ipc_sem_t *sem);

/*
 Removes the name of a semaphore of this library. Every other object or file with that name is left
 unchanged. Processes that have the semaphore open can
 still use it. Use ipc_sem_unlink_posix() for a semaphore of the C library.

 name: "/" followed by 1 to 250 bytes that contain no slash.

 Returns: 0, or a negative error.
 Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes;
 -ENOENT if no such semaphore exists; -EMEDIUMTYPE if the name belongs to another kind of object;
 -EACCES or -EPERM if the permissions do not allow it; -EMFILE or -ENFILE if too many descriptors
 are open to examine the object; -ENOMEM if the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
 if another file system is mounted on the file.
 Threads: safe.
 */
int ipc_sem_unlink(const char *name);

/*
 Removes the name of a semaphore of the C library, which sem_open() or ipc_sem_open() with
 IPC_POSIX created. A file that has not the size of a sem_t, of a program with 64-bit or 32-bit
 words, is left unchanged, and so is an object of this library. Processes that have the semaphore open can still use it.

 name: "/" followed by 1 to 250 bytes that contain no slash.

 Returns: 0, or a negative error.
 Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes;
 -ENOENT if no such semaphore exists; -EACCES or -EPERM if the permissions do not allow it;
 -EMFILE or -ENFILE if too many descriptors are open to examine the object; -ENOMEM if the kernel
 has no memory; -EMEDIUMTYPE if the name belongs to another kind of object, which is
 unchanged; -EROFS if the file system is read-only; -EBUSY
 if another file system is mounted on the file.
 Threads: safe.
 */
int ipc_sem_unlink_posix(const char *name);

/*
 Initialises a readers-writer lock in memory that no other thread uses yet. Call it in the init
 function of ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().

 rwlock: 2048 bytes, aligned to 8.

 Returns: 0, or a negative error.
 Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EINVAL if rwlock
 is NULL or misaligned; -EBUSY if the memory holds an initialised lock that a thread holds;
 -ENOTSUP if the C library's robust lists have a form that this library does not know.
 Threads: one thread initialises the lock before other threads use it.
 */
int ipc_rwlock_init(struct ipc_rwlock_t *rwlock);

/*
 Locks for reading, together with other readers. The wait resumes after a signal handler.

 A thread that holds the lock for reading may lock it for reading again, also while a writer
 waits. It unlocks as often as it has locked. Readers that come while a writer waits let the
 writer go first.

 rwlock: an initialised readers-writer lock.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
 without limit, 0 does not wait.

 Returns: 0 if the lock is held for reading; IPC_OWNER_DIED (2) if a writer died while it wrote:
 this thread then holds the lock alone, as a writer does, and has to repair the data, call
 ipc_rwlock_consistent() and unlock; or a negative error, and this call has not taken the lock.
 Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
 timeout_ns is 0 and a writer holds the lock or waits for it, readers that queued behind a writer
 are just entering, or all places for readers are taken; -ETIMEDOUT if the time has passed;
 -EDEADLK if this thread holds the lock for writing; -ENOTRECOVERABLE if a thread unlocked after
 IPC_OWNER_DIED without calling ipc_rwlock_consistent(); -EINVAL if rwlock is NULL, misaligned or
 not initialised, or if timeout_ns is invalid; -EPROTO if the memory holds something other than
 a readers-writer lock of this library's version and C library, or a lock initialised in another
 PID namespace; -EOVERFLOW if this thread holds the lock for reading 4294967295 times already;
 -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. In signal handlers: safe on a lock that the interrupted
 code does not use. The handler unlocks it before it returns.
 Fork: a held lock belongs to the parent's thread. The child does not hold the lock and cannot
 unlock it.
 Owner death: a reader's death frees its place; no other thread is informed, because a reader
 changes nothing. If a writer dies while it writes, the next locker gets IPC_OWNER_DIED. The end
 of the owning thread and its process's exec count as death too.
 Waiter death: a dead waiter does not affect the others.
 */
int ipc_rwlock_read_lock(struct ipc_rwlock_t *rwlock,
                         int64_t timeout_ns);

/*
 Locks for writing, alone. The wait resumes after a signal handler. Once this writer is first in
 the queue, no new reader enters. So readers that overlap each other cannot keep a writer out.

 rwlock: an initialised readers-writer lock.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
 without limit, 0 does not wait.

 Returns: 0 if the lock is held for writing; IPC_OWNER_DIED (2) if the lock is held for writing
 and the last writer died while it wrote: repair the data and call ipc_rwlock_consistent()
 before you unlock; or a negative error, and this call has not taken the lock.
 Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
 timeout_ns is 0 and other threads hold the lock, wait for it or are just trying to lock it;
 -ETIMEDOUT if the time has passed; -EDEADLK if this thread holds the lock, for reading or
 writing; -ENOTRECOVERABLE if a thread unlocked after IPC_OWNER_DIED without calling
 ipc_rwlock_consistent(); -EINVAL if rwlock is NULL, misaligned or not initialised, or if
 timeout_ns is invalid; -EPROTO if the memory holds something other than a readers-writer lock
 of this library's version and C library, or a lock initialised in another PID namespace; -ENOSYS
 if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. In signal handlers: safe on a lock that the interrupted
 code does not use. The handler unlocks it before it returns.
 Fork: a held lock belongs to the parent's thread. The child does not hold the lock and cannot
 unlock it.
 Owner death: if a writer dies while it writes, the next locker gets IPC_OWNER_DIED. The end of
 the owning thread and its process's exec count as death too. If a writer dies before the
 readers have left, it has written nothing, and no other thread is informed.
 Waiter death: a dead waiter does not affect the others.
 */
int ipc_rwlock_write_lock(struct ipc_rwlock_t *rwlock,
                          int64_t timeout_ns);

/*
 Unlocks a readers-writer lock that this thread holds, for reading or writing.

 If the lock was granted with IPC_OWNER_DIED and ipc_rwlock_consistent() was not called,
 unlocking gives the data up. From then on every lock fails with -ENOTRECOVERABLE, and the
 threads that wait for the lock wake with that error.

 rwlock: an initialised readers-writer lock that this thread holds.

 Returns: 0, or a negative error.
 Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EPERM if this
 thread does not hold the lock; -EINVAL if rwlock is NULL, misaligned or not initialised; -EPROTO
 if the memory holds something other than a readers-writer lock of this library's version and C
 library, or a lock initialised in another PID namespace.
 Threads: safe; only the thread that locked can unlock. In signal handlers: safe on a lock
 that the interrupted code does not use.
 Fork: the child does not hold its parent's locks and gets -EPERM.
 Owner death: if the owner dies inside this call, either the unlock has happened or the owner
 counts as dead while it held the lock.
 */
int ipc_rwlock_unlock(struct ipc_rwlock_t *rwlock);

/*
 Declares that the data under a readers-writer lock is sound again, after a lock that returned
 IPC_OWNER_DIED. This thread still holds the lock alone.

 rwlock: an initialised readers-writer lock that this thread holds for writing.

 Returns: 0, or a negative error.
 Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EINVAL if no
 writer died, or if rwlock is NULL, misaligned or not initialised; -EPERM if this thread does not
 hold the lock for writing; -EPROTO if the memory holds something other than a readers-writer
 lock of this library's version and C library, or a lock initialised in another PID namespace.
 Threads: safe; only the thread that holds the lock can call it.
 Fork: the child does not hold its parent's locks and gets -EPERM.
 Owner death: if the owner dies before this call, the next locker gets IPC_OWNER_DIED too.
 */
int ipc_rwlock_consistent(struct ipc_rwlock_t *rwlock);

/*
 Ends a readers-writer lock that no thread holds or will use again. This call is not needed
 before the memory is unmapped.

 rwlock: an initialised readers-writer lock.

 Returns: 0, or a negative error.
 Errors: -EACCES if the lock lies in memory that was opened with IPC_READ_ONLY; -EBUSY if a
 thread holds the lock, or if a writer died holding it and no locker has been told: lock it
 first; -EINVAL if rwlock is NULL, misaligned or not initialised; -EPROTO if the memory holds
 something other than a readers-writer lock of this library's version and C library, or a lock
 initialised in another PID namespace.
 Threads: one thread destroys the lock, after all others have used it for the last time. Do not
 use the memory for other data at once: if a thread is killed in its last unlock, the kernel may
 set a bit in it.
 Owner death: a thread that died holding the lock does not hold it any more.
 */
int ipc_rwlock_destroy(struct ipc_rwlock_t *rwlock);

/*
 Initialises a pool of permits in memory that no other thread uses yet. Call it in the init
 function of ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().

 permits: 2048 bytes, aligned to 8.
 count: how many permits the pool has, 1 to IPC_PERMITS_MAX. All of them are free.

 Returns: 0, or a negative error.
 Errors: -EACCES if the pool lies in memory that was opened with IPC_READ_ONLY; -EINVAL if
 permits is NULL or misaligned, or count is out of range; -EBUSY if the memory holds an
 initialised pool and a thread holds one of its permits; -ENOTSUP if the C library's robust lists
 have a form that this library does not know.
 Threads: one thread initialises the pool before other threads use it.
 */
int ipc_permits_init(struct ipc_permits_t *permits,
                     unsigned int count);

/*
 Takes a permit, waiting until one is free. A thread can hold several permits. A permit whose
 last owner died is taken before the others.

 permits: an initialised pool.
 permit: receives the permit's number, 0 to count - 1, on success only. Pass the number to
 ipc_permits_give(). It also says which of count equal resources belongs to this thread now.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
 without limit, 0 does not wait.

 Returns: 0 if the permit is held; IPC_OWNER_DIED (2) if the permit is held and its last owner
 died holding it: the resource behind the permit may need repair, and there is no call to
 declare it repaired; or a negative error.
 Errors: -EACCES if the pool lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if no
 permit is free and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EINTR if a signal
 handler ran during the wait; -EINVAL if a pointer is NULL or misaligned, the pool is not
 initialised, or timeout_ns is invalid; -EPROTO if the memory holds something other than a pool
 of permits of this library's version and C library, a pool initialised in another PID namespace,
 or a damaged pool; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. In signal handlers: safe on a pool that the interrupted
 code does not use. The handler gives the permit back before it returns.
 Fork: a held permit belongs to the parent's thread. The child does not hold it and cannot give
 it back.
 Owner death: the permit is free at once. The end of the owning thread and its process's exec
 count as death too. A waiter notices at once on Linux 6.2 and newer, otherwise within 1 s.
 If a thread that got IPC_OWNER_DIED dies with the permit too, the next owner gets
 IPC_OWNER_DIED.
 Waiter death: if a process dies that should deliver or had received a wake-up, another waiter
 wakes at once (before Linux 6.2: within 1 s).
 */
int ipc_permits_take(struct ipc_permits_t *permits,
                     unsigned int *permit,
                     int64_t timeout_ns);

/*
 Gives back a permit that this thread holds.

 permits: an initialised pool.
 permit: the permit's number, from ipc_permits_take().

 Returns: 0, or a negative error.
 Errors: -EACCES if the pool lies in memory that was opened with IPC_READ_ONLY; -EPERM if this
 thread does not hold the permit; -EINVAL if the pool has no such permit, or permits is NULL,
 misaligned or not initialised; -EPROTO if the memory holds something other than a pool of
 permits of this library's version and C library, a pool initialised in another PID namespace, or
 a damaged pool.
 Threads: safe; only the thread that took a permit can give it back. In signal
 handlers: safe on a pool that the interrupted code does not use.
 Fork: the child does not hold its parent's permits and gets -EPERM.
 Owner death: if the owner dies inside this call, either the permit is given back or the owner
 counts as dead while it held the permit.
 Waiter death: if a process dies that should deliver or had received a wake-up, another waiter
 wakes at once (before Linux 6.2: within 1 s).
 */
int ipc_permits_give(struct ipc_permits_t *permits,
                     unsigned int permit);

/*
 Stores how many permits of a pool are free. Other threads may take and give back permits during
 the call. A permit whose owner died counts as free.

 permits: an initialised pool.
 free: receives the number, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, or the pool is not initialised; -EPROTO if
 the memory holds something other than a pool of permits of this library's version and C
 library, a pool initialised in another PID namespace, or a damaged pool.
 Threads: safe.
 */
int ipc_permits_free(const struct ipc_permits_t *permits,
                     unsigned int *free);

/*
 Ends a pool of permits that no thread will use again. No permit may be held. This call is not
 needed before the memory is unmapped.

 permits: an initialised pool.

 Returns: 0, or a negative error.
 Errors: -EACCES if the pool lies in memory that was opened with IPC_READ_ONLY; -EBUSY if a
 thread holds a permit; -EINVAL if permits is NULL, misaligned or not initialised; -EPROTO if the
 memory holds something other than a pool of permits of this library's version and C library, a
 pool initialised in another PID namespace, or a damaged pool.
 Threads: one thread destroys the pool, after all others have used it for the last time. Do not
 use the memory for other data at once: if a thread is killed in its last call, the kernel may
 set a bit in it.
 Owner death: a thread that died holding a permit does not hold it any more.
 */
int ipc_permits_destroy(struct ipc_permits_t *permits);

/*
 Initialises a barrier in memory that no other thread uses yet. Call it in the init function of
 ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().

 barrier: 2048 bytes, aligned to 8.
 count: how many participants each round waits for, 1 to IPC_BARRIER_COUNT_MAX.

 Returns: 0, or a negative error.
 Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EINVAL if
 barrier is NULL or misaligned, or count is out of range; -EBUSY if the memory holds an
 initialised barrier with participants; -ENOTSUP if the C library's robust lists have a form that
 this library does not know.
 Threads: one thread initialises the barrier before other threads use it.
 */
int ipc_barrier_init(struct ipc_barrier_t *barrier,
                     unsigned int count);

/*
 Makes this thread a participant, without waiting. From then on the others learn of its death.
 If the thread is a participant already, the call changes nothing.

 barrier: an initialised barrier.

 Returns: 0, or a negative error.
 Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EOWNERDEAD if
 a participant died and ipc_barrier_reset() was not called since; -EBUSY if the barrier has all
 its participants and this thread is none of them; -EINVAL if barrier is NULL, misaligned or not
 initialised; -EPROTO if the memory holds something other than a barrier of this library's
 version and C library, a barrier initialised in another PID namespace, or a damaged barrier.
 Threads: safe. In signal handlers: safe on a barrier that the interrupted
 code does not use.
 Fork: the child is not a participant.
 Owner death: a participant's death breaks the round for all participants. The end of its thread
 without ipc_barrier_leave() and its process's exec count as death too.
 */
int ipc_barrier_join(struct ipc_barrier_t *barrier);

/*
 Waits until all participants have arrived; then the next round begins.

 A thread becomes a participant with its first wait or with ipc_barrier_join(). It stays a
 participant until ipc_barrier_leave(), which it has to call before it ends and before the
 memory is unmapped. A participant whose wait fails has not arrived, and stays a participant. If
 the first wait of a thread finds that a participant died before, the thread does not become a
 participant.

 barrier: an initialised barrier.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
 without limit, 0 only checks whether this thread is the last to arrive.

 Returns: IPC_BARRIER_SERIAL (3) for one participant and 0 for the others, if all have arrived;
 or a negative error.
 Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EOWNERDEAD if
 a participant died before all had arrived: the round is broken for all participants, and each
 later wait fails until ipc_barrier_reset(); -EAGAIN if others are missing and timeout_ns is 0;
 -ETIMEDOUT if the time has passed; -EINTR if a signal handler ran during the wait; -EBUSY if the
 barrier has all its participants and this thread is none of them; -EINVAL if barrier is NULL,
 misaligned or not initialised, or timeout_ns is invalid; -EPROTO if the memory holds something
 other than a barrier of this library's version and C library, a barrier initialised in another
 PID namespace, or a damaged barrier; -ENOSYS if a sandbox (seccomp) forbids this process to
 sleep on a futex.
 Threads: safe. In signal handlers: safe on a barrier that the interrupted
 code does not use.
 Fork: the child is not a participant.
 Owner death: a participant's death breaks the round, whether the participant was waiting or
 not. Waiters notice at once on Linux 6.2 and newer, otherwise within 1 s. The end of a
 participant's thread without ipc_barrier_leave() and its process's exec count as death too. The
 death of a process that is not yet a participant is not noticed: use a timeout.
 */
int ipc_barrier_wait(struct ipc_barrier_t *barrier,
                     int64_t timeout_ns);

/*
 Ends this thread's part in a barrier. The others then wait for another thread to take its
 place.

 barrier: an initialised barrier of which this thread is a participant.

 Returns: 0, or a negative error.
 Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EPERM if this
 thread is not a participant; -EINVAL if barrier is NULL, misaligned or not initialised; -EPROTO
 if the memory holds something other than a barrier of this library's version and C library, a
 barrier initialised in another PID namespace, or a damaged barrier.
 Threads: safe. In signal handlers: safe on a barrier that the interrupted
 code does not use.
 Fork: the child is not a participant and gets -EPERM.
 Owner death: if the thread dies inside this call, it has left or counts as a participant that
 died.
 */
int ipc_barrier_leave(struct ipc_barrier_t *barrier);

/*
 Makes a barrier usable again after a participant's death. The place of the dead participant is
 free for another thread, and the living participants stay participants. If no participant died,
 the call changes nothing.

 barrier: an initialised barrier.

 Returns: 0, or a negative error.
 Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EBUSY if a
 participant has not yet returned from the broken wait: it returns at once; -EINVAL if
 barrier is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than
 a barrier of this library's version and C library, a barrier initialised in another PID
 namespace, or a damaged barrier.
 Threads: safe. In signal handlers: safe on a barrier that the interrupted
 code does not use.
 Owner death: if the caller dies inside this call, the barrier is still broken or is reset.
 */
int ipc_barrier_reset(struct ipc_barrier_t *barrier);

/*
 Ends a barrier that has no participants and that no thread will use again. This call is not
 needed before the memory is unmapped.

 barrier: an initialised barrier.

 Returns: 0, or a negative error.
 Errors: -EACCES if the barrier lies in memory that was opened with IPC_READ_ONLY; -EBUSY if the
 barrier has participants; -EINVAL if barrier is NULL, misaligned or not initialised; -EPROTO if
 the memory holds something other than a barrier of this library's version and C library, a
 barrier initialised in another PID namespace, or a damaged barrier.
 Threads: one thread destroys the barrier, after all others have used it for the last time. Do
 not use the memory for other data at once: if a thread is killed in its last call, the kernel
 may set a bit in it.
 Owner death: a thread that died is not a participant any more.
 */
int ipc_barrier_destroy(struct ipc_barrier_t *barrier);

/*
 Calls run(context), unless a process has run the initialisation to its end. If another thread
 is running it, this call waits for that thread. When this call returns 0 or more, the
 initialisation is complete and the caller sees all its effects.

 once: 96 bytes, aligned to 8, all zeros at first.
 run: the function to call; this call runs it at most once. If a C++ exception or pthread_exit()
 leaves it, the initialisation has not run: the exception reaches the caller of this call, and
 the next caller, or a waiter, runs it again. It must not be left by longjmp(). While it runs, its
 thread is not cancelled. If its process dies in it, another thread runs it again, so it has to
 cope with the state that an interrupted run left.
 context: passed to run unchanged.
 timeout_ns: how long to wait for another thread's run at most, in nanoseconds on the monotonic
 clock; IPC_FOREVER waits without limit, 0 does not wait. The timeout does not limit run itself.

 Returns: IPC_ONCE_RAN (4) if this call ran the initialisation; 0 if another call did; or a
 negative error.
 Errors: -EACCES if the once lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if
 another thread is running it and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EDEADLK if
 run itself made this call; -EINVAL if once or run is NULL, once is misaligned, or timeout_ns is
 invalid; -EPROTO if the memory holds neither zeros nor an initialisation of this library's
 version and C library, or an initialisation that began in another PID namespace; -ENOTSUP if the
 C library's robust lists have a form that this library does not know; -ENOSYS if a sandbox
 (seccomp) forbids this process to sleep on a futex.
 Threads: safe. In signal handlers: not safe.
 Fork: a child that is forked in run does not run the initialisation and must not return from
 run.
 Owner death: if the thread that runs the initialisation dies or its process calls exec, a
 waiter or the next caller runs it again.
 Waiter death: a dead waiter does not affect the others.
 */
int ipc_once(struct ipc_once_t *once,
             void (*run)(void *context),
             void *context,
             int64_t timeout_ns);

/*
 Calls run(context), unless a process has run the initialisation to its end. It differs from
 ipc_once() in one thing: run may fail. Then this call returns run's error, and the initialisation
 has not run: a waiter or the next caller runs it. Calls of both kinds may be mixed on one once.

 once: 96 bytes, aligned to 8, all zeros at first.
 run: the function to call; this call runs it at most once. It returns 0 or more for success, or a
 negative error number. If a C++ exception or pthread_exit() leaves it, the initialisation has not
 run: the exception reaches the caller of this call. It must not be left by longjmp(). While it runs,
 its thread is not cancelled. If it fails, or its process dies in it, another thread runs it again, so
 it has to cope with the state that an earlier run left.
 context: passed to run unchanged.
 timeout_ns: how long to wait for another thread's run at most, in nanoseconds on the monotonic
 clock; IPC_FOREVER waits without limit, 0 does not wait. The timeout does not limit run itself.

 Returns: IPC_ONCE_RAN (4) if this call ran the initialisation; 0 if another call did; or a
 negative error.
 Errors: the negative number that run returned, or -EINVAL if that is no error number; -EACCES if
 the once lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if another thread is running it
 and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EDEADLK if run itself made this call;
 -EINVAL if once or run is NULL, once is misaligned, or timeout_ns is invalid; -EPROTO if the memory
 holds neither zeros nor an initialisation of this library's version and C library, or an
 initialisation that began in another PID namespace; -ENOTSUP if the C library's robust lists have a
 form that this library does not know; -ENOSYS if a sandbox (seccomp) forbids this process to sleep
 on a futex.
 Threads: safe. In signal handlers: not safe.
 Fork: a child that is forked in run does not run the initialisation and must not return from
 run.
 Owner death: if the thread that runs the initialisation dies or its process calls exec, a
 waiter or the next caller runs it again.
 Waiter death: a dead waiter does not affect the others.
 */
int ipc_once_try(struct ipc_once_t *once,
                 int (*run)(void *context),
                 void *context,
                 int64_t timeout_ns);

/*
 Initialises an event in memory that no other thread uses yet. Call it in the init function of
 ipc_shm_open_typed_init(), or on memory of ipc_shm_anonymous() before fork().

 event: 32 bytes, aligned to 8.
 flags: 0 or any of IPC_EVENT_AUTO_RESET, IPC_EVENT_SET.

 Returns: 0, or a negative error.
 Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
 is NULL or misaligned, or flags has an unknown flag.
 Threads: one thread initialises the event before other threads use it.
 */
int ipc_event_init(struct ipc_event_t *event,
                   int flags);

/*
 Sets an event. All waiters are released, or one waiter if the event has IPC_EVENT_AUTO_RESET.
 Setting an event that is set already changes nothing: an event does not count (a semaphore
 does). A signal handler may call this.

 event: an initialised event.

 Returns: 0, or a negative error.
 Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
 is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than an
 event of this library's version.
 Threads: safe. In signal handlers: safe.
 Owner death: an event has no owner. If the setter dies inside this call, the event is set or
 not. If the setter dies before it wakes the waiters of a set event, they notice at once (before Linux
 6.2: within 1 s).
 Waiter death: a dead waiter does not affect the others.
 */
int ipc_event_set(struct ipc_event_t *event);

/*
 Resets an event: a thread that waits from now on waits until the event is set again. Threads
 that already waited when a manual event was set are released even if they have not woken yet.

 event: an initialised event.

 Returns: 0, or a negative error.
 Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
 is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than an
 event of this library's version.
 Threads: safe.
 Owner death: an event has no owner. If the caller dies inside this call, the event is reset or
 not.
 */
int ipc_event_reset(struct ipc_event_t *event);

/*
 Waits until an event is set. If the event has IPC_EVENT_AUTO_RESET, the released waiter resets
 it.

 event: an initialised event.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits
 without limit, 0 only checks.

 Returns: 0 if the event was set, or a negative error.
 Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EAGAIN if the
 event is not set and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EINTR if a signal
 handler ran during the wait; -EINVAL if event is NULL, misaligned or not initialised, or
 timeout_ns is invalid; -EPROTO if the memory holds something other than an event of this
 library's version; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe.
 Owner death: an event has no owner. If the setter dies before it wakes the waiters, they notice
 at once (before Linux 6.2: within 1 s).
 Waiter death: if a waiter that was woken dies before it resets an automatic event, another
 waiter is released at once (before Linux 6.2: within 1 s). If the waiter dies after that, the setting is used up.
 */
int ipc_event_wait(struct ipc_event_t *event,
                   int64_t timeout_ns);

/*
 Tells whether an event is set at some moment during the call. The call does not reset an event
 with IPC_EVENT_AUTO_RESET.

 event: an initialised event.

 Returns: 1 if the event is set, 0 if it is not set, or a negative error.
 Errors: -EINVAL if event is NULL, misaligned or not initialised; -EPROTO if the memory holds
 something other than an event of this library's version.
 Threads: safe.
 */
int ipc_event_is_set(const struct ipc_event_t *event);

/*
 Ends an event that no thread will use again. This call is not needed before the memory is
 unmapped.

 event: an initialised event.

 Returns: 0, or a negative error.
 Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
 is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than an
 event of this library's version.
 Threads: one thread destroys the event, after all others have used it for the last time.
 */
int ipc_event_destroy(struct ipc_event_t *event);

/*
 Gives a descriptor for poll(), select() and epoll, which is readable while an event is set. It is an eventfd
 that belongs to this process. Do not read from it or write to it. It is always writable.

 Whichever process sets the event makes the descriptor readable. The descriptor may be readable although the event
 is not set any more, because another process reset it: then ipc_event_wait() with timeout 0 gives -EAGAIN, and
 the descriptor is not readable any more. With EPOLLET, wait with timeout 0 until -EAGAIN, or reset the event.
 Then every setting is reported.

 Where the kernel has io_uring with IORING_OP_FUTEX_WAIT (Linux 6.7) and permits it, the descriptor needs one more
 descriptor, of an io_uring, and no thread. Elsewhere the first such call of a process starts a thread, which
 stays. It is named "ipc_watch", blocks all signals, and sleeps until something happens. Where the kernel
 has no futex_waitv() either (before Linux 5.16, or in a sandbox), that thread checks all events every 10 ms.

 event: an initialised event. If it lies in memory that the program maps itself, and the memory is to be unmapped,
 call ipc_event_destroy() or close the descriptor before.

 Returns: the descriptor, or a negative error. Every call with this event gives the same descriptor. It
 belongs to the library and lasts until ipc_event_destroy(), until the region with the event is closed, or until
 the program closes it.
 Errors: -EACCES if the event lies in memory that was opened with IPC_READ_ONLY; -EINVAL if event
 is NULL, misaligned or not initialised; -EPROTO if the memory holds something other than an
 event of this library's version; -EMFILE if this process has too many descriptors; -ENFILE if the system has too
 many open files; -EAGAIN if no thread can be started, or if a signal handler makes this call and interrupted a
 call on the same event; -ENOMEM if there is no memory.
 Threads: safe.
 Fork: the descriptor stays the parent's. The child calls ipc_event_fd() itself and gets its own.
 Owner death: an event has no owner. A setter that dies has set the event and made the descriptor readable,
 or neither.
 */
int ipc_event_fd(struct ipc_event_t *event);

/*
 Opens the message queue with this name, or creates it with IPC_CREATE.

 The queue is in shared memory. It needs no privileges, and only memory limits it. It makes no
 system call while nobody sleeps. It outlives its processes until ipc_mq_unlink(). With
 IPC_KERNEL, this call opens the kernel's queue, which mq_open() opens in other programs.

 out: receives the handle, on success only. End it with ipc_mq_close().
 name: "/" and 1 to 250 bytes without a slash.
 attr: the sizes of a new queue, and the type of its messages. An existing queue must have these sizes and, if
 attr->type is not NULL, this type. NULL means: a new
 queue has 10 messages of 8192 bytes (with IPC_KERNEL: the system's default) of no type, and an existing
 queue may have any size and type. The struct and the type may be freed after the call.
 flags: any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY (receive only), IPC_WRITE_ONLY (send
 only), IPC_NONBLOCK (calls that would wait return -EAGAIN, whatever their timeout),
 IPC_CHECK_OWNER, IPC_MQ_OVERWRITE, IPC_KERNEL.
 mode: the exact permissions of a new queue; the umask does not count. Unused for an existing
 queue. Sending and receiving both need read and write permission, because both change the
 queue. With IPC_KERNEL, sending needs write permission and receiving needs read permission.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL an argument is NULL or misaligned, the name, flags, type or mode is malformed, a
 reserved field is not 0, a size is 0, too large, or smaller than the type, or attr->type is not NULL with IPC_KERNEL (with IPC_KERNEL: above fs.mqueue.msg_max
 or fs.mqueue.msgsize_max); -ENAMETOOLONG the name has more than 251 bytes; -ENOENT there is no
 such queue, and IPC_CREATE is not set; -EEXIST the queue exists, and IPC_EXCLUSIVE is set;
 -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -EPROTO the existing
 queue has other sizes or another type than attr, or no type, or belongs to another version, word size, libc or PID namespace
 (ipc_last_error() shows both sides); -EMEDIUMTYPE the name belongs to another kind of object;
 -EUCLEAN the queue is damaged; -ELOOP the name is a symbolic link; -EFBIG the queue would be
 larger than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC /dev/shm is full
 (with IPC_KERNEL: there are fs.mqueue.queues_max queues); -EMFILE this process has too many
 descriptors or handles (with IPC_KERNEL also: this user's queues would take more than
 RLIMIT_MSGQUEUE bytes; ipc_last_error() shows which, and the numbers); -ENFILE the system has
 too many open files; -ENOMEM there is no memory or no address space; -ENOTSUP this libc allows
 no robust locks; -ENOSYS with IPC_KERNEL: the kernel has no message queues; -EPERM or -EROFS the
 system does not let this process set the mode of what it creates.
 Threads: safe. Fork: the child has the handle too.
 Owner death: if a process is killed while it creates the queue, nothing is left. With
 IPC_KERNEL, an empty queue may be left.
 */
int ipc_mq_open(struct ipc_mq_t **out,
                const char *name,
                const struct ipc_mq_attr_t *attr,
                int flags,
                mode_t mode);

/*
 Opens a queue in shared memory by a descriptor of its memory. This also opens a queue that has
 lost its name.

 out: receives the handle, on success only. End it with ipc_mq_close().
 fd: a descriptor of the queue's file in /dev/shm, open for reading and writing. It comes from
 open(), or from a process that has the file open and passed the descriptor on. It stays the
 caller's, who may close it after the call.
 flags: any of IPC_READ_ONLY (receive only), IPC_WRITE_ONLY (send only), IPC_NONBLOCK (calls
 that would wait return -EAGAIN, whatever their timeout), IPC_MQ_OVERWRITE.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL or misaligned, or a flag is malformed; -EBADF fd is not open;
 -EACCES fd is not open for both reading and writing; -EMEDIUMTYPE fd belongs to something else;
 -EPROTO the queue belongs to another version, word size, libc or PID namespace
 (ipc_last_error() shows both sides); -EUCLEAN the queue is damaged; -EMFILE this process has
 too many descriptors or handles; -ENFILE the system has too many open files; -ENOMEM there is
 no memory or no address space; -ENOTSUP this libc allows no robust locks.
 Threads: safe. Fork: the child has the handle too.
 */
int ipc_mq_open_fd(struct ipc_mq_t **out,
                   int fd,
                   int flags);

/*
 Sends one message. Waits while the queue is full.

 msg: the message. NULL is allowed only with len 0.
 len: the message's length in bytes, from 0 to the queue's message_size.
 priority: 0 to IPC_MQ_PRIORITY_MAX. Higher priorities are received first.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the queue is full, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
 timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
 passed; -EINTR a signal handler ran while the call waited; -EMSGSIZE the message is longer than
 the queue's message_size; -EINVAL a pointer is NULL, the priority is too high, or the timeout is
 invalid; -EBADF the handle is closed, or was opened with IPC_READ_ONLY; -EUCLEAN the queue is
 damaged; -EPROTO this process was forked into another PID namespace after the handle was opened;
 -EDEADLK a signal handler makes this call, and it interrupted a call on the same queue; -EFAULT with IPC_KERNEL: msg points to no memory; -ENOMEM there is no
 memory; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe.
 Death: a message is in the queue whole or not at all. It stays there if its sender dies.
 */
int ipc_mq_send(struct ipc_mq_t *mq,
                const void *msg,
                size_t len,
                unsigned int priority,
                int64_t timeout_ns);

/*
 Sends several messages, for little more than the cost of one. Waits until there is room for the
 first message, then sends as many as there is room for.

 messages: the messages, in the order of sending. Each has its own priority.
 count: how many messages there are.
 timeout_ns: how long to wait for room for the first message, in nanoseconds on the monotonic
 clock. IPC_FOREVER waits without a limit; 0 only tries.

 Returns: how many messages were sent, counted from the first: 1 or more, and 0 only for count
 0. Or a negative error, and then no message was sent.
 Errors: these concern the first message; a later message that cannot be sent ends the batch
 before it. -EAGAIN the queue is full, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
 timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
 passed; -EINTR a signal handler ran while the call waited; -EMSGSIZE the message is longer than
 the queue's message_size; -EINVAL a pointer is NULL or misaligned, the priority is too high, or
 the timeout is invalid; -EBADF the handle is closed, or was opened with IPC_READ_ONLY; -EUCLEAN
 the queue is damaged; -EPROTO this process was forked into another PID namespace after the
 handle was opened; -EDEADLK a signal handler makes this call, and it interrupted a call on the
 same queue; -EFAULT with IPC_KERNEL: data points to no memory; -ENOMEM there is no
 memory; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. Messages of other senders may come between these.
 Death: each message is in the queue whole or not at all. It stays there if its sender dies.
 */
ssize_t ipc_mq_send_many(struct ipc_mq_t *mq,
                         const struct ipc_mq_message_t *messages,
                         size_t count,
                         int64_t timeout_ns);

/*
 Takes the message with the highest priority out of the queue; of several, the oldest. Waits
 while the queue is empty.

 buf: receives the message, on success only.
 capacity: the size of buf in bytes. It must be enough for the message that is taken. With
 IPC_KERNEL, it must be at least the queue's message_size even for a shorter message, because
 the kernel demands it.
 priority: receives the message's priority, on success only. NULL if it is not wanted.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: the message's length in bytes, which may be 0, or a negative error.
 Errors: -EAGAIN the queue is empty, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
 timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
 passed; -EINTR a signal handler ran while the call waited; -EMSGSIZE capacity is too small: the
 message stays in the queue, and ipc_last_error() shows the size needed; -EINVAL a pointer is
 NULL or misaligned, or the timeout is invalid; -EBADF the handle is closed, or was opened with
 IPC_WRITE_ONLY; -EUCLEAN the queue is damaged; -EPROTO this process was forked into another PID
 namespace after the handle was opened; -EDEADLK a signal handler makes this call, and it
 interrupted a call on the same queue; -EFAULT with
 IPC_KERNEL: buf points to no memory, and the message is lost; -ENOSYS if a sandbox (seccomp)
 forbids this process to sleep on a futex.
 Threads: safe. Each message goes to one receiver.
 Death: if the receiver dies, at most the message that it had just received is lost with it.
 */
ssize_t ipc_mq_receive(struct ipc_mq_t *mq,
                       void *buf,
                       size_t capacity,
                       unsigned int *priority,
                       int64_t timeout_ns);

/*
 Receives several messages, for little more than the cost of one. Waits for the first message,
 then takes as many as there are.

 messages: one description per message. Before the call, data and len say where the message goes
 and how many bytes fit there. In those that were received, the call sets len, priority and
 redeliveries. A message that is too long for its buffer ends the batch before it.
 count: how many descriptions there are.
 timeout_ns: how long to wait for the first message, in nanoseconds on the monotonic clock.
 IPC_FOREVER waits without a limit; 0 only tries.

 Returns: how many messages were received: 1 or more, and 0 only for count 0. Or a negative
 error, and then no message was received.
 Errors: these concern the first message. -EAGAIN the queue is empty, and timeout_ns is 0 or the
 handle has IPC_NONBLOCK; or timeout_ns is 0 and a stopped thread has kept the queue for a
 second; -ETIMEDOUT timeout_ns has passed; -EINTR a signal handler ran while the call waited;
 -EMSGSIZE len is too small: the message stays in the queue, and ipc_last_error() shows the size
 needed; -EINVAL a pointer is NULL or misaligned, or the timeout is invalid; -EBADF the handle
 is closed, or was opened with IPC_WRITE_ONLY; -EUCLEAN the queue is damaged; -EPROTO this
 process was forked into another PID namespace after the handle was opened; -EDEADLK a signal
 handler makes this call, and it interrupted a call on the same queue; -EFAULT
 with IPC_KERNEL: data points to no memory, and the message is lost; -ENOSYS if a sandbox
 (seccomp) forbids this process to sleep on a futex.
 Threads: safe. Each message goes to one receiver.
 Death: if the receiver dies, at most the messages of this call are lost with it.
 */
ssize_t ipc_mq_receive_many(struct ipc_mq_t *mq,
                            struct ipc_mq_message_t *messages,
                            size_t count,
                            int64_t timeout_ns);

/*
 Tells the priority of the message that the next ipc_mq_receive() would take, and takes nothing.
 Another receiver may take that message first. Does not wait.

 priority: receives the priority, on success only.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the queue is empty, or a stopped thread has kept the queue for a second; -EINVAL
 a pointer is NULL or misaligned; -EBADF the handle is closed, or was opened with IPC_WRITE_ONLY;
 -EUCLEAN the queue is damaged; -EPROTO this process was forked into another PID namespace after
 the handle was opened; -EDEADLK a signal handler makes this call, and it interrupted a call on
 the same queue; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
 Threads: safe.
 */
int ipc_mq_peek_priority(struct ipc_mq_t *mq,
                         unsigned int *priority);

/*
 Reserves room for a message in the queue. The caller writes the message there, and then sends
 it with ipc_mq_commit() or gives the room back with ipc_mq_abandon(). So a large message is not
 copied. Waits while the queue is full.

 A thread may reserve several messages at once. Each takes the room of one message. They are
 sent in the order of ipc_mq_commit(). On a handle with IPC_MQ_OVERWRITE, a full queue drops its
 oldest message of the lowest priority to make room, whatever the new message's priority will
 be.

 out: receives the address of message_size bytes, aligned to 64 bytes, on success only. The
 content of the bytes is undefined.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the queue is full, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
 timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
 passed; -EINTR a signal handler ran while the call waited; -EINVAL a pointer is NULL or
 misaligned, or the timeout is invalid; -EBADF the handle is closed, or was opened with
 IPC_READ_ONLY; -EUCLEAN the queue is damaged; -EPROTO this process was forked into another PID
 namespace after the handle was opened; -EDEADLK a signal handler makes this call, and it
 interrupted a call on the same queue; -ENOTSUP the queue is the kernel's
 (IPC_KERNEL); -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. The thread that reserves a message must commit or abandon it: another thread
 gets -EPERM.
 Death: if the thread ends or its process dies, the message vanishes and its room returns to the
 queue. Fork: the message stays the parent's.
 */
int ipc_mq_reserve(struct ipc_mq_t *mq,
                   void **out,
                   int64_t timeout_ns);

/*
 Sends a message that was written in place.

 message: the address that ipc_mq_reserve() gave. When the call succeeds, the caller must not
 use it any more.
 len: the message's length in bytes, up to the queue's message_size.
 priority: 0 to IPC_MQ_PRIORITY_MAX. Higher priorities are received first.

 Returns: 0, or a negative error, and then the message is still reserved. With -EUCLEAN it is not
 reserved any more, and the queue can be closed.
 Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
 later); -EINVAL message is not reserved, or is no message of this queue, or the priority is too
 high; -EPERM another thread has reserved the message; -EMSGSIZE len is more than the queue's
 message_size; -EBADF the handle is closed, or was opened with IPC_READ_ONLY; -EUCLEAN the queue
 is damaged; -EPROTO this process was forked into another PID namespace after the handle was
 opened; -EDEADLK a signal handler makes this call, and it interrupted a call on the same queue; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
 Threads: safe, for the thread that reserved the message.
 Death: if the caller dies in this call, the message is in the queue whole or not at all.
 */
int ipc_mq_commit(struct ipc_mq_t *mq,
                  void *message,
                  size_t len,
                  unsigned int priority);

/*
 Gives the room of a reserved message back to the queue, without sending the message.

 message: the address that ipc_mq_reserve() gave. When the call succeeds, the caller must not
 use it any more.

 Returns: 0, or a negative error, and then the message is still reserved. With -EUCLEAN it is not
 reserved any more, and the queue can be closed.
 Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
 later); -EINVAL message is not reserved, or is no message of this queue; -EPERM another thread
 has reserved the message; -EBADF the handle is closed; -EUCLEAN the queue is damaged; -EPROTO
 this process was forked into another PID namespace after the handle was opened; -EDEADLK a
 signal handler makes this call, and it interrupted a call on the same queue; -ENOTSUP
 the queue is the kernel's (IPC_KERNEL).
 Threads: safe, for the thread that reserved the message.
 */
int ipc_mq_abandon(struct ipc_mq_t *mq,
                   void *message);

/*
 Takes the message with the highest priority; of several, the oldest. The caller reads the
 message in place, so a large message is not copied. It keeps its room in the queue until
 ipc_mq_return(). Waits while the queue is empty.

 out: receives the message's address, aligned to 64 bytes, on success only.
 priority: receives the message's priority, on success only. NULL if it is not wanted.
 redeliveries: receives how often the message was borrowed before by a thread that died before
 it returned the message, on success only. If it is not 0, some of the work for this message may
 have been done. NULL if it is not wanted.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: the message's length in bytes, which may be 0, or a negative error.
 Errors: -EAGAIN the queue is empty, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
 timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
 passed; -EINTR a signal handler ran while the call waited; -EINVAL a pointer is NULL or
 misaligned, or the timeout is invalid; -EBADF the handle is closed, or was opened with
 IPC_WRITE_ONLY; -EUCLEAN the queue is damaged; -EPROTO this process was forked into another PID
 namespace after the handle was opened; -EDEADLK a signal handler makes this call, and it
 interrupted a call on the same queue; -ENOTSUP the queue is the kernel's
 (IPC_KERNEL); -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. The thread that borrows a message must return it: another thread gets -EPERM.
 Death: if the thread ends or its process dies before it returns the message, the message is
 queued again in its old place. Fork: the message stays the parent's.
 */
ssize_t ipc_mq_borrow(struct ipc_mq_t *mq,
                      const void **out,
                      unsigned int *priority,
                      unsigned int *redeliveries,
                      int64_t timeout_ns);

/*
 Ends the use of a borrowed message. The message is received, and its room returns to the queue.

 message: the address that ipc_mq_borrow() gave. When the call succeeds, the caller must not use
 it any more.

 Returns: 0, or a negative error, and then the message is still borrowed. With -EUCLEAN it is not
 borrowed any more, and the queue can be closed.
 Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
 later); -EINVAL message is not borrowed, or is no message of this queue; -EPERM another thread
 has borrowed the message; -EBADF the handle is closed; -EUCLEAN the queue is damaged; -EPROTO
 this process was forked into another PID namespace after the handle was opened; -EDEADLK a
 signal handler makes this call, and it interrupted a call on the same queue; -ENOTSUP
 the queue is the kernel's (IPC_KERNEL).
 Threads: safe, for the thread that borrowed the message.
 */
int ipc_mq_return(struct ipc_mq_t *mq,
                  const void *message);

/*
 Gives a borrowed message to another thread or process, which takes it with ipc_mq_take_over(). The
 message stays in its place in memory and is not copied. From here on it is the receiver's, also if
 this process dies.

 message: the address that ipc_mq_borrow() or ipc_mq_take_over() gave. When the call succeeds, the
 caller must not use it any more.
 receiver: the id of a process (getpid(2)): any of its threads may take the message. Or the id of a
 thread other than a process's main one (gettid(2)): only that thread may take it. It may be an id of
 the caller's own process.

 Returns: 0, or a negative error, and then the message is still borrowed. With -EUCLEAN it is not
 borrowed any more, and the queue can be closed.
 Errors: -EAGAIN a thread has been stopped inside a call on the queue for a second (call again
 later); -EINVAL message is not borrowed, or is no message of this queue, or receiver is not above 0;
 -ESRCH no living thread or process has the id receiver; -EPERM another thread has borrowed the
 message; -EBADF the handle is closed; -EUCLEAN the queue is damaged; -EPROTO this process was forked
 into another PID namespace after the handle was opened; -EDEADLK a signal handler makes this call,
 and it interrupted a call on the same queue; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
 Threads: safe, for the thread that borrowed the message.
 Death: if the caller dies in this call, the message is the receiver's, or it is queued again in its
 old place. If the receiver ends before it takes the message, the message is queued again too; a
 receiver that waits finds it within 100 milliseconds.
 */
int ipc_mq_hand_over(struct ipc_mq_t *mq,
                     const void *message,
                     pid_t receiver);

/*
 Takes a message that ipc_mq_hand_over() gave to this thread or to its process. Of several, it takes
 the one with the highest priority, and of those the oldest. The caller then has the message as if it
 had borrowed it, and ends its use with ipc_mq_return(). Waits while no message was handed over.

 out: receives the message's address, aligned to 64 bytes, on success only.
 priority: receives the message's priority, on success only. NULL if it is not wanted.
 redeliveries: receives how often the message was borrowed before by a thread that died before it
 returned the message, on success only. A hand-over does not count. NULL if it is not wanted.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: the message's length in bytes, which may be 0, or a negative error.
 Errors: -EAGAIN no message was handed over, and timeout_ns is 0 or the handle has IPC_NONBLOCK; or
 timeout_ns is 0 and a stopped thread has kept the queue for a second; -ETIMEDOUT timeout_ns has
 passed; -EINTR a signal handler ran while the call waited; -EINVAL a pointer is NULL or misaligned,
 or the timeout is invalid; -EBADF the handle is closed, or was opened with IPC_WRITE_ONLY; -EUCLEAN
 the queue is damaged; -EPROTO this process was forked into another PID namespace after the handle was
 opened; -EDEADLK a signal handler makes this call, and it interrupted a call on the same queue;
 -ENOTSUP the queue is the kernel's (IPC_KERNEL); -ENOSYS if a sandbox (seccomp) forbids this process
 to sleep on a futex.
 Threads: safe. The thread that takes a message must return it or hand it over: another thread gets
 -EPERM.
 Death: if the thread ends or its process dies before it returns the message, the message is queued
 again in its old place. Fork: messages that were handed to the parent stay the parent's.
 */
ssize_t ipc_mq_take_over(struct ipc_mq_t *mq,
                         const void **out,
                         unsigned int *priority,
                         unsigned int *redeliveries,
                         int64_t timeout_ns);

/*
 Reads a queue's statistics. With IPC_KERNEL, all are 0.

 stat: receives the statistics, on success only.

 The call queues again what dead threads had borrowed, and frees what they had reserved, unless a
 stopped process is in the middle of a call on the queue.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed; -EPROTO this
 process was forked into another PID namespace after the handle was opened.
 Threads: safe. The numbers are read one after the other, while other threads use the queue.
 */
int ipc_mq_stat(const struct ipc_mq_t *mq,
                struct ipc_mq_stat_t *stat);

/*
 Reads a queue's sizes, how many messages it holds, and how the handle was opened.

 attr: receives them, on success only. current_messages was true at some moment during the call.
 The result may be given to ipc_mq_open().

 The call queues again what dead threads had borrowed, and frees what they had reserved, unless a
 stopped process is in the middle of a call on the queue.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed.
 Threads: safe.
 */
int ipc_mq_getattr(const struct ipc_mq_t *mq,
                   struct ipc_mq_attr_t *attr);

/*
 Tells whether a queue's name is gone or belongs to another queue now. Then a process that opens
 the name does not get this queue.

 Returns: 1 if so, 0 if not, or a negative error.
 Errors: -EINVAL mq is NULL; -EBADF the handle is closed; -EACCES if the system does not let this
 process examine the object; -ENOMEM if the kernel has no memory.
 Threads: safe.
 */
int ipc_mq_stale(const struct ipc_mq_t *mq);

/*
 Gives a descriptor for poll(), select() and epoll. It is readable while the queue has a
 message, and writable while the queue has room, whoever sends and receives. Do not read from it
 or write to it.

 For a queue in shared memory, it is an eventfd that belongs to this handle in this process. No file is made for
 it, no other process knows of it, and it costs other processes no more than a thread that sleeps in
 ipc_mq_receive(). It works in a chroot, with other privileges than before, and without /proc and /dev/shm.

 The descriptor may be ready although nothing can be sent or received, because another thread or process was
 faster, or because a process died in a call. So send and receive with timeout 0. A call of this handle that
 finds nothing to do makes the descriptor right. With EPOLLET, receive or send until -EAGAIN: then every change
 from "not ready" to "ready" is reported. When a full queue gets room, the descriptor is readable again a moment
 after it is writable. With IPC_MQ_OVERWRITE it is always writable. If all room is reserved or borrowed and no
 message is queued, it is writable.

 If a borrowed message comes back, or reserved room is free again, because its holder died, the descriptor becomes
 ready at once, without any call. The kernel must report the death: robustipc(7) says when it cannot. Six
 threads that hold messages are watched at once.

 Where the kernel has io_uring with IORING_OP_FUTEX_WAIT (Linux 6.7) and permits it, the descriptor needs one more
 descriptor, of an io_uring, and mostly no thread. Elsewhere the first such call of a process starts a thread,
 which stays. It is named "ipc_watch", blocks all signals, and sleeps until something happens. With
 io_uring too, a process needs this thread once a queue is full, or while other threads hold messages in place.
 Where the kernel has no futex_waitv() either (before Linux 5.16, or in a sandbox), that thread checks the queues
 every 10 ms.

 With IPC_KERNEL, it is the queue's own descriptor, an mqd_t. It has O_NONBLOCK and must keep
 it: the library does the waiting.

 Returns: the descriptor, or a negative error. The descriptor belongs to the handle. It is valid
 until ipc_mq_close(), and the caller must not close it. If the program has closed it all the same,
 for example all descriptors from 3 on, the library neither writes to its number nor closes it any
 more, messages go on, and this call gives a new descriptor.
 Errors: -EAGAIN no thread can be started, or another thread is inside this call (or a signal handler makes it
 that has interrupted it); -EINVAL mq is NULL; -EBADF the handle is closed, or with IPC_KERNEL the program has
 closed the queue's own descriptor; -EMFILE this process has too many descriptors; -ENFILE the
 system has too many open files; -ENOMEM there is no memory; -EPROTO this process was forked into another PID
 namespace after the handle was opened.
 Threads: safe.
 Fork: the descriptor stays the parent's. The child calls ipc_mq_fd() itself and gets its own.
 */
int ipc_mq_fd(const struct ipc_mq_t *mq);

/*
 Begins a notification: something is done at once for the messages that are in the queue
 already, and then for each message that arrives, until the notification is ended. A
 notification stays armed; it need not be renewed.

 One notification may stand for several messages that arrive close together. By the time of the
 notification, another receiver may have taken the messages. So at each notification, receive
 with timeout 0 until -EAGAIN: then no message is missed. Any number of handles and processes
 may have a notification of the same queue.

 The call starts a thread. The thread is named "ipc_mq_notify", blocks all
 signals, and ends with the notification. With IPC_KERNEL it has three descriptors. For an
 eventfd it has one more. To do without a thread, poll ipc_mq_fd().

 IPC_NOTIFY_SIGNAL queues a signal to the process, as sigqueue() does; its si_code is SI_QUEUE.
 If the limit of queued real-time signals is reached, the signal arrives without its value.

 IPC_NOTIFY_CALLBACK calls a function in the thread, with this handle. The function may receive
 one message or all: as long as it receives some and some are left, it is called again. It must
 return and must not wait. It may end the notification or close the handle. It must not be left by
 longjmp(), and pthread_exit() or a C++ exception that leaves it ends the process (SIGABRT). Its
 thread is never cancelled.

 IPC_NOTIFY_EVENTFD adds 1 to an eventfd.

 how: what to do. The struct may be freed after the call. NULL ends the notification: when the
 call returns, the function is not running any more, unless the function itself is the caller.

 Returns: 0, also if there was no notification to end; or a negative error.
 Errors: -EINVAL mq is NULL, or how has an unknown kind, no valid signal, no function, a value
 that its kind does not use, or a reserved field that is not 0; -EBADF the handle is closed, or
 eventfd is not an eventfd; -EBUSY the handle has a notification already, or another thread is
 just changing it; -EMFILE this process has too many descriptors; -ENFILE the system has too
 many open files; -EAGAIN no thread can be started; -ENOSPC too many descriptors are watched
 (fs.epoll.max_user_watches); -ENOMEM there is no memory.
 Threads: safe. Fork: the notification stays the parent's. The child has none and may begin its
 own.
 */
int ipc_mq_notify(struct ipc_mq_t *mq,
                  const struct ipc_mq_notify_t *how);

/*
 Closes a queue's handle. If the handle has a notification, this call ends it first: when the
 call returns, the notification's callback is not running any more, unless the callback itself
 is the caller. The queue and its messages stay until ipc_mq_unlink() has removed the name and
 the last handle is closed.

 mq: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed already, or does not belong to a message queue; -EBUSY this
 thread has a message reserved or borrowed.
 Threads: safe. Messages that other threads have reserved or borrowed must be given back before.
 Calls with this handle that other threads have begun go on, and this call does not wait for them:
 their buffers must stay valid until they return, and a message that such a call takes is taken.
 Fork: closes the handle of the calling process only.
 */
int ipc_mq_close(struct ipc_mq_t *mq);

/*
 Removes a queue's name. Processes that have the queue open keep it, with its messages. Another
 object or file with that name, which no call of this library for queues made, is left unchanged.

 name: "/" and 1 to 250 bytes without a slash.
 flags: 0, or IPC_KERNEL for the kernel's queue.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed, or a flag is unknown; -ENAMETOOLONG the name has more
 than 251 bytes; -ENOENT there is no such queue; -EMEDIUMTYPE the name belongs to another kind of
 object; -EACCES or -EPERM the permissions do not allow it; -ENOSYS with IPC_KERNEL: the kernel
 has no message queues; -EMFILE or -ENFILE if too many descriptors are open to examine the
 object; -ENOMEM if the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
 if another file system is mounted on the file.
 Threads: safe.
 */
int ipc_mq_unlink(const char *name,
                  int flags);

/*
 Opens the topic with this name, or creates it with IPC_CREATE. Every subscriber of a topic gets
 every sample that is published.

 A handle publishes (IPC_WRITE_ONLY) or subscribes (IPC_READ_ONLY). A new subscriber first gets up
 to attr->history of the samples that were published before. The topic outlives its processes until
 ipc_topic_unlink().

 out: receives the handle, on success only. End it with ipc_topic_close().
 name: "/" and 1 to 250 bytes without a slash.
 attr: the sizes and the type of a new topic. An existing topic must have the same. NULL opens an
 existing topic of any sizes and type. The struct may be freed after the call.
 flags: exactly one of IPC_READ_ONLY and IPC_WRITE_ONLY, and any of IPC_CREATE, IPC_EXCLUSIVE,
 IPC_NONBLOCK (calls that would wait return -EAGAIN, whatever their timeout) and IPC_CHECK_OWNER.
 mode: the exact permissions of a new topic; the umask does not count. Unused for an existing
 topic. A subscriber needs read permission, a publisher needs read and write permission.

 The topic is a file in /dev/shm. A second file there, with a hidden name, is for what subscribers
 write. Everybody who may read the first file may write the second one.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL an argument is NULL or misaligned, the name, flags, mode or type is malformed,
 neither or both of IPC_READ_ONLY and IPC_WRITE_ONLY are set, a reserved field is not 0, a size is
 out of range, sample_size is smaller than the type, or a topic has to be created and attr is NULL;
 -ENAMETOOLONG the name has more than 251 bytes; -ENOENT there is no such topic, and IPC_CREATE is
 not set; -EEXIST the topic exists, and IPC_EXCLUSIVE is set; -EACCES the permissions do not allow
 it, IPC_CHECK_OWNER refuses it, or the second file belongs to another user than the topic;
 -EPROTO the existing topic has other sizes or another type than attr, or belongs to another
 version, word size, libc or PID namespace (ipc_last_error() shows both sides); -EMEDIUMTYPE the
 name belongs to another kind of object; -EUCLEAN the topic is damaged; -EUSERS the topic has
 max_subscribers subscribers or max_publishers publishers, and all their processes are alive;
 -EAGAIN the creator was killed before the second file had its name, and this process does not belong
 to the topic's owner (any open by the owner helps); -ELOOP the name is a symbolic link; -EFBIG the
 topic would be larger than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC /dev/shm is full;
 -EMFILE this process has too many descriptors or handles; -ENFILE the system has too many open
 files; -ENOMEM there is no memory or no address space; -ENOTSUP this libc allows no robust locks;
 -EDEADLK a signal handler makes this call, and it interrupted a call on the same topic; -EPERM or
 -EROFS the system does not let this process set the mode of what it creates; -ENOSYS if a sandbox
 (seccomp) forbids this process to sleep on a futex.
 Threads: safe. Fork: the child has the handle too, and its first call with it makes it one more
 subscriber or publisher. A child that subscribes goes on at its parent's position.
 Owner death: if a process is killed while it creates the topic, nothing is left, or the topic is
 complete, or its owner's next open completes it.
 */
int ipc_topic_open(struct ipc_topic_t **out,
                   const char *name,
                   const struct ipc_topic_attr_t *attr,
                   int flags,
                   mode_t mode);

/*
 Closes a topic's handle. A subscriber's place becomes free. The topic and its samples stay until
 ipc_topic_unlink() has removed the name and the last handle is closed.

 topic: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed already, or does not belong to a topic; -EBUSY this process has
 a sample of the handle reserved or borrowed.
 Threads: safe. Calls with this handle that other threads have begun go on, and this call does not
 wait for them: their buffers must stay valid until they return.
 Fork: closes the handle of the calling process only.
 */
int ipc_topic_close(struct ipc_topic_t *topic);

/*
 Removes a topic's name. Processes that have the topic open keep it, with its samples. Another
 object or file with that name is left unchanged.

 name: "/" and 1 to 250 bytes without a slash.

 Returns: 0, or a negative error.
 Errors: -EINVAL name is NULL or malformed; -ENAMETOOLONG the name has more than 251 bytes; -ENOENT
 there is no such topic; -EMEDIUMTYPE the name belongs to another kind of object; -EACCES or -EPERM
 the permissions do not allow it; -EMFILE or -ENFILE if too many descriptors are open to examine
 the object; -ENOMEM if the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
 if another file system is mounted on the file.
 Threads: safe.
 Death: if the process is killed in the call, the topic is removed or not. A file with a hidden name
 may be left, which the next ipc_topic_unlink() of any topic removes.
 */
int ipc_topic_unlink(const char *name);

/*
 Publishes a copy of a sample. Every subscriber gets it.

 If the topic has capacity samples, the oldest one is overwritten. In a topic with IPC_TOPIC_WAIT,
 the call waits while a living subscriber has not taken the oldest one.

 topic: a handle that publishes.
 data: the sample. NULL is allowed only with len 0.
 len: its length in bytes, from 0 to the topic's sample_size.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: 0, or a negative error, and then nothing was published.
 Errors: -EAGAIN the topic waits for a subscriber, and timeout_ns is 0 or the handle has
 IPC_NONBLOCK; or timeout_ns is 0 and a stopped thread has kept the topic for a second; -ETIMEDOUT
 timeout_ns has passed (ipc_last_error() names the process for which it waited); -EINTR a signal
 handler ran while the call waited; -EMSGSIZE the sample is longer than sample_size; -EINVAL a
 pointer is NULL, or the timeout is malformed; -EBADF the handle is closed, or subscribes; -EUCLEAN
 the topic is damaged; -EPROTO this process was forked into another PID namespace after the handle
 was opened; -EUSERS this process was forked, and the topic has no room for one more publisher;
 -EDEADLK a signal handler makes this call, and it interrupted a call on the same topic; -ENOTSUP
 this libc allows no robust locks; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a
 futex.
 Threads: safe.
 Death: a sample is published whole or not at all. It stays if its publisher dies.
 */
int ipc_topic_send(struct ipc_topic_t *topic,
                   const void *data,
                   size_t len,
                   int64_t timeout_ns);

/*
 Reserves room for a sample. The caller writes the sample there, and then publishes it with
 ipc_topic_commit() or gives the room back with ipc_topic_abandon(). So a large sample is not
 copied. Samples are numbered in the order of ipc_topic_commit().

 In a topic with IPC_TOPIC_WAIT, the call waits while a living subscriber has not taken a sample
 that would be overwritten. ipc_topic_commit() never waits for subscribers.

 topic: a handle that publishes.
 out: receives the address of sample_size bytes, on success only. It is aligned to 64 bytes and to
 the alignment of the topic's type. The content of the bytes is undefined.
 len: how many bytes the caller will write at most, from 0 to the topic's sample_size.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the topic waits for a subscriber, and timeout_ns is 0 or the handle has
 IPC_NONBLOCK; or timeout_ns is 0 and a stopped thread has kept the topic for a second; -ETIMEDOUT
 timeout_ns has passed (ipc_last_error() names the process for which it waited); -EINTR a signal
 handler ran while the call waited; -ENOBUFS this handle has max_borrowed samples reserved;
 -EMSGSIZE len is more than sample_size; -EINVAL a pointer is NULL or misaligned, or the timeout is
 malformed; -EBADF the handle is closed, or subscribes; -EUCLEAN the topic is damaged; -EPROTO this
 process was forked into another PID namespace after the handle was opened; -EUSERS this process
 was forked, and the topic has no room for one more publisher; -EDEADLK a signal handler makes this
 call, and it interrupted a call on the same topic; -ENOTSUP this libc allows no robust locks;
 -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. Any thread of the process may commit or abandon the sample.
 Death: if the process dies, the sample is never published, and its room is free.
 Fork: the sample stays the parent's.
 */
int ipc_topic_reserve(struct ipc_topic_t *topic,
                      void **out,
                      size_t len,
                      int64_t timeout_ns);

/*
 Publishes a sample that was written in place. Every subscriber gets it.

 topic: a handle that publishes.
 sample: the address that ipc_topic_reserve() gave. When the call succeeds, the caller must not use
 it any more.
 len: the sample's length in bytes, from 0 to the topic's sample_size.

 Returns: 0, or a negative error, and then the sample is still reserved.
 Errors: -EAGAIN a thread has been stopped inside a call on the topic for a second (call again
 later); -EMSGSIZE len is more than sample_size; -EINVAL sample is not reserved by this handle and
 process, or is no sample of this topic; -EBADF the handle is closed, or subscribes; -EUCLEAN the
 topic is damaged; -EPROTO this process was forked into another PID namespace after the handle was
 opened; -EUSERS this process was forked, and the topic has no room for one more publisher; -EDEADLK a
 signal handler makes this call, and it interrupted a call on the same topic; -ENOTSUP this libc
 allows no robust locks; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe.
 Death: if the process is killed in the call, the sample is published whole or not at all.
 */
int ipc_topic_commit(struct ipc_topic_t *topic,
                     void *sample,
                     size_t len);

/*
 Gives a reserved sample back without publishing it.

 topic: a handle that publishes.
 sample: the address that ipc_topic_reserve() gave. When the call succeeds, the caller must not use
 it any more.

 Returns: 0, or a negative error, and then the sample is still reserved.
 Errors: -EAGAIN a thread has been stopped inside a call on the topic for a second (call again
 later); -EINVAL sample is not reserved by this handle and process, or is no sample of this topic;
 -EBADF the handle is closed, or subscribes; -EUCLEAN the topic is damaged; -EPROTO this process was
 forked into another PID namespace after the handle was opened; -EUSERS this process was forked, and
 the topic has no room for one more publisher; -EDEADLK a signal handler makes this call, and it
 interrupted a call on the same topic; -ENOTSUP this libc allows no robust locks; -ENOSYS if a
 sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe.
 */
int ipc_topic_abandon(struct ipc_topic_t *topic,
                      void *sample);

/*
 Copies the next sample into a buffer. Waits until there is one.

 A subscriber gets the samples in the order of their numbers, each one once per handle. If the
 sample that it should get was overwritten, it gets the oldest one that the topic still has, and
 info->missed says how many it has missed.

 topic: a handle that subscribes.
 buf: receives the sample.
 capacity: the buffer's size in bytes.
 info: receives the sample's description, on success only. NULL if it is not wanted.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: the sample's length in bytes, which may be 0, or a negative error.
 Errors: -EAGAIN there is no sample, and timeout_ns is 0 or the handle has IPC_NONBLOCK; -ETIMEDOUT
 timeout_ns has passed; -EINTR a signal handler ran while the call waited; -EMSGSIZE the sample is
 longer than the buffer (it stays, and the next call gets it); -EINVAL a pointer is NULL or
 misaligned, or the timeout is malformed; -EBADF the handle is closed, or publishes; -EUCLEAN the
 topic is damaged; -EUSERS this process was forked, and the topic has no room for one more
 subscriber; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. Threads that share a handle share its samples: each sample goes to one of them.
 */
ssize_t ipc_topic_receive(struct ipc_topic_t *topic,
                          void *buf,
                          size_t capacity,
                          struct ipc_sample_t *info,
                          int64_t timeout_ns);

/*
 Takes the next sample to read it in place, without a copy. Nobody overwrites it until
 ipc_topic_return(). Waits until there is a sample.

 A subscriber gets the samples in the order of their numbers, each one once per handle. If the
 sample that it should get was overwritten, it gets the oldest one that the topic still has, and
 info->missed says how many it has missed.

 topic: a handle that subscribes.
 out: receives the sample's address, on success only. It is aligned to 64 bytes and to the alignment
 of the topic's type. The memory can only be read.
 info: receives the sample's description, on success only. NULL if it is not wanted.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: the sample's length in bytes, which may be 0, or a negative error.
 Errors: -EAGAIN there is no sample, and timeout_ns is 0 or the handle has IPC_NONBLOCK; -ETIMEDOUT
 timeout_ns has passed; -EINTR a signal handler ran while the call waited; -ENOBUFS this handle has
 max_borrowed samples borrowed; -EINVAL a pointer is NULL or misaligned, or the timeout is malformed;
 -EBADF the handle is closed, or publishes; -EUCLEAN the topic is damaged; -EUSERS this process was
 forked, and the topic has no room for one more subscriber; -ENOSYS if a sandbox (seccomp) forbids
 this process to sleep on a futex.
 Threads: safe. Any thread of the process may return the sample.
 Death: if the process dies, the sample's room is free.
 Fork: the sample stays the parent's.
 */
ssize_t ipc_topic_borrow(struct ipc_topic_t *topic,
                         const void **out,
                         struct ipc_sample_t *info,
                         int64_t timeout_ns);

/*
 Ends the use of a borrowed sample.

 topic: a handle that subscribes.
 sample: the address that ipc_topic_borrow() gave. When the call returns, the caller must not use it
 any more, except after -EINVAL and -EBADF.

 Returns: 0, or a negative error.
 Errors: -EINVAL sample is not borrowed by this handle and process, or is no sample of this topic;
 -EBADF the handle is closed, or publishes; -EUCLEAN another process has overwritten what this
 subscriber announced, so the sample may have changed while it was borrowed: do not trust what was
 read. The sample is not borrowed any more then.
 Threads: safe.
 */
int ipc_topic_return(struct ipc_topic_t *topic,
                     const void *sample);

/*
 Reads a topic's sizes, and how the handle was opened.

 attr: receives them, on success only. Its type is NULL. The result may be given to
 ipc_topic_open().

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed.
 Threads: safe.
 */
int ipc_topic_getattr(const struct ipc_topic_t *topic, struct ipc_topic_attr_t *attr);

/*
 Reads the state of a topic.

 stat: receives the state, on success only.

 The call frees the places of dead subscribers, and what they had borrowed. On a handle that
 publishes, it also frees the places of dead publishers, and what they had reserved.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed; -EAGAIN a thread has
 been stopped inside a call on the topic for a second; -EUCLEAN the topic is damaged; -EPROTO this
 process was forked into another PID namespace after the handle was opened; -EUSERS this process was
 forked, and the topic has no room for one more handle; -EDEADLK a signal handler makes this call,
 and it interrupted a call on the same topic; -ENOTSUP this libc allows no robust locks; -ENOSYS if a
 sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. The numbers are read one after the other, while other threads use the topic.
 */
int ipc_topic_stat(const struct ipc_topic_t *topic,
                   struct ipc_topic_stat_t *stat);

/*
 Gives a descriptor for poll(), select() and epoll. It is readable while the handle has a sample to take,
 whoever publishes. Do not read from it or write to it.

 topic: a handle that subscribes.

 The descriptor may be readable although there is no sample, because another thread was faster. So receive
 with timeout 0: a call of this handle that finds nothing makes the descriptor right. With EPOLLET, receive
 until -EAGAIN. If a publisher dies between its change and its wake-up, the kernel makes the descriptor
 readable. Of several processes that poll at that moment it tells one, and the next call of that process on the
 topic tells the others.

 As with ipc_mq_fd(), the descriptor may need an io_uring or a thread of this process, named "ipc_watch".
 From then on, a call that takes a sample may make system calls.

 Returns: the descriptor, or a negative error. The descriptor belongs to the handle. It is valid until
 ipc_topic_close(), and the caller must not close it. If the program has closed it all the same, the library
 neither writes to its number nor closes it any more, and this call gives a new descriptor.
 Errors: -EAGAIN no thread can be started, or another thread is inside this call (or a signal handler makes it
 that has interrupted it); -EINVAL topic is NULL; -EBADF the handle is closed, or publishes; -EMFILE this
 process has too many descriptors; -ENFILE the system has too many open files; -ENOMEM there is no memory;
 -EUSERS this process was forked, and the topic has no room for one more subscriber.
 Threads: safe.
 Fork: the descriptor stays the parent's. The child calls ipc_topic_fd() itself and gets its own.
 */
int ipc_topic_fd(const struct ipc_topic_t *topic);

/*
 Tells whether a topic's name is gone or belongs to another object now. Then a process that opens
 the name does not get this topic.

 Returns: 1 if so, 0 if not, or a negative error.
 Errors: -EINVAL topic is NULL; -EBADF the handle is closed; -EACCES if the system does not let this
 process examine the object; -ENOMEM if the kernel has no memory.
 Threads: safe.
 */
int ipc_topic_stale(const struct ipc_topic_t *topic);

/*
 Opens the cell of a name, which holds the latest value of a type, or creates it with IPC_CREATE. A new cell holds
 no value.

 Any number of processes read and write a cell. A reader gets the latest value whole. It never waits for a
 writer, and it writes nothing to the cell.

 out: receives the handle, on success only. End it with ipc_cell_close().
 name: "/" followed by 1 to 250 bytes that contain no slash.
 type: what a value is, from IPC_TYPE or IPC_TYPE_FIELDS. The call compares it with the type that the creator
 declared. The library keeps no reference to it.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_CHECK_OWNER, and IPC_READ_ONLY: the
 handle only reads, and the process needs no permission to write.
 mode: the permissions of a cell that this call creates, exactly: the umask is not applied. A process that may read
 but not write can read the cell with IPC_READ_ONLY. Unused without IPC_CREATE.

 Returns: IPC_CREATED (1) if this call created the cell; IPC_OPENED (0) if it existed; or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the name or type is malformed, a flag is not
 allowed here, or mode is above 0777; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if
 no such cell exists and flags lacks IPC_CREATE; -EEXIST if the cell exists and flags has
 IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if with IPC_CHECK_OWNER another
 user owns the cell or others may write to it; -EFBIG if the cell would be larger
 than RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO
 if the two programs disagree about type, version, size, alignment, a field, word size or C
 library, if the object has no record of this library, or, without IPC_READ_ONLY, if the cell belongs to another PID
 namespace (ipc_last_error() reports both sides);
 -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the cell is damaged;
 -EBUSY if the name leads to a removed file that a mount keeps;
 -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many
 descriptors or handles are open; -ENOMEM if no memory or address space is left; -ENOTSUP if this libc allows no
 robust locks; -EPERM or -EROFS if the system does not let this process set the mode of what it creates.
 Threads: safe.
 Fork: the child has the handle too.
 Owner death: if a process is killed while it creates the cell, nothing is left.
 */
int ipc_cell_open(struct ipc_cell_t **out,
                  const char *name,
                  const struct ipc_type_t *type,
                  int flags,
                  mode_t mode);

/*
 Writes a value: it becomes the latest. Readers that are copying the value before it get that value whole, or
 this one.

 Writers take turns. A writer waits while another thread is in ipc_cell_write() or ipc_cell_update() on the same
 cell, but for a second at most.

 value: the value, as many bytes as the cell's type has.

 Returns: 0, or a negative error.
 Errors: -EINVAL if cell or value is NULL, or value is a handle; -EBADF if the handle is closed, or was opened with
 IPC_READ_ONLY; -EAGAIN if another thread has been writing for a second: it is stopped, or its function of
 ipc_cell_update() does not return (call again later); -EPROTO if this process was forked into another PID namespace
 after the handle was opened; -EDEADLK if a signal handler or the function of ipc_cell_update() makes this call, and its thread is writing the
 same cell; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex, and another thread is writing.
 Threads: safe.
 Death: if the caller dies in this call, the cell holds this value or the one before, whole.
 */
int ipc_cell_write(struct ipc_cell_t *cell,
                   const void *value);

/*
 Changes the latest value: reads it, has a function change the copy, and writes the copy. No other writer comes in
 between. Readers see the value before until the function has returned.

 change: called once, in this thread, with a copy of the latest value and with context. Before the first value, the
 copy is all zeros. The copy is aligned as the type says and may be used until change returns. change returns 0, or a
 negative error: then nothing is written, and this call returns that error. If a C++ exception or pthread_exit() leaves
 it, nothing is written, and the exception reaches the caller of this call. It must not be left by longjmp(). While it
 runs, its thread is not cancelled, and all other writers of the cell wait. It may read the same cell, but not write it.
 context: passed to change unchanged.

 Returns: 0, or a negative error.
 Errors: -EINVAL if cell or change is NULL, or change returns a number below -4095; -EBADF if the handle is closed,
 or was opened with IPC_READ_ONLY; -EAGAIN if another thread has been writing for a second: it is stopped, or its
 function of ipc_cell_update() does not return (call again later); -EUCLEAN if the cell is damaged; -EPROTO if this process was forked into another
 PID namespace after the handle was opened; -EDEADLK if a signal handler or the function of ipc_cell_update() makes
 this call, and its thread is writing the same cell; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on
 a futex, and another thread is writing; or the negative result of change.
 Threads: safe.
 Death: if the caller dies in this call, the cell holds the changed value or the one before, whole.
 */
int ipc_cell_update(struct ipc_cell_t *cell,
                    int (*change)(void *value, void *context),
                    void *context);

/*
 Reads the latest value, whole. It waits for no writer: if one is stopped or killed in a call, the value before is
 the latest.

 value: receives the value, as many bytes as the cell's type has. It may have any alignment. If the call fails with
 -EAGAIN or -EUCLEAN, its content is undefined; if it fails otherwise, it is unchanged.
 info: receives the value's number and time, on success only. NULL if they are not wanted.

 Returns: 0, or a negative error.
 Errors: -ENODATA if nothing was written yet; -EINVAL if cell or value is NULL, or info is misaligned; -EBADF if the
 handle is closed; -EUCLEAN if the cell is damaged; -EAGAIN if writers have overwritten the value 10,000 times in a row
 while this call was copying it.
 Threads: safe. A signal handler may make this call.
 */
int ipc_cell_read(const struct ipc_cell_t *cell,
                  void *value,
                  struct ipc_sample_t *info);

/*
 Waits until the cell holds a newer value than a certain one, and reads the latest value.

 value: receives the value, as many bytes as the cell's type has. It may have any alignment. If the call fails with
 -EUCLEAN, its content is undefined; if it fails otherwise, it is unchanged.
 after: the number of the last value that the caller has read, from its info; 0 waits for any value.
 info: receives the value's number, its time, and how many values the caller has missed, on success only. NULL if
 they are not wanted.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit; 0
 only tries.

 Returns: 0, or a negative error.
 Errors: -EAGAIN if timeout_ns is 0 and there is no newer value, or if writers have overwritten the value 10,000 times
 in a row while this call was copying it; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while
 the call waited; -EINVAL if cell or value is NULL, info is misaligned, or timeout_ns is below -1; -EBADF if the
 handle is closed; -EUCLEAN if the cell is damaged; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a
 futex.
 Threads: safe.
 Death: if a writer dies after it has written and before it has woken the waiters, they wake at the latest 100 ms
 after they began to sleep, or with the next value.
 */
int ipc_cell_wait(struct ipc_cell_t *cell,
                  void *value,
                  uint64_t after,
                  struct ipc_sample_t *info,
                  int64_t timeout_ns);

/*
 Returns a descriptor for poll(), select() and epoll: it is readable while the cell holds a value that this handle
 has not read with ipc_cell_read() or ipc_cell_wait(). The first call of a process makes it.

 The descriptor may be readable although there is no newer value: another thread was faster. It is always writable. It
 belongs to the handle: do not close it, read from it or write to it.

 Returns: the descriptor, or a negative error.
 Errors: -EINVAL if cell is NULL; -EBADF if the handle is closed; -EACCES if this process may not write to the cell,
 and so cannot mark that it waits (ipc_cell_wait() works); -EAGAIN if another thread is changing the descriptor and does
 not end; -EMFILE or -ENFILE if too many descriptors are open; -ENOMEM if there is no memory.
 Threads: safe. Fork: a child gets a descriptor of its own when it calls.
 */
int ipc_cell_fd(const struct ipc_cell_t *cell);

/*
 Whether the cell's name was removed, or belongs to another object now. The handle still works, but a process that
 opens the name gets something else.

 Returns: 1 if it is stale, 0 if it is not, or a negative error.
 Errors: -EINVAL if cell is NULL; -EBADF if the handle is closed, or the program has closed the cell's descriptor
 behind the library.
 Threads: safe.
 */
int ipc_cell_stale(const struct ipc_cell_t *cell);

/*
 Closes a cell's handle. The cell and its value stay until ipc_cell_unlink() has removed the name and the last
 handle is closed.

 cell: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF if the handle is closed already, or does not belong to a cell.
 Threads: safe. Calls with this handle that other threads have begun go on, and this call does not wait for them.
 Fork: closes the handle of the calling process only.
 */
int ipc_cell_close(struct ipc_cell_t *cell);

/*
 Removes a cell's name. Processes that have the cell open keep it.

 name: "/" followed by 1 to 250 bytes that contain no slash.

 Returns: 0, or a negative error.
 Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if there is no
 such cell; -EMEDIUMTYPE if the name belongs to another kind of object, which stays; -EACCES or -EPERM if the
 permissions do not allow it; -EMFILE or -ENFILE if too many descriptors are open to examine the object; -ENOMEM if
 the kernel has no memory; -EROFS if the file system is read-only; -EBUSY
 if another file system is mounted on the file.
 Threads: safe.
 */
int ipc_cell_unlink(const char *name);

/*
 Opens the service with this name to serve it, or creates it with IPC_CREATE.

 Clients send requests to a service with ipc_client_call() or ipc_client_send(). Each request goes to one server,
 which replies. Several processes may serve, and share the requests. Serving begins with this call: from now on
 clients find a server.

 out: receives the handle, on success only. End it with ipc_service_close().
 name: "/" followed by 1 to 250 bytes that contain no slash.
 attr: the sizes and types of a new service. An existing service must have these sizes and flags and, where a type
 is not NULL, this type. NULL means: a new service has the defaults that the fields name, and an existing one may
 have any sizes and types. The struct may be freed after the call.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE (with IPC_CREATE only), IPC_CHECK_OWNER.
 mode: the permissions of a service that this call creates, exactly: the umask is not applied. Serving and calling
 both need read and write permission. Unused without IPC_CREATE.

 Returns: IPC_CREATED (1) if this call created the service; IPC_OPENED (0) if it existed; or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the name, a type or a size is malformed, a size is smaller than
 its type, a reserved field is not 0, a flag is not allowed here, or mode is above 0777; -ENAMETOOLONG if name has
 more than 251 bytes; -ENOENT if no such service exists and flags lacks IPC_CREATE; -EEXIST if the service exists and
 flags has IPC_EXCLUSIVE; -EACCES if the permissions do not allow it, or if with IPC_CHECK_OWNER another user owns the
 service or others may write to it; -EUSERS if 64 handles serve already; -EFBIG if the service would be larger than
 RLIMIT_FSIZE allows (no SIGXFSZ is raised); -ENOSPC if the file system has no room; -EPROTO if the existing service
 has other sizes, flags or types than attr, or belongs to another version, word size, C library or PID namespace, or
 if the object has no record of this library (ipc_last_error() reports both sides); -EMEDIUMTYPE if the name belongs
 to another kind of object; -EUCLEAN if the service is damaged; -EAGAIN if a thread has been stopped inside a call on
 the service for a second; -EBUSY if the name leads to a removed file that a mount keeps; -ELOOP if the name is a
 symbolic link; -EMFILE or -ENFILE if too many descriptors or handles are open; -ENOMEM if no memory or address space
 is left; -ENOTSUP if this libc allows no robust locks; -EPERM or -EROFS if the system does not let this process set
 the mode of what it creates.
 Threads: safe.
 Fork: the child has the handle too. If it uses the handle, it serves as a process of its own.
 Owner death: if a process is killed while it creates the service, nothing is left.
 */
int ipc_service_open(struct ipc_service_t **out,
                     const char *name,
                     const struct ipc_service_attr_t *attr,
                     int flags,
                     mode_t mode);

/*
 Receives the request with the highest priority; of several, the oldest. Waits while there is none.

 The request belongs to this process until it is answered with ipc_service_reply(). Any thread of the process may
 answer it, with the same handle, also after later requests. If the process dies before, or closes the handle, the
 next server gets the request; in a service with IPC_SERVICE_ONCE its client gets -EOWNERDEAD instead. Both happen
 within 100 milliseconds. Requests of clients that have given up or died are left out.

 buf: receives the request. NULL is allowed only with capacity 0.
 capacity: the size of buf in bytes.
 request: receives what is known of the request, on success only.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit; 0
 only tries.

 Returns: the request's length in bytes, which may be 0, or a negative error.
 Errors: -EAGAIN if there is no request and timeout_ns is 0, or if timeout_ns is 0 and a thread has been stopped inside
 a call on the service for a second; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while the
 call waited; -EMSGSIZE if the request is longer than capacity: it stays; -EINVAL if a pointer is NULL or misaligned,
 or timeout_ns is below -1; -EBADF if the handle is closed; -EUCLEAN if the service is damaged; -EUSERS if this is a
 forked child that uses the handle for the first time, and 64 handles serve already; -EPROTO if this process was forked
 into another PID namespace after the handle was opened; -EDEADLK if a signal handler makes this call, and it
 interrupted a call on the same service; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe.
 */
ptrdiff_t ipc_service_receive(struct ipc_service_t *service,
                              void *buf,
                              size_t capacity,
                              struct ipc_request_t *request,
                              int64_t timeout_ns);

/*
 Replies to a request. The reply goes to the client that sent the request, and to no later call. If that client does not
 wait any more, the reply is discarded, and this call succeeds.

 request: what ipc_service_receive() gave. Only its id is used.
 data: the reply. NULL is allowed only with len 0.
 len: the reply's length in bytes, up to the service's reply_size.

 Returns: 0, or a negative error, and then the request is still to be answered.
 Errors: -EINVAL if a pointer is NULL or misaligned, or this handle has not received the request, or has answered it
 already; -EPERM if another server has the request; -EMSGSIZE if len is above the service's reply_size; -EBADF if the
 handle is closed; -EUCLEAN if the service is damaged; -EAGAIN if a thread has been stopped inside a call on the
 service for a second (call again later); -EUSERS if this is a forked child that uses the handle for the first time,
 and 64 handles serve already; -EPROTO if this process was forked into another PID namespace after the handle was
 opened; -EDEADLK if a signal handler makes this call, and it interrupted a call on the same service.
 Threads: safe. Any thread of the process that received the request may answer it.
 Death: if the caller dies in this call, the client gets the reply whole, or another server gets the request.
 */
int ipc_service_reply(struct ipc_service_t *service,
                      const struct ipc_request_t *request,
                      const void *data,
                      size_t len);

/*
 Reads how many processes use a service, how many requests it has, and what has happened since its creation. It first
 removes what dead processes have left.

 stat: receives the counts, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned; -EBADF if the handle is closed; -EUCLEAN if the service is damaged;
 -EAGAIN if a thread has been stopped inside a call on the service for a second; -EPROTO if this process was forked
 into another PID namespace after the handle was opened; -EDEADLK if a signal handler makes this call, and it
 interrupted a call on the same service.
 Threads: safe.
 */
int ipc_service_stat(const struct ipc_service_t *service,
                     struct ipc_service_stat_t *stat);

/*
 Returns a descriptor for poll(), select() and epoll: it is readable while a request waits for a server. The first call
 of a process makes it.

 The descriptor may be readable although there is no request: another server was faster. So receive with timeout 0. It
 is always writable. It belongs to the handle: do not close it, read from it or write to it. If a server dies with a
 request, the descriptors of others become readable within 100 milliseconds. For this a thread of this process, named
 "ipc_watch", examines the servers' processes every 50 milliseconds while another one has a request of
 ipc_client_send(). A client that waits in ipc_client_call() makes its request's next server ready itself.

 Returns: the descriptor, or a negative error.
 Errors: -EINVAL if service is NULL; -EBADF if the handle is closed; -EAGAIN if another thread is changing the
 descriptor and does not end; -EMFILE or -ENFILE if too many descriptors are open; -ENOMEM if there is no memory.
 Threads: safe. Fork: a child gets a descriptor of its own when it calls.
 */
int ipc_service_fd(const struct ipc_service_t *service);

/*
 Whether the service's name was removed, or belongs to another object now. Clients that open the name do not find this
 service then.

 Returns: 1 if it is stale, 0 if it is not, or a negative error.
 Errors: -EINVAL if service is NULL; -EBADF if the handle is closed, or the program has closed the service's descriptor
 behind the library.
 Threads: safe.
 */
int ipc_service_stale(const struct ipc_service_t *service);

/*
 Closes a handle that serves. Requests that it has received and not answered go to the next server, as if the process
 had died. The service and its requests stay until ipc_service_unlink() has removed the name and the last handle is
 closed.

 service: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF if the handle is closed already, or does not belong to a service.
 Threads: safe. Calls with this handle that other threads have begun go on, and this call does not wait for them: the
 last of them gives back what was not answered.
 Fork: closes the handle of the calling process only.
 */
int ipc_service_close(struct ipc_service_t *service);

/*
 Removes a service's name. Processes that have the service open keep it, with its requests.

 name: "/" followed by 1 to 250 bytes that contain no slash.

 Returns: 0, or a negative error.
 Errors: -EINVAL if name is NULL or malformed; -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if there is no
 such service; -EMEDIUMTYPE if the name belongs to another kind of object, which stays; -EACCES or -EPERM if the
 permissions do not allow it; -EMFILE or -ENFILE if too many descriptors are open to examine the object; -ENOMEM if
 the kernel has no memory.
 Threads: safe.
 */
int ipc_service_unlink(const char *name);

/*
 Opens the service with this name to call it.

 out: receives the handle, on success only. End it with ipc_client_close().
 name: "/" followed by 1 to 250 bytes that contain no slash.
 flags: 0 or any of IPC_CHECK_OWNER, and IPC_CLIENT_WAIT: calls wait if no process serves, instead of failing with
 -ENOENT at once.

 Returns: 0, or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the name is malformed, or a flag is not allowed here;
 -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if no such service exists; -EACCES if the permissions do not
 allow it, or if with IPC_CHECK_OWNER another user owns the service or others may write to it; -EUSERS if as many
 handles call as the service allows; -EPROTO if the service belongs to another version, word size, C library or PID
 namespace, or if the object has no record of this library (ipc_last_error() reports both sides); -EMEDIUMTYPE if the
 name belongs to another kind of object; -EUCLEAN if the service is damaged; -ESTALE if the service was removed during
 the call; -EAGAIN if a thread has been stopped inside a call on the service for a second; -EBUSY if the name leads to
 a removed file that a mount keeps; -ELOOP if the name is a symbolic link; -EMFILE or -ENFILE if too many descriptors
 or handles are open; -ENOMEM if no memory or address space is left; -ENOTSUP if this libc allows no robust locks.
 Threads: safe.
 Fork: the child has the handle too. If it uses the handle, it calls as a process of its own.
 */
int ipc_client_open(struct ipc_client_t **out,
                    const char *name,
                    int flags);

/*
 Opens the service with this name to call it, and compares the types that the service declares.

 out: receives the handle, on success only. End it with ipc_client_close().
 name: "/" followed by 1 to 250 bytes that contain no slash.
 request_type: what a request is, from IPC_TYPE or IPC_TYPE_FIELDS; or NULL: any type.
 reply_type: what a reply is, or NULL: any type. The library keeps no reference to the types.
 flags: 0 or any of IPC_CHECK_OWNER, and IPC_CLIENT_WAIT: calls wait if no process serves, instead of failing with
 -ENOENT at once.

 Returns: 0, or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the name or a type is malformed, or a flag is not allowed here;
 -ENAMETOOLONG if name has more than 251 bytes; -ENOENT if no such service exists; -EACCES if the permissions do not
 allow it, or if with IPC_CHECK_OWNER another user owns the service or others may write to it; -EUSERS if as many
 handles call as the service allows; -EPROTO if the service has another type for requests or replies, or none, or
 belongs to another version, word size, C library or PID namespace, or if the object has no record of this library
 (ipc_last_error() reports both sides); -EMEDIUMTYPE if the name belongs to another kind of object; -EUCLEAN if the
 service is damaged; -ESTALE if the service was removed during the call; -EAGAIN if a thread has been stopped inside a
 call on the service for a second; -EBUSY if the name leads to a removed file that a mount keeps; -ELOOP if the name
 is a symbolic link; -EMFILE or -ENFILE if too many descriptors or handles are open; -ENOMEM if no memory or address
 space is left; -ENOTSUP if this libc allows no robust locks.
 Threads: safe.
 Fork: the child has the handle too. If it uses the handle, it calls as a process of its own.
 */
int ipc_client_open_typed(struct ipc_client_t **out,
                          const char *name,
                          const struct ipc_type_t *request_type,
                          const struct ipc_type_t *reply_type,
                          int flags);

/*
 Reads the sizes, the flags and the types of the service that a handle calls.

 The result may be given to ipc_service_open(), for example to create the same service under another name.

 attr: receives the sizes and the flags, on success only. Its request_type and reply_type point to the two structs below; they
 are NULL if the service declares no such type or the struct is NULL.
 request_type: NULL, or receives the type of a request, if the service declares one. The type's strings belong to the handle
 and are valid until ipc_client_close().
 reply_type: NULL, or receives the type of a reply, in the same way.

 Returns: 0, or a negative error.
 Errors: -EINVAL if client or attr is NULL, or a pointer is misaligned; -EBADF if the handle is closed; -EOVERFLOW if a size of
 a type is larger than this process can address.
 Threads: safe.
 */
int ipc_client_getattr(const struct ipc_client_t *client,
                       struct ipc_service_attr_t *attr,
                       struct ipc_type_t *request_type,
                       struct ipc_type_t *reply_type);

/*
 Sends a request and waits for its reply.

 If no process serves when the call begins, it fails with -ENOENT at once, unless the handle has IPC_CLIENT_WAIT. If
 the server dies with the request, the next server gets it, and this call goes on waiting, also if there is no other
 server yet. In a service with IPC_SERVICE_ONCE, this call fails with -EOWNERDEAD instead, within 100 milliseconds of
 the death.

 data: the request. NULL is allowed only with len 0.
 len: the request's length in bytes, up to the service's request_size.
 priority: 0 to IPC_MQ_PRIORITY_MAX. Higher priorities are received first.
 reply: receives the reply, on success only. NULL is allowed only with capacity 0.
 capacity: the size of reply in bytes.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit. After
 that the request is withdrawn: a server that has it may go on, and its reply is discarded.

 Returns: the reply's length in bytes, which may be 0, or a negative error. After an error the server may have done the
 work or not.
 Errors: -ENOENT if no process serves; -EOWNERDEAD if the server died with the request, in a service with
 IPC_SERVICE_ONCE; -EAGAIN if timeout_ns is 0 and a process serves, or the handle has IPC_CLIENT_WAIT (nothing was sent), or if a thread has been stopped inside a call on the
 service for a second; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while the call waited: the
 request is withdrawn; -EMSGSIZE if len is above the service's request_size, or the reply is longer than capacity: it
 is discarded; -EINVAL if a pointer is NULL, the priority is too high, or timeout_ns is below -1; -EBADF if the handle
 is closed; -EUCLEAN if the service is damaged; -EUSERS if this is a forked child that uses the handle for the first
 time, and as many handles call as the service allows; -EPROTO if this process was forked into another PID namespace
 after the handle was opened; -EDEADLK if a signal handler makes this call, and it interrupted a call on the same
 service; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a futex.
 Threads: safe. Several threads may call with one handle at once; each gets its own reply.
 Death: if the caller dies, its request is withdrawn.
 */
ptrdiff_t ipc_client_call(struct ipc_client_t *client,
                          const void *data,
                          size_t len,
                          unsigned int priority,
                          void *reply,
                          size_t capacity,
                          int64_t timeout_ns);

/*
 Sends a request, and does not wait for its reply: ipc_client_receive() returns the reply. Many requests may be under
 way at once. Waits while as many calls are under way as the service allows.

 data: the request. NULL is allowed only with len 0.
 len: the request's length in bytes, up to the service's request_size.
 priority: 0 to IPC_MQ_PRIORITY_MAX. Higher priorities are received first.
 timeout_ns: how long to wait for room at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a
 limit; 0 only tries. It is no limit for the reply.
 id: receives the call's id, which is never 0, on success only. ipc_client_receive() gives it with the reply.

 Returns: 0, or a negative error, and then nothing was sent.
 Errors: -ENOENT if no process serves, and the handle lacks IPC_CLIENT_WAIT (a server that died within the last
 millisecond may still count); -EAGAIN if there is no room and timeout_ns is 0, or if a thread has been stopped inside
 a call on the service for a second; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while the call
 waited; -EMSGSIZE if len is above the service's request_size; -EINVAL if a pointer is NULL or misaligned, the priority
 is too high, or timeout_ns is below -1; -EBADF if the handle is closed; -EUCLEAN if the service is damaged; -EUSERS if
 this is a forked child that uses the handle for the first time, and as many handles call as the service allows;
 -EPROTO if this process was forked into another PID namespace after the handle was opened; -EDEADLK if a signal
 handler makes this call, and it interrupted a call on the same service; -ENOSYS if a sandbox (seccomp) forbids this
 process to sleep on a futex.
 Threads: safe.
 Death: if the caller's process dies, its requests are withdrawn.
 */
int ipc_client_send(struct ipc_client_t *client,
                    const void *data,
                    size_t len,
                    unsigned int priority,
                    int64_t timeout_ns,
                    uint64_t *id);

/*
 Receives the reply to a request that ipc_client_send() has sent with the same handle. The replies come in the order in
 which the servers give them. Waits while there is none.

 reply: receives the reply, on success only. NULL is allowed only with capacity 0.
 capacity: the size of reply in bytes.
 id: receives the id that ipc_client_send() gave, on success and with -EOWNERDEAD.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits without a limit; 0
 only tries.

 Returns: the reply's length in bytes, which may be 0, or a negative error.
 Errors: -EOWNERDEAD if the server died with the request of this id, in a service with IPC_SERVICE_ONCE: the call has
 ended without a reply; -EAGAIN if there is no reply and timeout_ns is 0, or if a thread has been stopped inside a call
 on the service for a second; -ETIMEDOUT if timeout_ns has passed; -EINTR if a signal handler ran while the call
 waited; -EMSGSIZE if the reply is longer than capacity: it stays; -EINVAL if a pointer is NULL or misaligned, or
 timeout_ns is below -1; -EBADF if the handle is closed; -EUCLEAN if the service is damaged; -EUSERS if this is a
 forked child that uses the handle for the first time, and as many handles call as the service allows; -EPROTO if this
 process was forked into another PID namespace after the handle was opened; -EDEADLK if a signal handler makes this
 call, and it interrupted a call on the same service; -ENOSYS if a sandbox (seccomp) forbids this process to sleep on a
 futex.
 Threads: safe. Each reply goes to one thread.
 */
ptrdiff_t ipc_client_receive(struct ipc_client_t *client,
                             void *reply,
                             size_t capacity,
                             uint64_t *id,
                             int64_t timeout_ns);

/*
 Returns a descriptor for poll(), select() and epoll: it is readable while a reply waits for ipc_client_receive(). The
 first call of a process makes it.

 The descriptor may be readable although there is no reply: another thread was faster. So receive with timeout 0. It is
 always writable. It belongs to the handle: do not close it, read from it or write to it. In a service
 with IPC_SERVICE_ONCE it becomes readable within 100 milliseconds after the death of a server that has a request of this
 client. For this a thread of this process, named "ipc_watch", examines the servers' processes every 50 milliseconds.

 Returns: the descriptor, or a negative error.
 Errors: -EINVAL if client is NULL; -EBADF if the handle is closed; -EAGAIN if another thread is changing the
 descriptor and does not end, or if a thread has been stopped inside a call on the service for a second; -EUSERS if
 this is a forked child that uses the handle for the first time, and as many handles call as the service allows;
 -EUCLEAN if the service is damaged; -EPROTO if this process was forked into another PID namespace after the handle was
 opened; -EMFILE or -ENFILE if too many descriptors are open; -ENOMEM if there is no memory.
 Threads: safe. Fork: a child gets a descriptor of its own when it calls.
 */
int ipc_client_fd(const struct ipc_client_t *client);

/*
 Whether the service's name was removed, or belongs to another object now. Servers that open the name do not get this
 client's requests then.

 Returns: 1 if it is stale, 0 if it is not, or a negative error.
 Errors: -EINVAL if client is NULL; -EBADF if the handle is closed, or the program has closed the service's descriptor
 behind the library.
 Threads: safe.
 */
int ipc_client_stale(const struct ipc_client_t *client);

/*
 Closes a handle that calls. Its requests are withdrawn: those that wait for a server are not received any more, and
 replies to the others are discarded.

 client: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF if the handle is closed already, or does not belong to a client.
 Threads: safe. Calls with this handle that other threads have begun go on, and this call does not wait for them: the
 last of them withdraws the requests.
 Fork: closes the handle of the calling process only.
 */
int ipc_client_close(struct ipc_client_t *client);

/*
 Makes a pipe. Bytes that are written to one descriptor are read from the other, in order.
 Each byte goes to one reader.

 read_fd: receives the descriptor to read from, on success only.
 write_fd: receives the descriptor to write to, on success only. The caller owns both
 descriptors and closes them with close(2).
 flags: 0 or any of IPC_NONBLOCK and IPC_INHERIT. With IPC_NONBLOCK, plain read(2) and write(2)
 on the descriptors do not wait; calls of this library follow their timeout. With IPC_INHERIT,
 exec does not close the descriptors.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned, or flags has an unknown bit; -EMFILE this
 process has too many open descriptors; -ENFILE the system has too many open files, or this
 user's pipes have reached /proc/sys/fs/pipe-user-pages-hard.
 Threads: safe.
 Fork: the child has both ends too. Each process closes the end that it does not use; otherwise
 the reader never gets the end of the file.
 Death: the kernel closes the ends of a dead process. Readers then get the end of the file, and
 writers get EPIPE, if no other process has that end open.
 */
int ipc_pipe(int *read_fd,
             int *write_fd,
             int flags);

/*
 Reads until the buffer is full or the file ends. Signal handlers, partial transfers and
 O_NONBLOCK of the descriptor do not end the call early. Works on every descriptor that is a
 stream of bytes: pipe, FIFO, stream socket, terminal, file.

 fd: a descriptor that is open for reading.
 buf: receives up to len bytes, also when the call fails; may be NULL if len is 0.
 timeout_ns: the limit for the whole transfer, in nanoseconds on the monotonic clock, whether
 the descriptor blocks or not. IPC_FOREVER waits without limit, 0 takes only the bytes that
 are there.

 Returns: len; or fewer bytes if the file ended first (0: it had ended before); or a negative
 error. After an error, ipc_last_transferred() returns the number of bytes in buf. Those bytes
 are no longer in the descriptor.
 Errors: -EINVAL buf is NULL, len is above SSIZE_MAX, or timeout_ns is invalid; -EBADF fd
 is not open for reading; -EAGAIN timeout_ns is 0 and fewer than len bytes are there;
 -ETIMEDOUT the time has passed; -EISDIR fd is a directory; -ECONNRESET the socket's peer
 closed before it had read all our bytes; -EIO the other end of the terminal is closed, or
 the disk failed; -EFAULT buf is not writable memory; -ENOMEM the kernel has no memory. Other errors are those of read(2) for
 that kind of file.
 Threads: safe. If two threads read from one descriptor, each byte goes to one of them.
 Signals: continues after a signal handler; never fails with EINTR.
 Death: when the last writer of a pipe dies, the call returns the bytes that came before.
 */
ssize_t ipc_read_full(int fd,
                      void *buf,
                      size_t len,
                      int64_t timeout_ns);

/*
 Writes all the bytes. Signal handlers, partial transfers and O_NONBLOCK of the descriptor do
 not end the call early. Works on every descriptor that is a stream of bytes: pipe, FIFO, stream
 socket, terminal, file.

 Never raises SIGPIPE, and leaves the program's disposition of SIGPIPE unchanged. On a pipe this
 takes about 50 ns more than write(2); on a socket it takes no more.

 fd: a descriptor that is open for writing.
 buf: len bytes; may be NULL if len is 0.
 timeout_ns: the limit for the whole transfer, in nanoseconds on the monotonic clock, whether
 the descriptor blocks or not. IPC_FOREVER waits without limit, 0 writes only the bytes for
 which there is room.

 Returns: len, or a negative error. After an error, ipc_last_transferred() returns the number of
 bytes that were written.
 Errors: -EINVAL buf is NULL, len is above SSIZE_MAX, or timeout_ns is invalid; -EBADF fd
 is not open for writing; -EPIPE no process has the other end open for reading; -EAGAIN
 timeout_ns is 0 and there is not room for all bytes; -ETIMEDOUT the time has passed;
 -ENOTCONN or -ECONNRESET the socket has no peer; -ENOSPC, -EDQUOT or -EFBIG the file cannot
 grow; -EIO the disk or the terminal failed; -EFAULT buf is not readable memory; -ENOMEM the kernel has no memory. Other
 errors are those of write(2) for that kind of file.
 Threads: safe. Up to IPC_PIPE_ATOMIC bytes go into a pipe in one piece. Longer transfers of two
 writers may be mixed.
 Signals: continues after a signal handler; never fails with EINTR.
 Death: if the caller dies during a transfer of more than IPC_PIPE_ATOMIC bytes, the first part
 may be in the pipe.
 */
ssize_t ipc_write_full(int fd,
                       const void *buf,
                       size_t len,
                       int64_t timeout_ns);

/*
 The number of bytes that this thread's last failed ipc_read_full() or ipc_write_full() had
 transferred when it failed. To continue, transfer the rest. Transfers that succeed do not
 change this number.

 Returns: bytes; 0 if no transfer of this thread has failed.
 Threads: safe; each thread has its own number.
 Fork: the child of a fork starts with the number of the thread that forked.
 */
size_t ipc_last_transferred(void);

/*
 The capacity of a pipe or FIFO: the number of bytes that it holds before writers wait. The
 kernel's default is 65536.

 fd: either end.

 Returns: bytes, or a negative error.
 Errors: -EBADF fd is not open, or is not a pipe or FIFO.
 Threads: safe.
 */
ssize_t ipc_pipe_capacity(int fd);

/*
 Sets the capacity of a pipe or FIFO to at least the given number of bytes.

 fd: either end.
 bytes: the wanted capacity. The kernel rounds it up to a power of two, and to at least one
 page.

 Returns: the new capacity in bytes, or a negative error, and the capacity is unchanged.
 Errors: -EBADF fd is not open, or is not a pipe or FIFO; -EINVAL bytes is 0 or above
 INT_MAX; -EPERM the capacity is above /proc/sys/fs/pipe-max-size, or this user's pipes
 together would be above /proc/sys/fs/pipe-user-pages-soft; -EBUSY the pipe now holds more
 bytes than that; -ENOMEM the kernel has no memory.
 Threads: safe.
 */
ssize_t ipc_pipe_set_capacity(int fd,
                              size_t bytes);

/*
 Prepares a reader of lines from a pipe, FIFO, stream socket, terminal or file.

 The reader reads more than one line at once. Bytes behind the line are in its buffer, where poll(2)
 and other readers of the descriptor do not see them. So read the descriptor through one reader only,
 and before a poll call ipc_read_line() with a timeout of 0 until it returns -EAGAIN.

 reader: the caller's; need not be initialised.
 fd: open for reading. It stays the caller's, and must stay open as long as the reader is used.
 buffer: the caller's, for the reader alone as long as it is used.
 capacity: the buffer's size in bytes, at least 2. A line of up to capacity - 1 bytes, with its newline,
 comes in one piece.

 Returns: 0, or a negative error.
 Errors: -EINVAL reader or buffer is NULL, reader is misaligned, or capacity is below 2 or above
 SSIZE_MAX.
 Threads: safe for different readers.
 */
int ipc_line_reader_init(struct ipc_line_reader_t *reader,
                         int fd,
                         void *buffer,
                         size_t capacity);

/*
 Reads the next line, and waits until it is there. The bytes behind the line stay in the reader's
 buffer for the next call. A line that is longer than the buffer comes in pieces, see is_whole of
 ipc_line_reader_t.

 reader: from ipc_line_reader_init().
 line: receives the address of the line in the reader's buffer, on success only. In place of its
 newline the line ends with a NUL byte. It is valid until the next call with this reader.
 timeout_ns: the limit for the whole line, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without limit, 0 does not wait.

 Returns: how many bytes the line took from the stream, with its newline: at least 1. Or 0 at the end of
 the stream, with an empty line. Or a negative error, and all bytes that came are kept for the next
 call.
 Errors: -EAGAIN no whole line is there and timeout_ns is 0; -ETIMEDOUT the time has passed; -EINTR a
 signal handler ran while the call waited; -EINVAL reader or line is NULL or misaligned, the reader's
 fields are not those of a reader, or timeout_ns is invalid; -EBADF the descriptor is not open for
 reading; -EISDIR it is a directory; -ENOTCONN or -ECONNRESET the socket has no peer; -EIO the disk or
 the terminal failed; -EFAULT the buffer is not writable memory; -ENOMEM the kernel has no memory.
 Threads: one thread at a time may use a reader.
 Fork: the child has a copy of the reader and of the bytes in it, if it has the buffer.
 Death: when the peer dies, what it had written is read first, and then the end.
 */
ssize_t ipc_read_line(struct ipc_line_reader_t *reader,
                      char **line,
                      int64_t timeout_ns);

/*
 Starts a program as a child process. The streams that flags names are pipes; the child
 shares the other streams with this process. No shell is involved.

 The child gets no other descriptor of this process, however it was opened. All its signals
 have their default actions, and none is blocked. The call returns when the program runs, so
 a program that cannot be executed is an error of this call and never an exit status.

 out: receives the handle, on success only. End it with ipc_child_close().
 argv: the program's name and its arguments, ended by NULL. A name without a slash is
 searched for in this process's PATH.
 flags: 0 or any of IPC_STDIN_PIPE, IPC_STDOUT_PIPE, IPC_STDERR_PIPE and IPC_INHERIT. With
 IPC_INHERIT, the child also gets the descriptors that exec does not close.

 Returns: 0, and the program runs; or a negative error, and there is no child.
 Errors: -EINVAL out or argv is NULL or misaligned, argv has no name, or flags has an
 unknown bit; -ENOENT or -ENOTDIR the program does not exist; -EACCES the program may not be
 executed; -ENOEXEC the file is not a program; -E2BIG the arguments and the environment are
 too large; -ETXTBSY the program is open for writing; -ELOOP or -ENAMETOOLONG its path
 cannot be followed; -EAGAIN no more processes are allowed; -EMFILE this process has too
 many open descriptors or handles; -ENFILE the system has too many open files; -ENOMEM there
 is no memory.
 Threads: safe, whatever other threads do: the child makes only system calls before exec.
 Signals: held back in the calling thread until the program runs; none is lost.
 Fork: a process that this one forks later can signal the program, but cannot wait for it.
 Death: the program continues when this process dies. It gets the end of the file on a
 standard input that is a pipe, and EPIPE or SIGPIPE on an output that is one.
 */
int ipc_spawn(struct ipc_child_t **out,
              const char *const *argv,
              int flags);

/*
 Starts a program as a child process, with a choice of files, descriptors or /dev/null for
 its streams, an environment and a working directory. No shell is involved.

 The child gets no other descriptor of this process, however it was opened. All its signals
 have their default actions, and none is blocked. The call returns when the program runs, so
 a program that cannot be executed is an error of this call and never an exit status.

 out: receives the handle, on success only. End it with ipc_child_close().
 argv: the program's name and its arguments, ended by NULL. A name without a slash is
 searched for in this process's PATH.
 flags: 0 or any of IPC_STDIN_PIPE, IPC_STDOUT_PIPE, IPC_STDERR_PIPE and IPC_INHERIT. With
 IPC_INHERIT, the child also gets the descriptors that exec does not close.
 attr: the choices; NULL for the defaults. Not kept after the call. A stream that flags puts
 on a pipe must have the kind IPC_STREAM_INHERIT (0) or IPC_STREAM_PIPE. Relative paths of
 streams' files start at this process's working directory, not at the child's.

 Returns: 0, and the program runs; or a negative error, and there is no child.
 Errors: -EINVAL out, argv or a needed path is NULL, a pointer is misaligned, argv has no
 name, flags has an unknown bit, a stream's kind is unknown or not allowed for that stream, a stream's path names a FIFO,
 or a reserved field is not 0; -EBADF the fd of a stream is not open; -ENOENT or -ENOTDIR
 the program does not exist; -EACCES the program may not be executed; -ENOEXEC the file is
 not a program; -E2BIG the arguments and the environment are too large; -ETXTBSY the program
 is open for writing; -ELOOP or -ENAMETOOLONG its path cannot be followed; -EAGAIN no more
 processes are allowed; -EMFILE this process has too many open descriptors or handles;
 -ENFILE the system has too many open files; -ENOMEM there is no memory; -EISDIR, -EROFS or
 -ENOSPC a stream's file cannot be opened or created; -EPERM or -EACCES this process may not set the
 child's user, scheduling or a limit; -ESRCH this process ended meanwhile (IPC_CHILD_DIES_WITH_PARENT).
 -ENOENT, -ENOTDIR, -EACCES, -ELOOP and -ENAMETOOLONG can also concern a stream's file or the
 directory, and -EINVAL and -EBADF an entry of the setup; ipc_last_error() says which.
 Threads: safe, whatever other threads do: the child makes only system calls before exec.
 Signals: held back in the calling thread until the program runs; none is lost.
 Fork: a process that this one forks later can signal the program, but cannot wait for it.
 Death: the program continues when this process dies. It gets the end of the file on a
 standard input that is a pipe, and EPIPE or SIGPIPE on an output that is one.
 */
int ipc_spawn_with(struct ipc_child_t **out,
                   const char *const *argv,
                   int flags,
                   const struct ipc_spawn_attr_t *attr);

/*
 Returns the descriptor to which this process writes the child's standard input. Write with
 ipc_write_full(), which raises no SIGPIPE if the child is gone.

 child: from ipc_spawn() or ipc_spawn_with().

 Returns: a descriptor that belongs to the handle, or a negative error. Do not close it with
 close(2); ipc_child_close_stdin() and ipc_child_close() close it.
 Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the
 child's standard input is not a pipe or is closed already.
 Threads: safe.
 */
int ipc_child_stdin(const struct ipc_child_t *child);

/*
 Returns the descriptor from which this process reads the child's standard output.

 child: from ipc_spawn() or ipc_spawn_with().

 Returns: a descriptor that belongs to the handle, or a negative error. Do not close it with
 close(2); ipc_child_close() closes it.
 Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, the
 child's standard output is not a pipe, or ipc_child_communicate() has read it to its end.
 Threads: safe.
 */
int ipc_child_stdout(const struct ipc_child_t *child);

/*
 Returns the descriptor from which this process reads the child's standard error.

 child: from ipc_spawn() or ipc_spawn_with().

 Returns: a descriptor that belongs to the handle, or a negative error. Do not close it with
 close(2); ipc_child_close() closes it.
 Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, the
 child's standard error is not a pipe, or ipc_child_communicate() has read it to its end.
 Threads: safe.
 */
int ipc_child_stderr(const struct ipc_child_t *child);

/*
 Closes the pipe to the child's standard input. The child then reads the end of the file.

 child: from ipc_spawn() or ipc_spawn_with().

 Returns: 0, or a negative error.
 Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the
 child's standard input is not a pipe or is closed already.
 Threads: no other thread may use the descriptor of ipc_child_stdin() during this call or
 after it.
 */
int ipc_child_close_stdin(struct ipc_child_t *child);

/*
 Closes the pipe from the child's standard output. If the child writes to it later, it gets SIGPIPE or
 EPIPE.

 child: from ipc_spawn() or ipc_spawn_with().

 Returns: 0, or a negative error.
 Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the
 child's standard output is not a pipe or is closed already.
 Threads: no other thread may use the descriptor of ipc_child_stdout() during this call or
 after it.
 */
int ipc_child_close_stdout(struct ipc_child_t *child);

/*
 Closes the pipe from the child's standard error. If the child writes to it later, it gets SIGPIPE or
 EPIPE.

 child: from ipc_spawn() or ipc_spawn_with().

 Returns: 0, or a negative error.
 Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the
 child's standard error is not a pipe or is closed already.
 Threads: no other thread may use the descriptor of ipc_child_stderr() during this call or
 after it.
 */
int ipc_child_close_stderr(struct ipc_child_t *child);

/*
 Returns the child's process id, for messages. To send a signal, use ipc_child_kill(): the
 id may belong to another process after the child's end.

 child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn().

 Returns: the id, or a negative error.
 Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child.
 Threads: safe.
 */
int ipc_child_pid(const struct ipc_child_t *child);

/*
 Returns the child's pidfd. poll(2) reports it as readable when the child has ended.

 child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn().

 Returns: a descriptor that belongs to the handle, or a negative error. Do not close it with
 close(2); ipc_child_close() closes it.
 Errors: -EINVAL child is NULL; -EBADF the handle is closed or is not of a child, or the program
 has closed the descriptor.
 Threads: safe.
 */
int ipc_child_fd(const struct ipc_child_t *child);

/*
 Waits until the child has ended, and says how. The answer stays: the call may be repeated.

 child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn().
 how: receives how the child ended, on success only; may be NULL.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
 wait.

 Returns: 0, and the child has ended; or a negative error.
 Errors: -EAGAIN the child still runs and timeout_ns is 0; -ETIMEDOUT the time has passed and the
 child still runs; -EINTR a signal handler ran while the call waited; -ECHILD how the child ended
 is not known, because this process did not start it, ignores SIGCHLD, or has waited for it by
 other means; -EINVAL child is NULL, how is misaligned, or timeout_ns is invalid; -EBADF the
 handle is closed or is not of a child; -ENOMEM the kernel has no memory.
 Threads: safe; all waiting threads get the same answer.
 Fork: a forked process cannot wait for its parent's child: -ECHILD.
 */
int ipc_child_wait(struct ipc_child_t *child,
                   struct ipc_child_exit_t *how,
                   int64_t timeout_ns);

/*
 Sends the child a signal, for example SIGTERM or SIGKILL. The signal never reaches another
 process that got the child's id after the child's end.

 child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn().
 signal: a signal's number. 0 sends nothing and checks whether the child exists.

 Returns: 0, or a negative error.
 Errors: -ESRCH the child has ended and was waited for; -EINVAL child is NULL, or signal is
 not a signal; -EPERM the child has changed its user; -EBADF the handle is closed or is not
 of a child.
 Threads: safe.
 */
int ipc_child_kill(struct ipc_child_t *child,
                   int signal);

/*
 Sends a signal to all processes in the process group that the child was started to lead: to the child
 and to what it has started, as long as those have not left the group. The signal reaches no other
 group that got the number later.

 child: from ipc_pty_spawn(), or from ipc_spawn_with() with IPC_CHILD_NEW_GROUP or
 IPC_CHILD_NEW_SESSION.
 signal: a signal's number. 0 sends nothing and checks whether the group has a process.

 Returns: 0, or a negative error.
 Errors: -ESRCH no process of the group is left; or the child was waited for, and the kernel is older
 than Linux 6.9; -EINVAL child is NULL, signal is not a signal, or the child was not started as the
 leader of a group; -EPERM this process may signal none of the group; -EBADF the handle is closed or is
 not of a child.
 Threads: safe.
 */
int ipc_child_kill_group(struct ipc_child_t *child,
                         int signal);

/*
 Ends a handle and closes its pipes. The child is not killed. If the child still runs, it
 continues; a later ipc_spawn() or ipc_child_close() of this process reaps it after its end,
 so that no zombie stays. From Linux 6.9 on the closed handle keeps no descriptor; on an older
 kernel it keeps the child's pidfd until the child is reaped.

 child: from ipc_spawn(), ipc_spawn_with() or ipc_pty_spawn(); NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed already or is not of a child.
 Threads: safe. Calls with this handle that other threads have begun go on: this call does not wait
 for them, and the last of them releases what the handle stands for.
 Fork: closes only the calling process's handle.
 */
int ipc_child_close(struct ipc_child_t *child);

/*
 Writes the child's standard input and reads its standard output and error, as far as they
 are pipes. The call does whichever is possible first, so no amount of data leads to a
 deadlock.

 The call ends when two things are true. The child's input is written and then closed, or
 the child has closed it. The child has closed its outputs, which its end does too.
 ipc_child_wait() then says how the child ended. A child that does not read all its input is
 no error: input_size says how much is left.

 child: from ipc_spawn() or ipc_spawn_with().
 exchange: the buffers and the progress. The progress is updated also when the call fails,
 so nothing is lost, and the call may be repeated to continue. After -ENOBUFS, enlarge or
 empty the full buffer first.
 timeout_ns: the limit for the whole exchange, in nanoseconds on the monotonic clock.
 IPC_FOREVER waits without limit, 0 does what is possible at once.

 Returns: 0, or a negative error.
 Errors: -ENOBUFS a buffer is full and the child has written more, which is still in the pipe;
 -EAGAIN the exchange is not finished and timeout_ns is 0; -ETIMEDOUT the time has passed;
 -EINVAL child or exchange is NULL, exchange is misaligned, a size is above its capacity, there
 is input but the child's standard input was not a pipe, or timeout_ns is invalid; -EBADF the
 handle is closed or is not of a child; -ENOMEM the kernel has no memory.
 Threads: one call at a time for each child.
 Signals: continues after a signal handler; never fails with EINTR.
 Death: a killed child has closed its streams. A process that the child started may still
 hold them open; a timeout ends the call.
 */
int ipc_child_communicate(struct ipc_child_t *child,
                          struct ipc_exchange_t *exchange,
                          int64_t timeout_ns);

/*
 Creates a FIFO, or finds the one that exists.

 path: in any file system. A symbolic link in the last part of the path is not followed.
 flags: 0 or any of IPC_CREATE (no effect: the call always creates) and IPC_EXCLUSIVE (fail
 if the FIFO exists).
 mode: the permissions of a FIFO that this call creates. It has exactly these permissions
 from its first moment; the umask has no effect. An existing FIFO keeps its permissions.

 The call makes no process. If the umask would take permissions away, the call makes the FIFO
 under a private name in the same directory and then renames it.

 Returns: IPC_CREATED (1); or IPC_OPENED (0) if the FIFO existed; or a negative error.
 Errors: -EINVAL path is NULL or empty, flags has an unknown bit, or mode has bits outside
 0777; -EEXIST the FIFO exists and flags has IPC_EXCLUSIVE; -EMEDIUMTYPE something else is at
 the path, and it is unchanged; -ENOENT or -ENOTDIR the directory does not exist; -EACCES or
 -EPERM the directory's permissions or the file system forbid it; -ENAMETOOLONG the path is
 too long; -ELOOP the path has too many symbolic links; -ENOSPC the file system is full;
 -EROFS the file system is read-only; -EMFILE or -ENFILE too many descriptors are open (the
 call opens one for a moment); -ENOMEM the kernel has no memory.
 Threads: safe.
 Death: if the caller is killed in this call, the FIFO exists with its final permissions, or
 does not exist. In the second case a FIFO without permissions may stay under a private name
 that begins with ".robustipc-fifo-".
 */
int ipc_fifo_create(const char *path,
                    int flags,
                    mode_t mode);

/*
 Opens one end of a FIFO and waits until another process has opened, or is opening, the
 other end.

 path: of a FIFO. A symbolic link in the last part of the path is not followed.
 flags: exactly one of IPC_READ_ONLY and IPC_WRITE_ONLY, and any of the following.
 IPC_NONBLOCK: plain read(2) and write(2) on the descriptor do not wait (this call still
 does).
 IPC_INHERIT: exec does not close the descriptor. IPC_FIFO_KEEP_OPEN (only with
 IPC_READ_ONLY): this call does not wait, and the end of the file never comes. The caller
 needs permission to write to the FIFO too.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
 wait.

 Returns: a descriptor (0 or more) that the caller closes with close(2), or a negative
 error.
 Errors: -EINVAL path is NULL or empty, flags does not have exactly one end or has an unknown
 bit, or timeout_ns is invalid; -ENOENT or -ENOTDIR the path does not exist, or /proc is not
 mounted; -EMEDIUMTYPE something else than a FIFO is at the path; -EACCES the permissions
 forbid it; -ENXIO no reader has it open and timeout_ns is 0; -EAGAIN no writer has it open
 and timeout_ns is 0; -ETIMEDOUT no process opened the other end in time; -EINTR a signal
 handler ran while the call waited (with IPC_FOREVER: only a handler that was installed
 without SA_RESTART); -EMFILE this process has too many open descriptors; -ENFILE the system
 has too many open files; -ENAMETOOLONG the path is too long; -ELOOP the path has too many
 symbolic links; -ENOMEM the kernel has no memory.
 Threads: safe.
 Death: a writer that was killed after it had opened the FIFO counts as a peer: the reader's
 call returns, and reading gives the end of the file. A process that is killed while it
 waits in this call does not count.
 */
int ipc_fifo_open(const char *path,
                  int flags,
                  int64_t timeout_ns);

/*
 Removes a FIFO's name. Processes that have the FIFO open keep it.

 path: of a FIFO. A symbolic link in the last part of the path is not followed.

 Returns: 0, or a negative error.
 Errors: -EINVAL path is NULL or empty; -ENOENT or -ENOTDIR the path does not exist;
 -EMEDIUMTYPE something else than a FIFO is at the path, and it is unchanged; -EACCES, -EPERM
 or -EROFS the permissions or the file system forbid it; -ENAMETOOLONG the path is too long;
 -ELOOP the path has too many symbolic links; -EBUSY another file system is mounted on the file;
 -ENOMEM the kernel has no memory.
 Threads: safe.
 */
int ipc_fifo_unlink(const char *path);

/*
 Makes two connected sockets, for a process and its child or for two threads.

 first, second: receive one descriptor each, on success only. The caller closes both with
 close(2).
 type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
 flags: 0 or any of IPC_INHERIT and IPC_NONBLOCK. With IPC_INHERIT, exec does not close the
 descriptors. With IPC_NONBLOCK, plain read(2) and write(2) on them do not wait; calls of
 this library follow their timeout.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned, the type is unknown, or flags has an
 unknown bit; -EMFILE this process has too many open descriptors; -ENFILE the system has too
 many open files; -ENOMEM the kernel has no memory.
 Threads: safe.
 Fork: the child has both ends too. Each process closes the end that it does not use;
 otherwise the other end is never told that a peer has gone.
 Death: when the last process that has one end dies, receiving at the other end returns 0
 and sending fails with -EPIPE. With IPC_SOCK_DATAGRAM, a receiver is not told, and sending
 fails with -ECONNREFUSED.
 */
int ipc_sock_pair(int *first,
                  int *second,
                  int type,
                  int flags);

/*
 Returns the process, user and group at the other end of a connection or pair.

 The user and the group are proof: the kernel noted them when the peer called connect(2),
 listen(2) or, for a pair, socketpair(2), and no process can forge them. They do not say who
 holds the descriptor now: it may have been inherited or passed on since. The process id is
 only a hint, because the process may have ended and another may have its id.
 ipc_sock_peer_pidfd() does not have this weakness.

 fd: a connected stream or seqpacket socket, or one end of a pair.
 peer: receives the answer, on success only.

 Returns: 0, or a negative error.
 Errors: -ENOTCONN the kernel knows no peer: the socket is not connected, or is a datagram
 socket that is not of a pair; -EINVAL peer is NULL or misaligned; -EBADF fd is not open;
 -ENOTSOCK fd is not a socket.
 Threads: safe.
 Death: the answer stays the same after the peer's death.
 */
int ipc_sock_peer(int fd,
                  struct ipc_peer_t *peer);

/*
 Opens a pidfd of the process that was at the other end when the connection was made. The
 pidfd always means that process, never another one with the same id. poll(2) reports the
 pidfd as readable when the process has ended.

 fd: a connected stream or seqpacket socket, or one end of a pair.

 Returns: a descriptor that exec closes and that the caller closes with close(2), or a
 negative error.
 Errors: -ESRCH the process has ended; -ENOTSUP the kernel is older than Linux 6.5 (a pidfd
 made from the process id alone would prove nothing); -ENOTCONN the kernel knows no peer:
 the socket is not connected, or is a datagram socket that is not of a pair; -EBADF fd is
 not open; -ENOTSOCK fd is not a socket; -EMFILE this process has too many open descriptors;
 -ENFILE the system has too many open files.
 Threads: safe.
 */
int ipc_sock_peer_pidfd(int fd);

/*
 Makes the socket that clients find under a path. With IPC_SOCK_STREAM and
 IPC_SOCK_SEQPACKET, ipc_sock_accept() accepts its connections. With IPC_SOCK_DATAGRAM,
 ipc_sock_recv() receives its messages.

 A living socket is never displaced, whoever owns it. The file of a dead socket (all
 processes that had it open have ended) is replaced. If two processes replace it at once,
 one of them succeeds. The permissions are never wider than mode.

 path: 1 to 107 bytes. Closing the socket does not remove the file; ipc_sock_unlink() does.
 A path that begins with "@" is an abstract name. An abstract name has no file and ends with
 its socket. It has no permissions: every process in the same network namespace may connect
 to it, or take it first, so ask ipc_sock_peer() who the peer is.
 type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
 flags: 0 or any of IPC_INHERIT (exec does not close the descriptor) and IPC_NONBLOCK (plain
 read(2) and write(2) do not wait). Plain accept(2) on the socket never waits, with or
 without IPC_NONBLOCK.
 mode: the exact permissions of the file; the umask has no effect. Clients need write
 permission. Unused for an abstract name.

 Returns: a descriptor that the caller closes with close(2), or a negative error. Up to 128
 connections wait to be accepted; listen(2) on the descriptor sets another number.
 Errors: -EADDRINUSE a living socket has the name, and has had it for 200 ms: a killed server's
 child keeps the socket until it executes its program; -EMEDIUMTYPE a file that is not a socket
 is at the path; -EINVAL path is NULL or empty, the type is unknown, flags has an unknown
 bit, or mode has bits outside 0777; -ENAMETOOLONG the path has more than 107 bytes; -ENOENT
 or -ENOTDIR the directory does not exist; -EACCES or -EPERM the permissions forbid to make
 the file, to ask whether the old socket lives, to read the directory, or to remove the old
 file; -EBUSY a dead socket's file has to be replaced, and another process has locked the
 directory for 2 seconds; -ESTALE another process removed the file during this call; -EROFS
 the file system is read-only; -ENOSPC the file system is full; -ELOOP the path has too many
 symbolic links; -EMFILE this process has too many open descriptors; -ENFILE the system has
 too many open files; -ENOMEM the kernel has no memory.
 Threads: safe.
 Fork: the child has the socket too. The socket lives until all processes that have it have
 closed it.
 Death: a process that is killed in this call leaves nothing, or the file of a dead socket,
 which the next server replaces.
 */
int ipc_sock_listen(const char *path,
                    int type,
                    int flags,
                    mode_t mode);

/*
 As ipc_sock_listen(), with a limit of the caller's for the wait for a name that is in use. A server
 that was killed while it started a program leaves a child that has the socket until it executes the
 program; and a server that shuts down needs a moment too. This call waits until the name is free.

 path: 1 to 107 bytes; or "@" and 1 to 106 bytes, an abstract name, which has no file.
 type: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or IPC_SOCK_SEQPACKET.
 flags: 0 or any of IPC_INHERIT and IPC_NONBLOCK, as for ipc_sock_listen().
 mode: the exact permissions of the file; the umask has no effect. Unused for an abstract name.
 timeout_ns: how long to wait for the name at most, in nanoseconds on the monotonic clock. IPC_FOREVER
 waits without a limit; 0 tries once.

 Returns: a descriptor that the caller closes with close(2), or a negative error.
 Errors: -EADDRINUSE a living socket has the name, and timeout_ns is 0 or has passed; -EINTR a signal
 handler ran while the call waited; -EMEDIUMTYPE a file that is not a socket is at the path; -EINVAL
 path is NULL or empty, the type is unknown, flags has an unknown bit, mode has bits outside 0777, or
 timeout_ns is invalid; -ENAMETOOLONG the path has more than 107 bytes; -ENOENT or -ENOTDIR the
 directory does not exist; -EACCES or -EPERM the permissions forbid to make the file, to ask whether
 the old socket lives, to read the directory, or to remove the old file; -EBUSY a dead socket's file
 has to be replaced, and another process has locked the directory for 2 seconds; -ESTALE another
 process removed the file during this call; -EROFS the file system is read-only; -ENOSPC the file
 system is full; -ELOOP the path has too many symbolic links; -EMFILE this process has too many open
 descriptors; -ENFILE the system has too many open files; -ENOMEM the kernel has no memory.
 Threads: safe.
 Fork: the child has the socket too. The socket lives until all processes that have it have closed it.
 Death: a process that is killed in this call leaves nothing, or the file of a dead socket, which the
 next server replaces.
 */
int ipc_sock_listen_within(const char *path,
                           int type,
                           int flags,
                           mode_t mode,
                           int64_t timeout_ns);

/*
 Accepts the next connection, and waits until there is one.

 listener: a descriptor from ipc_sock_listen(), or any other listening UNIX socket.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
 wait. There is one exception to the limit. If the listener is another program's and blocks,
 and a third process accepts the connection that this call was woken for, this call waits
 for the next one.

 Returns: a descriptor that exec closes and that the caller closes with close(2), or a
 negative error.
 Errors: -EAGAIN there is no connection and timeout_ns is 0; -ETIMEDOUT the time has passed;
 -EINTR a signal handler ran while the call waited; -EINVAL the socket does not listen, or
 timeout_ns is invalid; -EBADF listener is not open; -ENOTSOCK listener is not a socket;
 -EMFILE this process has too many open descriptors; -ENFILE the system has too many open
 files; -ENOMEM the kernel has no memory. After -EMFILE and -ENFILE the connection still
 waits to be accepted.
 Threads: safe; each connection goes to one caller.
 Death: the connection of a client that has died is accepted too. Receiving from it gives
 what the client sent, and then 0.
 */
int ipc_sock_accept(int listener,
                    int64_t timeout_ns);

/*
 Connects to the socket that a server has made under a path. The call returns when the
 connection is in the server's backlog; the server need not have accepted it.

 path: 1 to 107 bytes; with a leading "@" an abstract name, as given to ipc_sock_listen().
 type: the type of the server's socket: IPC_SOCK_STREAM, IPC_SOCK_DATAGRAM or
 IPC_SOCK_SEQPACKET.
 flags: 0 or any of IPC_INHERIT, IPC_NONBLOCK, IPC_SOCK_WAIT and IPC_SOCK_NAMED. With IPC_INHERIT, exec does
 not close the descriptor. With IPC_NONBLOCK, plain read(2) and write(2) on it do not wait.
 With IPC_SOCK_WAIT, the call waits while there is no file, or no process that listens.
 With IPC_SOCK_NAMED, for IPC_SOCK_DATAGRAM only, the socket gets an abstract name that the
 kernel chooses, so that the server can answer it.
 timeout_ns: the limit for the server to come and for room in its backlog, in nanoseconds on
 the monotonic clock. IPC_FOREVER waits without limit, 0 does not wait.

 Returns: a descriptor that the caller closes with close(2), or a negative error.
 Errors: -ENOENT the path does not exist; -ECONNREFUSED no process listens there; -EAGAIN
 timeout_ns is 0, and the backlog is full or, with IPC_SOCK_WAIT, there is no server;
 -ETIMEDOUT the time has passed; -EINTR a signal handler ran while the call waited;
 -EPROTOTYPE the server's socket has another type; -EMEDIUMTYPE a file that is not a socket
 is at the path; -EACCES the caller has no write permission for the file, or no search
 permission for a directory; -EINVAL path is NULL or empty, the type is unknown, IPC_SOCK_NAMED is
 given with another type than IPC_SOCK_DATAGRAM, flags has
 an unknown bit, or timeout_ns is invalid; -ENAMETOOLONG the path has more than 107 bytes;
 -ENOTDIR a part of the path is not a directory; -ELOOP the path has too many symbolic
 links; -EMFILE this process has too many open descriptors; -ENFILE the system has too many
 open files; -ENOMEM the kernel has no memory.
 Threads: safe.
 Death: if the server dies while this call waits for room in its backlog, the call fails
 with -ECONNREFUSED; with IPC_SOCK_WAIT it waits for the next server.
 */
int ipc_sock_connect(const char *path,
                     int type,
                     int flags,
                     int64_t timeout_ns);

/*
 Removes the file of a socket, living or dead. A file that is not a socket is left
 unchanged. A server that ends calls this before it closes its socket; afterwards the file
 may be another server's.

 path: as given to ipc_sock_listen(). A symbolic link in the last part of the path is not
 followed.

 Returns: 0, or a negative error.
 Errors: -ENOENT the path does not exist; -EMEDIUMTYPE a file that is not a socket is at the
 path; -EINVAL path is NULL or empty, or is an abstract name, which has no file; -ENAMETOOLONG
 the path has more than 107 bytes; -EACCES or -EPERM the permissions forbid it; -EBUSY another
 process has locked the directory for 2 seconds; -ENOTDIR a part of the path is not a directory;
 -EROFS the file system is read-only; -ELOOP the path has too many symbolic links; -EMFILE this
 process has too many open descriptors; -ENFILE the system has too many open files; -ENOMEM the
 kernel has no memory.
 Threads: safe.
 */
int ipc_sock_unlink(const char *path);

/*
 Sends a message or, on a stream socket, bytes. Never raises SIGPIPE.

 The call sends without waiting if there is room. O_NONBLOCK of the descriptor has no effect
 and is not changed.

 msg: len bytes. On a datagram or stream socket len may be 0.
 timeout_ns: the limit for room to appear, in nanoseconds on the monotonic clock.
 IPC_FOREVER waits without limit, 0 does not wait.

 Returns: the number of bytes that were sent; or a negative error, and nothing was sent. A
 message is sent whole. Of a stream's bytes fewer than len may be sent, whatever the timeout
 is; ipc_write_full() sends them all.
 Errors: -EAGAIN there is no room and timeout_ns is 0; -ETIMEDOUT the time has passed;
 -EINTR a signal handler ran while the call waited; -EPIPE, -ECONNRESET or -ECONNREFUSED the
 other end is closed, or its process has ended; -EMSGSIZE the message is larger than the
 send buffer (SO_SNDBUF) takes; -ENOTCONN the socket is not connected; -EINVAL msg is NULL,
 len is above SSIZE_MAX, the message is empty on a seqpacket socket, or timeout_ns is below
 -1; -EFAULT msg is not readable memory; -EBADF fd is not open; -ENOTSOCK fd is not a
 socket; -ENOBUFS or -ENOMEM the kernel has no memory.
 Threads: safe. Messages of two senders do not mix; bytes of a stream may.
 Death: when the receiver dies, a waiting sender fails with -EPIPE, or on a datagram socket
 with -ECONNREFUSED. Data sent before the sender's death still arrives.
 */
ssize_t ipc_sock_send(int fd,
                      const void *msg,
                      size_t len,
                      int64_t timeout_ns);

/*
 Receives the next message whole or, on a stream socket, the bytes that are there. The call
 waits until there is something. Descriptors that travel with the message are closed;
 ipc_sock_recv_fds() receives them.

 O_NONBLOCK of the descriptor has no effect and is not changed.

 buf: receives up to capacity bytes, on success only. capacity is at least 1.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
 wait.

 Returns: the number of bytes that were received; or 0 at the end of a stream or seqpacket
 connection (the other end is closed, or its process has ended), and for an empty datagram;
 or a negative error.
 Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT the time has passed;
 -EINTR a signal handler ran while the call waited; -EMSGSIZE the next message is larger
 than capacity, ipc_last_error() says its size, and it stays in the socket (see Threads for
 the exception); -ECONNRESET the other end closed before it had received all our messages;
 -ENOTCONN the socket is not connected; -EINVAL buf is NULL, capacity is 0 or above
 SSIZE_MAX, or timeout_ns is invalid; -EFAULT buf is not writable memory, and a received message
 is lost; -EBADF fd is not open; -ENOTSOCK fd is
 not a socket; -ENOMEM the kernel has no memory.
 Threads: safe; each message goes to one receiver. The call first measures the next message
 and then takes it. If another receiver of the socket takes the measured message in between,
 this call takes the next one. If that one is larger than capacity, its end is lost and the
 call fails with -EMSGSIZE. So receivers that share a socket need a capacity for the largest
 message.
 Death: when the sender dies, what it had sent is received first.
 */
ssize_t ipc_sock_recv(int fd,
                      void *buf,
                      size_t capacity,
                      int64_t timeout_ns);

/*
 Sends a message, and descriptors with it. The receiver gets descriptors of its own for the
 same open files. The sender's descriptors stay open; the sender may close them after the
 call. Never raises SIGPIPE.

 O_NONBLOCK of the socket has no effect and is not changed.

 msg: len bytes, at least 1.
 fds: count descriptors, 1 to IPC_SOCK_FDS_MAX.
 timeout_ns: the limit for room to appear, in nanoseconds on the monotonic clock.
 IPC_FOREVER waits without limit, 0 does not wait.

 Returns: the number of bytes that were sent; or a negative error, and nothing was sent. The
 descriptors travel with the first byte. If a stream socket takes fewer than len bytes, send
 the rest without descriptors.
 Errors: -EAGAIN there is no room and timeout_ns is 0; -ETIMEDOUT the time has passed;
 -EINTR a signal handler ran while the call waited; -EPIPE, -ECONNRESET or -ECONNREFUSED the
 other end is closed, or its process has ended; -EMSGSIZE the message is larger than the
 send buffer (SO_SNDBUF) takes; -ENOTCONN the socket is not connected; -EINVAL a pointer is
 NULL, fds is misaligned, len is 0 or above SSIZE_MAX, count is outside 1 to 253, or
 timeout_ns is invalid; -EFAULT msg is not readable memory; -EBADF the socket, or a
 descriptor in fds, is not open; -ENOTSOCK fd is not a socket; -ETOOMANYREFS this user has
 too many descriptors on their way (RLIMIT_NOFILE); -ENOBUFS or -ENOMEM the kernel has no
 memory.
 Threads: safe. Messages of two senders do not mix; bytes of a stream may.
 Death: when the receiver dies, a waiting sender fails with -EPIPE, or on a datagram socket
 with -ECONNREFUSED. Data sent before the sender's death still arrives, with its
 descriptors.
 */
ssize_t ipc_sock_send_fds(int fd,
                          const void *msg,
                          size_t len,
                          const int *fds,
                          size_t count,
                          int64_t timeout_ns);

/*
 Receives the next message whole or, on a stream socket, the bytes that are there, together
 with the descriptors that travel with them. The call waits until there is something. On a
 stream socket, bytes that were sent before can come together with the descriptors of a later send.

 The descriptors belong to the caller, who closes them with close(2). Exec closes them. If
 the call fails, all descriptors that had come are closed. O_NONBLOCK of the socket has no
 effect and is not changed.

 buf: receives up to capacity bytes, on success only. capacity is at least 1.
 fds: receives the descriptors, on success only; may be NULL if fds_capacity is 0.
 fds_capacity: the number of descriptors for which fds has room. IPC_SOCK_FDS_MAX is always
 enough.
 fds_count: receives the number of descriptors that came (0 or more), on success only.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
 wait.

 Returns: the number of bytes that were received; or 0 at the end of a stream or seqpacket
 connection (the other end is closed, or its process has ended), and for an empty datagram;
 or a negative error.
 Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT the time has passed;
 -EINTR a signal handler ran while the call waited; -EMSGSIZE the next message is larger
 than capacity, ipc_last_error() says its size, and it stays in the socket (see Threads for
 the exception); -ENOBUFS more than fds_capacity descriptors came, and ipc_last_error() says
 how many; -EMFILE not all descriptors could be installed, because this process has too many
 open descriptors or a security module forbids it; -ECONNRESET the other end closed before
 it had received all our messages; -ENOTCONN the socket is not connected; -EINVAL a pointer
 is NULL or misaligned, capacity is 0 or above SSIZE_MAX, or timeout_ns is invalid; -EFAULT buf
 is not writable memory, and a received message is lost; -EBADF fd is not open; -ENOTSOCK fd is not a socket; -ENOMEM the kernel has no
 memory. After -ENOBUFS and -EMFILE the message is taken and its descriptors are closed.
 Threads: safe; each message goes to one receiver. The call first measures the next message
 and then takes it. If another receiver of the socket takes the measured message in between,
 this call takes the next one. If that one is larger than capacity, its end is lost and the
 call fails with -EMSGSIZE. So receivers that share a socket need a capacity for the largest
 message.
 Death: when the sender dies, what it had sent is received first, on all types of sockets, with its
 descriptors.
 */
ssize_t ipc_sock_recv_fds(int fd,
                          void *buf,
                          size_t capacity,
                          int *fds,
                          size_t fds_capacity,
                          size_t *fds_count,
                          int64_t timeout_ns);

/*
 Receives the next datagram whole, and says who sent it: the process, user and group, for which the
 kernel vouches, and the name to which an answer goes. The call waits until there is a datagram.
 Descriptors that travel with it are closed.

 A socket from ipc_sock_listen() notes its senders from the beginning. Any other socket notes them from
 the first call of this function on (SO_PASSCRED): earlier messages have pid 0. O_NONBLOCK of the
 descriptor has no effect and is not changed.

 buf: receives up to capacity bytes, on success only. capacity is at least 1.
 sender: receives the sender, on success only.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not wait.

 Returns: the number of bytes that were received, which may be 0; or a negative error.
 Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT the time has passed; -EINTR a signal
 handler ran while the call waited; -EMSGSIZE the next message is larger than capacity, and it stays in
 the socket (see Threads for the exception); -ECONNRESET the socket is connected, and its peer closed
 before it had received all our messages; -EPROTOTYPE fd is no datagram socket; -EINVAL buf or sender
 is NULL, sender is misaligned, capacity is 0 or above SSIZE_MAX, or timeout_ns is invalid; -EFAULT buf
 is not writable memory, and a received message is lost; -EBADF fd is not open; -ENOTSOCK fd is not a
 socket; -ENOMEM the kernel has no memory.
 Threads: safe; each message goes to one receiver. If another receiver of the socket takes the message
 that this call has measured, this call takes the next one. If that one is larger than capacity, its
 end is lost and the call fails with -EMSGSIZE.
 Death: a sender that has died is named too. Its id may then belong to another process.
 */
ssize_t ipc_sock_recv_from(int fd,
                           void *buf,
                           size_t capacity,
                           struct ipc_sender_t *sender,
                           int64_t timeout_ns);

/*
 Sends a datagram to a name: for example an answer to the name in ipc_sender_t. Never raises SIGPIPE.

 fd: a datagram socket, connected or not. An answer to a socket from ipc_sock_connect() has to come from
 the socket to which that one is connected. O_NONBLOCK of the descriptor has no effect.
 msg: len bytes; len may be 0.
 to: the receiver's name, as given to ipc_sock_listen(): a path, or "@" and an abstract name.
 timeout_ns: the limit for room at the receiver, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without limit, 0 does not wait. The kernel reports room only to connected sockets, so this call tries
 again after pauses of up to 10 milliseconds.

 Returns: len, or a negative error, and nothing was sent.
 Errors: -EAGAIN the receiver has no room and timeout_ns is 0; -ETIMEDOUT the time has passed; -EINTR a
 signal handler ran while the call waited; -ENOENT no socket has the name; -ECONNREFUSED its process has
 ended; -EPIPE the receiver is closed for receiving; -EPERM the receiver is connected to another socket; -EACCES the permissions forbid it;
 -EPROTOTYPE fd or the receiver is no datagram socket; -EMSGSIZE the message is larger than the send
 buffer (SO_SNDBUF) takes; -EINVAL msg or to is NULL, to is empty, len is above SSIZE_MAX, or timeout_ns
 is invalid; -ENAMETOOLONG to has more than 107 bytes; -ENOTDIR or -ELOOP the path cannot be followed;
 -EISCONN this kernel takes no name for a connected socket; -EFAULT msg is not readable memory; -EBADF
 fd is not open; -ENOTSOCK fd is not a socket; -ENOBUFS or -ENOMEM the kernel has no memory.
 Threads: safe.
 Death: a message that was sent arrives, also if the sender dies.
 */
ssize_t ipc_sock_send_to(int fd,
                         const void *msg,
                         size_t len,
                         const char *to,
                         int64_t timeout_ns);

/*
 Makes a pseudoterminal: a terminal, and a controlling end for the program that plays the
 user.

 controller_fd: receives the controlling end, on success only. Bytes written to it are input
 as if typed; bytes read from it are what programs printed. The caller closes it with
 close(2), and then the terminal hangs up.
 terminal_fd: receives the terminal, on success only. A program uses it as its standard
 streams. The caller closes it with close(2). It does not become this process's controlling
 terminal.
 attr: NULL for 24 lines of 80 characters with echo. Not kept after the call.

 Returns: 0, or a negative error. Exec closes both descriptors.
 Errors: -EINVAL controller_fd or terminal_fd is NULL, a pointer is misaligned, flags has an
 unknown bit, or a reserved field is not 0; -ENOSPC no pseudoterminal is free; -ENOENT there is
 no /dev/ptmx; -EACCES the caller may not open /dev/ptmx; -EMFILE this process has too many open
 descriptors; -ENFILE the system has too many open files; -ENOMEM the kernel has no memory;
 -ENOTTY /dev/ptmx is not that of a devpts file system; -EIO the kernel could not make or set up
 the terminal.
 Threads: safe.
 Fork: the child has both ends too.
 Death: when the last process that has the controlling end dies, the terminal hangs up.
 Programs on the terminal read the end of the file, and those that it controls get SIGHUP.
 */
int ipc_pty_open(int *controller_fd,
                 int *terminal_fd,
                 const struct ipc_pty_attr_t *attr);

/*
 Starts a program on a new pseudoterminal. The program leads a new session. The terminal is
 its controlling terminal and its standard input, output and error. It gets no other
 descriptor of this process. All its signals have their default actions, and none is
 blocked. No shell is involved.

 The call returns when the program runs, so a program that cannot be executed is an error of
 this call and never an exit status.

 out: receives the program's handle, on success only. ipc_child_wait(), ipc_child_kill(),
 ipc_child_pid() and ipc_child_fd() take it, and ipc_child_close() ends it. None of its
 streams is a pipe.
 controller_fd: receives the controlling end of the terminal, on success only. Exec closes
 it. The caller closes it with close(2), and then the program gets SIGHUP.
 argv: the program's name and its arguments, ended by NULL. A name without a slash is
 searched for in this process's PATH.
 envp: "NAME=value" strings, ended by NULL. If envp itself is NULL, the program gets this
 process's environment.
 attr: NULL for 24 lines of 80 characters with echo. Not kept after the call.

 Returns: 0, and the program runs; or a negative error, and there is no child.
 Errors: -EINVAL out, controller_fd or argv is NULL, a pointer is misaligned, argv has no name,
 flags has an unknown bit, or a reserved field is not 0; -ENOSPC no pseudoterminal is free;
 -ENOENT or -ENOTDIR the program does not exist; -EACCES the program may not be executed;
 -ENOEXEC the file is not a program; -E2BIG the arguments and the environment are too large;
 -ETXTBSY the program is open for writing; -ELOOP or -ENAMETOOLONG its path cannot be followed;
 -EAGAIN no more processes are allowed; -EMFILE this process has too many open descriptors or
 handles; -ENFILE the system has too many open files; -ENOMEM there is no memory. -ENOENT can
 also mean that there is no /dev/ptmx, and -EACCES that the caller may not open it;
 ipc_last_error() says which; -ENOTTY /dev/ptmx is not that of a devpts file system; -EIO the
 kernel could not make or set up the terminal; -EPERM this process may not set what attr's setup asks
 for; -EBADF a descriptor of the setup is not open. -EINVAL can also concern the setup;
 ipc_last_error() names the step.
 Threads: safe, whatever other threads do: the child makes only system calls before exec.
 Signals: held back in the calling thread until the program runs; none is lost.
 Fork: a process that this one forks later can signal the program, but cannot wait for it.
 Death: when the program dies, ipc_pty_read() returns what it printed, and then 0. When the
 last process that has the controlling end dies, the program gets SIGHUP.
 */
int ipc_pty_spawn(struct ipc_child_t **out,
                  int *controller_fd,
                  const char *const *argv,
                  const char *const *envp,
                  const struct ipc_pty_attr_t *attr);

/*
 Reads what the programs on a pseudoterminal have printed. The call waits until there is
 something.

 fd: the controlling end. If several threads or processes read from it, set O_NONBLOCK;
 otherwise a reader may wait beyond its timeout for bytes that another reader has taken.
 buf: receives up to capacity bytes, on success only. capacity is at least 1.
 timeout_ns: nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0 does not
 wait.

 Returns: the number of bytes that were read; or 0 if all programs have closed the terminal
 or ended (read(2) fails with EIO then); or a negative error.
 Errors: -EAGAIN nothing is there and timeout_ns is 0; -ETIMEDOUT the time has passed; -EINTR a
 signal handler ran while the call waited; -EINVAL buf is NULL, capacity is 0 or above SSIZE_MAX,
 or timeout_ns is invalid; -EFAULT buf is not writable memory; -EBADF fd is not open; -ENOTTY fd
 is not the controlling end of a pseudoterminal; -ENOMEM the kernel has no memory; -EIO the
 terminal has failed.
 Threads: safe; each byte goes to one reader.
 Death: when the last program on the terminal dies, the call returns what it printed, and
 then 0.
 */
ssize_t ipc_pty_read(int fd,
                     void *buf,
                     size_t capacity,
                     int64_t timeout_ns);

/*
 Returns a terminal's size in characters.

 fd: either end of a pseudoterminal, or any other terminal.
 rows, columns: receive the number of lines and of characters in a line, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF fd is not open; -ENOTTY fd is not a
 terminal; -EIO the terminal has failed.
 Threads: safe.
 */
int ipc_pty_window_size(int fd,
                        unsigned short *rows,
                        unsigned short *columns);

/*
 Sets a terminal's size in characters. If the size changes, the programs in the terminal's
 foreground get SIGWINCH.

 fd: either end of a pseudoterminal, or any other terminal.
 rows, columns: the number of lines and of characters in a line.

 Returns: 0, or a negative error.
 Errors: -EBADF fd is not open; -ENOTTY fd is not a terminal; -EIO the terminal has failed.
 Threads: safe.
 */
int ipc_pty_set_window_size(int fd,
                            unsigned short rows,
                            unsigned short columns);

/*
 Makes an empty waitset: one wait over many objects. It holds any number of queues, topics, cells, services,
 clients, events, semaphores, children, descriptors and timers.

 The set has three descriptors: an epoll instance, an eventfd, and an io_uring where the kernel has
 IORING_OP_FUTEX_WAIT (Linux 6.7) and permits it. There it mostly needs no thread. Elsewhere this call starts a
 thread of the process, which stays: one for each 63 objects in shared memory. It is named "ipc_watch", blocks
 all signals, and sleeps until something happens. Where the kernel has no futex_waitv() either (before Linux
 5.16, or in a sandbox), that thread checks the objects every 10 ms. With io_uring too, the thread is needed
 while threads hold messages of a queue in place, and if more than 8 times another thread than before waits.

 out: receives the set, on success only. End it with ipc_waitset_close().
 flags: 0.

 Returns: 0, or a negative error.
 Errors: -EINVAL if out is NULL or misaligned, or flags is not 0; -EMFILE or -ENFILE if too many descriptors or
 handles are open; -EAGAIN if no thread can be started; -ENOMEM if there is no memory.
 Threads: safe.
 Fork: the child has the set too. With its first call it gets an epoll instance, an eventfd and timers of its
 own. A descriptor of ipc_waitset_fd() stays the parent's.
 */
int ipc_waitset_open(struct ipc_waitset_t **out,
                     int flags);

/*
 Adds an object to a set. From then on ipc_waitset_wait() reports it while it is ready.

 what: what to wait for, and the type of object:
 IPC_WAIT_MESSAGE, a message in an ipc_mq_t;
 IPC_WAIT_ROOM, room in an ipc_mq_t;
 IPC_WAIT_EVENT, an ipc_event_t that is set;
 IPC_WAIT_SEM, a free permit of an ipc_sem_t;
 IPC_WAIT_CHILD, an ipc_child_t that has ended;
 IPC_WAIT_SAMPLE, a sample in an ipc_topic_t that subscribes;
 IPC_WAIT_CHANGE, a value of an ipc_cell_t that the handle has not read with ipc_cell_read() or ipc_cell_wait();
 IPC_WAIT_REQUEST, a request for an ipc_service_t;
 IPC_WAIT_REPLY, a reply for ipc_client_receive() to a request that the ipc_client_t has sent.
 object: the object, or its handle. It may be in several sets, and several times in one. If its handle is
 closed, or its region is closed, or it is destroyed, its entry stays and is ready: the next call on the object
 says why. Remove it then. An event or semaphore in memory that the program maps itself must be removed before
 that memory is unmapped.
 tag: a value that ipc_waitset_wait() returns with the entry.

 Returns: 0, or a negative error.
 Errors: -EINVAL if a pointer is NULL or misaligned, the object is not initialised, or what has no meaning;
 -EBADF if a handle is closed or of another kind, or a topic's handle publishes; -EACCES if an event or semaphore lies
 in memory that was opened with IPC_READ_ONLY, or this process may not write to the cell, and so cannot mark that it
 waits; -EPROTO if the memory holds another type of object, or the object belongs to another PID namespace; -EUSERS if
 this process was forked, and the topic or the service has no room for one more subscriber or client; -EUCLEAN if the
 object is damaged; -ENOTSUP if a semaphore was opened with
 IPC_POSIX; -EMFILE or -ENFILE if too many descriptors are open; -ENOSPC if too many descriptors are watched
 (fs.epoll.max_user_watches); -EAGAIN if no thread can be started; -ENOMEM if there is no memory; -EDEADLK if a
 signal handler makes this call and interrupted a call on the same set; -ESTALE if the process was forked while
 another thread changed the set.
 Threads: safe. A thread that waits on the set waits for this object too from now on.
 */
int ipc_waitset_add(struct ipc_waitset_t *set,
                    int what,
                    void *object,
                    void *tag);

/*
 Adds a descriptor to a set, for example a socket's or a pipe's. ipc_waitset_wait() reports it with IPC_WAIT_FD
 while it is ready, has failed or was hung up.

 fd: the descriptor. It still belongs to the caller. Remove it from the set before you close it: a set reports a
 closed descriptor no more, or as long as another process has it open.
 poll_events: any of POLLIN, POLLOUT, POLLPRI and POLLRDHUP of <poll.h>.
 tag: a value that ipc_waitset_wait() returns with the entry.

 Returns: 0, or a negative error.
 Errors: -EINVAL if set is NULL or poll_events has another bit; -EBADF if the set is closed or fd is not open;
 -EEXIST if the descriptor is in the set; -EPERM if fd is a regular file or a directory, which are always ready;
 -ELOOP if fd is an epoll instance that contains this set; -ENOSPC if too many descriptors are watched
 (fs.epoll.max_user_watches); -ENOMEM if there is no memory; -EDEADLK if a signal handler makes this call and
 interrupted a call on the same set; -ESTALE if the process was forked while another thread changed the set.
 Threads: safe. A thread that waits on the set waits for this descriptor too from now on.
 */
int ipc_waitset_add_fd(struct ipc_waitset_t *set,
                       int fd,
                       int poll_events,
                       void *tag);

/*
 Adds a timer to a set. ipc_waitset_wait() reports it with IPC_WAIT_TIMER once for each expiry. If several
 periods have passed, it reports the timer once.

 first_ns: when the timer expires for the first time: nanoseconds from now on the monotonic clock, 0 for at once,
 or a deadline from ipc_deadline().
 period_ns: nanoseconds between two expiries; 0: the timer expires once.
 tag: a value that ipc_waitset_wait() returns with the entry.

 Returns: 0, or a negative error.
 Errors: -EINVAL if set is NULL, first_ns is IPC_FOREVER or no timeout, or period_ns is negative; -EBADF if the
 set is closed; -EMFILE or -ENFILE if too many descriptors are open: a timer has one; -ENOSPC if too many
 descriptors are watched (fs.epoll.max_user_watches); -ENOMEM if there is no memory; -EDEADLK if a signal handler
 makes this call and interrupted a call on the same set; -ESTALE if the process was forked while another thread
 changed the set.
 Threads: safe.
 Fork: the child's timer goes on beside the parent's.
 */
int ipc_waitset_add_timer(struct ipc_waitset_t *set,
                          int64_t first_ns,
                          int64_t period_ns,
                          void *tag);

/*
 Removes all entries with a tag from a set. When the call returns, the set does not use their objects any more. A
 wait in another thread may still report them.

 tag: as it was added.

 Returns: 0, or a negative error.
 Errors: -EINVAL if set is NULL; -EBADF if the set is closed; -ENOENT if no entry has the tag; -EDEADLK if a signal
 handler makes this call and interrupted a call on the same set; -ESTALE if the process was forked while another
 thread changed the set.
 Threads: safe.
 */
int ipc_waitset_remove(struct ipc_waitset_t *set,
                       void *tag);

/*
 Waits until entries of a set are ready, and says which. It takes nothing from them, except the expiry of a timer:
 make the call that takes a message, a permit or a child's exit with timeout 0. It may give -EAGAIN, because
 another thread or process was faster.

 An entry that stays ready is reported again by the next wait. If more entries are ready than fit in, the next
 wait begins with the others: an entry that is always ready does not keep others from being reported.

 ready: receives the entries that are ready, on success only.
 capacity: how many there is room for, at least 1.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock; IPC_FOREVER waits without limit, 0
 only asks.

 Returns: how many entries are ready, at least 1, or a negative error.
 Errors: -EAGAIN if nothing is ready and timeout_ns is 0; -ETIMEDOUT if the time has passed; -EINTR if a signal
 handler ran during the wait; -EINVAL if a pointer is NULL or misaligned, capacity is 0, or timeout_ns is invalid;
 -EBADF if the set is closed, also during the wait; -EMFILE or -ENFILE after fork if too many descriptors are
 open; -ENOMEM if the kernel has no memory; -EDEADLK if a signal handler makes this call and interrupted a call on
 the same set; -ESTALE if the process was forked while another thread changed the set.
 Threads: safe. Several threads may wait on one set: an entry that becomes ready may be reported to each of them.
 The set goes from one thread to another at a cost; best is one thread for each set.
 Death: if a thread dies that should make an object ready, or that has what would make it ready, the entry is ready
 within 100 milliseconds, and nobody has to make a call.
 */
int ipc_waitset_wait(struct ipc_waitset_t *set,
                     struct ipc_ready_t *ready,
                     size_t capacity,
                     int64_t timeout_ns);

/*
 Gives a descriptor for an existing loop: poll(), epoll, libuv, GLib, Qt, asio. It is readable while an entry of
 the set may be ready. When it is readable, call ipc_waitset_wait() with timeout 0. If that gives -EAGAIN, nothing
 is ready any more, and the descriptor is not readable. Do not use the descriptor in another way.

 Returns: the descriptor, or a negative error. It belongs to the set and is valid until ipc_waitset_close(); the
 caller must not close it.
 Errors: -EINVAL if set is NULL; -EBADF if the set is closed; -EMFILE or -ENFILE after fork if too many descriptors
 are open; -ENOMEM if the kernel has no memory; -EDEADLK if a signal handler makes this call and interrupted a call
 on the same set; -ESTALE if the process was forked while another thread changed the set.
 Threads: safe.
 Fork: the descriptor stays the parent's. The child calls ipc_waitset_fd() itself and gets its own.
 */
int ipc_waitset_fd(struct ipc_waitset_t *set);

/*
 Ends a set. Its objects and descriptors are not closed.

 set: NULL does nothing. Threads that wait on the set get -EBADF.

 Returns: 0, or a negative error.
 Errors: -EBADF if the set is closed already or is no waitset.
 Threads: safe.
 Fork: closes the set of the calling process only.
 */
int ipc_waitset_close(struct ipc_waitset_t *set);

/*
 Computes the System V key for a path and a project number. It is the key that ftok() gives, so
 programs with and without this library get the same key. Two paths can have the same key: a key
 holds 16 bits of the inode number and 8 bits of the device number.

 out: receives the key (a key_t is an int), on success only. The key is not the result, because
 -1 is a valid key.
 path: an existing file. A symbolic link is followed. If the file is removed and re-created, its
 key changes.
 project: 1 to 255, for example a letter.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned, or project is out of range; -ENOENT there is no
 such file; -ENOTDIR a part of the path is not a directory; -EACCES a directory on the path may
 not be searched; -ELOOP the path has too many symbolic links; -ENAMETOOLONG the path is too
 long; -ENOMEM the kernel has no memory.
 Threads: safe.
 */
int ipc_sysv_key(int *out,
                 const char *path,
                 int project);

/*
 Attaches the System V shared memory segment with this key, or creates it, filled with zeros,
 with IPC_CREATE. A segment is created and sized in one step, so no process sees an incomplete
 one. The segment outlives all processes until it is removed: detaching does not delete it.

 out: receives the handle, on success only. End it with ipc_sysv_shm_close().
 key: from ipc_sysv_key(), a number that the programs agree on, or IPC_SYSV_PRIVATE with
 IPC_CREATE.
 size: the size in bytes, at least 1. An existing segment must have exactly this size, so that
 two programs that disagree about a struct find out here.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_READ_ONLY, IPC_CHECK_OWNER, and with IPC_CREATE
 one of IPC_SYSV_HUGE, IPC_SYSV_HUGE_2MB and IPC_SYSV_HUGE_1GB. A new segment then consists of huge
 pages, which the kernel reserves at once. For an existing segment they are unused.
 mode: the exact permissions of a new segment; the umask does not count. Unused for an existing
 one.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL out is NULL or misaligned, size is 0 or above kernel.shmmax, flags or mode is
 malformed, this system has no huge pages of the wanted size, or key is IPC_SYSV_PRIVATE without
 IPC_CREATE; -ENOENT there is no such segment, and IPC_CREATE is not set; -EEXIST the segment
 exists, and IPC_EXCLUSIVE is set; -EPROTO the segment has another size (ipc_last_error() shows
 both sizes); -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -ENOSPC a
 limit of the system is reached (kernel.shmmni, kernel.shmall); -ENOMEM there is no memory or no
 address space, or too few huge pages are free (vm.nr_hugepages); -EPERM the caller may not use
 huge pages: this needs CAP_IPC_LOCK, the group in vm.hugetlb_shm_group, or room in
 RLIMIT_MEMLOCK; -EOPNOTSUPP the kernel has no huge pages; -EIDRM the segment was removed during
 the call; -EMFILE this process has too many handles.
 Threads: safe. Fork: the child has the handle and the memory too. exec detaches the memory.
 */
int ipc_sysv_shm_open(struct ipc_sysv_shm_t **out,
                      int key,
                      size_t size,
                      int flags,
                      mode_t mode);

/*
 Attaches the System V shared memory segment with this id. Use it for a private segment whose id
 another process has told.

 out: receives the handle, on success only. End it with ipc_sysv_shm_close().
 id: from ipc_sysv_shm_id(), or as ipcs shows it.
 size: the size in bytes. It must be the segment's size.
 flags: 0 or any of IPC_READ_ONLY, IPC_CHECK_OWNER.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL or misaligned, size is 0, or flags is malformed; -ENOENT there is
 no such segment; -EPROTO the segment has another size (ipc_last_error() shows both sizes);
 -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -EIDRM the segment was
 removed during the call; -ENOMEM there is no memory or no address space; -EMFILE this process
 has too many handles.
 Threads: safe. Fork: the child has the handle and the memory too. exec detaches the memory.
 */
int ipc_sysv_shm_open_id(struct ipc_sysv_shm_t **out,
                         int id,
                         size_t size,
                         int flags);

/*
 Gives the address of the attached memory. Writing to memory attached with IPC_READ_ONLY raises
 SIGSEGV.

 Returns: the address, aligned to pages and valid until ipc_sysv_shm_close(); NULL for a handle
 that is NULL, closed or of another kind.
 Threads: safe.
 */
void *ipc_sysv_shm_data(const struct ipc_sysv_shm_t *shm);

/*
 Gives the size of the segment.

 Returns: the size in bytes, as given when the segment was opened; 0 for a handle that is NULL,
 closed or of another kind.
 Threads: safe.
 */
size_t ipc_sysv_shm_size(const struct ipc_sysv_shm_t *shm);

/*
 Gives the id of the segment, which ipcs and ipcrm use.

 Returns: the id, 0 or more, or a negative error.
 Errors: -EINVAL shm is NULL; -EBADF the handle is closed or of another kind.
 Threads: safe.
 */
int ipc_sysv_shm_id(const struct ipc_sysv_shm_t *shm);

/*
 Reads what the kernel knows about the segment.

 out: receives it, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed or of another
 kind; -EACCES the caller has no read permission; -EIDRM the segment was removed.
 Threads: safe.
 */
int ipc_sysv_shm_stat(const struct ipc_sysv_shm_t *shm,
                      struct ipc_sysv_shm_stat_t *out);

/*
 Sets the owner, the group and the mode of the segment, in one step (IPC_SET). Only the owner,
 the creator and root may do this. The creator keeps these rights when the owner changes. A
 removed segment that is still attached can be changed too. Memory that is attached stays
 attached, whatever the mode.

 owner: a user's id, or (uid_t)-1 to keep the owner.
 group: a group's id, or (gid_t)-1 to keep the group.
 mode: the new permissions, at most 0777, or (mode_t)-1 to keep them. They apply to calls that
 begin later, also with handles that are open.

 Returns: 0, or a negative error.
 Errors: -EINVAL shm is NULL, mode is malformed, or the user or group does not exist in this
 user namespace; -EBADF the handle is closed or of another kind; -EPERM the caller is neither
 owner nor creator; -EACCES a value is to be kept, and the caller has no read permission, or a
 security module forbids it; -EIDRM the segment was removed.
 Threads: safe. A value that is kept is read first. So if two processes change the same segment at
 once, the later one may set again what the earlier one replaced.
 Death: a process that is killed in this call has changed everything or nothing.
 */
int ipc_sysv_shm_set_permissions(struct ipc_sysv_shm_t *shm,
                                 uid_t owner,
                                 gid_t group,
                                 mode_t mode);

/*
 Closes a handle and detaches its memory. The segment and its data stay until the segment is
 removed.

 shm: NULL does nothing. No thread may use the memory any more, and none may hold a lock in it.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed or of another kind; -EBUSY this thread holds a lock in the
 memory, and the handle stays open.
 Threads: safe. Calls with this handle that other threads have begun go on: this call does not wait
 for them, and the last of them releases what the handle stands for.
 Fork: detaches the memory from the calling process only.
 */
int ipc_sysv_shm_close(struct ipc_sysv_shm_t *shm);

/*
 Removes the segment. Afterwards no key leads to it. Processes that have it attached keep it,
 and it is gone when the last of them has detached it. The handle stays open until it is closed.

 Returns: 0, or a negative error.
 Errors: -EINVAL shm is NULL; -EBADF the handle is closed or of another kind; -EIDRM the segment
 was removed already; -EPERM the caller is neither owner nor creator; -EACCES a security module
 forbids it.
 Threads: safe.
 */
int ipc_sysv_shm_remove(struct ipc_sysv_shm_t *shm);

/*
 Removes the System V shared memory segment with this id, as ipcrm does. Afterwards no key leads
 to it. Processes that have it attached keep it, and it is gone when the last of them has
 detached it.

 id: from ipc_sysv_shm_id(), or as ipcs shows it.

 Returns: 0, or a negative error.
 Errors: -ENOENT there is no such segment; -EPERM the caller is neither owner nor creator;
 -EACCES a security module forbids it.
 Threads: safe.
 */
int ipc_sysv_shm_remove_id(int id);

/*
 Opens the System V message queue with this key, or creates it with IPC_CREATE.

 out: receives the handle, on success only. End it with ipc_sysv_msg_close().
 key: from ipc_sysv_key(), a number that the programs agree on, or IPC_SYSV_PRIVATE with
 IPC_CREATE.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER, IPC_READ_ONLY, IPC_WRITE_ONLY.
 IPC_READ_ONLY asks only for the permission to receive, IPC_WRITE_ONLY only for the permission
 to send.
 mode: the exact permissions of a new queue; the umask does not count. Unused for an existing
 one.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL out is NULL or misaligned, flags or mode is malformed, or key is
 IPC_SYSV_PRIVATE without IPC_CREATE; -ENOENT there is no such queue, and IPC_CREATE is not set;
 -EEXIST the queue exists, and IPC_EXCLUSIVE is set; -EACCES the permissions do not allow it, or
 IPC_CHECK_OWNER refuses it; -ENOSPC there are too many queues (kernel.msgmni); -ENOMEM there is
 no memory; -EIDRM the queue was removed during the call; -EMFILE this process has too many
 handles.
 Threads: safe. Fork: the child has the handle too.
 */
int ipc_sysv_msg_open(struct ipc_sysv_msg_t **out,
                      int key,
                      int flags,
                      mode_t mode);

/*
 Opens the System V message queue with this id. Use it for a private queue whose id another
 process has told. The caller needs read permission.

 out: receives the handle, on success only. End it with ipc_sysv_msg_close().
 id: from ipc_sysv_msg_id(), or as ipcs shows it.
 flags: 0 or IPC_CHECK_OWNER.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL or misaligned, or flags is malformed; -ENOENT there is no such
 queue; -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -EIDRM the queue
 was removed during the call; -EMFILE this process has too many handles; -ENOMEM there is no
 memory.
 Threads: safe. Fork: the child has the handle too.
 */
int ipc_sysv_msg_open_id(struct ipc_sysv_msg_t **out,
                         int id,
                         int flags);

/*
 Sends a message. Waits while the queue is full. The message arrives whole or not at all.

 type: 1 or more. Receivers select messages by their type.
 msg: the message; may be NULL if len is 0.
 len: the message's length in bytes.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries. The kernel has no wait with a limit for these queues. So a wait
 with a limit tries again and again, with pauses, and may notice room up to 2 ms late.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the queue is full, and timeout_ns is 0; -ETIMEDOUT timeout_ns has passed;
 -EINTR a signal handler ran while the call waited, also one with SA_RESTART; -EMSGSIZE the
 message is longer than kernel.msgmax (8192 bytes by default) or than the whole queue; -EIDRM
 the queue was removed, before or during the call; -EACCES the caller has no write permission;
 -EINVAL a pointer is NULL, type is below 1, or the timeout is invalid; -EBADF the handle is
 closed or of another kind; -ENOMEM the kernel has no memory.
 Threads: safe. The call needs 9 KiB of stack. It allocates memory only for a message above 8192
 bytes while another thread waits with such a message on this handle.
 Death: a sender that is killed has sent the whole message or nothing.
 */
int ipc_sysv_msg_send(struct ipc_sysv_msg_t *queue,
                      long type,
                      const void *msg,
                      size_t len,
                      int64_t timeout_ns);

/*
 Takes one message out of the queue. Waits until the queue has a message that select admits. A
 message that does not fit in the buffer stays in the queue.

 type: receives the message's type, on success only; NULL if it is not wanted.
 buf: receives the message, on success only; may be NULL if capacity is 0.
 capacity: the size of buf in bytes.
 select: IPC_MSG_ANY takes the oldest message. IPC_MSG_TYPE takes the oldest message whose type
 equals wanted. IPC_MSG_UP_TO finds the lowest type that is not above wanted, and takes the
 oldest message of that type. IPC_MSG_EXCEPT takes the oldest message whose type differs from
 wanted.
 wanted: a type, 1 or more; unused with IPC_MSG_ANY.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries. The kernel has no wait with a limit for these queues. So a wait
 with a limit tries again and again, with pauses, and may notice a message up to 2 ms late.

 Returns: the message's length in bytes, 0 or more, or a negative error.
 Errors: -EAGAIN there is no such message, and timeout_ns is 0; -ETIMEDOUT timeout_ns has
 passed; -EINTR a signal handler ran while the call waited, also one with SA_RESTART; -EMSGSIZE
 the message has more than capacity bytes (ipc_last_error() shows how many, if the kernel
 tells); -EIDRM the queue was removed, before or during the call; -EACCES the caller has no read
 permission; -EINVAL a pointer is NULL or misaligned, select or wanted is malformed, or the
 timeout is invalid; -EBADF the handle is closed or of another kind; -ENOMEM there is no memory
 for a message above 8192 bytes.
 Threads: safe. The call needs 9 KiB of stack. It allocates memory only for a message above 8192
 bytes while another thread waits with such a message on this handle.
 Death: a receiver that is killed has taken a whole message or none.
 */
ssize_t ipc_sysv_msg_receive(struct ipc_sysv_msg_t *queue,
                             long *type,
                             void *buf,
                             size_t capacity,
                             int select,
                             long wanted,
                             int64_t timeout_ns);

/*
 Gives the id of the queue, which ipcs and ipcrm use.

 Returns: the id, 0 or more, or a negative error.
 Errors: -EINVAL queue is NULL; -EBADF the handle is closed or of another kind.
 Threads: safe.
 */
int ipc_sysv_msg_id(const struct ipc_sysv_msg_t *queue);

/*
 Reads what the kernel knows about the queue.

 out: receives it, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed or of another
 kind; -EACCES the caller has no read permission; -EIDRM the queue was removed.
 Threads: safe.
 */
int ipc_sysv_msg_stat(const struct ipc_sysv_msg_t *queue,
                      struct ipc_sysv_msg_stat_t *out);

/*
 Sets the owner, the group and the mode of the queue, in one step (IPC_SET). Only the owner,
 the creator and root may do this. The creator keeps these rights when the owner changes. Receivers
 that wait and may no longer receive return -EACCES.

 owner: a user's id, or (uid_t)-1 to keep the owner.
 group: a group's id, or (gid_t)-1 to keep the group.
 mode: the new permissions, at most 0777, or (mode_t)-1 to keep them. They apply to calls that
 begin later, also with handles that are open.

 Returns: 0, or a negative error.
 Errors: -EINVAL queue is NULL, mode is malformed, or the user or group does not exist in this
 user namespace; -EBADF the handle is closed or of another kind; -EPERM the caller is neither
 owner nor creator, or the queue holds more than kernel.msgmnb bytes and the caller lacks
 CAP_SYS_RESOURCE; -EACCES the caller has no read permission, or a security module forbids it;
 -EIDRM the queue was removed.
 Threads: safe. A value that is kept is read first. So if two processes change the same queue at
 once, the later one may set again what the earlier one replaced.
 Death: a process that is killed in this call has changed everything or nothing.
 */
int ipc_sysv_msg_set_permissions(struct ipc_sysv_msg_t *queue,
                                 uid_t owner,
                                 gid_t group,
                                 mode_t mode);

/*
 Sets how many bytes the messages in the queue may have together (msg_qbytes). Senders that wait
 for room go on if it is enough. Messages that are in the queue stay.

 bytes: 1 or more. Above kernel.msgmnb, 16384 by default, the caller needs CAP_SYS_RESOURCE.

 Returns: 0, or a negative error.
 Errors: -EINVAL queue is NULL, bytes is 0, or the queue's user or group does not exist in this
 user namespace; -EBADF the handle is closed or of another kind; -EPERM the caller is neither owner
 nor creator, or bytes is above kernel.msgmnb and the caller lacks CAP_SYS_RESOURCE; -EACCES the
 caller has no read permission, or a security module forbids it; -EIDRM the queue was removed.
 Threads: safe. The kernel sets owner, group and mode in the same step, and this call reads them
 first. So if two processes change the same queue at once, the later one may set again what the
 earlier one replaced.
 Death: a process that is killed in this call has changed everything or nothing.
 */
int ipc_sysv_msg_set_bytes_max(struct ipc_sysv_msg_t *queue,
                               size_t bytes);

/*
 Closes a handle. The queue and its messages stay until the queue is removed.

 queue: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed or of another kind.
 Threads: safe. Calls with this handle in other threads go on to their end.
 Fork: closes the handle of the calling process only.
 */
int ipc_sysv_msg_close(struct ipc_sysv_msg_t *queue);

/*
 Removes the queue. Its messages are gone at once, and calls that wait on it return -EIDRM. The
 handle stays open until it is closed.

 Returns: 0, or a negative error.
 Errors: -EINVAL queue is NULL; -EBADF the handle is closed or of another kind; -EIDRM the queue
 was removed already; -EPERM the caller is neither owner nor creator; -EACCES a security module
 forbids it.
 Threads: safe.
 */
int ipc_sysv_msg_remove(struct ipc_sysv_msg_t *queue);

/*
 Removes the System V message queue with this id, as ipcrm does. Its messages are gone at once,
 and calls that wait on it return -EIDRM.

 id: from ipc_sysv_msg_id(), or as ipcs shows it.

 Returns: 0, or a negative error.
 Errors: -ENOENT there is no such queue; -EPERM the caller is neither owner nor creator; -EACCES
 a security module forbids it.
 Threads: safe.
 */
int ipc_sysv_msg_remove_id(int id);

/*
 Opens the System V semaphore set with this key, or creates it with IPC_CREATE.

 The kernel creates a set and sets its values in two steps. No opener through this library sees
 the time between the steps: an opener waits for a set that another process is creating. If the
 creator is killed between the steps, the next opener with IPC_CREATE completes the set and gets
 IPC_CREATED.

 out: receives the handle, on success only. End it with ipc_sysv_sem_close().
 key: from ipc_sysv_key(), a number that the programs agree on, or IPC_SYSV_PRIVATE with
 IPC_CREATE.
 count: how many semaphores the set has. An existing set must have exactly this many. Without
 IPC_CREATE, 0 opens a set of any size.
 values: the first values of a new set: count numbers, each up to IPC_SYSV_SEM_VALUE_MAX. NULL
 means that all are 0. Unused for an existing set.
 flags: 0 or any of IPC_CREATE, IPC_EXCLUSIVE, IPC_CHECK_OWNER.
 mode: the exact permissions of a new set; the umask does not count. Unused for an existing one.
 The use of a set needs read and write permission.

 Returns: IPC_CREATED (1) or IPC_OPENED (0), or a negative error.
 Errors: -EINVAL out is NULL or misaligned, count is out of range, flags or mode is malformed,
 or key is IPC_SYSV_PRIVATE without IPC_CREATE; -ERANGE a value is too large; -ENOENT there is
 no such set, and IPC_CREATE is not set; -EEXIST the set exists, and IPC_EXCLUSIVE is set;
 -EPROTO the set has another count (ipc_last_error() shows both counts); -EAGAIN the set was
 created but never given values, and IPC_CREATE is not set; or the set's creator has been
 stopped for 2 s between the two steps; -EACCES the permissions do not allow it, or
 IPC_CHECK_OWNER refuses it; -ENOSPC a limit of the system is reached (kernel.sem); -ENOMEM
 there is no memory; -EIDRM the set was removed during the call; -EMFILE this process has too
 many descriptors or handles; -ENFILE the system has too many open files.
 Threads: safe. Fork: the child has the handle too.
 */
int ipc_sysv_sem_open(struct ipc_sysv_sem_t **out,
                      int key,
                      int count,
                      const unsigned short *values,
                      int flags,
                      mode_t mode);

/*
 Opens the System V semaphore set with this id. Use it for a private set whose id another
 process has told.

 out: receives the handle, on success only. End it with ipc_sysv_sem_close().
 id: from ipc_sysv_sem_id(), or as ipcs shows it.
 count: how many semaphores the set must have; 0 for any number.
 flags: 0 or IPC_CHECK_OWNER.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL or misaligned, count is negative, or flags is malformed; -ENOENT
 there is no such set; -EPROTO the set has another count (ipc_last_error() shows both counts);
 -EACCES the permissions do not allow it, or IPC_CHECK_OWNER refuses it; -EIDRM the set was
 removed during the call; -EMFILE this process has too many handles; -ENOMEM there is no memory.
 Threads: safe. Fork: the child has the handle too.
 */
int ipc_sysv_sem_open_id(struct ipc_sysv_sem_t **out,
                         int id,
                         int count,
                         int flags);

/*
 Does several operations on a set at once: all of them or none. Waits until all are possible.

 ops: the operations, in the order in which they are done. With IPC_SYSV_UNDO, the kernel undoes
 an operation when the process ends, also by kill -9. Use it for a permit that must not be lost
 with its holder.
 count: how many operations there are, 1 to 500.
 timeout_ns: how long to wait at most, in nanoseconds on the monotonic clock. IPC_FOREVER waits
 without a limit; 0 only tries.

 Returns: 0, or a negative error.
 Errors: -EAGAIN the operations are not possible now, and timeout_ns is 0; -ETIMEDOUT timeout_ns
 has passed; -EINTR a signal handler ran while the call waited, also one with SA_RESTART; -EIDRM
 the set was removed, before or during the call; -ERANGE a value would exceed
 IPC_SYSV_SEM_VALUE_MAX; -E2BIG count is 0 or above 500; -EACCES the permissions do not allow
 it; -ENOSPC or -ENOMEM the kernel has no room to record what is to be undone; -EINVAL a pointer
 is NULL or misaligned, an index is beyond the set, flags of an operation is malformed, or the
 timeout is invalid; -EBADF the handle is closed or of another kind.
 Threads: safe. An operation to be undone belongs to the process. It is undone when the last
 thread of the process ends. Fork: the child undoes only its own operations. exec keeps what is
 to be undone.
 Death: a process that is killed in this call has done all of its operations or none.
 */
int ipc_sysv_sem_op(struct ipc_sysv_sem_t *set,
                    const struct ipc_sysv_sem_op_t *ops,
                    size_t count,
                    int64_t timeout_ns);

/*
 Reads the value of one semaphore, at some moment during the call.

 index: which semaphore of the set, counted from 0.

 Returns: the value, 0 or more, or a negative error.
 Errors: -EINVAL set is NULL, or the set has no such index; -EBADF the handle is closed or of
 another kind; -EIDRM the set was removed; -EACCES the caller has no read permission.
 Threads: safe.
 */
int ipc_sysv_sem_value(const struct ipc_sysv_sem_t *set,
                       int index);

/*
 Sets the value of one semaphore, whatever it was (SETVAL). Waiters whose operations become possible
 go on. The kernel forgets every process's changes of this semaphore that were to be undone.

 index: which semaphore of the set, counted from 0.
 value: 0 to IPC_SYSV_SEM_VALUE_MAX.

 Returns: 0, or a negative error.
 Errors: -EINVAL set is NULL, or the set has no such index; -ERANGE value is negative or above
 IPC_SYSV_SEM_VALUE_MAX; -EBADF the handle is closed or of another kind; -EIDRM the set was removed;
 -EACCES the caller has no write permission.
 Threads: safe.
 Death: a process that is killed in this call has set the value or not.
 */
int ipc_sysv_sem_set_value(struct ipc_sysv_sem_t *set,
                           int index,
                           int value);

/*
 Sets the values of all semaphores of a set in one step (SETALL). Waiters whose operations become
 possible go on. The kernel forgets every process's changes of the set that were to be undone.

 values: count numbers, each up to IPC_SYSV_SEM_VALUE_MAX.
 count: how many semaphores the set has. Another number is an error.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned, or the set has another count; -ERANGE a value is
 above IPC_SYSV_SEM_VALUE_MAX; -EBADF the handle is closed or of another kind; -EIDRM the set was
 removed; -EACCES the caller has no write permission; -ENOMEM the kernel has no memory.
 Threads: safe.
 Death: a process that is killed in this call has set all values or none.
 */
int ipc_sysv_sem_set_values(struct ipc_sysv_sem_t *set,
                            const unsigned short *values,
                            int count);

/*
 Gives the id of the semaphore set, which ipcs and ipcrm use.

 Returns: the id, 0 or more, or a negative error.
 Errors: -EINVAL set is NULL; -EBADF the handle is closed or of another kind.
 Threads: safe.
 */
int ipc_sysv_sem_id(const struct ipc_sysv_sem_t *set);

/*
 Reads what the kernel knows about the semaphore set.

 out: receives it, on success only.

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed or of another
 kind; -EACCES the caller has no read permission; -EIDRM the set was removed.
 Threads: safe.
 */
int ipc_sysv_sem_stat(const struct ipc_sysv_sem_t *set,
                      struct ipc_sysv_sem_stat_t *out);

/*
 Sets the owner, the group and the mode of the set, in one step (IPC_SET). Only the owner,
 the creator and root may do this. The creator keeps these rights when the owner changes.

 owner: a user's id, or (uid_t)-1 to keep the owner.
 group: a group's id, or (gid_t)-1 to keep the group.
 mode: the new permissions, at most 0777, or (mode_t)-1 to keep them. They apply to calls that
 begin later, also with handles that are open.

 Returns: 0, or a negative error.
 Errors: -EINVAL set is NULL, mode is malformed, or the user or group does not exist in this
 user namespace; -EBADF the handle is closed or of another kind; -EPERM the caller is neither
 owner nor creator; -EACCES a value is to be kept, and the caller has no read permission, or a
 security module forbids it; -EIDRM the set was removed.
 Threads: safe. A value that is kept is read first. So if two processes change the same set at
 once, the later one may set again what the earlier one replaced.
 Death: a process that is killed in this call has changed everything or nothing.
 */
int ipc_sysv_sem_set_permissions(struct ipc_sysv_sem_t *set,
                                 uid_t owner,
                                 gid_t group,
                                 mode_t mode);

/*
 Closes a handle. The semaphore set stays until it is removed.

 set: NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed or of another kind.
 Threads: safe. Calls with this handle in other threads go on to their end.
 Fork: closes the handle of the calling process only.
 */
int ipc_sysv_sem_close(struct ipc_sysv_sem_t *set);

/*
 Removes the semaphore set. Calls that wait on it return -EIDRM. The handle stays open until it
 is closed.

 Returns: 0, or a negative error.
 Errors: -EINVAL set is NULL; -EBADF the handle is closed or of another kind; -EIDRM the set was
 removed already; -EPERM the caller is neither owner nor creator; -EACCES a security module
 forbids it.
 Threads: safe.
 */
int ipc_sysv_sem_remove(struct ipc_sysv_sem_t *set);

/*
 Removes the System V semaphore set with this id, as ipcrm does. Calls that wait on it return
 -EIDRM.

 id: from ipc_sysv_sem_id(), or as ipcs shows it.

 Returns: 0, or a negative error.
 Errors: -ENOENT there is no such set; -EPERM the caller is neither owner nor creator; -EACCES a
 security module forbids it.
 Threads: safe.
 */
int ipc_sysv_sem_remove_id(int id);

/*
 Makes a list of all objects of some kinds as they are now: their names, owners, sizes and
 users.

 The list has the objects of the caller's IPC namespace and of /dev/shm, whoever owns them.
 Kernel queues are visible only with CAP_SYS_ADMIN, or where a file system of type mqueue is
 mounted (this call mounts nothing). Without that, ipc_list_unlisted() returns
 IPC_KIND_KERNEL_MQ. Users are found in /proc, which shows other users' processes to
 privileged callers only.

 out: receives the list, on success only. End it with ipc_list_close().
 kinds: one or more IPC_KIND_ constants combined by bitwise OR; IPC_KIND_ALL for all kinds.

 Returns: 0, or a negative error.
 Errors: -EINVAL out is NULL or misaligned, or kinds is 0 or has an unknown bit; -EMFILE too
 many handles are open; -ENOMEM there is no memory.
 Threads: safe. The call allocates memory and reads /proc of every process.
 Fork: the child has the list too, with a position of its own.
 */
int ipc_list(struct ipc_list_t **out,
             int kinds);

/*
 Returns the next object in a list. The order of the objects is not specified.

 list: from ipc_list().
 object: receives the description of the object, if the result is 1.

 Returns: 1 if there was an object, 0 at the end of the list, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned; -EBADF the handle is closed or is not of a
 list.
 Threads: safe; each object goes to one caller.
 */
int ipc_list_next(struct ipc_list_t *list,
                  struct ipc_object_t *object);

/*
 Returns the processes that had an object of a list mapped or open when the list was made.

 list: from ipc_list().
 object: from ipc_list_next() on the same list.
 pids: receives up to capacity process ids in ascending order; may be NULL if capacity is 0.
 capacity: the number of ids for which pids has room.

 Returns: the number of processes, which may be above capacity; or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned, or the object is from another list; -EBADF
 the handle is closed or is not of a list.
 Threads: safe.
 */
int ipc_list_users(const struct ipc_list_t *list,
                   const struct ipc_object_t *object,
                   pid_t *pids,
                   size_t capacity);

/*
 Returns the declared type of an object of a list: its name, version, size, alignment and fields.

 list: from ipc_list().
 object: from ipc_list_next() on the same list.
 type: receives the type, on success only. Its strings belong to the list: they stay valid until
 ipc_list_close().

 Returns: 0, or a negative error.
 Errors: -EINVAL a pointer is NULL or misaligned, or the object is from another list; -EBADF the
 handle is closed or is not of a list; -ENODATA the object declares no type; -EOVERFLOW the type is
 larger than this process's address space.
 Threads: safe.
 */
int ipc_list_type(const struct ipc_list_t *list,
                  const struct ipc_object_t *object,
                  struct ipc_type_t *type);

/*
 Returns the requested kinds whose objects could not be listed.

 list: from ipc_list().

 Returns: IPC_KIND_ constants combined by bitwise OR; 0 if all kinds were listed; or a negative
 error.
 Errors: -EINVAL list is NULL; -EBADF the handle is closed or is not of a list.
 Threads: safe.
 */
int ipc_list_unlisted(const struct ipc_list_t *list);

/*
 Ends a list and frees its memory.

 list: from ipc_list(); NULL does nothing.

 Returns: 0, or a negative error.
 Errors: -EBADF the handle is closed already or is not of a list.
 Threads: safe. Calls with this handle that other threads have begun go on: this call does not wait
 for them, and the last of them releases what the handle stands for.
 Fork: closes only the calling process's list.
 */
int ipc_list_close(struct ipc_list_t *list);

/*
 Removes one object, as the unlink or remove call of its kind does. An object of another
 kind with that name is left unchanged.

 Processes that have named shared memory, a named semaphore or a named queue open keep it.
 Waiters on a System V queue or semaphore set fail with -EIDRM.

 kind: exactly one of the IPC_KIND_ constants, as ipc_list_next() returned it.
 name: the name with its slash; unused for System V objects.
 id: the id of a System V object; otherwise unused.

 Returns: 0, or a negative error.
 Errors: -EINVAL kind is not exactly one kind, or name is NULL or malformed; -ENAMETOOLONG the
 name is too long; -ENOENT there is no such object; -EMEDIUMTYPE the name belongs to an object of
 another kind; -EACCES or -EPERM the permissions forbid it; -EMFILE or -ENFILE if too many
 descriptors are open to examine the object; -ENOMEM if the kernel has no memory.
 Threads: safe.
 */
int ipc_remove(int kind,
               const char *name,
               int id);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus


/* For timeout_ns: wait without a limit. An int64_t, as a literal that generators of bindings understand. */
#define IPC_FOREVER (-1L)

/* For ipc_mq_attr_t.spin_ns: waiters do not spin. */
#define IPC_MQ_NO_SPIN (-1)

/* A constant initialiser for ipc_type_t, in C99 and newer and in C++17. It describes a struct by its
 * name, version, size and alignment. A keyword before the name does not count: IPC_TYPE(struct S, 1)
 * and IPC_TYPE(S, 1) agree.
 *
 *     static const ipc_type_t sensor_type = IPC_TYPE(SensorData, 1);
 */
#define IPC_TYPE(type, version) IPC_AS_PLAIN(#type, type, version)

/* A constant initialiser for ipc_type_t, in C99 and newer and in C++17. It describes a struct by its
 * name, version, size and alignment, and by the offsets and sizes of 1 to 32 named fields. Two
 * programs that share the struct must agree on all of these. In C++, the struct must be a
 * standard-layout type.
 *
 *     static const ipc_type_t sensor_type =
 *         IPC_TYPE_FIELDS(SensorData, 1, temperature, humidity, sequence);
 */
#define IPC_TYPE_FIELDS(type, version, ...) \
  IPC_AS_FIELDS(#type, type, version, __VA_ARGS__)

/* A constant initialiser for ipc_type_t like IPC_TYPE and IPC_TYPE_FIELDS, under a name of its own: a
 * string literal of 1 to 63 bytes. The fields, 0 to 32, follow the version. With it, programs agree that
 * spell the type in different ways, for example because C++ has it in a namespace:
 *
 *     static const ipc_type_t point_type = IPC_TYPE_AS("Point", struct point, 1, x, y);  // in C
 *     static const ipc_type_t point_type = IPC_TYPE_AS("Point", geo::Point, 1, x, y);    // in C++
 */
#define IPC_TYPE_AS(name, ...) IPC_AS(__VA_ARGS__)(name, __VA_ARGS__)

/* The macros below serve IPC_TYPE, IPC_TYPE_FIELDS and IPC_TYPE_AS. */
#define IPC_AS_PLAIN(name, type, version) \
  { name, (version), 0, sizeof(type), IPC_ALIGNOF(type), IPC_NO_FIELDS }
#define IPC_AS_FIELDS(name, type, version, ...) \
  { name, (version), IPC_COUNT(__VA_ARGS__), sizeof(type), IPC_ALIGNOF(type), \
    { IPC_FOR_EACH(IPC_FIELD, type, __VA_ARGS__) } }
/* The macro for the arguments that follow a name: a type and a version, and perhaps fields. */
#define IPC_AS(...) IPC_35TH(__VA_ARGS__,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_PLAIN, IPC_AS_PLAIN, 0)
#define IPC_35TH(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15,  \
                 _16, _17, _18, _19, _20, _21, _22, _23, _24, _25, _26, _27, _28,  \
                 _29, _30, _31, _32, _33, _34, picked, ...) picked
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
