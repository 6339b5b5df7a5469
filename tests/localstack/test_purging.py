"""The deployed purge reaches PostgreSQL with what it was given, and takes nothing that is young."""

from infra.functions import deployed_name
from offline.cloud.emulation import STAGE
from offline.cloud.stack import CloudStack
from tests.e2e.api import Client, address


def test_the_deployed_purge_leaves_what_is_young(cloud: CloudStack, client: Client, email_template: str) -> None:
    promised = client.notify(template_code=email_template, recipient={"email": address()})
    ended = client.wait_ended(promised["notification_id"], within_s=30)
    answer = cloud.target.client("lambda").invoke(FunctionName=deployed_name("purge", STAGE), Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert client.trace(promised["notification_id"]) == ended
