"""What is no bearer token at all, and credentials that are wrong. The authorisation matrix has the forged ones."""

import pytest

from tests.e2e.api import Client
from tests.e2e.bad_input.routes import NOTIFICATIONS, TOKEN, USERS, World, send
from tests.e2e.problems import problem

GUARDED = (USERS, NOTIFICATIONS, "GET /v1/notifications/{notification}", "DELETE /v1/users/{user}/devices/{device}")
HEADERS = (
    *(None, "", "Bearer", "Basic YTpi", "Token YTpi", "bearer garbled", "Bearer a.b.c", "Bearer é"),
    *("Bearer a.b.c d", f"Bearer {'a' * 7000}"),
)


@pytest.mark.parametrize("pattern", GUARDED)
@pytest.mark.parametrize("header", HEADERS, ids=lambda header: str(header)[:12])
def test_without_a_token_that_holds_it_is_401(header: str | None, pattern: str, client: Client, world: World) -> None:
    answer = send(client, world, pattern, body=world.good.get(pattern), headers={"Authorization": header})
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("pattern", GUARDED)
def test_the_fault_of_the_token_is_told_before_those_of_the_body(pattern: str, client: Client, world: World) -> None:
    problem(send(client, world, pattern, content=b"{", headers={"Authorization": None}), 401)


def test_wrong_credentials_are_401_and_do_not_tell_which(client: Client, world: World) -> None:
    details = set()
    for change in ({"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_id": "' OR 1=1 --"}):
        answer = send(client, world, TOKEN, body={**world.good[TOKEN], **change}, headers={"Authorization": None})
        details.add(problem(answer, 401, "invalid_credentials")["detail"])
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert len(details) == 1
