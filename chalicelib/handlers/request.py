"""A request as a view sees it: who, what, and how it is named in every log line."""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from chalicelib.domain.audit import Actor
from chalicelib.domain.principal import Principal
from chalicelib.errors import NotFound, Unauthenticated

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
_ETAG = re.compile(r'(?<![^\s,])"([0-9]{1,18})"')
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_VERSION_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_TEMPLATE_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class RequestModel(BaseModel):
    """The base of every body and query: what is not named is refused, and no type is guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class OptionalBody(RequestModel):
    """The base of a body that may be left out; `{}` says the same."""


class NoBody(OptionalBody):
    """A route that takes no body."""


class NoQuery(RequestModel):
    """A route that takes no query parameters."""


BodyT = TypeVar("BodyT", bound=BaseModel)
QueryT = TypeVar("QueryT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Request(Generic[BodyT, QueryT]):
    """One request whose token, scope, media type, size and shape have been checked.

    `only_own` is set when the caller is here as a person without the route's scope: then the view answers of that
    person's own things alone.
    """

    route: str
    caller: Principal | None
    only_own: UUID | None
    source_ip: str
    body: BodyT
    query: QueryT
    parsed: JsonValue
    headers: Mapping[str, str]
    path: Mapping[str, str | None]
    correlation_id: str

    @property
    def client(self) -> Principal:
        """Who the verified token speaks for.

        Raises:
            Unauthenticated: the route is one without a token.
        """
        if self.caller is None:
            raise Unauthenticated("This needs an access token.")
        return self.caller

    @property
    def actor(self) -> Actor:
        """On whose behalf the view acts, for the audit trail. Raises: Unauthenticated."""
        return Actor(name=self.client.name, correlation_id=self.correlation_id)

    @property
    def if_match(self) -> frozenset[int] | None:
        """The revisions that If-Match allows (RFC 9110 §13.1.1); None when the request sets no condition.

        A tag that is none of ours allows nothing: an empty set, which no revision is in.
        """
        given = self.headers.get("if-match")
        if given is None or given.strip() == "*":
            return None
        return frozenset(int(tag) for tag in _ETAG.findall(given))

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of method, route and parsed body: equal for requests that ask for the same, however spelled."""
        return fingerprint_of(self.route, self.parsed)

    def path_id(self, name: str) -> UUID:
        """An identifier in the path. Raises: NotFound when it is none, for then it names nothing."""
        return UUID(self._matched(name, _UUID))

    def path_code(self, name: str) -> str:
        """A template's code in the path. Raises: NotFound."""
        return self._matched(name, _TEMPLATE_CODE)

    def path_number(self, name: str) -> int:
        """A version's number in the path. Raises: NotFound."""
        return int(self._matched(name, _VERSION_NUMBER))

    def _matched(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.path[name]
        if value is None or not pattern.fullmatch(value):
            raise NotFound("There is no such resource.")
        return value


def fingerprint_of(route: str, parsed: JsonValue) -> bytes:
    """The fingerprint of a request of this route with this body."""
    canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{route}\n{canonical}".encode()).digest()


def correlation_id_of(given: str | None) -> str:
    """The caller's own correlation id when it is well-formed, else a new one."""
    return given if given is not None and _CORRELATION_ID.fullmatch(given) else secrets.token_hex(16)
