"""What deployed functions write into CloudWatch Logs: enough to follow a notification, and nothing of the person."""

import json

from infra.functions import ALL
from offline.cloud.function_logs import FunctionLogs
from offline.cloud.stack import CloudStack
from tests.e2e.api import Client, unique
from tests.e2e.waiting import eventually
from tests.log_scanner import TELLTALES

FOLLOWED = ("api_handler", "deliver_email", "deliver_push")


def test_a_notification_is_followed_by_its_correlation_id_through_every_functions_log(
    cloud: CloudStack, client: Client
) -> None:
    person, correlation_id = client.create_user(), unique("followed")
    token = client.add_device(person["id"])["token"]
    headers = {"X-Correlation-ID": correlation_id}
    accepted = client.notify(template_code=client.publish_template(), user_id=person["id"], headers=headers)
    client.wait_ended(accepted["notification_id"])

    logs, lines = FunctionLogs(cloud.target), list[tuple[str, str]]()

    def followed() -> bool:
        lines.extend(logs.read())
        return {function for function, line in lines if correlation_id in line} == {*FOLLOWED}

    eventually(followed, within_s=20, otherwise=lambda: [line for line in lines if correlation_id in line[1]])
    assert {function for function, _ in lines} <= {*ALL}
    personal = (person["email"], token, client.token)
    assert not [line for line in lines for each in personal if each in line[1]]


def test_no_line_of_ours_looks_like_somebodys_address_or_secret(cloud: CloudStack, client: Client) -> None:
    client.wait_ended(
        client.notify(template_code=client.publish_template(), recipient={"name": "Nobody"})["notification_id"]
    )
    secrets = {name: cloud.addresses[name] for name in ("CLIENT_SECRET", "ADMIN_PASSWORD", "DATABASE_URL")}
    ours = [(function, line) for function, line in FunctionLogs(cloud.target).read() if line.startswith("{")]
    assert ours
    for function, line in ours:
        assert isinstance(json.loads(line), dict)
        found = [what for what, pattern in TELLTALES.items() if pattern.search(line)]
        found += [what for what, secret in secrets.items() if secret in line]
        assert not found, (function, found)
