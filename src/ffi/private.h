/* Calls of librobustipc.so that only the drop-in for <mqueue.h> uses. Not installed.
 *
 * Generated from src/ffi/mq/drop_in.rs by cbindgen ("make header"). Do not edit.
 */

#ifndef ROBUSTIPC_PRIVATE_H
#define ROBUSTIPC_PRIVATE_H

#include "robustipc.h"

/*
 For ipc_mq_twin(): only looks.
 */
#define IPC_MQ_TWIN_LOOK 0

/*
 For ipc_mq_twin(): brings the twin into the queue's state. The next call that ends a state in which
 the queue is empty or full makes the twin ready.
 */
#define IPC_MQ_TWIN_ARM 1

/*
 For ipc_mq_twin(): as IPC_MQ_TWIN_ARM. If the twin is ready, an edge-triggered epoll reports it again.
 */
#define IPC_MQ_TWIN_REPEAT 2

/*
 For ipc_mq_twin(): keeps the twin in the queue's state for good, whichever process changes it.
 */
#define IPC_MQ_TWIN_KEEP 3

/*
 For ipc_mq_twin(): notes that O_NONBLOCK of a descriptor of the twin may have changed.
 */
#define IPC_MQ_TWIN_FLAGS 4

/*
 For ipc_mq_twin(): spins for the queue's spin_ns, or until there is a message.
 */
#define IPC_MQ_TWIN_AWAIT_MESSAGE 5

/*
 For ipc_mq_twin(): spins for the queue's spin_ns, or until there is room.
 */
#define IPC_MQ_TWIN_AWAIT_ROOM 6

/*
 For ipc_mq_twin(): keeps the twin in the queue's state until the kernel's mq_notify() has notified.
 */
#define IPC_MQ_TWIN_NOTIFY 7

/*
 The facts about a queue that a program can see through its kernel twin: a result of ipc_mq_twin().
 */
typedef struct ipc_mq_look_t {
  /*
   How many messages were ever sent to the queue: a number that changes with each message.
   */
  uint64_t sent;
  /*
   How many messages are in the queue.
   */
  size_t current_messages;
  /*
   1 if there is room for a message, otherwise 0.
   */
  uint32_t has_room;
  /*
   A number that changes with each IPC_MQ_TWIN_FLAGS.
   */
  uint32_t flag_changes;
} ipc_mq_look_t;

/*
 A wait in which the caller sleeps by its own means. It belongs to the thread that began it.
 */
typedef struct ipc_mq_wait_t {
  /*
   The word to sleep on. It is valid until ipc_mq_close(). Do not write to it.
   */
  const uint32_t *word;
  /*
   The word's value as long as nothing has happened that ends the wait.
   */
  uint32_t expected;
  /*
   IPC_READ_ONLY or IPC_WRITE_ONLY, as given to ipc_mq_wait_begin().
   */
  int direction;
  /*
   When the sleep must end at the latest, in nanoseconds of CLOCK_MONOTONIC; -1: never.
   */
  int64_t until_ns;
  /*
   The library's own.
   */
  size_t announced;
} ipc_mq_wait_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Makes a message queue of the kernel, the kernel twin, the descriptor of a queue in shared memory.
 It replaces the FIFO that ipc_mq_fd() otherwise makes. The twin shows the queue's state after
 ipc_mq_twin() with IPC_MQ_TWIN_ARM or IPC_MQ_TWIN_KEEP.

 All processes that have the queue in shared memory open must bring the same kernel queue.

 fd: from mq_open(), with mq_maxmsg 2 and mq_msgsize 1. The library owns it from now on, also if
 the call fails, and closes it with the handle, or when the next descriptor is brought.

 Returns: 0, or a negative error.
 Errors: -EINVAL mq is NULL; -EBADF the handle is closed, or fd is negative; -EBUSY the handle
 has a FIFO already; -EUCLEAN the queue is damaged; -EPROTO this process was forked into
 another PID namespace after the handle was opened; -EDEADLK a signal handler makes this call,
 and it interrupted a call on the same queue; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
 Threads: safe.
 */
