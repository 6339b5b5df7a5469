"""The FCM double's HTTP: Google's two routes, and those for people and tests."""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from aiohttp import web

from offline.doubles.bounded_log import BoundedLog
from offline.doubles.fcm_endings import end_without_answer, trickle
from offline.doubles.fcm_errors import UNAUTHENTICATED, UNAVAILABLE, FcmAnswer, invalid_field
from offline.doubles.fcm_oauth import TOKEN_LIFE_S, AccessTokens, AssertionRefused
from offline.doubles.fcm_schema import refuse_request
from offline.doubles.fcm_scripts import Devices, is_slow
from offline.doubles.moods import Mode, Temper
from offline.doubles.moods_web import add_moods
from offline.doubles.serving import utc_now

Json: TypeAlias = dict[str, object]
PAGE = Path(__file__).with_name("fcm_page.html")
LISTED = 200
HIDDEN_HEADERS = frozenset({"authorization", "host"})


@dataclass(slots=True)
class AcceptedMessage:
    """One message that FCM would have accepted, with its request's headers under lower-case names.

    `answered` becomes true when the answer is about to be written.
    """

    name: str
    received_at: str
    project: str
    message: Json
    headers: dict[str, str]
    answered: bool = False

    def to_json(self, message_id: str) -> Json:
        """For `GET /messages`."""
        return {
            "id": message_id,
            "name": self.name,
            "received_at": self.received_at,
            "answered": self.answered,
            "project": self.project,
            "message": self.message,
            "headers": self.headers,
        }


@dataclass(slots=True)
class Fcm:
    """The double's state."""

    slow_s: float
    retry_after_s: int
    messages: BoundedLog[AcceptedMessage] = field(default_factory=BoundedLog)
    devices: Devices = field(default_factory=Devices)
    tokens: AccessTokens = field(default_factory=lambda: AccessTokens(clock_s=time.time))
    temper: Temper = field(default_factory=Temper)

    def reset(self) -> None:
        """Forgets the messages; scripted devices begin anew. Access tokens stay good."""
        self.messages.clear()
        self.devices.reset()


def device_of(message: Json) -> str:
    """The device that a message is for, by token or by installation id; empty for a topic or condition."""
    return str(message.get("token") or message.get("fid") or "")


FCM: web.AppKey[Fcm] = web.AppKey("fcm", Fcm)


def fcm_web(fcm: Fcm) -> web.Application:
    """The application over a state."""
    app = web.Application(client_max_size=1024 * 1024)
    app[FCM] = fcm
    add_moods(app, fcm.temper)
    app.add_routes(
        [
            web.post("/v1/projects/{project}/messages:send", send),
            web.post("/token", exchange_token),
            web.get("/", show_page),
            web.get("/health", show_health),
            web.get("/list", list_latest),
            web.get("/messages", list_messages),
            web.delete("/messages", delete_messages),
        ]
    )
    return app


async def send(request: web.Request) -> web.StreamResponse:
    """FCM's send: authenticated, checked against the schema, then answered by the token's script and by the mood."""
    fcm = request.app[FCM]
    if fcm.temper.mode is Mode.REFUSING:
        return _refused(UNAVAILABLE, fcm)
    if fcm.temper.mode is Mode.MISCONFIGURED or not fcm.tokens.accepts(request.headers.get("Authorization")):
        return _refused(UNAUTHENTICATED, fcm)
    try:
        body = await request.json()
    except ValueError:
        return _refused(invalid_field("", "Invalid JSON payload received."), fcm)
    refusal = refuse_request(body) or fcm.devices.refuse(device_of(body["message"]))
    if refusal is not None:
        return _refused(refusal, fcm)
    name = f"projects/{request.match_info['project']}/messages/0:{time.time_ns() // 1000}%{secrets.token_hex(8)}"
    if body.get("validate_only") or body.get("validateOnly"):
        return web.json_response({"name": name})
    return await _accept(request, body["message"], name)


async def exchange_token(request: web.Request) -> web.Response:
    """The service account's JWT for an access token."""
    try:
        token = request.app[FCM].tokens.exchange(dict(await request.post()))
    except AssertionRefused as refusal:
        return web.json_response({"error": refusal.error, "error_description": refusal.description}, status=400)
    return web.json_response({"access_token": token, "expires_in": TOKEN_LIFE_S - 1, "token_type": "Bearer"})


async def show_page(_: web.Request) -> web.FileResponse:
    """The page for people; it asks for nothing outside this server."""
    return web.FileResponse(PAGE)


async def show_health(request: web.Request) -> web.Response:
    """Alive, with the number of messages kept and of those dropped to stay within bounds."""
    messages = request.app[FCM].messages
    return web.json_response({"status": "ok", "messages": len(messages), "dropped": messages.dropped})


async def list_latest(request: web.Request) -> web.Response:
    """The latest messages, newest first, as the page lists them."""
    messages = request.app[FCM].messages
    latest = list(messages)[: -LISTED - 1 : -1]
    return web.json_response(
        {"total": len(messages), "messages": [message.to_json(message_id) for message_id, message in latest]}
    )


async def list_messages(request: web.Request) -> web.Response:
    """All accepted messages, oldest first, unpaged, or those to the device `?token=`."""
    token = request.query.get("token")
    kept = request.app[FCM].messages
    wanted = [each.to_json(key) for key, each in kept if token is None or device_of(each.message) == token]
    return web.json_response(wanted)


async def delete_messages(request: web.Request) -> web.Response:
    """Forgets all messages; scripted devices begin anew."""
    request.app[FCM].reset()
    return web.Response(status=204)


async def _accept(request: web.Request, message: Json, name: str) -> web.StreamResponse:
    """Keeps a message at once, then answers as the mood is, late if that or the device is slow.

    A client that gives up, or gets no answer, does not know that the message was kept.
    """
    fcm = request.app[FCM]
    headers = {key.lower(): value for key, value in request.headers.items() if key.lower() not in HIDDEN_HEADERS}
    accepted = AcceptedMessage(name, utc_now(), request.match_info["project"], message, headers)
    fcm.messages.append(accepted)
    mood = fcm.temper.mood
    if mood.mode in (Mode.HALF_CLOSING, Mode.ACCEPTS_THEN_DROPS):
        return await end_without_answer(request, mood.mode)
    if mood.mode is Mode.TRICKLING:
        response = await trickle(request, fcm.temper, {"name": name})
        accepted.answered = True
        return response
    if mood.mode is Mode.SLOW or is_slow(device_of(message)):
        await asyncio.sleep(max(mood.after_s, fcm.slow_s if is_slow(device_of(message)) else 0.0))
    accepted.answered = request.transport is not None and not request.transport.is_closing()
    return web.json_response({"name": name})


def _refused(answer: FcmAnswer, fcm: Fcm) -> web.Response:
    headers = {"Retry-After": str(fcm.retry_after_s)} if answer.retry_after else {}
    return web.Response(
        text=json.dumps(answer.to_json(), indent=2),
        status=answer.http_status,
        headers=headers,
        content_type="application/json",
    )
