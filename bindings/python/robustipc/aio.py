"""The library in asyncio: waiting for descriptors in the loop, without threads.

    message = await aio.receive(queue)
    for ready in await aio.ready(waitset): ...

Each call tries first, and waits for the object's descriptor only if it would have to wait. A cancelled call has taken
nothing.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, AsyncIterator, Awaitable, Callable, Optional, TypeVar

from .cell import Cell
from .errors import WouldBlock
from .queue import Queue
from .service import Client, Service
from .topic import SampleInfo
from .waitset import Ready, WaitSet

T = TypeVar("T")

# The descriptors that each loop watches, and the tasks that wait for each. A loop has one callback for a descriptor.
_Waiters = dict[tuple[int, bool], set["asyncio.Future[None]"]]
_watched: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiters]" = weakref.WeakKeyDictionary()

# The death of a server is found by calls on the service. While a task waits, it makes one this often.
_LOOK_AGAIN = 0.1


async def readable(thing: Any) -> None:
    """Waits until the descriptor of an object may be ready for receiving."""
    await _until(thing.fileno(), False)


async def writable(thing: Any) -> None:
    """Waits until the descriptor of a queue may be ready for sending."""
    await _until(thing.fileno(), True)


async def receive(source: Any, timeout: Optional[float] = None) -> Any:
    """Receives from a :class:`~robustipc.Queue`, :class:`~robustipc.Subscriber`, :class:`~robustipc.Service` or
    :class:`~robustipc.Client`. ``timeout`` in seconds raises :class:`asyncio.TimeoutError`."""
    again = _LOOK_AGAIN if isinstance(source, (Service, Client)) else None
    return await _limited(_retry(lambda: source.receive(timeout=0), source, False, again), timeout)


async def send(queue: Queue, data: Any, priority: int = 0, timeout: Optional[float] = None) -> None:
    """Sends a message, and waits while the queue is full."""
    await _limited(_retry(lambda: queue.send(data, priority, timeout=0), queue, True), timeout)


async def wait(thing: Any, timeout: Optional[float] = None) -> None:
    """Waits for an :class:`~robustipc.Event`, or takes a permit of a semaphore."""
    await _limited(_retry(lambda: thing.wait(timeout=0), thing, False), timeout)


async def changed(cell: Cell, after: int = 0, timeout: Optional[float] = None) -> tuple[Any, SampleInfo]:
    """Waits for a value of a cell with a higher number than ``after``."""
    return await _limited(_retry(lambda: cell.wait(after, timeout=0), cell, False), timeout)


async def ready(waitset: WaitSet, timeout: Optional[float] = None) -> list[Ready]:
    """Waits until entries of a waitset are ready and returns them."""
    return await _limited(_retry(lambda: waitset.wait(timeout=0), waitset, False), timeout)


async def messages(source: Any) -> AsyncIterator[Any]:
    """``async for message in aio.messages(queue):`` also for subscribers, services and clients."""
    while True:
        yield await receive(source)


async def _limited(work: Awaitable[T], timeout: Optional[float]) -> T:
    return await (work if timeout is None else asyncio.wait_for(work, timeout))


async def _retry(call: Callable[[], T], thing: Any, for_writing: bool, again: Optional[float] = None) -> T:
    while True:
        try:
            return call()
        except WouldBlock:
            pass
        try:
            await _limited(_until(thing.fileno(), for_writing), again)
        except asyncio.TimeoutError:
            pass


async def _until(fd: int, for_writing: bool) -> None:
    loop = asyncio.get_running_loop()
    waiters = _watched.setdefault(loop, {})
    key = (fd, for_writing)
    future: "asyncio.Future[None]" = loop.create_future()
    if key in waiters:
        waiters[key].add(future)
    else:
        waiters[key] = {future}
        (loop.add_writer if for_writing else loop.add_reader)(fd, _wake, loop, waiters, key)
    try:
        await future
    finally:
        if future in waiters.get(key, ()):
            waiters[key].discard(future)
            if not waiters[key]:
                _stop(loop, waiters, key)


def _wake(loop: asyncio.AbstractEventLoop, waiters: _Waiters, key: tuple[int, bool]) -> None:
    woken = _stop(loop, waiters, key)
    for future in woken:
        if not future.done():
            future.set_result(None)


def _stop(loop: asyncio.AbstractEventLoop, waiters: _Waiters, key: tuple[int, bool]) -> set["asyncio.Future[None]"]:
    (loop.remove_writer if key[1] else loop.remove_reader)(key[0])
    return waiters.pop(key)