int ipc_mq_bring_fd(ipc_mq_t *mq,
                    int fd);

/*
 Does one of the things IPC_MQ_TWIN_* with a queue that has a kernel twin.

 look: receives the facts about the queue after that. NULL: not wanted.

 Returns: 0, or a negative error.
 Errors: -EINVAL mq is NULL, look is misaligned, or action is unknown; -EBADF the handle is closed;
 -EAGAIN a process that is stopped is in a call on the queue (ARM, REPEAT, KEEP, NOTIFY); -EUCLEAN the queue
 is damaged; -EPROTO this process was forked into another PID namespace after the handle was opened;
 -EDEADLK a signal handler makes this call, and it interrupted a call on the same queue; -ENOTSUP
 the queue is the kernel's (IPC_KERNEL).
 Threads: safe.
 */
int ipc_mq_twin(ipc_mq_t *mq,
                int action,
                struct ipc_mq_look_t *look);

/*
 Begins a wait in which the caller sleeps by its own means, for instance in a system call that can be cancelled,
 and not in ipc_mq_send() or ipc_mq_receive().

 The order of calls: ipc_mq_send() or ipc_mq_receive() returns -EAGAIN with timeout 0. Then call
 ipc_mq_wait_begin(). If it returns 0, sleep on the word with FUTEX_WAIT of futex(2) while it has the expected value,
 without FUTEX_PRIVATE_FLAG, and until until_ns at most. Then end the wait with ipc_mq_send_waited(),
 ipc_mq_receive_waited() or ipc_mq_wait_end(). In between, the thread makes no other call on a queue, and uses no
 robust mutex. If it ends in between, the kernel wakes another waiter in its place.

 direction: IPC_READ_ONLY to wait for a message, IPC_WRITE_ONLY to wait for room. Without IPC_NONBLOCK besides, the call
 spins first, for the queue's spin_ns.
 wait: receives the wait, when the call returns 0.

 Returns: 0 the caller must sleep and then end the wait; 1 the caller must try again at once; or a negative error.
 Errors: -EINVAL mq or wait is NULL, wait is misaligned, or direction has another value; -EBADF the
 handle is closed; -ENOTSUP the queue is the kernel's (IPC_KERNEL).
 Threads: safe.
 */
int ipc_mq_wait_begin(const ipc_mq_t *mq,
                      int direction,
                      struct ipc_mq_wait_t *wait);

/*
 Ends a wait without a further attempt.

 Returns: 0, or a negative error. The wait is over in either case.
 Errors: -EINVAL mq or wait is NULL, or wait is misaligned; -EBADF the handle is closed.
 Threads: the thread that began the wait.
 */
int ipc_mq_wait_end(const ipc_mq_t *mq, const struct ipc_mq_wait_t *wait);

/*
 As ipc_mq_send() with timeout 0, after a sleep; ends the wait.

 is_last: not 0 if the caller does not wait again. If this attempt fails, the next waiter is woken, in case this one was
 woken for a message or for room.

 Returns: 0, or a negative error. The wait is over in either case.
 Errors: those of ipc_mq_send(), and -EINVAL if wait is NULL or misaligned.
 Threads: the thread that began the wait.
 */
int ipc_mq_send_waited(ipc_mq_t *mq,
                       const void *msg,
                       size_t len,
                       unsigned int priority,
                       const struct ipc_mq_wait_t *wait,
                       int is_last);

/*
 As ipc_mq_receive() with timeout 0, after a sleep; ends the wait. is_last is as in ipc_mq_send_waited().

 Returns: the message's length, or a negative error. The wait is over in either case.
 Errors: those of ipc_mq_receive(), and -EINVAL if wait is NULL or misaligned.
 Threads: the thread that began the wait.
 */
ssize_t ipc_mq_receive_waited(ipc_mq_t *mq,
                              void *buf,
                              size_t capacity,
                              unsigned int *priority,
                              const struct ipc_mq_wait_t *wait,
                              int is_last);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROBUSTIPC_PRIVATE_H */
