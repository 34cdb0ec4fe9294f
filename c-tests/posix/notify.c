/* mq_notify(3). The tests block the signals and fetch them: when a send has returned, its signal is pending. So a test
 * notices a missing signal and an extra one. */
#include "posix.h"

static void block_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN + 1);
  CHECK_EQUAL(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

static int wants_signal(mqd_t mq, int number, int value) {
  struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = number, .sigev_value.sival_int = value };
  return mq_notify(mq, &event);
}

static siginfo_t fetch(int number) {
  sigset_t set;
  siginfo_t info;
  sigemptyset(&set);
  sigaddset(&set, number);
  struct timespec patience = { .tv_sec = PATIENCE_SECONDS };
  CHECK_EQUAL(sigtimedwait(&set, &info, &patience), number);
  return info;
}

static int is_pending(int number) {
  sigset_t set;
  CHECK_EQUAL(sigpending(&set), 0);
  return sigismember(&set, number);
}

TEST(signal_with_its_value) {
  block_signals();
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  CHECK_EQUAL(wants_signal(mq, SIGRTMIN + 1, 4711), 0);
  CHECK(!is_pending(SIGRTMIN + 1));
  put(mq, "x", 0);
  siginfo_t info = fetch(SIGRTMIN + 1);
  CHECK_EQUAL(info.si_code, SI_MESGQ);
  CHECK_EQUAL(info.si_value.sival_int, 4711);
  CHECK_EQUAL(info.si_pid, getpid());
  CHECK_EQUAL(info.si_uid, getuid());
  TAKE(mq, "x"); /* the message stays in the queue */
}

static void send_one(void *name) { put(join(name, O_WRONLY), "from a child", 0); }

TEST(signal_names_its_sender) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDONLY, 1);
  struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_ptr = &mq };
  CHECK_EQUAL(mq_notify(mq, &event), 0);
  pid_t child = start(send_one, (void *)name);
  siginfo_t info = fetch(SIGUSR1);
  CHECK_EQUAL(info.si_code, SI_MESGQ);
  CHECK_EQUAL(info.si_pid, child);
  CHECK_EQUAL(info.si_uid, getuid());
  CHECK(info.si_value.sival_ptr == &mq);
  FINISH(child);
}

static void send_one_as_nobody(void *mq) {
  become_nobody();
  put(*(mqd_t *)mq, "from nobody", 0);
}

TEST(signal_from_another_user) {
  if (geteuid() != 0) SKIP("needs root");
  block_signals();
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0);
  pid_t child = start(send_one_as_nobody, &mq);
  siginfo_t info = fetch(SIGUSR1);
  CHECK_EQUAL(info.si_pid, child);
  CHECK_EQUAL(info.si_uid, NOBODY);
  FINISH(child);
}

static volatile sig_atomic_t handled_value, handled_code;
static mqd_t handled_mq;
static void rearm(int number, siginfo_t *info, void *context) {
  (void)context;
  handled_value = info->si_value.sival_int;
  handled_code = info->si_code;
  if (wants_signal(handled_mq, number, handled_value + 1) != 0) handled_value = -1;
}

TEST(handler_registers_again) {
  handled_mq = create(unique_name(), O_RDWR, 1);
  struct sigaction action = { .sa_sigaction = rearm, .sa_flags = SA_SIGINFO };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, NULL), 0);
  CHECK_EQUAL(wants_signal(handled_mq, SIGUSR1, 1), 0);
  for (int value = 1; value <= 3; value++) {
    put(handled_mq, "x", 0);
    AWAIT(handled_value == value);
    CHECK_EQUAL(handled_code, SI_MESGQ);
    TAKE(handled_mq, "x");
  }
}

TEST(once_only) {
  block_signals();
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0);
  put(mq, "1", 0);
  fetch(SIGUSR1);
  TAKE(mq, "1");
  put(mq, "2", 0);
  CHECK(!is_pending(SIGUSR1));
  TAKE(mq, "2");
  /* Another notification comes after another registration. */
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 5), 0);
  put(mq, "3", 0);
  CHECK_EQUAL(fetch(SIGUSR1).si_value.sival_int, 5);
}

TEST(only_when_it_was_empty) {
  block_signals();
  mqd_t mq = create(unique_name(), O_RDWR, 3);
  put(mq, "1", 0);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0);
  CHECK(!is_pending(SIGUSR1)); /* a message that is there already does not count */
  put(mq, "2", 0);
  CHECK(!is_pending(SIGUSR1));
  TAKE(mq, "1");
  TAKE(mq, "2");
  put(mq, "3", 0);
  fetch(SIGUSR1);
}

TEST(second_registration_is_busy) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1), other = join(name, O_RDWR);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 1), 0);
  CHECK_FAILS(wants_signal(mq, SIGUSR1, 2), EBUSY);
  CHECK_FAILS(wants_signal(other, SIGUSR1, 3), EBUSY);
  put(mq, "x", 0);
  CHECK_EQUAL(fetch(SIGUSR1).si_value.sival_int, 1);
  CHECK_EQUAL(wants_signal(other, SIGUSR1, 4), 0); /* notified once, so the place is free */
}

