/* The victims on message queues: notes on the messages, and what victims and survivors do with a queue of any kind. A
 * message whose send returned is received once, unless its receiver died. Priorities and order hold, and the slots of
 * the dead come back. */
#ifndef QUEUE_H
#define QUEUE_H

#include "victim.h"

#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

enum {
  CAPACITY = 6,
  SIZE = 8300,       /* of a message at most */
  LARGE = 8200,      /* copied while no latch is held */
  MIDDLE = 5,        /* the survivors' priority */
  IDS = 256,
  OLD = 0,           /* messages that are there when the victim begins */
  VICTIMS = 16,      /* those of the first victim, and 8 later those of the second */
  NEW = 32           /* the survivors' */
};

struct message {
  uint32_t id, priority, length, sender;
  unsigned char bytes[SIZE - 16];
};

/* The notes on each message, by its id, and on dead processes. */
struct place {
  _Atomic unsigned char begun[IDS], sent[IDS], received[IDS], marked[IDS], held[IDS],
    taken[IDS];                 /* received by victims */
  unsigned char priorities[IDS];
  _Atomic int next;             /* id of the survivors */
  _Atomic int victims;
  _Atomic int taking;           /* how many messages somebody is about to take: if it dies, they may be lost */
  _Atomic int dropping;         /* the same for messages that are dropped to make room */
  _Atomic int disturbed;        /* a survivor was at it while the victim was stopped */
  _Atomic int refused;          /* a survivor found no room after the victim's death */
  int kind;                     /* of queue */
  int watched;                  /* its descriptor is polled */
  int receivers, senders;       /* that sleep */
  struct {                      /* the queues that are wrong on purpose */
    _Atomic uint32_t lock, head, tail;
    struct { uint32_t id, priority, length, sender; } slots[8];
  } ring;
};

_Static_assert(sizeof(struct place) <= sizeof arena->place, "the arena has no room for it");

static inline struct place *place(void) { return (struct place *)arena->place; }

enum how { RECEIVE, MANY, BORROW };
enum { NOT_TOLD = 99 }; /* ipc_mq_receive() tells nothing of redeliveries */

/* A kind of queue. Results as the library has them. */
struct queue {
  int (*send)(const struct message *message, int64_t timeout_ns);
  ssize_t (*receive)(struct message *message, unsigned *priority, unsigned *mark, int64_t timeout_ns, enum how how);
  size_t (*count)(void);
  /* The rest only of those that have names. */
  void (*make)(void);         /* makes a new queue; called by survivor 0 */
  void (*join)(void);         /* by the victim */
  void (*warm_up)(void);      /* the same */
  void (*use)(void);          /* by the survivors, in each phase */
  void (*watch)(void);        /* from now on the descriptor is polled, by survivor 0 */
  int (*ready)(void);         /* what poll() says */
  void (*remove)(void);
  bool has_no_bytes;          /* but the first 16 */
};

/* By their numbers; 0 is the one that is sound. */
extern const struct queue *const queues[];
/* That of this round. */
extern const struct queue *queue;

extern struct message message, own_message; /* the victim's */
extern ssize_t result;
extern unsigned priority;
extern int own; /* its first id */

/* At the beginning of each phase. */
void use_queue(void);

void compose(struct message *message, int id, unsigned priority, size_t length);
int send_large(int64_t timeout_ns);
int send_new(int64_t timeout_ns);
uint32_t rank(uint32_t id);
/* Receives one message. Returns the queue's result. */
ssize_t take_one(struct message *message, int64_t timeout_ns, enum how how);
void look_at(const struct message *message, size_t length, unsigned priority, unsigned mark);
void note_mine(uint32_t id, unsigned mark);
/* Finds the messages whose send returned and that nobody received. */
int find_lost(uint32_t *lost);

/* ---- what operations consist of ---- */

void set_up_queue(int kind);
void set_up_empty(void);
void set_up_one(void);
void set_up_some(void);
void set_up_levels(void);
void set_up_nearly_full(void);
void set_up_full(void);
void set_up_large(void);
void set_up_receivers(void);
void set_up_senders(void);
void set_up_watched_empty(void);
void set_up_watched_one(void);
void set_up_watched_some(void);
void set_up_watched_nearly_full(void);
void set_up_watched_full(void);

void prepare_first(void);
void warm_up(void);
void compose_own(unsigned priority, size_t length);
void prepare_first_send(void);
void prepare_send(void);
void prepare_send_higher(void);
void prepare_send_large(void);

void run_send(void);
void run_try_send(void);
void run_receive(void);
void run_recover(void);
void run_recover_receiving(void);
void send_own(int64_t timeout_ns);
void receive_as(int64_t timeout_ns);

void after(void);
void after_receive(void);
void after_try_send(void);

void release_receiver(int time);
void release_sender(int time);
void sleep_receive(void);
void sleep_send(void);
void let_go_full(int alive);
void let_go_watched(int alive);
void check(void);
/* Receives all that is left, and checks its order. */
void drain(void);
void settle(int progress);

#endif
