/* The operations in which a process is killed at every instruction, and what the processes around it do.
 *
 * tests/kill_every_instruction.rs single-steps a process, the victim, through one operation of the library. After every
 * instruction in turn it kills the victim or leaves it stopped, and lets other processes, the survivors, go on. All of
 * them run this program. Tables of `struct operation`, one per file here, say what they do. A new operation is a row of
 * such a table, with the functions that it needs.
 *
 * In one round survivor 0 calls `set_up`, a new victim calls `prepare`, and the victim calls `run`, one instruction at
 * a time. Whenever the victim sleeps in the kernel, survivor 0 calls `release`. The victim stays stopped after that
 * system call, so `release` must not wait for anything that the victim may hold by then. After that:
 *
 *   killed:   let_go(0) by survivor 0, check by survivors 0 and 1 side by side, settle by survivor 0
 *   stopped:  meanwhile by survivor 0; the victim goes on, and through `after`; let_go(1), check, settle
 *
 * Survivors 2 and 3 call `sleep`, which waits for something on the object and must return. A function that has not
 * returned after arena->patience_ns has failed. A function that is not given does nothing.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include <errno.h>
#include <inttypes.h>
#include <robustipc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How far the victim came. */
enum progress {
  KILLED_BEFORE = 0,  /* not one instruction of the operation was executed */
  KILLED_WITHIN = 1,
  KILLED_AFTER = 2,   /* the operation was complete */
  LEFT_ALIVE = 3      /* the victim was stopped for a while, and has ended the operation */
};

enum sleep_from { AT_BEGIN = 0, /* the victim is prepared, and has not begun */
                  AT_BLOCK = 1  /* the victim sleeps in the kernel */ };

enum must { HOLD = 0,
            FAIL_IF_KILLED = 1, /* wrong on purpose: the harness has to find the fault */
            FAIL_IF_STOPPED = 2 };

struct operation {
  const char *name;
  void (*set_up)(void);
  void (*prepare)(void);
  void (*run)(void);
  void (*after)(void);
  void (*sleep)(void);
  int sleepers;             /* 0, 1 or 2 */
  enum sleep_from sleep_from;
  void (*release)(int time); /* time: 1 for the first time that the victim sleeps, 2 for the second, ... */
  void (*meanwhile)(void);
  bool stop_is_expensive;        /* `meanwhile` may take one or two seconds */
  void (*let_go)(int alive);
  void (*check)(void);
  void (*settle)(int progress);
  const char *recovery;     /* the operation in which a second victim is killed, after the first was killed */
  enum must must;
};

/* Memory that the harness, the victims and the survivors share. The harness knows the first three fields. */
struct arena {
  int64_t patience_ns;
  char name[64];       /* of the named objects; no other process uses it */
  char complaint[440]; /* why a victim or survivor failed; empty if none did */
  /* Everything below is zeroed before each round. */
  _Atomic int inside;  /* how many processes are in the critical section */
  _Atomic int deaths;  /* how often IPC_OWNER_DIED was returned */
  _Atomic uint64_t pair[2]; /* always equal outside of the critical section */
  _Atomic uint64_t notes[8]; /* for each operation's own use */
  _Alignas(64) unsigned char place[6144]; /* the objects themselves */
};

extern struct arena *arena;

/* Ends this process with a complaint, which the harness reports. */
__attribute__((noreturn, format(printf, 3, 4))) void complain(
  const char *file, int line, const char *format, ...);

#define EXPECT(condition, ...) \
  ((condition) ? (void)0 : complain(__FILE__, __LINE__, __VA_ARGS__))
#define EXPECT_EQUAL(found, expected) \
  expect_equal(__FILE__, __LINE__, #found, (long long)(found), (long long)(expected))

void expect_equal(const char *file, int line, const char *text, long long found, long long expected);

/* Checks that no file in /dev/shm has the arena's name. If the harness could give its processes a /dev/shm of their
 * own, checks that it is empty. */
void nothing_is_left(void);

/* Any kind of lock around the pair. */
struct lock {
  int (*lock)(int64_t timeout_ns);
  int (*unlock)(void);
  int (*consistent)(void);
};

/* Locks, and checks what the lock promises: there is one owner, and the pair is whole unless the lock reports a death.
 * After a death it repairs the pair. Returns the lock's result. */
int take(const struct lock *lock, int64_t timeout_ns);
/* The checks and the repair after a lock that returned 0 or IPC_OWNER_DIED. */
void enter(const struct lock *lock, int locked);
/* Changes the pair, leaves the section and unlocks. */
void drop(const struct lock *lock);
/* Changes the pair and leaves the section. The lock stays locked. */
void leave(void);

/* Locks and unlocks a few times. Survivors 0 and 1 do so side by side, and it has to work for both. */
void use_lock(const struct lock *lock);

/* The monotonic clock, in nanoseconds. */
int64_t now_ns(void);

/* Runs body(argument) in a thread of its own, and waits for its end. Locks that the thread still holds then have a dead
 * owner. */
void in_a_thread(void *(*body)(void *), void *argument);

extern const struct operation mutex_operations[];
extern const struct operation cond_operations[];
extern const struct operation sem_operations[];
extern const struct operation named_operations[];
extern const struct operation rwlock_operations[];
extern const struct operation permits_operations[];
extern const struct operation barrier_operations[];
extern const struct operation once_operations[];
extern const struct operation event_operations[];
extern const struct operation mq_operations[];
extern const struct operation topic_operations[];
extern const struct operation cell_operations[];
extern const struct operation service_operations[];
extern const struct operation polled_operations[];
extern const struct operation broken_operations[];
/* The following operations are in programs of their own, which are also linked to the drop-in library. */
extern const struct operation posix_operations[];
extern const struct operation posix_unpolled_operations[];

#endif
