"""Waitsets, and the descriptors of objects in asyncio."""

import asyncio
import os
import select
import signal
import unittest

import robustipc as ipc
from robustipc import aio

from .support import Case, Reading


class WaitSets(Case):
    def test_entries_are_reported_with_their_tags(self):
        shared = self.shared().data
        name = self.name(ipc.Queue)
        read_end, write_end = os.pipe()
        with ipc.Queue.open(name, ipc.CREATE, max_messages=1, message_size=8) as queue, ipc.WaitSet() as waitset:
            waitset.add(queue)
            waitset.add(shared.event, "event")
            waitset.add(shared.sem, "sem")
            waitset.add_fd(read_end, "pipe")
            with self.assertRaises(ipc.WouldBlock):
                waitset.wait(0)
            queue.send(b"x")
            shared.event.set()
            shared.sem.post()
            os.write(write_end, b"x")
            expected = {(queue, ipc.What.MESSAGE), ("event", ipc.What.EVENT), ("sem", ipc.What.SEM), ("pipe", ipc.What.FD)}
            found = set()
            while len(found) < len(expected):
                found |= {(ready.tag, ready.what) for ready in waitset.wait(20)}
            self.assertEqual(found, expected)
            for tag in (queue, "event", "sem", "pipe"):
                waitset.remove(tag)
            with self.assertRaises(KeyError):
                waitset.remove("event")
            waitset.add(queue, "room", room=True)
            waitset.add_timer(0.0001, tag="timer")
            self.assertEqual(waitset.wait(20), [ipc.Ready("timer", ipc.What.TIMER)])
            queue.receive()
            self.assertEqual(waitset.wait(20), [ipc.Ready("room", ipc.What.ROOM)])
            with self.assertRaises(TypeError):
                waitset.add(5)
        os.close(read_end)
        os.close(write_end)


    def test_samples_values_requests_and_replies(self):
        names = [self.name(kind) for kind in (ipc.Publisher, ipc.Cell, ipc.Service)]
        with ipc.Publisher.open(names[0], ipc.CREATE, sample_size=8, capacity=2) as publisher, \
                ipc.Subscriber.open(names[0]) as subscriber, ipc.Cell.open(names[1], Reading, ipc.CREATE) as cell, \
                ipc.Service.open(names[2], ipc.CREATE) as service, ipc.Client.open(names[2]) as client, ipc.WaitSet() as waitset:
            for thing in (subscriber, cell, service, client):
                waitset.add(thing)
            with self.assertRaises(TypeError):
                waitset.add(publisher)
            publisher.send(b"x")
            cell.write(Reading(1))
            client.send(b"x")
            found = set()
            while len(found) < 3:
                found |= {(ready.tag, ready.what) for ready in waitset.wait(20)}
            self.assertEqual(found, {(subscriber, ipc.What.SAMPLE), (cell, ipc.What.CHANGE), (service, ipc.What.REQUEST)})
            service.receive().reply(b"y")
            subscriber.receive()
            cell.wait()
            while (client, ipc.What.REPLY) not in {(ready.tag, ready.what) for ready in waitset.wait(20)}:
                pass
            self.assertEqual(client.receive().data, b"y")