static void find_it_busy(void *name) { CHECK_FAILS(wants_signal(join(name, O_RDWR), SIGUSR1, 2), EBUSY); }

static void remove_nothing(void *mq) {
  (void)mq_notify(*(mqd_t *)mq, NULL); /* 0 on Linux; POSIX allows EINVAL */
  CHECK_FAILS(wants_signal(*(mqd_t *)mq, SIGUSR1, 2), EBUSY);
}

TEST(second_process_is_busy) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 1), 0);
  FINISH(start(find_it_busy, (void *)name));
  put(mq, "x", 0);
  CHECK_EQUAL(fetch(SIGUSR1).si_value.sival_int, 1);
}

TEST(not_inherited) {
  block_signals();
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 1), 0);
  FINISH(start(remove_nothing, &mq)); /* the child has no registration to remove; the parent's stays */
  put(mq, "x", 0);
  fetch(SIGUSR1);
}

TEST(null_removes) {
  block_signals();
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0);
  CHECK_EQUAL(mq_notify(mq, NULL), 0);
  put(mq, "x", 0);
  CHECK(!is_pending(SIGUSR1));
  TAKE(mq, "x");
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0); /* the place is free for others */
}

TEST(none_is_a_registration) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  struct sigevent event = { .sigev_notify = SIGEV_NONE };
  CHECK_EQUAL(mq_notify(mq, &event), 0);
  FINISH(start(find_it_busy, (void *)name));
  put(mq, "x", 0); /* this uses up the registration */
  TAKE(mq, "x");
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0);
}

TEST(close_removes) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1), other = join(name, O_RDWR);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0);
  CHECK_EQUAL(mq_close(mq), 0);
  put(other, "x", 0);
  CHECK(!is_pending(SIGUSR1));
  TAKE(other, "x");
  CHECK_EQUAL(wants_signal(other, SIGUSR1, 1), 0);
}

TEST(plain_close_removes) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1), other = join(name, O_RDWR);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0);
  CHECK_EQUAL(close(mq), 0);
  CHECK_EQUAL(wants_signal(other, SIGUSR1, 1), 0);
  put(other, "x", 0);
  CHECK_EQUAL(fetch(SIGUSR1).si_value.sival_int, 1);
}

static void register_and_be_killed(void *name) {
  block_signals();
  mqd_t mq = join(name, O_RDWR);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0);
  about_to_block();
  pause();
}

TEST(death_removes) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  pid_t child = start(register_and_be_killed, (void *)name);
  wait_until_blocked();
  CHECK_FAILS(wants_signal(mq, SIGUSR1, 1), EBUSY);
  KILL(child);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 1), 0);
  put(mq, "x", 0);
  fetch(SIGUSR1);
}

static void register_and_end(void *name) { CHECK_EQUAL(wants_signal(join(name, O_RDWR), SIGUSR1, 0), 0); }

TEST(end_removes) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  FINISH(start(register_and_end, (void *)name));
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 1), 0);
}

static void register_and_execute(void *name) {
  CHECK_EQUAL(wants_signal(join(name, O_RDWR), SIGUSR1, 0), 0);
  char *arguments[] = { "true", NULL };
  execvp("true", arguments);
}

TEST(exec_removes) {
  block_signals();
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  FINISH(start(register_and_execute, (void *)name));
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 1), 0);
}

static void receive_one(void *mq) {
  about_to_block();
  TAKE(*(mqd_t *)mq, "to the receiver");
}

TEST(not_while_a_receiver_waits) {
  block_signals();
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 6), 0);
  pid_t child = start(receive_one, &mq);
  wait_until_blocked();
  put(mq, "to the receiver", 0);
  FINISH(child);
  CHECK(!is_pending(SIGUSR1));
  put(mq, "to nobody", 0); /* the registration is still there */
  CHECK_EQUAL(fetch(SIGUSR1).si_value.sival_int, 6);
}

TEST(any_access_mode) {
  block_signals();
  const char *name = unique_name();
  mqd_t out = create(name, O_WRONLY, 1), in = join(name, O_RDONLY);
  CHECK_EQUAL(wants_signal(out, SIGUSR1, 1), 0);
  put(out, "x", 0);
  fetch(SIGUSR1);
  CHECK_EQUAL(wants_signal(in, SIGUSR1, 1), 0);
}

TEST(event_refused) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  struct sigevent event = { .sigev_notify = 99 };
  CHECK_FAILS(mq_notify(mq, &event), EINVAL);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = -1;
  CHECK_FAILS(mq_notify(mq, &event), EINVAL);
  event.sigev_signo = SIGRTMAX + 1;
  CHECK_FAILS(mq_notify(mq, &event), EINVAL);
  CHECK_EQUAL(wants_signal(mq, SIGUSR1, 0), 0); /* none of them took the place */
}

TEST(descriptor_refused) {
  const mqd_t bad[] = { (mqd_t)-1, (mqd_t)INT_MAX, (mqd_t)100000, open("/dev/null", O_RDWR) };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_FAILS(wants_signal(bad[i], SIGUSR1, 0), EBADF);
    CHECK_FAILS(mq_notify(bad[i], NULL), EBADF);
  }
}

