/* ipc_child_communicate() feeds a child and collects its outputs without a deadlock, at any size. It loses nothing if a
 * buffer is full or a deadline passes. It works with a child that never reads or never exits. */
#include "streams.h"

enum { SIZE = 3 << 20 };

static ipc_child_t *spawn(const char *script) {
  const char *const argv[] = {"sh", "-c", script, NULL};
  ipc_child_t *child;
  CHECK_EQUAL(ipc_spawn(&child, argv, IPC_STDIN_PIPE | IPC_STDOUT_PIPE | IPC_STDERR_PIPE), 0);
  return child;
}

static void finish(ipc_child_t *child, int code, int signal) {
  ipc_child_exit_t how;
  CHECK_EQUAL(ipc_child_wait(child, &how, PATIENCE), 0);
  CHECK_EQUAL(how.code, code);
  CHECK_EQUAL(how.signal, signal);
  CHECK_EQUAL(ipc_child_close(child), 0);
}

int main(void) {
  int before = open_descriptors();
  unsigned char *input = allocate(SIZE), *output = allocate(SIZE), *error = allocate(SIZE);
  fill_pattern(input, SIZE, 0);

  /* Sizes around a pipe's capacity and well above it. */
  static const size_t sizes[] = {0, 1, 65535, 65536, 65537, SIZE};
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    ipc_child_t *child = spawn("tee /dev/stderr");
    ipc_exchange_t exchange = {
      .input = input, .input_size = sizes[i], .output = output, .output_capacity = sizes[i],
      .error = error, .error_capacity = sizes[i]};
    CHECK_EQUAL(ipc_child_communicate(child, &exchange, PATIENCE), 0);
    CHECK_EQUAL(exchange.input_size, 0);
    CHECK(exchange.input == input + sizes[i]);
    CHECK_EQUAL(exchange.output_size, sizes[i]);
    CHECK_EQUAL(exchange.error_size, sizes[i]);
    check_pattern(output, sizes[i], 0);
    check_pattern(error, sizes[i], 0);
    /* All is done, so another call changes nothing. */
    CHECK_EQUAL(ipc_child_communicate(child, &exchange, 0), 0);
    CHECK_EQUAL(exchange.output_size, sizes[i]);
    finish(child, 0, 0);
  }

  /* A buffer that is too small is emptied again and again, and standard error is discarded. */
  ipc_child_t *child = spawn("tee /dev/stderr");
  ipc_exchange_t exchange = {
    .input = input, .input_size = SIZE, .output = output, .output_capacity = 1000};
  size_t got = 0;
  int result;
  while ((result = ipc_child_communicate(child, &exchange, PATIENCE)) == -ENOBUFS) {
    CHECK_LAST_ERROR("fill the buffer");
    CHECK_EQUAL(exchange.output_size, 1000);
    check_pattern(output, 1000, got);
    got += 1000;
    exchange.output_size = 0;
  }
  CHECK_EQUAL(result, 0);
  check_pattern(output, exchange.output_size, got);
  CHECK_EQUAL(got + exchange.output_size, SIZE);
  CHECK_EQUAL(exchange.error_size, SIZE);
  finish(child, 0, 0);

  /* A child that does not read its input is no error: the rest of the input remains. */
  child = spawn("echo no thanks");
  exchange = (ipc_exchange_t){
    .input = input, .input_size = SIZE, .output = output, .output_capacity = SIZE};
  CHECK_EQUAL(ipc_child_communicate(child, &exchange, PATIENCE), 0);
  CHECK(exchange.input_size > 0);
  CHECK_EQUAL(exchange.output_size, 10);
  CHECK_EQUAL(ipc_child_communicate(child, &exchange, PATIENCE), 0);
  finish(child, 0, 0);

  /* A child that never reads and never exits: the deadline passes, and all output before the deadline is received. */
  const char *const forever[] = {"sh", "-c", "echo begun; exec sleep 1000", NULL};
  CHECK_EQUAL(ipc_spawn(&child, forever, IPC_STDIN_PIPE | IPC_STDOUT_PIPE), 0);
  exchange = (ipc_exchange_t){
    .input = input, .input_size = SIZE, .output = output, .output_capacity = SIZE};
  while (exchange.output_size < 6) {
    CHECK_EQUAL(ipc_child_communicate(child, &exchange, 10 * MILLISECOND), -ETIMEDOUT);
  }
  CHECK(memcmp(output, "begun\n", 6) == 0);
  CHECK_EQUAL(ipc_child_communicate(child, &exchange, 0), -EAGAIN);
  size_t left = exchange.input_size;
  CHECK(left > 0 && left < SIZE);
  CHECK(kill(ipc_child_pid(child), SIGKILL) == 0); /* valgrind has no pidfd_send_signal */
  CHECK_EQUAL(ipc_child_communicate(child, &exchange, PATIENCE), 0);
  CHECK_EQUAL(exchange.input_size, left);
  finish(child, -1, SIGKILL);

  /* Bad input. */
  const char *const quick[] = {"true", NULL};
  CHECK_EQUAL(ipc_spawn(&child, quick, 0), 0);
  exchange = (ipc_exchange_t){.input = input, .input_size = 1};
  CHECK_FAILS(ipc_child_communicate(child, &exchange, 0), -EINVAL, "not a pipe");
  exchange = (ipc_exchange_t){.input_size = 1};
  CHECK_FAILS(ipc_child_communicate(child, &exchange, 0), -EINVAL, "input is NULL");
  exchange = (ipc_exchange_t){.output = output, .output_capacity = 1, .output_size = 2};
  CHECK_FAILS(ipc_child_communicate(child, &exchange, 0), -EINVAL, "above the capacity");
  CHECK_FAILS(ipc_child_communicate(child, NULL, 0), -EINVAL, "exchange is NULL");
  exchange = (ipc_exchange_t){.input = NULL};
  CHECK_EQUAL(ipc_child_communicate(child, &exchange, 0), 0);
  finish(child, 0, 0);
  CHECK_FAILS(ipc_child_communicate(child, &exchange, 0), -EBADF, "closed");

  free(input);
  free(output);
  free(error);
  CHECK_EQUAL(open_descriptors(), before);
  check_no_children();
  return 0;
}
