"""Calls the application as API Gateway does, without a server: an HTTP request becomes its proxy event and back."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import chalice.app

from offline.emulator.context import begin_context
from offline.emulator.front_answer import NO_SUCH_RESOURCE, HttpAnswer, function_answer
from offline.emulator.front_chalice import ChaliceApp, resources_of
from offline.emulator.front_resources import ResourceTable
from offline.emulator.gateway_event import HttpRequest, proxy_event

Json = Any  # what an answer holds is what the tests are about


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)

    @property
    def pointers(self) -> set[str]:
        """Where a problem document finds fault."""
        return {flaw["pointer"] for flaw in self.json.get("errors", [])}


class GatewayClient:
    """One caller of one application."""

    def __init__(self, app: chalice.app.Chalice, *, token: str | None = None, mount: str = "") -> None:
        self._app = app
        self._resources = ResourceTable(resources_of(cast(ChaliceApp, app)))
        self._token = token
        self._mount = mount

    def call(
        self,
        route: str,
        body: object = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Make one request, `METHOD /target`, with a body as JSON or with its content as bytes."""
        method, target = route.split(" ", 1)
        sent = {"Host": "127.0.0.1:3000"}
        if body is not None or content is not None:
            sent["Content-Type"] = "application/json"
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        sent |= headers or {}
        if content is None:
            content = b"" if body is None else json.dumps(body).encode()
        named = tuple((name, value) for name, value in sent.items() if value)
        answer = self._through(HttpRequest(method, target, named, content, "203.0.113.7", time.time()))
        return Answered(answer.status, {name.lower(): value for name, value in answer.headers}, answer.body)

    def _through(self, request: HttpRequest) -> HttpAnswer:
        found = self._resources.match(request.path)
        if found is None or not found[0].accepts(request.method):
            return NO_SUCH_RESOURCE
        binary_types = self._app.api.binary_types
        event = proxy_event(request, found[1], stage="api", mount=self._mount, binary_types=binary_types)
        context = begin_context(function_name="api_handler", aws_request_id=str(uuid.uuid4()), timeout_s=30)
        result = self._app(event, context)
        return function_answer(result, request, binary_types=binary_types)
