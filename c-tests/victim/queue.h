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
  LARGE = 8200,      /* so large that it is copied while no latch is held */
  MIDDLE = 5,        /* the priority of the survivors' messages */
  IDS = 256,
  OLD = 0,           /* the first id of the messages that are queued before the victim begins */
  VICTIMS = 16,      /* the first id of the first victim's messages; the second victim's ids are 8 higher */
  NEW = 32           /* the first id of the survivors' messages */
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
  _Atomic int next;             /* counts the ids of the survivors */
  _Atomic int victims;
  _Atomic int taking;           /* how many messages processes are about to take: if they die, these may be lost */
  _Atomic int dropping;         /* how many messages processes are about to drop to make room: these may be lost */
  _Atomic int disturbed;        /* a survivor used the queue while the victim was stopped */
  _Atomic int refused;          /* a survivor found no room after the victim's death */
  int kind;                     /* the index of the queue in `queues` */
  int with_descriptor;          /* a process polls its descriptor */
  int receivers, senders;       /* how many of them sleep */
  struct {                      /* for the queues that are wrong on purpose */
    _Atomic uint32_t lock, head, tail;
    struct { uint32_t id, priority, length, sender; } slots[8];
  } ring;
};

_Static_assert(sizeof(struct place) <= sizeof arena->place, "the arena has no room for it");

static inline struct place *place(void) { return (struct place *)arena->place; }

enum how { RECEIVE, MANY, BORROW };
enum { NOT_TOLD = 99 }; /* ipc_mq_receive() does not report redeliveries */

/* A kind of queue. Its functions return results like those of the library. */
struct queue {
  int (*send)(const struct message *message, int64_t timeout_ns);
  ssize_t (*receive)(struct message *message, unsigned *priority, unsigned *mark, int64_t timeout_ns, enum how how);
  size_t (*count)(void);
  /* Only queues with names have the following functions. */
  void (*make)(void);         /* makes a new queue; called by survivor 0 */
  void (*join)(void);         /* opens the queue; called by the victim */
  void (*warm_up)(void);      /* makes the calls whose first use differs; called by the victim */
  void (*use)(void);          /* opens the queue that has the name now; called by the survivors in each phase */
  void (*get_descriptor)(void); /* asks for the descriptor, which survivor 0 polls from now on */
  int (*ready)(void);         /* the events that poll() reports */
  void (*remove)(void);
  bool has_no_bytes;          /* a message consists of its first 16 bytes only */
};

/* The kinds of queues. Number 0 is the correct one. */
extern const struct queue *const queues[];
/* The queue of this round. */
extern const struct queue *queue;

extern struct message message, own_message; /* the victim's */
extern ssize_t result;
extern unsigned priority;
extern int own; /* the id of the victim's first message */

/* Called at the beginning of each phase. */
void use_queue(void);

void compose(struct message *message, int id, unsigned priority, size_t length);
int send_large(int64_t timeout_ns);
int send_new(int64_t timeout_ns);
uint32_t rank(uint32_t id);
/* Receives one message. Returns the queue's result. */
ssize_t take_one(struct message *message, int64_t timeout_ns, enum how how);
void check_message(const struct message *message, size_t length, unsigned priority, unsigned mark);
void note_mine(uint32_t id, unsigned mark);
/* Finds the messages whose send returned and that nobody received. */
int find_lost(uint32_t *lost);

/* ---- the parts of operations ---- */

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
void set_up_with_descriptor_empty(void);
void set_up_with_descriptor_one(void);
void set_up_with_descriptor_some(void);
void set_up_with_descriptor_nearly_full(void);
void set_up_with_descriptor_full(void);

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
void let_go_with_descriptor(int alive);
void check(void);
/* Receives all that is left, and checks its order. */
void drain(void);
void settle(int progress);

#endif
