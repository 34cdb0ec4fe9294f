/* mq_open(3). */
#include "posix.h"

#include <sys/resource.h>

TEST(creates_and_opens) {
  const char *name = unique_name();
  mqd_t maker = create(name, O_RDWR, 4), other = join(name, O_RDWR);
  CHECK(maker != other && maker >= 0 && other >= 0);
  put(maker, "through the one", 0);
  TAKE(other, "through the one");
}

TEST(name_unknown) {
  CHECK_FAILS(mq_open(unique_name(), O_RDWR), ENOENT);
}

TEST(existing_queue_unchanged) {
  const char *name = unique_name();
  mqd_t maker = create(name, O_RDWR, 2);
  put(maker, "kept", 0);
  struct mq_attr other = { .mq_maxmsg = 7, .mq_msgsize = SIZE / 2 };
  /* Without O_EXCL an existing queue is opened as it is; mode and attributes are ignored. */
  mqd_t again = mq_open(name, O_CREAT | O_RDWR, 0, &other);
  CHECK(again != (mqd_t)-1);
  CHECK_EQUAL(attributes(again).mq_maxmsg, 2);
  CHECK_EQUAL(attributes(again).mq_msgsize, SIZE);
  TAKE(again, "kept");
}

TEST(exclusive) {
  const char *name = unique_name();
  mq_close(create(name, O_RDWR, 1));
  CHECK_FAILS(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL), EEXIST);
}

static void exclusive_creator(void *name) {
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  for (;;) {
    mqd_t mq = mq_open(name, O_CREAT | O_EXCL | O_WRONLY, 0600, &attr);
    if (mq != (mqd_t)-1) {
      put(mq, "the one winner", 0); /* a second winner would block here, or fail */
      exit(11);
    }
    if (errno == EEXIST) exit(12);
    CHECK(errno == EMFILE);
  }
}

TEST(exclusive_race) {
  for (int round = 0; round < 20; round++) {
    const char *name = test_names[0];
    if (round == 0) name = unique_name();
    pid_t children[4];
    int winners = 0;
    for (int i = 0; i < 4; i++) children[i] = start(exclusive_creator, (void *)name);
    for (int i = 0; i < 4; i++) {
      int status = wait_for(children[i]);
      CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 11 || WEXITSTATUS(status) == 12));
      winners += WEXITSTATUS(status) == 11;
    }
    CHECK_EQUAL(winners, 1);
    CHECK_EQUAL(mq_unlink(name), 0);
  }
}

static void plain_creator(void *name) {
  struct mq_attr attr = { .mq_maxmsg = 8, .mq_msgsize = SIZE };
  mqd_t mq;
  while ((mq = mq_open(name, O_CREAT | O_WRONLY, 0600, &attr)) == (mqd_t)-1) CHECK(errno == EMFILE);
  put(mq, "one of four", 0);
}

TEST(creation_race) {
  const char *name = unique_name();
  for (int round = 0; round < 20; round++) {
    pid_t children[4];
    for (int i = 0; i < 4; i++) children[i] = start(plain_creator, (void *)name);
    for (int i = 0; i < 4; i++) FINISH(children[i]);
    mqd_t mq = join(name, O_RDONLY);
    CHECK_EQUAL(count(mq), 4); /* all have opened the same queue */
    CHECK_EQUAL(mq_unlink(name), 0);
    CHECK_EQUAL(mq_close(mq), 0);
  }
}

TEST(attributes_taken) {
  const char *name = unique_name();
  struct mq_attr wanted = { .mq_flags = O_NONBLOCK, .mq_maxmsg = 3, .mq_msgsize = 17, .mq_curmsgs = 2 };
  mqd_t mq = create_with(name, O_RDWR, 0600, &wanted);
  struct mq_attr found = attributes(mq);
  CHECK_EQUAL(found.mq_maxmsg, 3);
  CHECK_EQUAL(found.mq_msgsize, 17);
  /* The other two fields are ignored. */
  CHECK_EQUAL(found.mq_flags, 0);
  CHECK_EQUAL(found.mq_curmsgs, 0);
}

