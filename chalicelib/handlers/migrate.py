"""The edge of `migrate`: schemas, topology, and who may use a fresh installation. By hand or by deploy; repeatable."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain.principal import Scope
from chalicelib.handlers.fields import Email, Line
from chalicelib.handlers.schemas_users import Password
from chalicelib.services.establish import FirstAdmin, FirstClient
from chalicelib.wiring import migration as wiring
from chalicelib.wiring import retention

MIN_SECRET_LENGTH = 24
"""A client's secret is hashed once, which is enough for random ones alone: so it must not be one that people choose."""

ADDED, EXISTS = "added", "exists"


class _Admin(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    email: Email
    password: Annotated[Password, Field(repr=False)]

    def command(self) -> FirstAdmin:
        return FirstAdmin(email=self.email, password=self.password)


class _Client(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
    client_secret: Annotated[str, Field(min_length=MIN_SECRET_LENGTH, max_length=256, repr=False)]
    name: Line
    scopes: frozenset[Scope]

    def command(self) -> FirstClient:
        return FirstClient(self.client_id, self.name, self.scopes, self.client_secret)


class MigrateEvent(BaseModel):
    """`{}` migrates only. A first administrator or client that exists already is left as it is."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    first_admin: _Admin | None = None
    first_client: _Client | None = None


def migrate(event: object) -> dict[str, str | None]:
    """Bring the stores and the broker to this version, and let the first people in.

    The answer tells of each of the two whether they were `added` or `exists`; null for one that was not asked for.
    """
    request = MigrateEvent.model_validate(event)
    wiring.upgrade_schemas()
    retention.ensure_months()
    wiring.establish_topology()
    done = wiring.establish(
        admin=request.first_admin.command() if request.first_admin else None,
        client=request.first_client.command() if request.first_client else None,
    )
    return {"first_admin": _told(done.admin), "first_client": _told(done.client)}


def _told(added: bool | None) -> str | None:  # noqa: FBT001  what establishing answered
    return None if added is None else ADDED if added else EXISTS
