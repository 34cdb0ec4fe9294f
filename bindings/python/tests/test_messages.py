"""Queues, topics, cells and services, with users that are killed."""

import signal
import threading
import unittest

import robustipc as ipc

from .support import Case, Reading


class Queues(Case):
    def queue(self, **options):
        name = self.name(ipc.Queue)
        queue = ipc.Queue.open(name, ipc.CREATE, max_messages=4, **{"message_size": 64, **options})
        self.addCleanup(queue.close)
        return queue

    def test_messages_go_by_priority_and_age(self):
        queue = self.queue()
        for data, priority in ((b"a", 0), (bytearray(b"b"), 5), (memoryview(b"xc")[1:], 5)):
            queue.send(data, priority)
        self.assertEqual(len(queue), 3)
        self.assertEqual([queue.receive() for _ in range(3)],
                         [ipc.Message(b"b", 5), ipc.Message(b"c", 5), ipc.Message(b"a", 0)])
        with self.assertRaises(ipc.WouldBlock):
            queue.receive(0)
        with self.assertRaises(TimeoutError):
            queue.receive(0.01)
        queue.send(b"")
        self.assertEqual(queue.receive().data, b"")
        with self.assertRaises(ipc.Error):
            queue.send(b"x" * 65)
        with self.assertRaises(ValueError):
            queue.receive(-1)
        self.assertTrue(queue)

    def test_typed_messages(self):
        queue = self.queue(message_size=None, type=Reading)
        queue.send(Reading(4, 1.5, b"abc"))
        received = Reading.from_buffer_copy(queue.receive().data)
        self.assertEqual((received.count, received.celsius, received.label), (4, 1.5, b"abc"))
        with self.assertRaises(ipc.WrongType):
            ipc.Queue.open(self._names[0], max_messages=4, type=ipc.Type.of(Reading, version=9))
        with ipc.Queue.open(self._names[0]) as any_type:
            self.assertEqual(any_type.max_messages, 4)

    def test_a_borrowed_message_is_seen_in_place(self):
        queue = self.queue()
        with queue.reserve(priority=3) as message:
            message.data[:5] = b"hello"
            message.length = 5
        with queue.borrow() as message:
            self.assertEqual(bytes(message.data), b"hello")
            self.assertTrue(message.data.readonly)
            self.assertEqual((message.priority, message.redeliveries), (3, 0))
        self.assertEqual(len(message.data), 0)
        self.assertEqual(len(queue), 0)
        # Closing waits for the end of the block.
        queue.send(b"last")
        with queue.borrow() as message:
            queue.close()
            self.assertEqual(bytes(message.data), b"last")
        with ipc.Queue.open(self._names[0]) as other:
            self.assertEqual((len(other), other.stat().redelivered), (0, 0))

    def test_a_view_kept_after_the_block_is_refused(self):
        queue = self.queue()
        queue.send(b"hello")
        with self.assertRaises(BufferError):
            with queue.borrow() as message:
                kept = message.data[1:3]
        # The message was returned all the same, and the view does not outlive its memory.
        self.assertEqual(len(queue), 0)
        queue.close()
        self.assertEqual(len(bytes(kept)), 2)

    def test_an_exception_sends_nothing(self):
        queue = self.queue()
        with self.assertRaises(KeyError):
            with queue.reserve() as message:
                message.data[0] = 1
                raise KeyError
        with self.assertRaises(ipc.Error):
            with queue.reserve() as message:
                message.length = 65
        self.assertEqual(len(queue), 0)
        self.assertEqual(queue.stat().abandoned, 0)
        for _ in range(4):
            queue.send(b"all rooms are free")

    def test_a_killed_borrower_gives_its_message_back(self):
        queue = self.queue()
        queue.send(b"work", 2)
        self.killed(lambda tell: (queue.borrow(), tell()))
        with queue.borrow(timeout=20) as message:
            self.assertEqual((bytes(message.data), message.priority, message.redeliveries), (b"work", 2, 1))
        self.assertEqual(queue.stat().redelivered, 1)
        self.killed(lambda tell: (queue.reserve(), tell()))
        for _ in range(4):
            queue.send(b"all rooms are free", timeout=20)

    def test_another_thread_runs_while_one_waits(self):
        queue = self.queue()
        received = []
        thread = threading.Thread(target=lambda: received.append(queue.receive(20).data))
        thread.start()
        queue.send(b"x")
        thread.join()
        self.assertEqual(received, [b"x"])