TEST(attributes_refused) {
  const char *name = unique_name();
  static const struct mq_attr bad[] = {
    { .mq_maxmsg = 0, .mq_msgsize = SIZE },  { .mq_maxmsg = -1, .mq_msgsize = SIZE },
    { .mq_maxmsg = 1, .mq_msgsize = 0 },     { .mq_maxmsg = 1, .mq_msgsize = -1 },
    { .mq_maxmsg = LONG_MIN, .mq_msgsize = SIZE },
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct mq_attr attr = bad[i];
    CHECK_FAILS(mq_open(name, O_CREAT | O_RDWR, 0600, &attr), EINVAL);
  }
  CHECK_FAILS(mq_open(name, O_RDWR), ENOENT); /* no queue was created */
}

TEST(attributes_by_default) {
  const char *name = unique_name();
  mqd_t mq = create_with(name, O_RDWR, 0600, NULL);
  struct mq_attr attr = attributes(mq);
  CHECK(attr.mq_maxmsg > 0 && attr.mq_msgsize > 0);
  CHECK_EQUAL(attr.mq_flags, 0);
  CHECK_EQUAL(attr.mq_curmsgs, 0);
  /* The queue has the sizes of both fields: mq_maxmsg messages of mq_msgsize bytes. */
  char *message = calloc(1, (size_t)attr.mq_msgsize);
  CHECK(message != NULL);
  CHECK_EQUAL(mq_send(mq, message, (size_t)attr.mq_msgsize, 0), 0);
  for (long i = 1; i < attr.mq_maxmsg; i++) put(mq, "", 0);
  CHECK_FAILS(mq_timedsend(mq, "", 0, 0, PAST), ETIMEDOUT);
  free(message);
}

TEST(default_attributes_are_linux_10_by_8192) {
  /* mq_overview(7): these are the defaults unless a file in /proc/sys/fs/mqueue says otherwise. */
  long messages = 10, size = 8192;
  FILE *file = fopen("/proc/sys/fs/mqueue/msg_default", "r");
  if (file != NULL) {
    CHECK(fscanf(file, "%ld", &messages) == 1);
    fclose(file);
  }
  file = fopen("/proc/sys/fs/mqueue/msgsize_default", "r");
  if (file != NULL) {
    CHECK(fscanf(file, "%ld", &size) == 1);
    fclose(file);
  }
  struct mq_attr attr = attributes(create_with(unique_name(), O_RDWR, 0600, NULL));
  CHECK_EQUAL(attr.mq_maxmsg, messages);
  CHECK_EQUAL(attr.mq_msgsize, size);
}

TEST(name_without_slash) {
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  CHECK_FAILS(mq_open("ripc-test-noslash", O_CREAT | O_RDWR, 0600, &attr), EINVAL);
  CHECK_FAILS(mq_open("", O_CREAT | O_RDWR, 0600, &attr), EINVAL);
}

TEST(name_only_slash) {
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  CHECK_FAILS(mq_open("/", O_RDWR), ENOENT);
  CHECK_FAILS(mq_open("/", O_CREAT | O_RDWR, 0600, &attr), ENOENT);
}

TEST(name_with_more_slashes) {
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  char name[64];
  snprintf(name, sizeof name, "%s/inner", unique_name());
  CHECK_FAILS(mq_open(name, O_CREAT | O_RDWR, 0600, &attr), EACCES);
  CHECK_FAILS(mq_open("//ripc-test-two", O_CREAT | O_RDWR, 0600, &attr), EACCES);
}

TEST(name_of_directory) {
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  CHECK_FAILS(mq_open("/.", O_CREAT | O_RDWR, 0600, &attr), EACCES);
  CHECK_FAILS(mq_open("/..", O_CREAT | O_RDWR, 0600, &attr), EACCES);
}

TEST(name_length) {
  char longest[1 + NAME_MAX + 1 + 1];
  memset(longest, 'x', sizeof longest);
  snprintf(longest, 32, "/ripc-test-%d-longest-", (int)getpid());
  longest[strlen(longest)] = 'x';
  longest[1 + NAME_MAX] = '\0';
  CHECK_EQUAL(strlen(longest), 1 + NAME_MAX);
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  mqd_t mq = create_with(longest, O_RDWR, 0600, &attr);
  CHECK_EQUAL(mq_close(join(longest, O_RDONLY)), 0);
  CHECK_EQUAL(mq_unlink(longest), 0);
  CHECK_EQUAL(mq_close(mq), 0);

  longest[1 + NAME_MAX] = 'x';
  longest[1 + NAME_MAX + 1] = '\0';
  CHECK_FAILS(mq_open(longest, O_CREAT | O_RDWR, 0600, &attr), ENAMETOOLONG);
  CHECK_FAILS(mq_open(longest, O_RDWR), ENAMETOOLONG);
}

