"""The sink's HTTP side: a page to look at mails, and JSON for tests."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from aiohttp import web

from offline.doubles.mail_message import ReceivedMail
from offline.doubles.mail_smtp import Mailbox
from offline.doubles.moods_web import add_moods

MAILBOX: web.AppKey[Mailbox] = web.AppKey("mailbox", Mailbox)
PAGE = Path(__file__).with_name("mail_page.html")
LISTED = 200
PARSED_AT_ONCE = 20


def mail_web(mailbox: Mailbox) -> web.Application:
    """The application over a mailbox."""
    app = web.Application()
    app[MAILBOX] = mailbox
    add_moods(app, mailbox.temper)
    app.add_routes(
        [
            web.get("/", show_page),
            web.get("/health", show_health),
            web.get("/holding", list_held),
            web.get("/list", list_latest),
            web.get("/messages", list_messages),
            web.delete("/messages", delete_messages),
            web.get("/messages/{id}", show_message),
            web.get("/messages/{id}/raw", show_raw),
        ]
    )
    return app


async def show_page(_: web.Request) -> web.FileResponse:
    """The page for people; it asks for nothing outside this server."""
    return web.FileResponse(PAGE)


async def show_health(request: web.Request) -> web.Response:
    """Alive, with the number of mails kept and of those dropped to stay within bounds."""
    mails = request.app[MAILBOX].mails
    return web.json_response({"status": "ok", "messages": len(mails), "dropped": mails.dropped})


async def list_held(request: web.Request) -> web.Response:
    """The `poison-` recipients that wait for the answer to their RCPT at this moment, the longest first."""
    return web.json_response([asdict(each) for each in request.app[MAILBOX].held])


async def list_latest(request: web.Request) -> web.Response:
    """The latest mails, newest first, as the page lists them: cheap however many there are."""
    mails = request.app[MAILBOX].mails
    latest = list(mails)[: -LISTED - 1 : -1]
    return web.json_response({"total": len(mails), "mails": [_summary(mail_id, mail) for mail_id, mail in latest]})


async def list_messages(request: web.Request) -> web.StreamResponse:
    """All mails, oldest first, unpaged, or those to the recipient `?to=`. Parses as it writes; mails keep arriving."""
    address = request.query.get("to")
    wanted = ((mail_id, mail) for mail_id, mail in request.app[MAILBOX].mails if address is None or mail.is_to(address))
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await response.prepare(request)
    await _write_array(response, wanted)
    await response.write_eof()
    return response


async def delete_messages(request: web.Request) -> web.Response:
    """Forgets all mails; scripted recipients begin anew."""
    request.app[MAILBOX].reset()
    return web.Response(status=204)


async def show_message(request: web.Request) -> web.Response:
    """One mail, parsed."""
    return web.json_response(_find(request).to_json(request.match_info["id"]))


async def show_raw(request: web.Request) -> web.Response:
    """One mail's bytes, as received."""
    return web.Response(body=_find(request).raw, content_type="message/rfc822")


def _find(request: web.Request) -> ReceivedMail:
    mail = request.app[MAILBOX].mails.find(request.match_info["id"])
    if mail is None:
        raise web.HTTPNotFound
    return mail


def _summary(mail_id: str, mail: ReceivedMail) -> dict[str, object]:
    return {
        "id": mail_id,
        "received_at": mail.received_at,
        "answered": mail.answered,
        "from": mail.mail_from,
        "to": list(mail.rcpt_to),
        "subject": mail.subject(),
    }


async def _write_array(response: web.StreamResponse, mails: Iterable[tuple[str, ReceivedMail]]) -> None:
    separator, piece = "[", []
    for mail_id, mail in mails:
        piece.append(separator + json.dumps(mail.to_json(mail_id)))
        separator = ",\n"
        if len(piece) == PARSED_AT_ONCE:
            await response.write("".join(piece).encode())
            piece.clear()
            await asyncio.sleep(0)
    closing = "[]" if separator == "[" else "]"
    await response.write(("".join(piece) + closing).encode())