class Topics(Case):
    def test_every_subscriber_gets_every_sample(self):
        name = self.name(ipc.Publisher)
        with ipc.Publisher.open(name, ipc.CREATE, sample_size=64, capacity=4, history=1) as publisher:
            publisher.send(b"zero")
            with ipc.Subscriber.open(name) as first, ipc.Subscriber.open(name) as second:
                with publisher.reserve() as sample:
                    sample.data[:3] = b"one"
                    sample.length = 3
                for subscriber in (first, second):
                    self.assertEqual(subscriber.receive().data, b"zero")
                    with subscriber.borrow() as sample:
                        self.assertEqual(bytes(sample.data), b"one")
                        self.assertEqual((sample.info.number, sample.info.missed), (2, 0))
                    with self.assertRaises(ipc.WouldBlock):
                        subscriber.receive(0)
                for _ in range(6):
                    publisher.send(b"more")
                self.assertEqual(first.receive().info.missed, 2)
                self.assertEqual(first.stat().subscribers, 2)
                with self.assertRaises(KeyError):
                    with publisher.reserve():
                        raise KeyError
                self.assertEqual(publisher.stat().reserved_samples, 0)

    def test_a_killed_subscriber_holds_nothing(self):
        name = self.name(ipc.Publisher)
        with ipc.Publisher.open(name, ipc.CREATE, sample_size=8, capacity=2, wait_for_subscribers=True) as publisher:
            def subscribes(tell):
                subscriber = ipc.Subscriber.open(name)
                tell()
                signal.pause()
                del subscriber

            child = self.child(subscribes)
            child.told()
            publisher.send(b"1")
            publisher.send(b"2")
            with self.assertRaises(ipc.TimedOut):
                publisher.send(b"3", 0.01)
            child.kill()
            publisher.send(b"3", 20)


class Cells(Case):
    def test_the_latest_value(self):
        name = self.name(ipc.Cell)
        with ipc.Cell.open(name, Reading, ipc.CREATE) as cell, ipc.Cell.open(name, Reading, ipc.READ_ONLY) as reader:
            with self.assertRaises(ipc.NoData):
                reader.read()
            cell.write(Reading(1, 0.5))
            cell.update(lambda reading: setattr(reading, "count", reading.count + 1))
            value, info = reader.wait(after=0)
            self.assertEqual((value.count, value.celsius, info.number), (2, 0.5, 2))
            with self.assertRaises(ipc.WouldBlock):
                reader.wait(after=2, timeout=0)

            def fails(reading):
                reading.count = 99
                raise KeyError

            with self.assertRaises(KeyError):
                cell.update(fails)
            self.assertEqual(reader.read().count, 2)
            with self.assertRaises(ValueError):
                cell.write(b"short")
            with self.assertRaises(ipc.Error):
                reader.write(Reading())

    def test_a_writer_killed_in_the_middle_of_a_change(self):
        name = self.name(ipc.Cell)
        with ipc.Cell.open(name, ipc.Type("Bytes", 16, 1), ipc.CREATE) as cell:
            cell.write(b"0123456789abcdef")

            def stops_inside(tell):
                def change(value):
                    value[:] = b"half-changed...."
                    tell()
                    signal.pause()

                cell.update(change)

            self.killed(stops_inside)
            self.assertEqual(cell.read(), b"0123456789abcdef")
            cell.write(b"fedcba9876543210")
            self.assertEqual(cell.read_with_info()[1].number, 2)


class Services(Case):
    def test_requests_and_replies(self):
        name = self.name(ipc.Service)
        with ipc.Service.open(name, ipc.CREATE, request_size=20000, reply_size=20000) as service:
            with ipc.Client.open(name, reply_size=20000) as client:
                identity = client.send(b"x" * 20000, priority=4)
                request = service.receive(0)
                self.assertEqual((len(request.data), request.priority, request.redeliveries), (20000, 4, 0))
                request.reply(b"y" * 20000)
                self.assertEqual(client.receive(0), ipc.Reply(identity, b"y" * 20000))
                with self.assertRaises(ipc.Error):
                    request.reply(b"again")
                self.assertEqual(service.stat().answered, 1)
                thread = threading.Thread(target=lambda: service.receive(20).reply(b"pong"))
                thread.start()
                self.assertEqual(client.call(b"ping", timeout=20), b"pong")
                thread.join()
            with ipc.Service.open(name) as second:
                self.assertFalse(second.created)

    def test_without_a_server(self):
        name = self.name(ipc.Service)
        ipc.Service.open(name, ipc.CREATE).close()
        with ipc.Client.open(name) as client, self.assertRaises(ipc.NotFound):
            client.call(b"")
        with ipc.Client.open(name, wait_for_server=True) as client, self.assertRaises(ipc.TimedOut):
            client.call(b"", timeout=0.01)

    def test_the_next_server_gets_what_a_dead_one_had(self):
        name = self.name(ipc.Service)
        with ipc.Service.open(name, ipc.CREATE) as service:
            child = self.child(lambda tell: (tell(), ipc.Service.open(name).receive(), tell(), signal.pause()))
            child.told()
            with ipc.Client.open(name, wait_for_server=True) as client:
                identity = client.send(b"job")
                child.told()
                child.kill()
                request = service.receive(20)
                self.assertEqual((request.data, request.redeliveries), (b"job", 1))
                request.reply(b"done")
                self.assertEqual(client.receive(20), ipc.Reply(identity, b"done"))

    def test_at_most_once(self):
        name = self.name(ipc.Service)
        with ipc.Service.open(name, ipc.CREATE, max_requests=2, once=True):
            child = self.child(lambda tell: (ipc.Service.open(name).receive(), tell(), signal.pause()))
            with ipc.Client.open(name) as client:
                client.send(b"job")
                child.told()
                child.kill()
                with self.assertRaises(ipc.PeerDied):
                    client.receive(20)


if __name__ == "__main__":
    unittest.main()