TEST(bad_event_pointer) {
  if (sizeof(long) == 4) SKIP("libc reads the event itself here");
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  pid_t child = fork(); /* libc reads sigev_notify first and may crash there. Both results are accepted if the queue works afterwards. */
  if (child == 0) {
    int status = mq_notify(mq, bad_address());
    _exit(status == -1 && errno == EFAULT ? 0 : 1);
  }
  int status = wait_for(child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
  put(mq, "x", 0);
  TAKE(mq, "x");
}

/* SIGEV_THREAD: what the function has recorded. */
static struct {
  _Atomic int calls;
  int value, joinable;
  size_t stack_size;
  pthread_t thread;
  sigset_t mask;
} called;
static void called_function(union sigval value) {
  pthread_attr_t attr;
  int state;
  called.value = value.sival_int;
  called.thread = pthread_self();
  pthread_sigmask(SIG_BLOCK, NULL, &called.mask);
  if (pthread_getattr_np(pthread_self(), &attr) == 0) {
    pthread_attr_getstacksize(&attr, &called.stack_size);
    pthread_attr_getdetachstate(&attr, &state);
    called.joinable = state == PTHREAD_CREATE_JOINABLE;
    pthread_attr_destroy(&attr);
  }
  called.calls++;
}

static int wants_thread(mqd_t mq, int value, pthread_attr_t *attr) {
  struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = value };
  event.sigev_notify_function = called_function;
  event.sigev_notify_attributes = attr;
  return mq_notify(mq, &event);
}

TEST(thread_gets_the_value) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  for (int value = 1; value <= 3; value++) {
    CHECK_EQUAL(wants_thread(mq, value, NULL), 0);
    put(mq, "x", 0);
    AWAIT(called.calls == value);
    CHECK_EQUAL(called.value, value);
    CHECK(!pthread_equal(called.thread, pthread_self()));
    CHECK(!called.joinable); /* no thread can join it */
    TAKE(mq, "x");
  }
}

TEST(thread_from_another_process) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1);
  CHECK_EQUAL(wants_thread(mq, 8, NULL), 0);
  FINISH(start(send_one, (void *)name));
  AWAIT(called.calls == 1);
  CHECK_EQUAL(called.value, 8);
}

TEST(thread_has_its_attributes) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  pthread_attr_t attr;
  CHECK_EQUAL(pthread_attr_init(&attr), 0);
  CHECK_EQUAL(pthread_attr_setstacksize(&attr, 1234 * 1024), 0);
  CHECK_EQUAL(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
  CHECK_EQUAL(wants_thread(mq, 1, &attr), 0);
  /* The attributes are copied at the registration: the caller's may be gone by the time of the message. */
  CHECK_EQUAL(pthread_attr_destroy(&attr), 0);
  memset(&attr, 0xff, sizeof attr);
  put(mq, "x", 0);
  AWAIT(called.calls == 1);
  CHECK(called.stack_size >= 1234 * 1024 && called.stack_size < 1400 * 1024);
}

TEST(thread_is_told_once) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  CHECK_EQUAL(wants_thread(mq, 1, NULL), 0);
  CHECK_FAILS(wants_thread(mq, 2, NULL), EBUSY);
  put(mq, "x", 0);
  AWAIT(called.calls == 1);
  TAKE(mq, "x");
  put(mq, "y", 0); /* no registration waits for this one */
  TAKE(mq, "y");
  CHECK_EQUAL(wants_thread(mq, 3, NULL), 0);
  put(mq, "z", 0);
  AWAIT(called.calls == 2);
  CHECK_EQUAL(called.value, 3);
}

TEST(thread_not_wanted_any_more) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  CHECK_EQUAL(wants_thread(mq, 1, NULL), 0);
  CHECK_EQUAL(mq_notify(mq, NULL), 0);
  put(mq, "x", 0);
  TAKE(mq, "x");
  CHECK_EQUAL(wants_thread(mq, 2, NULL), 0);
  put(mq, "y", 0);
  AWAIT(called.calls == 1); /* the first one's call would come before the second one's */
  CHECK_EQUAL(called.value, 2);
}

static mqd_t thread_mq;
static _Atomic int taken;
static void take_and_rearm(union sigval value) {
  struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_value = value };
  event.sigev_notify_function = take_and_rearm;
  CHECK_EQUAL(mq_notify(thread_mq, &event), 0);
  char buffer[SIZE];
  while (mq_timedreceive(thread_mq, buffer, SIZE, NULL, PAST) > 0) taken++;
}

TEST(thread_registers_again) {
  thread_mq = create(unique_name(), O_RDWR, 4);
  struct sigevent event = { .sigev_notify = SIGEV_THREAD };
  event.sigev_notify_function = take_and_rearm;
  CHECK_EQUAL(mq_notify(thread_mq, &event), 0);
  for (int i = 0; i < 50; i++) put(thread_mq, "x", 0);
  AWAIT(taken == 50);
}