class Loops(Case):
    def test_every_kind_of_object(self):
        shared = self.shared().data
        names = [self.name(kind) for kind in (ipc.Queue, ipc.Publisher, ipc.Cell, ipc.Service)]

        async def main():
            queue = ipc.Queue.open(names[0], ipc.CREATE, max_messages=1, message_size=8)
            publisher = ipc.Publisher.open(names[1], ipc.CREATE, sample_size=8, capacity=2)
            subscriber = ipc.Subscriber.open(names[1])
            cell = ipc.Cell.open(names[2], Reading, ipc.CREATE)
            service = ipc.Service.open(names[3], ipc.CREATE)
            client = ipc.Client.open(names[3])
            waits = [asyncio.ensure_future(work) for work in (
                aio.receive(queue), aio.receive(subscriber), aio.changed(cell), aio.receive(service), aio.wait(shared.event),
                aio.wait(shared.sem))]
            done, _ = await asyncio.wait(waits, timeout=0.001)
            self.assertFalse(done)

            def makes_ready(_tell):
                ipc.Queue.open(names[0]).send(b"message")
                ipc.Publisher.open(names[1]).send(b"sample")
                ipc.Cell.open(names[2], Reading).write(Reading(5))
                shared.event.set()
                shared.sem.post()

            child = self.child(makes_ready)
            client.send(b"request")
            message, sample, (value, _), request, *_ = await asyncio.wait_for(asyncio.gather(*waits), 20)
            child.passed()
            self.assertEqual((message.data, sample.data, value.count, request.data), (b"message", b"sample", 5, b"request"))
            reply = asyncio.ensure_future(aio.receive(client))
            request.reply(b"reply")
            self.assertEqual((await asyncio.wait_for(reply, 20)).data, b"reply")
            # Sending waits for room.
            await aio.send(queue, b"1")
            sending = asyncio.ensure_future(aio.send(queue, b"2"))
            self.assertEqual((await aio.receive(queue)).data, b"1")
            await asyncio.wait_for(sending, 20)
            self.assertEqual((await aio.receive(queue)).data, b"2")
            for handle in (queue, publisher, subscriber, cell, service, client):
                handle.close()

        asyncio.run(main())

    def test_tasks_share_a_descriptor_and_time_out(self):
        name = self.name(ipc.Queue)

        async def main():
            with ipc.Queue.open(name, ipc.CREATE, max_messages=4, message_size=8) as queue:
                with self.assertRaises(asyncio.TimeoutError):
                    await aio.receive(queue, timeout=0.01)
                tasks = [asyncio.ensure_future(aio.receive(queue)) for _ in range(3)]
                await asyncio.sleep(0)
                tasks[1].cancel()
                queue.send(b"a")
                queue.send(b"b")
                first, cancelled, third = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
                self.assertEqual({first.data, third.data}, {b"a", b"b"})
                self.assertIsInstance(cancelled, asyncio.CancelledError)
                # Nothing is watched any more: the loop does not run for a descriptor that stays ready.
                queue.send(b"c")
                self.assertFalse(asyncio.get_running_loop().remove_reader(queue.fileno()))
                async for message in aio.messages(queue):
                    self.assertEqual(message.data, b"c")
                    break

        asyncio.run(main())

    def test_a_waitset_in_the_loop_and_a_killed_sender(self):
        name = self.name(ipc.Queue)

        async def main():
            with ipc.Queue.open(name, ipc.CREATE, max_messages=2, message_size=8) as queue, ipc.WaitSet() as waitset:
                waitset.add(queue, "queue")
                waiting = asyncio.ensure_future(aio.ready(waitset))
                await asyncio.sleep(0)
                self.killed(lambda tell: (queue.send(b"last"), tell()))
                self.assertEqual(await asyncio.wait_for(waiting, 20), [ipc.Ready("queue", ipc.What.MESSAGE)])
                self.assertEqual(queue.receive(0).data, b"last")

        asyncio.run(main())

    def test_the_death_of_a_server_is_found_in_the_loop(self):
        name = self.name(ipc.Service)

        async def main():
            with ipc.Service.open(name, ipc.CREATE) as service, ipc.Client.open(name, wait_for_server=True) as client:
                child = self.child(lambda tell: (tell(), ipc.Service.open(name).receive(), tell(), signal.pause()))
                child.told()
                client.send(b"job")
                child.told()
                child.kill()
                request = await aio.receive(service, timeout=20)
                self.assertEqual(request.redeliveries, 1)
                request.reply(b"done")
                self.assertEqual((await aio.receive(client, timeout=20)).data, b"done")

        asyncio.run(main())

    def test_a_descriptor_works_with_select(self):
        name = self.name(ipc.Queue)
        with ipc.Queue.open(name, ipc.CREATE, max_messages=2, message_size=8) as queue:
            self.assertEqual(select.select([queue], [queue], [], 0)[:2], ([], [queue]))
            self.child(lambda _tell: ipc.Queue.open(name).send(b"x")).passed()
            self.assertEqual(select.select([queue], [], [], 20)[0], [queue])


if __name__ == "__main__":
    unittest.main()
