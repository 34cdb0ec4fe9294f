"""Python's posix_ipc (from PyPI) and its queue class: several processes and threads, priorities, timeouts, and both
kinds of notification. Knows nothing of what is preloaded; ends with status 0 when all is well.

Nothing waits for time to pass: every wait is for an event, and has a limit that only a failure reaches.
"""

import errno
import os
import select
import signal
import threading

import posix_ipc

PATIENCE = 20
NAME = "/ripc-test-%d-python" % os.getpid()
EACH = 2000


def check(condition, what):
    if not condition:
        raise SystemExit("failed: " + what)


def fails_with(exception, call, *arguments, **keywords):
    try:
        call(*arguments, **keywords)
    except exception as error:
        return error
    raise SystemExit("failed: %s instead of %s" % ("success", exception.__name__))


def child_process(body, *arguments):
    """Runs body in a forked child; its process id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            body(*arguments)
            status = 0
        finally:
            os._exit(status)
    return pid


def finish(pid):
    check(os.waitpid(pid, 0)[1] == 0, "a child process")


def attributes(queue):
    check(queue.max_messages == 8 and queue.max_message_size == 64, "the attributes")
    check(queue.current_messages == 0 and queue.block is True, "the state of a new queue")
    queue.send("second", priority=1)
    queue.send(b"first", priority=2)
    check(queue.current_messages == 2, "the number of messages")
    check(queue.receive() == (b"first", 2), "the higher priority first")
    check(queue.receive(0) == (b"second", 1), "the lower priority next")


def errors(queue):
    fails_with(posix_ipc.ExistentialError, posix_ipc.MessageQueue, NAME, posix_ipc.O_CREX)
    fails_with(posix_ipc.ExistentialError, posix_ipc.MessageQueue, NAME + "-unknown")
    fails_with(posix_ipc.BusyError, queue.receive, 0)
    fails_with(posix_ipc.BusyError, queue.receive, 0.01)
    fails_with(ValueError, queue.send, b"x" * 65)
    queue.block = False
    check(queue.block is False, "the flag that does not block")
    fails_with(posix_ipc.BusyError, queue.receive)
    for _ in range(8):
        queue.send(b"fill")
    fails_with(posix_ipc.BusyError, queue.send, b"one too many")
    queue.block = True
    fails_with(posix_ipc.BusyError, queue.send, b"one too many", 0)
    for _ in range(8):
        check(queue.receive() == (b"fill", 0), "what filled it")


def send_numbers(sender):
    queue = posix_ipc.MessageQueue(NAME)
    for number in range(EACH):
        queue.send("%d %d" % (sender, number))
    queue.close()


def receive_numbers(queue, senders, found):
    for _ in range(EACH * senders):
        text, _ = queue.receive(PATIENCE)
        sender, number = text.split()
        found.setdefault(int(sender), []).append(int(number))


def processes(queue):
    """Three senders in processes of their own, in order from each."""
    children = [child_process(send_numbers, sender) for sender in range(3)]
    found = {}
    receive_numbers(queue, 3, found)
    for child in children:
        finish(child)
    check(found == {sender: list(range(EACH)) for sender in range(3)}, "each sender's messages in order")


def threads(queue):
    """Senders and receivers in threads: each message once."""
    lists = [[] for _ in range(2)]

    def receive_share(mine):
        for _ in range(EACH):
            mine.append(int(queue.receive(PATIENCE)[0]))

    def send_share(start):
        for number in range(start, start + EACH):
            queue.send(str(number))

    all_threads = [threading.Thread(target=receive_share, args=(mine,)) for mine in lists]
    all_threads += [threading.Thread(target=send_share, args=(start * EACH,)) for start in range(2)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    check(sorted(lists[0] + lists[1]) == list(range(2 * EACH)), "each thread's messages once")


def polled(queue):
    """The descriptor in an event loop, with a sender in another process."""
    poll = select.poll()
    poll.register(queue.mqd, select.POLLIN)
    check(poll.poll(0) == [], "nothing to read yet")
    child = child_process(send_numbers, 0)
    queue.block = False
    count = 0
    while count < EACH:
        check(poll.poll(PATIENCE * 1000) == [(queue.mqd, select.POLLIN)], "a message to read")
        try:
            while True:
                queue.receive()
                count += 1
        except posix_ipc.BusyError:
            pass
    queue.block = True
    finish(child)


def find_busy():
    fails_with(posix_ipc.BusyError, posix_ipc.MessageQueue(NAME).request_notification, signal.SIGUSR1)


def signalled(queue):
    """A signal for a message from another process, which another registration cannot have meanwhile."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    for _ in range(3):
        queue.request_notification(signal.SIGUSR1)
        finish(child_process(find_busy))
        child = child_process(lambda: posix_ipc.MessageQueue(NAME).send("wake up"))
        info = signal.sigtimedwait([signal.SIGUSR1], PATIENCE)
        check(info is not None and info.si_pid == child, "the signal, and who caused it")
        finish(child)
        check(queue.receive(0) == (b"wake up", 0), "the message that was told of")
    queue.request_notification(signal.SIGUSR1)
    queue.request_notification(None)
    queue.send("unheard")
    check(signal.SIGUSR1 not in signal.sigpending(), "no signal after the request was taken back")
    queue.receive(0)


def called_back(queue):
    """A function in a thread, which asks again each time."""
    called = threading.Event()
    seen = []

    def callback(value):
        queue.request_notification((callback, value + 1))
        seen.append((value, queue.receive(0)[0]))
        called.set()

    queue.request_notification((callback, 1))
    for number in range(1, 4):
        called.clear()
        queue.send("message %d" % number)
        check(called.wait(PATIENCE), "the callback")
    check(seen == [(n, b"message %d" % n) for n in range(1, 4)], "what the callback has seen")
    queue.request_notification(None)


def unlinked(queue):
    posix_ipc.unlink_message_queue(NAME)
    fails_with(posix_ipc.ExistentialError, posix_ipc.MessageQueue, NAME)
    queue.send("still there")
    check(queue.receive(0) == (b"still there", 0), "an unlinked queue")
    queue.close()
    try:
        os.fstat(queue.mqd)
    except OSError as error:
        check(error.errno == errno.EBADF, "the closed descriptor")


def main():
    queue = posix_ipc.MessageQueue(NAME, posix_ipc.O_CREX, max_messages=8, max_message_size=64)
    try:
        for part in (attributes, errors, processes, threads, polled, signalled, called_back):
            part(queue)
            check(queue.current_messages == 0, "an empty queue after " + part.__name__)
    except BaseException:
        posix_ipc.unlink_message_queue(NAME)
        raise
    unlinked(queue)


main()
