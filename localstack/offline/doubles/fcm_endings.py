"""How the double's connection ends in the moods in which a message is kept and its answer does not come whole."""

import asyncio
import json

from aiohttp import web

from offline.doubles.moods import Mode, Temper

_POLL_S = 0.05


async def end_without_answer(request: web.Request, mode: Mode) -> web.Response:
    """Drops the connection, or closes its sending side and waits until the client is gone.

    The response that it returns is never written: nothing can be written to the connection any more.
    """
    transport = request.transport
    if isinstance(transport, asyncio.WriteTransport) and not transport.is_closing():
        if mode is Mode.HALF_CLOSING:
            transport.write_eof()
            while not transport.is_closing():
                await asyncio.sleep(_POLL_S)
        transport.abort()
    return web.Response()


async def trickle(request: web.Request, temper: Temper, body: dict[str, object]) -> web.StreamResponse:
    """Writes the head of a success at once, and its body a byte at a time while the mood lasts, then the rest."""
    content = json.dumps(body).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(content))})
    await response.prepare(request)
    while content and temper.mode is Mode.TRICKLING:
        await response.write(content[:1])
        content = content[1:]
        await asyncio.sleep(temper.mood.after_s)
    await response.write_eof(content)
    return response
