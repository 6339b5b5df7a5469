"""What was decided for one private server, kept so that a repair changes none of it."""

import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from offline.services.files import write_private
from offline.services.ports import choose, is_free

_FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """Ports, password and, where the server cannot do with the stack's folder, a folder outside it."""

    source: str
    password: str
    ports: Mapping[str, int]
    outside: str | None = None

    def moved(self, defaults: Mapping[str, int], *, prefer_defaults: bool) -> "Plan":
        """Return the plan with another port for each one that somebody else has taken."""
        ports = {
            use: port if is_free(port) else choose(defaults[use] if prefer_defaults else None)
            for use, port in self.ports.items()
        }
        return replace(self, ports=ports)

    def with_outside(self) -> "Plan":
        """Return the plan with a folder, yet to be made, in the system's temporary one."""
        return replace(self, outside=str(Path(tempfile.gettempdir()) / f"carillon-{secrets.token_hex(8)}"))


def new_plan(source: str, defaults: Mapping[str, int], *, prefer_defaults: bool) -> Plan:
    """Decide ports and a random password. The password needs no quoting in a URL or a configuration file."""
    ports = {use: choose(port if prefer_defaults else None) for use, port in defaults.items()}
    return Plan(source=source, password=secrets.token_hex(24), ports=ports)


def load_plan(folder: Path) -> Plan | None:
    """Return what was decided before, None on the first run."""
    try:
        return Plan(**json.loads(folder.joinpath(_FILE).read_text()))
    except FileNotFoundError:
        return None


def save_plan(folder: Path, plan: Plan) -> None:
    """Keep the plan; only its owner can read it."""
    write_private(folder / _FILE, json.dumps(asdict(plan)))


def forget(folder: Path) -> None:
    """Delete a server's data, wherever it lies, and its plan."""
    plan = load_plan(folder)
    if plan is not None and plan.outside is not None:
        shutil.rmtree(plan.outside, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
