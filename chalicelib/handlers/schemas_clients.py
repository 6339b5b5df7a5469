"""Bodies and answers of /v1/clients."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.domain.audit import Actor
from chalicelib.domain.client import RegisteredClient
from chalicelib.domain.principal import Scope
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.fields import Line
from chalicelib.handlers.paging import NextCursor
from chalicelib.handlers.request import RequestModel
from chalicelib.services.create_client import ClientWithSecret, CreateClient

_ID = "0192d3f0-0000-7000-8000-000000000001"
_SECRET = "w4vN2s8Jq0Lk6TzXbR1yPcD5hGmAeUfV9iOoQ3jKrZs"  # noqa: S105  an example
_AT = "2026-11-22T12:00:00.123456Z"


def _distinct(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) < len(scopes):
        raise ValueError("must not repeat a scope")
    return scopes


RateLimit = Annotated[
    str,
    Field(
        pattern=r"^[1-9][0-9]{0,8}/([1-9][0-9]{0,4} )?(second|minute|hour|day)s?$",
        examples=["6000/minute"],
        description="A rate such as `6000/minute` or `100/15 minutes`.",
    ),
]
Scopes = Annotated[
    list[Scope],
    Field(min_length=1, examples=[["notifications:send"]], json_schema_extra={"uniqueItems": True}),
    AfterValidator(_distinct),
]


class ClientBody(RequestModel):
    """A backend that is to speak for itself; without a rate it has the one that all clients have."""

    name: Line
    scopes: Scopes
    rate_limit: RateLimit | None = None

    def command(self, *, by: Actor) -> CreateClient:
        return CreateClient(name=self.name, scopes=frozenset(self.scopes), rate_limit=self.rate_limit, by=by)


class ClientResource(ResourceModel):
    """An API client. `id` and `client_id` are the same; `rate_limit` is null when it is the one of all clients."""

    id: Annotated[str, Field(examples=[_ID])]
    client_id: Annotated[str, Field(examples=[_ID])]
    name: Annotated[str, Field(examples=["Billing"])]
    scopes: Annotated[list[Scope], Field(examples=[["notifications:send"]])]
    rate_limit: Annotated[str | None, Field(examples=["6000/minute"])]
    created_at: Annotated[datetime, Field(examples=[_AT])]
    updated_at: Annotated[datetime, Field(examples=[_AT])]

    @classmethod
    def of(cls, client: RegisteredClient) -> "ClientResource":
        return cls(
            id=client.id,
            client_id=client.id,
            name=client.name,
            scopes=sorted(client.scopes),
            rate_limit=client.rate_limit,
            created_at=client.created_at,
            updated_at=client.updated_at,
        )


class ClientSecretResource(ClientResource):
    """An API client with its new secret, which is shown this once."""

    client_secret: Annotated[str, Field(repr=False, examples=[_SECRET])]

    @classmethod
    def with_secret(cls, made: ClientWithSecret) -> "ClientSecretResource":
        return cls(**dict(ClientResource.of(made.client)), client_secret=made.secret)


class ClientPageResource(ResourceModel):
    """Some clients, newest first; `next_cursor` is null on the last page."""

    items: list[ClientResource]
    next_cursor: NextCursor
