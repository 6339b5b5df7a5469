"""Runs a double: in this process until a signal, or in a thread of a test."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from aiohttp import web

Running = TypeVar("Running")
START_WITHIN_S = 10
# aiohttp waits this long for answers under way; a double is stopped at once.
SHUTDOWN_S = 0.05


@asynccontextmanager
async def http_server(app: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serves an application; gives the port, which is a free one when `port` is 0."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def serve_until_signalled(
    service: AbstractAsyncContextManager[Running], *, ready_line: Callable[[Running], str]
) -> None:
    """Runs a service until SIGTERM or SIGINT, which end it at once; prints one line when it is ready."""

    async def serve() -> None:
        stop = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
        async with service as running:
            print(ready_line(running), flush=True)
            await stop.wait()

    asyncio.run(serve())


@contextmanager
def running_in_thread(service: AbstractAsyncContextManager[Running]) -> Iterator[Running]:
    """Runs a service in a thread with an event loop of its own while the block lasts."""
    started: Future[tuple[Running, Callable[[], object]]] = Future()

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with service as running:
            started.set_result((running, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run, name="double", daemon=True)
    thread.start()
    running, stop = started.result(timeout=START_WITHIN_S)
    try:
        yield running
    finally:
        stop()
        thread.join()


def utc_now() -> str:
    """The present, ISO 8601 with microseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
