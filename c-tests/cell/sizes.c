/* Values of any size and alignment are read as they were written, into a buffer of any alignment. */
#include "cell.h"

int main(void) {
  static const size_t sizes[] = { 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 48, 63, 64, 65, 1000, 1023, 1024, 1025, 1031, 4080, 4097,
    65536, 3000001 };
  static const size_t alignments[] = { 1, 2, 8, 16, 64, 128, 4096 };
  unsigned char *given = malloc(3000001 + 1), *found = malloc(3000001 + 3);
  CHECK(given != NULL && found != NULL);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (size_t a = 0; a < sizeof alignments / sizeof *alignments; a++) {
      if (sizes[s] > 65536 && alignments[a] != 8) continue;
      char name[64];
      snprintf(name, sizeof name, "%s-%zu-%zu", "/ripc-test-sizes", sizes[s], alignments[a]);
      snprintf(name + strlen(name), sizeof name - strlen(name), "-%d", (int)getpid());
      ipc_type_t type = { "Sized", 1, 0, sizes[s], alignments[a], { { NULL, 0, 0 } } };
      ipc_cell_t *cell;
      CHECK_EQUAL(ipc_cell_open(&cell, name, &type, IPC_CREATE | IPC_EXCLUSIVE, 0600), IPC_CREATED);
      CHECK_EQUAL(ipc_cell_unlink(name), 0);
      for (unsigned round = 1; round <= 20; round++) {
        for (size_t i = 0; i < sizes[s]; i++) given[i + 1] = (unsigned char)(i * 7 + round);
        memset(found, 0xee, sizes[s] + 3);
        CHECK_EQUAL(ipc_cell_write(cell, given + 1), 0);
        CHECK_EQUAL(ipc_cell_read(cell, found + 1, NULL), 0);
        CHECK(memcmp(given + 1, found + 1, sizes[s]) == 0);
        CHECK(found[0] == 0xee && found[sizes[s] + 1] == 0xee); /* nothing beside the value is written */
        if (sizes[s] > 65536 && round == 5) break;
      }
      CHECK_EQUAL(ipc_cell_close(cell), 0);
    }
  free(given);
  free(found);
  return 0;
}
