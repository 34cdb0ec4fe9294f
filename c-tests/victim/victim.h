/* What is killed at every instruction, and who looks on.
 *
 * tests/kill_every_instruction.rs single-steps a process (the victim) through one operation of the
 * library, kills it or leaves it stopped after every instruction in turn, and lets other processes (the
 * survivors) go on. All of them run this program; what they do stands in tables of `struct operation`, one
 * table per file here. A new operation is a row of such a table, and the functions that it needs.
 *
 * One round: `set_up` by survivor 0; `prepare` by a new victim; `run` by the victim, one instruction at
 * a time. Whenever the victim is asleep in the kernel, survivor 0 calls `release`, which must not wait for
 * what the victim can come to hold, because the victim stays stopped after the system call. Then
 *
 *   killed:   let_go(0) by survivor 0, check by survivors 0 and 1 side by side, settle by survivor 0
 *   stopped:  meanwhile by survivor 0; the victim goes on, and through `after`; let_go(1), check, settle
 *
 * Survivors 2 and 3 call `sleep`, which is to wait for something on the object, and must come back.
 * Whatever has not come back after arena->patience_ns has failed. Functions that are not given do nothing.
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
  LEFT_ALIVE = 3      /* it was stopped for a while, and is at its end now */
};

enum sleep_from { AT_BEGIN = 0, /* the victim is prepared, and has not begun */
                  AT_BLOCK = 1  /* the victim sleeps in the kernel */ };

enum must { HOLD = 0,
            FAIL_IF_KILLED = 1, /* made to be wrong: the harness has to notice it */
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
  void (*release)(int time); /* time: 1 for the first time that the victim is asleep, ... */
  void (*meanwhile)(void);
  bool dear_to_stop;        /* that may take a second or two */
  void (*let_go)(int alive);
  void (*check)(void);
  void (*settle)(int progress);
  const char *recovery;     /* what a second victim is killed at, after the first was killed */
  enum must must;
};

/* Memory that harness, victims and survivors share. The harness knows the first three fields. */
struct arena {
  int64_t patience_ns;
  char name[64];       /* for named objects: nobody else's */
  char complaint[440]; /* why a victim or survivor gave up; empty if none did */
  /* All below is zeroed before each round. */
  _Atomic int inside;  /* how many are in the critical section */
  _Atomic int deaths;  /* how often IPC_OWNER_DIED was returned */
  _Atomic uint64_t pair[2]; /* always equal outside of the critical section */
  _Atomic uint64_t notes[8]; /* an operation's own */
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

/* No file is left in /dev/shm that has the arena's name; and no file at all, where the harness could give its
 * processes a /dev/shm of their own. */
void nothing_is_left(void);

/* A lock around the pair, whatever its kind. */
struct lock {
  int (*lock)(int64_t timeout_ns);
  int (*unlock)(void);
  int (*consistent)(void);
};

/* Locks, and checks what the lock promises: one owner, and a whole pair or word of a death, after which it
 * repairs. Returns what the lock did. */
int take(const struct lock *lock, int64_t timeout_ns);
/* What follows a lock that returned 0 or IPC_OWNER_DIED. */
void enter(const struct lock *lock, int locked);
/* Changes the pair; then out of the section, and unlocks. */
void drop(const struct lock *lock);
void leave(void);

/* What survivors 0 and 1 do to a lock: it has to work, for both. */
void use_lock(const struct lock *lock);

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
extern const struct operation broken_operations[];
/* In programs of their own, which are linked to the drop-in library too. */
extern const struct operation posix_operations[];

#endif
