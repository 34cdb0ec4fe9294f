/* For the tests of cells: a value that shows whether it is whole. */
#ifndef CELL_H
#define CELL_H

#include "asleep.h"

#include <fcntl.h>
#include <sys/stat.h>

typedef struct {
  uint64_t words[32];
} Value;

static const ipc_type_t value_type = IPC_TYPE(Value, 1);

/* A value whose words depend on `seed`. */
__attribute__((unused)) static Value value_of(uint64_t seed) {
  Value value;
  for (uint64_t i = 0; i < 32; i++) value.words[i] = seed * 0x9e3779b97f4a7c15u + i;
  return value;
}

/* Checks that a value is whole. */
__attribute__((unused)) static void check_whole(const Value *value) {
  for (uint64_t i = 0; i < 32; i++) CHECK(value->words[i] == value->words[0] + i);
}

__attribute__((unused)) static void check_value(const Value *value, uint64_t seed) {
  Value expected = value_of(seed);
  CHECK(memcmp(value, &expected, sizeof expected) == 0);
}

/* Opens a cell, which must succeed. */
__attribute__((unused)) static ipc_cell_t *open_cell(const char *name, int flags, mode_t mode) {
  ipc_cell_t *cell = NULL;
  CHECK(ipc_cell_open(&cell, name, &value_type, flags, mode) >= 0);
  return cell;
}

__attribute__((unused)) static void write_value(ipc_cell_t *cell, uint64_t seed) {
  Value value = value_of(seed);
  CHECK_EQUAL(ipc_cell_write(cell, &value), 0);
}

__attribute__((unused)) static void expect_value(const ipc_cell_t *cell, uint64_t seed, uint64_t number) {
  Value value;
  ipc_sample_t info;
  CHECK_EQUAL(ipc_cell_read(cell, &value, &info), 0);
  CHECK_EQUAL(info.number, number);
  check_value(&value, seed);
}

#endif
