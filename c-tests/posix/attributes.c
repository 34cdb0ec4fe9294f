/* mq_getattr(3) and mq_setattr(3). */
#include "posix.h"

TEST(what_getattr_tells) {
  mqd_t mq = create(unique_name(), O_RDWR, 5);
  put(mq, "1", 0);
  put(mq, "2", 0);
  struct mq_attr attr = attributes(mq);
  CHECK_EQUAL(attr.mq_flags, 0);
  CHECK_EQUAL(attr.mq_maxmsg, 5);
  CHECK_EQUAL(attr.mq_msgsize, SIZE);
  CHECK_EQUAL(attr.mq_curmsgs, 2);
  TAKE(mq, "1");
  CHECK_EQUAL(count(mq), 1);
}

TEST(any_access_mode_will_do) {
  const char *name = unique_name();
  create(name, O_RDWR, 5);
  CHECK_EQUAL(attributes(join(name, O_RDONLY)).mq_maxmsg, 5);
  CHECK_EQUAL(attributes(join(name, O_WRONLY)).mq_maxmsg, 5);
}

static void set_flags(mqd_t mq, long flags) {
  struct mq_attr attr = { .mq_flags = flags };
  CHECK_EQUAL(mq_setattr(mq, &attr, NULL), 0);
}

TEST(setattr_switches_blocking) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  set_flags(mq, O_NONBLOCK);
  CHECK_EQUAL(attributes(mq).mq_flags, O_NONBLOCK);
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EAGAIN);
  set_flags(mq, 0);
  CHECK_EQUAL(attributes(mq).mq_flags, 0);
  CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, NULL, PAST), ETIMEDOUT);
}

TEST(setattr_changes_nothing_else) {
  mqd_t mq = create(unique_name(), O_RDWR, 2);
  put(mq, "x", 0);
  struct mq_attr new = { .mq_flags = O_NONBLOCK, .mq_maxmsg = 9, .mq_msgsize = 9, .mq_curmsgs = 9 };
  CHECK_EQUAL(mq_setattr(mq, &new, NULL), 0);
  struct mq_attr attr = attributes(mq);
  CHECK_EQUAL(attr.mq_maxmsg, 2);
  CHECK_EQUAL(attr.mq_msgsize, SIZE);
  CHECK_EQUAL(attr.mq_curmsgs, 1);
  CHECK_EQUAL(new.mq_maxmsg, 9);
}

TEST(setattr_gives_the_old) {
  mqd_t mq = create(unique_name(), O_RDWR | O_NONBLOCK, 2);
  put(mq, "x", 0);
  struct mq_attr new = { .mq_flags = 0 }, old = { .mq_flags = 99 };
  CHECK_EQUAL(mq_setattr(mq, &new, &old), 0);
  CHECK_EQUAL(old.mq_flags, O_NONBLOCK);
  CHECK_EQUAL(old.mq_maxmsg, 2);
  CHECK_EQUAL(old.mq_msgsize, SIZE);
  CHECK_EQUAL(old.mq_curmsgs, 1);
}

TEST(setattr_refuses_other_flags) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  struct mq_attr new = { .mq_flags = O_NONBLOCK | O_APPEND }, old = { .mq_flags = 99 };
  CHECK_FAILS(mq_setattr(mq, &new, &old), EINVAL);
  CHECK_EQUAL(old.mq_flags, 99);
  new.mq_flags = -1;
  CHECK_FAILS(mq_setattr(mq, &new, NULL), EINVAL);
  CHECK_EQUAL(attributes(mq).mq_flags, 0);
}

TEST(setattr_is_the_description_s) {
  const char *name = unique_name();
  mqd_t mq = create(name, O_RDWR, 1), other = join(name, O_RDWR);
  int copy = dup(mq);
  set_flags(copy, O_NONBLOCK);
  CHECK_EQUAL(attributes(mq).mq_flags, O_NONBLOCK);
  CHECK_EQUAL(attributes(other).mq_flags, 0);
}

static void set_nonblocking(void *mq) { set_flags(*(mqd_t *)mq, O_NONBLOCK); }

