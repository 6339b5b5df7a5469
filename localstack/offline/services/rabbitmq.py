"""A private RabbitMQ with its management API: own user instead of guest, own Erlang port mapper, loopback only."""

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pika
import pika.exceptions

from offline.services.binaries import RabbitMQInstallation
from offline.services.files import write_private
from offline.services.management import ask
from offline.services.plan import Plan
from offline.services.ports import LOOPBACK
from offline.services.private import Endpoint, NotHealthy
from offline.services.processes import Command

_USER = _NODE = "carillon"
_ALIAS = "rabbitmq"
_DISTRIBUTION = "-kernel inet_dist_use_interface {127,0,0,1}"


class RabbitMQ:
    """How to run one installed or fetched RabbitMQ."""

    name: ClassVar[str] = "rabbitmq"
    default_ports: ClassVar[Mapping[str, int]] = {
        "amqp": 5672,
        "management": 15672,
        "distribution": 25672,
        "mapper": 4369,
    }

    def __init__(self, installation: RabbitMQInstallation, *, node: str = _NODE, settings: Sequence[str] = ()) -> None:
        """A node of a cluster has a name of its own, and settings (lines of rabbitmq.conf) that name the others."""
        self._installation = installation
        self._node = node
        self._settings = settings

    def placed(self, plan: Plan, folder: Path) -> Plan:  # noqa: ARG002 - the data lies well where it is
        """Return the plan, with a place for another name of the installation where the broker's scripts need one.

        They do not quote their own path: below a folder with a space in its name they find nothing.
        """
        needed = len(str(self._installation.server).split()) > 1
        return plan.with_outside() if needed and plan.outside is None else plan

    def prepare(self, plan: Plan, folder: Path) -> None:
        """Write configuration, plug-ins and the cookie; the user is made by the first start."""
        settings = [
            f"default_user = {_USER}",
            f"default_pass = {plan.password}",
            f"management.tcp.ip = {LOOPBACK}",
            f"management.tcp.port = {plan.ports['management']}",
            "disk_free_limit.absolute = 64MB",
            *self._settings,
        ]
        write_private(folder / "rabbitmq.conf", "\n".join(settings) + "\n")
        write_private(folder / "enabled_plugins", "[rabbitmq_management].\n")
        cookie = folder / "home/.erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(20))
        cookie.chmod(0o400)
        if plan.outside is not None:
            _make_alias(Path(plan.outside), self._installation.server.resolve().parents[1])

    def commands(self, plan: Plan, folder: Path) -> Mapping[str, Command]:
        """Return Erlang's port mapper, in the foreground so that it is on record like the rest, and the broker."""
        environment = self.environment(plan, folder)
        mapper = [str(self._installation.epmd), "-port", str(plan.ports["mapper"]), "-address", LOOPBACK]
        server = self.program(self._installation.server.name, plan)
        return {
            "epmd": Command(argv=mapper, environment=environment, folder=folder),
            self.name: Command(argv=[str(server)], environment=environment, folder=folder),
        }

    def program(self, name: str, plan: Plan) -> Path:
        """Return one of the broker's own scripts, where its path can be used."""
        if plan.outside is not None:
            return Path(plan.outside) / _ALIAS / "sbin" / name
        return self._installation.server.with_name(name)

    @staticmethod
    def check(plan: Plan) -> Endpoint:
        """Open a connection with the user that only a finished start has made."""
        management = RabbitMQ.management_url(plan)
        url = f"amqp://{_USER}:{plan.password}@{LOOPBACK}:{plan.ports['amqp']}/%2F"
        version = version_at(management)
        connect_once(url)
        return Endpoint(url=url, source="private", version=version, management_url=management)

    @staticmethod
    def management_url(plan: Plan) -> str:
        """Return where the management API is, with user and password, whether it answers or not."""
        return f"http://{_USER}:{plan.password}@{LOOPBACK}:{plan.ports['management']}"

    def environment(self, plan: Plan, folder: Path) -> dict[str, str]:
        """Return what tells the broker, and the programs that control it, where everything of this node is."""
        return {
            "PATH": f"{self._installation.erl.parent}:{os.defpath}",
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "ERL_EPMD_PORT": str(plan.ports["mapper"]),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_CRASH_DUMP_SECONDS": "0",
            # The broker then takes the place of its starter script: the process on record is the broker itself.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODENAME": f"{self._node}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(plan.ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(plan.ports["distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _DISTRIBUTION,
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
        }


def _make_alias(place: Path, installation: Path) -> None:
    place.mkdir(mode=0o700, exist_ok=True)
    if not place.joinpath(_ALIAS).is_symlink():
        place.joinpath(_ALIAS).symlink_to(installation)


def version_at(management_url: str) -> str:
    """Return the version of the broker behind a management API. Raises NotHealthy while it does not answer."""
    overview = ask(management_url, "/api/overview")
    return str(overview.get("rabbitmq_version", "")) if isinstance(overview, dict) else ""


def connect_once(url: str) -> None:
    """Prove that a broker accepts this URL. Raises NotHealthy when it does not."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 3
    parameters.connection_attempts = 1
    try:
        pika.BlockingConnection(parameters).close()
    except (pika.exceptions.AMQPError, OSError) as error:
        raise NotHealthy(type(error).__name__) from error
