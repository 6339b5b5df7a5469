"""The daily purge over the whole system: it runs, and takes nothing that is young."""

from offline.stack.stack import Stack
from tests.e2e.api import EMAIL, Client, address
from tests.e2e.emulator import invoke


def test_a_purge_leaves_what_is_young_as_it_was(stack: Stack, client: Client) -> None:
    code = client.publish_template(EMAIL)
    sent = client.notify(template_code=code, recipient={"email": address()})["notification_id"]
    failed = client.notify(template_code=code, recipient={"email": address("reject")})["notification_id"]
    before = client.wait_all_ended([sent, failed], within_s=30)
    for _ in range(2):
        purged = invoke(stack, "purge", {})
        assert purged.status_code == 200
        assert "X-Amz-Function-Error" not in purged.headers, purged.text
    assert {one: client.trace(one) for one in (sent, failed)} == before