TEST(name_of_any_characters) {
  char name[64];
  snprintf(name, sizeof name, "%s \n%%s\\..\xff*", unique_name());
  mqd_t mq = create(name, O_RDWR, 1);
  put(mq, "odd", 0);
  TAKE(join(name, O_RDONLY), "odd");
  CHECK_EQUAL(mq_unlink(name), 0);
}

TEST(access_modes) {
  const char *name = unique_name();
  char buffer[SIZE];
  mqd_t both = create(name, O_RDWR, 2), in = join(name, O_RDONLY), out = join(name, O_WRONLY);
  put(both, "1", 0);
  TAKE(both, "1");
  CHECK_FAILS(mq_receive(out, buffer, SIZE, NULL), EBADF);
  CHECK_FAILS(mq_timedreceive(out, buffer, SIZE, NULL, PAST), EBADF);
  CHECK_FAILS(mq_send(in, "x", 1, 0), EBADF);
  CHECK_FAILS(mq_timedsend(in, "x", 1, 0, PAST), EBADF);
  CHECK_EQUAL(count(both), 0);
  put(out, "2", 0);
  TAKE(in, "2");
}

TEST(access_mode_of_the_maker) {
  /* The mode restricts later opens. The maker of a queue has the access that it asked for. */
  const char *name = unique_name();
  mqd_t mq = create_with(name, O_RDWR, 0, &(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = SIZE });
  put(mq, "mine", 0);
  TAKE(mq, "mine");
}

/* Opens as a user who is not the owner. */
static void open_as_nobody(void *name) {
  become_nobody();
  mq_close(join(name, O_RDONLY));
  CHECK_FAILS(mq_open(name, O_WRONLY), EACCES);
  CHECK_FAILS(mq_open(name, O_RDWR), EACCES);
  CHECK_FAILS(mq_open(name, O_RDWR | O_CREAT, 0666, NULL), EACCES);
}

TEST(permission_to_receive) {
  const char *name = unique_name();
  mode_t before = umask(0);
  create_with(name, O_RDWR, 0444, &(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = SIZE });
  umask(before);
  FINISH(start(open_as_nobody, (void *)name));
}

static void open_to_send_as_nobody(void *name) {
  become_nobody();
  put(join(name, O_WRONLY), "from nobody", 0);
  CHECK_FAILS(mq_open(name, O_RDONLY), EACCES);
  CHECK_FAILS(mq_open(name, O_RDWR), EACCES);
}

TEST(permission_to_send) {
  const char *name = unique_name();
  mode_t before = umask(0);
  mqd_t mq = create_with(name, O_RDWR, 0222, &(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = SIZE });
  umask(before);
  FINISH(start(open_to_send_as_nobody, (void *)name));
  TAKE(mq, "from nobody");
}

static void open_nothing_as_nobody(void *name) {
  become_nobody();
  CHECK_FAILS(mq_open(name, O_RDONLY), EACCES);
  CHECK_FAILS(mq_open(name, O_WRONLY), EACCES);
}

TEST(umask_applies) {
  const char *name = unique_name();
  mode_t before = umask(geteuid() == 0 ? 0077 : 0777);
  create_with(name, O_RDWR, 0666, &(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = SIZE });
  umask(before);
  FINISH(start(open_nothing_as_nobody, (void *)name));
}

static void switch_users(void *name) {
  CHECK_EQUAL(seteuid(NOBODY), 0);
  CHECK_FAILS(mq_open(name, O_RDONLY), EACCES);
  CHECK_EQUAL(seteuid(0), 0);
  mqd_t mq = join(name, O_RDWR);
  /* An open queue stays usable, whatever user this process has become. */
  CHECK_EQUAL(seteuid(NOBODY), 0);
  put(mq, "still mine", 0);
}

TEST(permission_of_effective_user) {
  if (geteuid() != 0) SKIP("needs root");
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  FINISH(start(switch_users, (void *)name));
  TAKE(mq, "still mine");
}

