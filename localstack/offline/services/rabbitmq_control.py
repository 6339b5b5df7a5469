"""Commands to a private RabbitMQ that its management API does not have: `rabbitmqctl` with the node's own environment.

A call starts an Erlang machine of its own, which takes a second or two.
"""

import subprocess
from pathlib import Path

from offline.services.binaries import find_rabbitmq
from offline.services.errors import ServerFailed, ServerMissing
from offline.services.fetched_rabbitmq import find_fetched
from offline.services.plan import Plan, load_plan
from offline.services.rabbitmq import RabbitMQ

_DEADLINE_S = 60


def control(server: RabbitMQ, plan: Plan, folder: Path, *arguments: str) -> str:
    """Run one command against a node; return what it printed.

    Raises:
        ServerFailed: it refused, or the node is not there.
    """
    try:
        answer = subprocess.run(
            [server.program("rabbitmqctl", plan), "--quiet", *arguments],
            cwd=folder,
            env=server.environment(plan, folder),
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerFailed(f"rabbitmqctl {arguments[0]} was not answered within {_DEADLINE_S} s") from error
    if answer.returncode != 0:
        raise ServerFailed(f"rabbitmqctl {arguments[0]} failed:\n{(answer.stderr or answer.stdout).strip()}")
    return answer.stdout


def control_private(services: Path, cache: Path, *arguments: str) -> str:
    """The same for the one broker of a stack, found by the stack's folders.

    Raises:
        ServerMissing: the stack's broker is not private: it belongs to somebody else, or runs in a container.
        ServerFailed: it refused, or the node is not there.
    """
    folder = services / RabbitMQ.name
    plan = load_plan(folder)
    installation = find_rabbitmq() or find_fetched(cache)
    if plan is None or plan.source != "private" or installation is None:
        raise ServerMissing("only a private RabbitMQ can be controlled with rabbitmqctl")
    return control(RabbitMQ(installation), plan, folder, *arguments)
