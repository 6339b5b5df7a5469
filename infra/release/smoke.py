"""Asks the deployed API whether it lives, can accept, and is the release that was deployed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import urllib3

from infra.errors import StepFailed
from infra.eventually import Patience

TIMEOUT_S = 30.0
HTTP_OK = 200


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """Each question is repeated while the gateway and the first environments are still on their way."""

    api_url: str
    patience: Patience = field(default=Patience(longest_s=90.0))

    def run(self, *, interface: Mapping[str, object], client: Mapping[str, str] | None = None) -> None:
        """`interface` is the OpenAPI document of the deployed source; `client` are credentials, where they are known.

        Raises:
            StepFailed: naming the route, and what it answers instead.
        """
        with urllib3.PoolManager(retries=False, timeout=TIMEOUT_S) as pool:
            self._expect(pool, "GET", "/health")
            self._expect(pool, "GET", "/health/ready")
            document = json.loads(self._expect(pool, "GET", "/openapi.json"))
            if _without_servers(document) != _without_servers(interface):
                raise StepFailed(
                    f"{self.api_url}/openapi.json is not the document of the release that was deployed.",
                    remedy="The gateway calls another release: deploy again.",
                )
            if client:
                self._expect(pool, "POST", "/v1/auth/token", body=client)

    def _expect(
        self, pool: urllib3.PoolManager, method: str, path: str, *, body: Mapping[str, str] | None = None
    ) -> bytes:
        answered: list[tuple[int, bytes]] = []

        def is_well() -> bool:
            answered.append(self._ask(pool, method, path, body))
            return answered[-1][0] == HTTP_OK

        if not self.patience.until(is_well):
            status, said = answered[-1]
            raise StepFailed(
                f"{method} {self.api_url}{path} answers {status or 'nothing'}: {said[:1000].decode(errors='replace')}",
                remedy="The release is deployed and does not work. The log group /aws/lambda/carillon-STAGE tells why;"
                " docs/deploy.md tells how to go back to the release before.",
            )
        return answered[-1][1]

    def _ask(
        self, pool: urllib3.PoolManager, method: str, path: str, body: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        try:
            answer = pool.request(method, f"{self.api_url}{path}", json=body)
        except urllib3.exceptions.HTTPError as error:
            return 0, str(error).encode()
        return answer.status, answer.data


def _without_servers(interface: Mapping[str, object]) -> Mapping[str, object]:
    """Where it is served is said by who serves it."""
    return {name: part for name, part in interface.items() if name != "servers"}
