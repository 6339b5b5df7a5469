"""Rehearses an upgrade from a real release to this checkout, and the way back, on a LocalStack of its own.

    mkdir /tmp/before && git archive v1.2.3 | tar -x -C /tmp/before
    PYTHONPATH=localstack:. .venv/bin/python -m tests.localstack.rehearse /tmp/before

Each time notifications are on their way when the other release comes. Ends with an error unless all of them arrive.
"""

import argparse
from pathlib import Path

from offline.cloud.testbed import private_cloud
from offline.stack.console import say
from offline.stack.layout import REPOSITORY
from tests.conftest import DEPLOYED_SETTINGS
from tests.e2e.api import Client
from tests.localstack.test_releases import deployed_in_flight


def main() -> None:
    """Deploy one release over the other, in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.localstack.rehearse", description=__doc__)
    parser.add_argument("before", type=Path, help="a tree of the release before")
    before = parser.parse_args().before.resolve()
    with private_cloud(settings=DEPLOYED_SETTINGS, say=say) as cloud:
        cloud.redeploy(before)
        client = Client(cloud.addresses)
        for name, source in (("upgrade", REPOSITORY), ("rollback", before)):
            seen = deployed_in_flight(cloud, client, source)
            seen.ledger.require_all_sent()
            say(name, f"all {len(seen.ledger.lines)} deliveries arrived, {len(seen.ledger.duplicated)} of them twice")
        client.close()


if __name__ == "__main__":
    main()
