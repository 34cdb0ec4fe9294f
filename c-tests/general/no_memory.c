/* Memory runs out at each allocation of each call, first in a process that has made no call yet, then in one that has.
 * Each time the call succeeds or returns -ENOMEM, prints nothing, leaks neither memory nor descriptors, and succeeds when there is memory
 * again. */
#include "every_call.h"

#ifndef __GLIBC__
int main(void) { SKIP("a program cannot replace malloc() here: this C library has no other name for its aligned_alloc()"); }
#else

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

/* The library finds these before libc's, because the program's symbols come first. From the `fail_at`th allocation on, every
 * allocation fails; 0: none does. */
static volatile int fail_at, asked, failed;
static volatile long live;

static int fails(void) {
  if (fail_at == 0 || ++asked < fail_at) return 0;
  failed++;
  errno = ENOMEM;
  return 1;
}

static void *counted(void *memory) {
  if (memory != NULL) live++;
  return memory;
}

void *malloc(size_t size) { return fails() ? NULL : counted(__libc_malloc(size)); }

void *calloc(size_t number, size_t size) { return fails() ? NULL : counted(__libc_calloc(number, size)); }

void *realloc(void *old, size_t size) {
  if (fails()) return NULL;
  void *memory = __libc_realloc(old, size);
  if (old == NULL) counted(memory);
  return memory;
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  *out = fails() ? NULL : counted(__libc_memalign(alignment, size));
  return *out == NULL ? ENOMEM : 0;
}

void *aligned_alloc(size_t alignment, size_t size) { return fails() ? NULL : counted(__libc_memalign(alignment, size)); }

void free(void *memory) {
  if (memory != NULL) live--;
  __libc_free(memory);
}

enum { REACHED, NOT_REACHED = 2 };

typedef struct {
  const Call *call;
  int nth;
  int is_first; /* no call of the library has been made in the process */
  int output;
} Attempt;

/* Makes one call whose nth allocation fails, and those after it. The exit status says whether the call has so many. */
static void attempt(void *argument) {
  const Attempt *it = argument;
  const Call *call = it->call;
  if (!it->is_first) call_warm_up(call);
  long blocks = live;
  int descriptors = it->is_first ? 0 : open_descriptors();
  call->before();
  int output = dup(2);
  dup2(it->output, 1);
  dup2(it->output, 2);
  fail_at = it->nth;
  long result = call->run();
  fail_at = 0;
  dup2(output, 1);
  dup2(output, 2);
  close(output);
  int has_failed = failed > 0;
  if (!call_succeeded(result) && has_failed) {
    if (result != -ENOMEM)
      test_failed(__FILE__, __LINE__, "%s, allocation %d: %ld: %s", call->name, it->nth, result, ipc_last_error());
    result = call->run();
  }
  if (!call_succeeded(result)) test_failed(__FILE__, __LINE__, "%s, afterwards: %ld: %s", call->name, result, ipc_last_error());
  call->after(result);
  if (!it->is_first && live != blocks)
    test_failed(__FILE__, __LINE__, "%s, allocation %d: %ld blocks leaked", call->name, it->nth, live - blocks);
  if (!it->is_first && open_descriptors() != descriptors)
    test_failed(__FILE__, __LINE__, "%s, allocation %d: descriptors leaked", call->name, it->nth);
  fflush(NULL);
  _exit(has_failed ? REACHED : NOT_REACHED);
}

/* Makes the 1st, 2nd, ... allocation of a call fail until it has no more; how many of these attempts went wrong. */
static int try_call(const Call *call, int is_first) {
  for (int nth = 1; nth < 1000; nth++) {
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    Attempt it = { call, nth, is_first, ends[1] };
    call_prepare(call);
    int status = wait_for(start(attempt, &it));
    call_clean();
    char printed[200];
    ssize_t length = read(ends[0], printed, sizeof printed - 1);
    close(ends[0]);
    close(ends[1]);
    if (length > 0) {
      fprintf(stderr, "%s, allocation %d: printed %.*s\n", call->name, nth, (int)length, printed);
      return 1;
    }
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != REACHED && WEXITSTATUS(status) != NOT_REACHED)) {
      fprintf(stderr, "%s, allocation %d: wait status %#x\n", call->name, nth, (unsigned)status);
      return 1;
    }
    if (WEXITSTATUS(status) == NOT_REACHED) return 0;
  }
  test_failed(__FILE__, __LINE__, "%s: its allocations have no end", call->name);
}

int main(int argc, char **argv) {
  SKIP_UNDER_VALGRIND("malloc is replaced");
  SKIP_UNDER_SANITIZERS("malloc is replaced");
  int wrong = 0;
  for (int i = 0; i < call_count; i++) {
    if (argc > 1 && strncmp(every_call[i].name, argv[1], strlen(argv[1])) != 0) continue;
    for (int is_first = 0; is_first < 2; is_first++) wrong += try_call(&every_call[i], is_first);
  }
  CHECK_EQUAL(wrong, 0);
  return 0;
}
#endif