static void create_as_nobody(void *name) {
  become_nobody();
  mqd_t mq = create_with(name, O_RDWR, 0600, &(struct mq_attr){ .mq_maxmsg = 1, .mq_msgsize = SIZE });
  struct stat status;
  CHECK_EQUAL(fstat(mq, &status), 0);
  CHECK_EQUAL(status.st_uid, geteuid());
  CHECK_EQUAL(status.st_gid, getegid());
  mq_close(mq);
  mq_close(join(name, O_RDWR));
}

TEST(owner_is_effective_user) {
  FINISH(start(create_as_nobody, (void *)unique_name()));
}

TEST(nonblocking_per_description) {
  const char *name = unique_name();
  mqd_t plain = create(name, O_RDWR, 1), hasty = join(name, O_RDWR | O_NONBLOCK);
  CHECK_EQUAL(attributes(plain).mq_flags, 0);
  CHECK_EQUAL(attributes(hasty).mq_flags, O_NONBLOCK);
  char buffer[SIZE];
  CHECK_FAILS(mq_receive(hasty, buffer, SIZE, NULL), EAGAIN);
  CHECK_FAILS(mq_timedreceive(plain, buffer, SIZE, NULL, PAST), ETIMEDOUT);
}

TEST(descriptor_closed_by_exec) {
  const char *name = unique_name();
  CHECK_EQUAL(fcntl(create(name, O_RDWR, 1), F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(join(name, O_RDWR | O_CLOEXEC), F_GETFD), FD_CLOEXEC);
}

TEST(descriptors_exhausted) {
  const char *name = unique_name(), *fresh = unique_name();
  mqd_t first = create(name, O_RDWR, 1);
  struct rlimit limit = { .rlim_cur = (rlim_t)first + 3, .rlim_max = (rlim_t)first + 3 };
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  mqd_t last = first, mq;
  while ((mq = mq_open(name, O_RDWR)) != (mqd_t)-1) last = mq;
  CHECK_EQUAL(errno, EMFILE);
  CHECK(last != first);
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  CHECK_FAILS(mq_open(fresh, O_CREAT | O_RDWR, 0600, &attr), EMFILE);
  /* An open queue works without any descriptor to spare, and a number that is closed can be used again. */
  put(first, "on", 0);
  TAKE(last, "on");
  CHECK_EQUAL(mq_close(last), 0);
  CHECK((mq = mq_open(name, O_RDWR)) != (mqd_t)-1);
  put(mq, "again", 0);
  TAKE(first, "again");
  CHECK_EQUAL(mq_close(mq), 0);
  CHECK_FAILS(mq_open(fresh, O_RDWR), ENOENT); /* the failed creation left nothing */
}

static int open_descriptors(void) {
  int count = 0;
  for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

/* However few descriptors are left, opening succeeds or fails with EMFILE. A failure creates and keeps nothing. */
TEST(descriptors_nearly_exhausted) {
  const char *name = unique_name();
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  struct rlimit limit;
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  mq_close(create(name, O_RDWR, 1)); /* whatever is opened once and kept is open now */
  CHECK_EQUAL(mq_unlink(name), 0);
  int lowest = dup(STDIN_FILENO), before, succeeded = 0;
  CHECK_EQUAL(close(lowest), 0);
  before = open_descriptors();
  for (int left = 0; left < 8; left++) {
    struct rlimit few = { .rlim_cur = (rlim_t)(lowest + left), .rlim_max = limit.rlim_max };
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
    mqd_t mq = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
    if (mq == (mqd_t)-1) {
      CHECK_EQUAL(errno, EMFILE);
    } else {
      succeeded++;
      put(mq, "x", 0);
      TAKE(mq, "x");
      CHECK_EQUAL(mq_close(mq), 0);
    }
    CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (mq == (mqd_t)-1) CHECK_FAILS(mq_unlink(name), ENOENT);
    else CHECK_EQUAL(mq_unlink(name), 0);
    CHECK_EQUAL(open_descriptors(), before);
  }
  CHECK(succeeded > 0);
}

/* Opens with the three standard descriptors closed. Only the status says how it went: there is no standard error. */
static void open_without_standard_descriptors(void *name) {
  struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };
  for (int number = 0; number < 3; number++) close(number);
  mqd_t mq = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
  if (mq != STDIN_FILENO) _exit(2);
  if (fcntl(STDOUT_FILENO, F_GETFD) != -1) _exit(3);
  if (fcntl(STDERR_FILENO, F_GETFD) != -1) _exit(4);
  _exit(0);
}

/* Output of a program that has closed its standard output must not go into a queue. */
TEST(standard_descriptors_stay_closed) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  CHECK_EQUAL(mq_close(mq), 0);
  FINISH(start(open_without_standard_descriptors, (void *)name));
  CHECK_EQUAL(mq_unlink(name), 0);
  FINISH(start(open_without_standard_descriptors, (void *)name));
}

