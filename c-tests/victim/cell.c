/* Cells. A reader always gets a whole value, and never waits for a writer that is dead or stopped. The numbers of the values
 * go up by one. A waiter wakes for a newer value. */
#include "victim.h"

typedef struct { uint64_t words[24]; } Value;

static const ipc_type_t value_type = IPC_TYPE(Value, 1);
static ipc_cell_t *cell, *reader;
static int result;

static const char *cell_name(void) {
  static char name[80];
  snprintf(name, sizeof name, "%s-cell", arena->name);
  return name;
}

static Value value_of(uint64_t seed) {
  Value value;
  for (uint64_t i = 0; i < 24; i++) value.words[i] = seed + i;
  return value;
}

/* Reads the latest value, which has to be whole. Returns its number. */
static uint64_t read_whole(const ipc_cell_t *from) {
  Value value;
  ipc_sample_t info;
  EXPECT_EQUAL(ipc_cell_read(from, &value, &info), 0);
  for (uint64_t i = 0; i < 24; i++) EXPECT(value.words[i] == value.words[0] + i, "a torn value");
  return info.number;
}

static void open_both(void) {
  if (cell != NULL && ipc_cell_stale(cell) == 0) return;
  if (cell != NULL) EXPECT(ipc_cell_close(cell) == 0 && ipc_cell_close(reader) == 0, "cannot close");
  EXPECT_EQUAL(ipc_cell_open(&cell, cell_name(), &value_type, 0, 0), IPC_OPENED);
  EXPECT_EQUAL(ipc_cell_open(&reader, cell_name(), &value_type, IPC_READ_ONLY, 0), IPC_OPENED);
}

static void set_up(void) {
  ipc_cell_unlink(cell_name());
  ipc_cell_t *made;
  EXPECT_EQUAL(ipc_cell_open(&made, cell_name(), &value_type, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
  Value value = value_of(100);
  EXPECT_EQUAL(ipc_cell_write(made, &value), 0);
  EXPECT_EQUAL(ipc_cell_close(made), 0);
  open_both();
}

static void prepare(void) {
  open_both();
  read_whole(cell);
}

static int add_up(void *value, void *context) {
  (void)context;
  for (int i = 0; i < 24; i++) ((Value *)value)->words[i] += 1000;
  return 0;
}

static void run_write(void) {
  Value value = value_of(5000);
  result = ipc_cell_write(cell, &value);
}

static void run_update(void) { result = ipc_cell_update(cell, add_up, NULL); }

static void run_read(void) {
  Value value;
  result = ipc_cell_read(reader, &value, NULL);
}

static void run_wait(void) {
  Value value;
  ipc_sample_t info;
  result = ipc_cell_wait(reader, &value, 1, &info, IPC_FOREVER);
  if (result == 0) EXPECT(info.number > 1, "an old value");
}

static void write_one(void) {
  Value value = value_of(9000);
  EXPECT_EQUAL(ipc_cell_write(cell, &value), 0);
}

static void release(int time) {
  (void)time;
  write_one();
}

static void after(void) { EXPECT_EQUAL(result, 0); }

/* While the victim is stopped: readers read. A writer may wait in vain for the victim. */
static void meanwhile(void) {
  open_both();
  for (int i = 0; i < 3; i++) read_whole(reader);
  Value value = value_of(7000);
  int written = ipc_cell_write(cell, &value);
  EXPECT(written == 0 || written == -EAGAIN, "a write beside a stopped writer: %s", ipc_strerror(written));
  read_whole(reader);
}

static void sleep_wait(void) {
  open_both();
  Value value;
  EXPECT_EQUAL(ipc_cell_wait(reader, &value, 2, NULL, arena->patience_ns), 0);
}

/* The sleepers wait for the third value, so everybody writes some. */
static void check(void) {
  open_both();
  uint64_t before = read_whole(reader);
  for (int i = 0; i < 3; i++) {
    write_one();
    EXPECT_EQUAL(ipc_cell_update(cell, add_up, NULL), 0);
    uint64_t now = read_whole(reader);
    EXPECT(now >= before + 2, "the numbers do not go up");
    before = now;
  }
}

static void settle(int progress) {
  /* The value of set_up, twelve of the survivors, and at most a few of the victim's round. */
  uint64_t number = read_whole(reader);
  EXPECT(number >= 13 && number <= 17, "%d values after progress %d", (int)number, progress);
  EXPECT_EQUAL(ipc_cell_unlink(cell_name()), 0);
  nothing_is_left();
}

const struct operation cell_operations[] = {
  {.name = "cell.write", .set_up = set_up, .prepare = prepare, .run = run_write, .after = after, .sleep = sleep_wait,
   .sleepers = 2, .meanwhile = meanwhile, .stop_is_expensive = true, .check = check, .settle = settle,
   .recovery = "cell.write"},
  {.name = "cell.update", .set_up = set_up, .prepare = prepare, .run = run_update, .after = after, .meanwhile = meanwhile,
   .stop_is_expensive = true, .check = check, .settle = settle, .recovery = "cell.update"},
  {.name = "cell.read", .set_up = set_up, .prepare = prepare, .run = run_read, .after = after, .meanwhile = meanwhile,
   .check = check, .settle = settle},
  {.name = "cell.wait", .set_up = set_up, .prepare = prepare, .run = run_wait, .after = after, .release = release,
   .check = check, .settle = settle},
  {0},
};
