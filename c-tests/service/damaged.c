/* Overwritten bytes of a service give -EUCLEAN or another result, and never a crash or a hang. */
#include "service.h"

#include <fcntl.h>
#include <sys/stat.h>

static unsigned random_state = 777;

static unsigned any(void) {
  random_state = random_state * 1664525 + 1013904223;
  return random_state >> 8;
}

static const char *name;

/* Calls everything on a service whose bytes were changed. */
static void use(void *seed) {
  random_state = *(unsigned *)seed;
  ipc_service_t *service = NULL;
  ipc_client_t *client = NULL;
  int served = ipc_service_open(&service, name, NULL, 0, 0);
  int opened = ipc_client_open(&client, name, any() % 2 ? IPC_CLIENT_WAIT : 0);
  if (served < 0) CHECK(served == -EUCLEAN || served == -EPROTO || served == -EMEDIUMTYPE || served == -EUSERS);
  if (opened < 0) CHECK(opened == -EUCLEAN || opened == -EPROTO || opened == -EMEDIUMTYPE || opened == -EUSERS);
  char buffer[SIZE];
  ipc_request_t request = { .id = any() };
  ipc_service_stat_t stat;
  uint64_t id;
  for (int i = 0; i < 30; i++) {
    if (opened >= 0) {
      if (any() % 2) (void)ipc_client_send(client, "data", 4, any() % 9, 0, &id);
      if (any() % 4 == 0) (void)ipc_client_call(client, "data", 4, any() % 9, buffer, SIZE, 1000);
      if (any() % 4 == 0) (void)ipc_client_receive(client, buffer, SIZE, &id, any() % 2 ? 0 : 1000);
    }
    if (served >= 0) {
      if (any() % 2) (void)ipc_service_receive(service, buffer, SIZE, &request, any() % 2 ? 0 : 1000);
      if (any() % 2) (void)ipc_service_reply(service, &request, (char[SIZE]){ "reply" }, any() % SIZE);
      if (any() % 8 == 0) (void)ipc_service_stat(service, &stat);
    }
  }
  CHECK_EQUAL(ipc_client_close(client), 0);
  CHECK_EQUAL(ipc_service_close(service), 0);
}

int main(void) {
  name = unique_name("service");
  ipc_service_t *service = serve(name, &service_attr);
  ipc_client_t *client = client_of(name, 0);
  for (int i = 0; i < 6; i++) send_text(client, "text", (unsigned)i);
  ipc_request_t request = expect_request(service, "text", 0);
  reply_with(service, &request, "reply");
  expect_request(service, "text", 0);

  int file = shm_open(name, O_RDWR, 0);
  struct stat status;
  CHECK(file >= 0 && fstat(file, &status) == 0);
  size_t size = (size_t)status.st_size;
  unsigned char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), *good = malloc(size);
  CHECK(bytes != MAP_FAILED && good != NULL);
  memcpy(good, bytes, size);
  /* Each round is a process, which takes valgrind a third of a second. */
  const unsigned rounds = is_under_valgrind() ? 200 : 1500;
  for (unsigned round = 0; round < rounds; round++) {
    memcpy(bytes, good, size);
    for (unsigned i = 0; i < 1 + any() % 20; i++) {
      size_t place = any() % 3 ? any() % 800 : any() % size;
      /* Not the latch: with a living thread's id in its word, that thread holds it. */
      if (place >= 64 && place < 104) continue;
      bytes[place] = (unsigned char)(any() % 2 ? any() : any() % 8);
    }
    unsigned seed = any();
    FINISH(start(use, &seed));
  }
  memcpy(bytes, good, size);
  free(good);
  return 0;
}
