"""The edge of `migrate`: schemas, topology, and who may use a fresh installation. By hand or by deploy; repeatable."""

from pydantic import BaseModel, ConfigDict, SecretStr

from chalicelib.domain.principal import Scope
from chalicelib.services.establish import FirstAdmin, FirstClient
from chalicelib.wiring import migration as wiring


class _Admin(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    email: str
    password: SecretStr

    def command(self) -> FirstAdmin:
        return FirstAdmin(email=self.email, password=self.password.get_secret_value())


class _Client(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    client_id: str
    client_secret: SecretStr
    name: str
    scopes: frozenset[Scope]

    def command(self) -> FirstClient:
        return FirstClient(self.client_id, self.name, self.scopes, self.client_secret.get_secret_value())


class MigrateEvent(BaseModel):
    """`{}` migrates only. A first administrator or client that exists already is left as it is."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    first_admin: _Admin | None = None
    first_client: _Client | None = None


def migrate(event: object) -> None:
    """Bring the stores and the broker to this version, and let the first people in."""
    request = MigrateEvent.model_validate(event)
    wiring.upgrade_schemas()
    wiring.establish_topology()
    wiring.establish(
        admin=request.first_admin.command() if request.first_admin else None,
        client=request.first_client.command() if request.first_client else None,
    )
