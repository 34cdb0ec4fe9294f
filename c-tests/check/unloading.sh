#!/bin/sh
# A program that loads the library, uses it and unloads it again and again loses no memory and no descriptor.
. "$(dirname "$0")/../support/script.sh"

cat >"$work/load.c" <<'END'
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>

static long count(const char *path) {
  FILE *file = fopen(path, "r");
  long lines = 0;
  if (file == NULL) return -1;
  for (int c; (c = getc(file)) != EOF;) lines += c == '\n';
  fclose(file);
  return lines;
}

static int use(const char *library) {
  void *loaded = dlopen(library, RTLD_NOW);
  if (loaded == NULL) return 1;
  int (*anonymous)(void **, size_t) = (int (*)(void **, size_t))dlsym(loaded, "ipc_shm_anonymous");
  int (*lock)(void *, long long) = (int (*)(void *, long long))dlsym(loaded, "ipc_mutex_lock");
  int (*init)(void *, int) = (int (*)(void *, int))dlsym(loaded, "ipc_mutex_init");
  int (*unlock)(void *) = (int (*)(void *))dlsym(loaded, "ipc_mutex_unlock");
  int (*close)(void *) = (int (*)(void *))dlsym(loaded, "ipc_shm_close");
  void *(*data)(void *) = (void *(*)(void *))dlsym(loaded, "ipc_shm_data");
  void *shm;
  if (anonymous(&shm, 4096) != 0 || init(data(shm), 0) != 0 || lock(data(shm), -1) != 0) return 2;
  if (unlock(data(shm)) != 0 || close(shm) != 0) return 3;
  return dlclose(loaded);
}

int main(int argc, char **argv) {
  if (argc != 2) return 9;
  for (int i = 0; i < 3; i++)
    if (use(argv[1]) != 0) return 1;
  long before = count("/proc/self/maps");
  for (int i = 0; i < 200; i++)
    if (use(argv[1]) != 0) return 1;
  long after = count("/proc/self/maps");
  printf("%ld mappings before, %ld after\n", before, after);
  return before != after;
}
END
quietly "$CC" -std=c99 -w "$work/load.c" -o "$work/load" -ldl
quietly "$work/load" "$STAGE/lib/librobustipc.so.$version"