TEST(messages_survive_without_openers) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_WRONLY, 2);
  put(mq, "low", 1);
  put(mq, "high", 2);
  CHECK_EQUAL(mq_close(mq), 0);
  mq = join(name, O_RDONLY);
  TAKE(mq, "high");
  TAKE(mq, "low");
}

TEST(bad_attributes_pointer) {
  struct mq_attr *attr = bad_address();
  CHECK_FAILS(mq_open(unique_name(), O_CREAT | O_RDWR, 0600, attr), EFAULT);
}

/* A program compiled with _FORTIFY_SOURCE calls this if the flags are no constant. */
extern mqd_t __mq_open_2(const char *name, int flags);

TEST(fortified_open) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  volatile int flags = O_RDONLY;
  mqd_t in = mq_open(name, flags), other = __mq_open_2(name, flags);
  CHECK(in != (mqd_t)-1 && other != (mqd_t)-1);
  put(mq, "found", 0);
  TAKE(in, "found");
  put(mq, "found again", 0);
  TAKE(other, "found again");
  CHECK_FAILS(__mq_open_2(unique_name(), flags), ENOENT);
}

static void open_fortified_with_creat(void *name) {
  int null = open("/dev/null", O_WRONLY);
  CHECK(dup2(null, STDERR_FILENO) >= 0); /* libc prints a message before it ends the process */
  volatile int flags = O_RDWR | O_CREAT;
  __mq_open_2(name, flags);
}

TEST(fortified_open_with_creat_aborts) {
  int status = wait_for(start(open_fortified_with_creat, (void *)unique_name()));
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

TEST(many_queues) {
  /* As many of the smallest queues as the kernel permits an unprivileged user, well below any limit. */
  enum { MANY = 40 };
  mqd_t all[MANY];
  char name[64];
  const char *base = unique_name();
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "%s-%d", base, i);
    all[i] = create(name, O_RDWR, 1);
    CHECK_EQUAL(mq_unlink(name), 0);
  }
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "%d", i);
    put(all[i], name, 0);
  }
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "%d", i);
    TAKE(all[i], name);
    CHECK_EQUAL(mq_close(all[i]), 0);
  }
}

static const char *ordinary_name;
static _Atomic int opening_is_over;

static void *open_as_ordinary_thread(void *unused) {
  (void)unused;
  while (!opening_is_over) CHECK_EQUAL(mq_close(join(ordinary_name, O_RDONLY)), 0);
  return NULL;
}

/* A real-time thread waits for no ordinary thread that it keeps from running on their processor. */
TEST(opened_by_a_real_time_thread) {
  cpu_set_t allowed, one;
  CHECK_EQUAL(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
  const char *name = unique_name();
  ordinary_name = unique_name();
  CHECK_EQUAL(mq_close(create(name, O_RDWR, 1)), 0);
  CHECK_EQUAL(mq_close(create(ordinary_name, O_RDWR, 1)), 0);
  pthread_t ordinary = run(open_as_ordinary_thread, NULL);
  struct sched_param high = { .sched_priority = 10 }, none = { .sched_priority = 0 };
  if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &high) != 0) {
    opening_is_over = 1;
    finish_thread(ordinary);
    SKIP("this user may have no real-time threads");
  }
  struct timespec end = clock_in(CLOCK_REALTIME, PATIENCE_SECONDS);
  for (int i = 0; i < 500; i++) {
    usleep(500); /* pace: the ordinary thread runs meanwhile, and is interrupted anywhere in a call */
    CHECK_EQUAL(mq_close(join(name, O_RDONLY)), 0);
    CHECK(!is_over(&end));
  }
  CHECK_EQUAL(pthread_setschedparam(pthread_self(), SCHED_OTHER, &none), 0);
  opening_is_over = 1;
  finish_thread(ordinary);
}
