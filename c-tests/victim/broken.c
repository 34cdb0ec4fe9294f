/* Primitives that are wrong on purpose: the harness has to find the fault of each. One further primitive is correct,
 * and hard for the harness. */
#include "victim.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <x86intrin.h>

struct message {
  uint64_t number, check;
};

struct place {
  _Atomic uint32_t word;
  _Atomic uint32_t head, tail;
  _Atomic uint64_t slots[4][2];
};

static struct place *place(void) { return (struct place *)arena->place; }
static bool holding;

/* A plain lock: nobody learns of its owner's death. */
static int lock_plain(int64_t timeout_ns) {
  int64_t end = now_ns() + timeout_ns;
  uint32_t expected = 0;
  while (!atomic_compare_exchange_strong(&place()->word, &expected, 1)) {
    int64_t left = end - now_ns();
    if (timeout_ns >= 0 && left <= 0) return timeout_ns == 0 ? -EAGAIN : -ETIMEDOUT;
    struct timespec wait = {left / 1000000000, left % 1000000000};
    syscall(SYS_futex, &place()->word, FUTEX_WAIT, 1, timeout_ns < 0 ? NULL : &wait, NULL, 0);
    expected = 0;
  }
  return 0;
}

static int unlock_plain(void) {
  place()->word = 0;
  syscall(SYS_futex, &place()->word, FUTEX_WAKE, 1, NULL, NULL, 0);
  return 0;
}

static int never_consistent(void) { return -EINVAL; }

static const struct lock plain = {lock_plain, unlock_plain, never_consistent};

/* A lock that treats a slow owner as a dead one. */
static int lock_hasty(int64_t timeout_ns) {
  (void)timeout_ns;
  if (lock_plain(1000000) == 0) return 0;
  place()->word = 1;
  return IPC_OWNER_DIED;
}

static int consistent_hasty(void) { return 0; }

static const struct lock hasty = {lock_hasty, unlock_plain, consistent_hasty};

static void run_plain(void) {
  take(&plain, IPC_FOREVER);
  drop(&plain);
}

static void check_plain(void) { use_lock(&plain); }

/* If the owner is dead, repairing after it is right. If the victim is only stopped, it finds a second owner later, or
 * half of its own change. */
static void run_hasty(void) {
  take(&hasty, IPC_FOREVER);
  drop(&hasty);
}

static void meanwhile_hasty(void) {
  take(&hasty, 0);
  holding = true;
}

static void let_go_hasty(int alive) {
  (void)alive;
  if (holding) {
    holding = false;
    drop(&hasty);
  }
}

static void check_hasty(void) { use_lock(&hasty); }

/* A ring that publishes its tail before the message is written. */
static void run_send(void) {
  uint32_t slot = place()->tail++ % 4;
  place()->slots[slot][0] = 17;
  place()->slots[slot][1] = ~UINT64_C(17);
}

static void check_ring(void) {
  while (place()->head < place()->tail) {
    uint32_t slot = place()->head % 4;
    uint64_t number = place()->slots[slot][0], proof = place()->slots[slot][1];
    EXPECT(proof == ~number, "a torn message: %" PRIu64 ", %" PRIx64, number, proof);
    place()->head++;
  }
}

static void settle_ring(int progress) {
  (void)progress;
  check_ring();
}

/* A readers-writer lock that counts its readers. A killed reader stays counted, and no writer gets the lock. */
#define WRITER UINT32_C(0x80000000)

static bool write_if_free(void) {
  uint32_t expected = 0;
  return atomic_compare_exchange_strong(&place()->word, &expected, WRITER);
}

static int write_counted(int64_t timeout_ns) {
  for (int64_t end = now_ns() + timeout_ns; !write_if_free();)
    if (now_ns() >= end) return -ETIMEDOUT;
  return 0;
}

static int end_writing(void) {
  place()->word = 0;
  return 0;
}

static const struct lock counted = {write_counted, end_writing, never_consistent};

static void run_reading(void) {
  uint32_t word = place()->word;
  do word &= ~WRITER;
  while (!atomic_compare_exchange_strong(&place()->word, &word, word + 1));
  EXPECT(arena->pair[0] == arena->pair[1], "half a change");
  place()->word--;
}

static void check_counted(void) { use_lock(&counted); }

/* Executes one sequence of instructions when it is stepped, and another one, which sleeps, at full speed. Code that
 * reads the clock may do so now and then. The harness never reaches a breakpoint on the stepped sequence. */
static void run_by_clock(void) {
  bool is_stepped = (__readeflags() & 0x100) != 0; /* the processor's trap flag */
  if (is_stepped)
    for (volatile int i = 0; i < 100; i++) continue;
  else
    while (place()->word == 0) syscall(SYS_futex, &place()->word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void release_by_clock(int time) {
  (void)time;
  place()->word = 1;
  syscall(SYS_futex, &place()->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void meanwhile_nothing(void) {}

const struct operation broken_operations[] = {
  {.name = "broken.lock", .run = run_plain, .check = check_plain, .must = FAIL_IF_KILLED},
  {.name = "broken.takeover", .run = run_hasty, .meanwhile = meanwhile_hasty, .let_go = let_go_hasty,
   .check = check_hasty, .must = FAIL_IF_STOPPED},
  {.name = "broken.rwlock", .run = run_reading, .check = check_counted, .must = FAIL_IF_KILLED},
  {.name = "broken.queue", .run = run_send, .settle = settle_ring, .must = FAIL_IF_KILLED},
  {.name = "sound.by_clock", .run = run_by_clock, .release = release_by_clock, .meanwhile = meanwhile_nothing},
  {0},
};