TEST(setattr_in_a_child) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  FINISH(start(set_nonblocking, &mq));
  CHECK_EQUAL(attributes(mq).mq_flags, O_NONBLOCK);
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EAGAIN);
}

TEST(fcntl_sees_the_same_flag) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  CHECK_EQUAL(fcntl(mq, F_GETFL) & O_NONBLOCK, 0);
  set_flags(mq, O_NONBLOCK);
  CHECK_EQUAL(fcntl(mq, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  set_flags(mq, 0);
  CHECK_EQUAL(fcntl(mq, F_SETFL, fcntl(mq, F_GETFL) | O_NONBLOCK), 0);
  CHECK_EQUAL(attributes(mq).mq_flags, O_NONBLOCK);
  CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EAGAIN);
}

/* The flag takes effect at once, however soon after the calls that depend on it. */
TEST(fcntl_changes_it_at_once) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  char buffer[SIZE];
  struct mq_attr attr, *volatile nowhere = NULL;
  for (int i = 0; i < 1000; i++) {
    CHECK_EQUAL(fcntl(mq, F_SETFL, O_NONBLOCK), 0);
    for (int j = 0; j < 10; j++) CHECK_FAILS(mq_receive(mq, buffer, SIZE, NULL), EAGAIN);
    CHECK_EQUAL(mq_getattr(mq, nowhere), 0); /* as on the kernel's queues */
    CHECK_EQUAL(fcntl(mq, F_SETFL, 0), 0);
    CHECK_FAILS(mq_timedreceive(mq, buffer, SIZE, NULL, PAST), ETIMEDOUT);
    for (int j = 0; j < 10; j++) CHECK_EQUAL(mq_getattr(mq, &attr), 0);
    CHECK_EQUAL(attr.mq_flags, 0);
    CHECK_EQUAL(fcntl(mq, F_SETFL, O_NONBLOCK), 0);
    CHECK_EQUAL(mq_getattr(mq, &attr), 0);
    CHECK_EQUAL(attr.mq_flags, O_NONBLOCK);
  }
}

static void change_when_told(void *mq) {
  TAKE(*(mqd_t *)mq, "change");
  set_flags(*(mqd_t *)mq, O_NONBLOCK);
}

/* A process sees the change even if it only asks for the attributes. */
TEST(another_process_changes_it) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  pid_t child = start(change_when_told, &mq);
  put(mq, "change", 0);
  struct mq_attr attr = { .mq_flags = 0 };
  while (attr.mq_flags == 0) CHECK_EQUAL(mq_getattr(mq, &attr), 0);
  FINISH(child);
}

TEST(fcntl_tells_the_access_mode) {
  const char *name = unique_name();
  CHECK_EQUAL(fcntl(create(name, O_RDWR, 1), F_GETFL) & O_ACCMODE, O_RDWR);
  CHECK_EQUAL(fcntl(join(name, O_RDONLY), F_GETFL) & O_ACCMODE, O_RDONLY);
  CHECK_EQUAL(fcntl(join(name, O_WRONLY), F_GETFL) & O_ACCMODE, O_WRONLY);
}

TEST(attributes_of_no_queue) {
  struct mq_attr attr = { .mq_flags = 0 };
  int null = open("/dev/null", O_RDWR);
  const mqd_t bad[] = { (mqd_t)-1, (mqd_t)INT_MAX, (mqd_t)100000, null };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_FAILS(mq_getattr(bad[i], &attr), EBADF);
    CHECK_FAILS(mq_setattr(bad[i], &attr, NULL), EBADF);
  }
}

TEST(bad_attribute_pointers) {
  mqd_t mq = create(unique_name(), O_RDWR, 1);
  struct mq_attr *bad = bad_address(), attr = { .mq_flags = 0 };
  CHECK_FAILS(mq_getattr(mq, bad), EFAULT);
  CHECK_FAILS(mq_setattr(mq, bad, NULL), EFAULT);
  CHECK_FAILS(mq_setattr(mq, &attr, bad), EFAULT);
}
