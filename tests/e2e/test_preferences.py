"""Preferences over HTTP: said, replaced, and heeded."""

from tests.e2e.api import EMAIL, Client, Json, succeeded
from tests.e2e.people import signed_in
from tests.e2e.problems import assert_secure, problem

SAID = {
    "channels": {"email": True, "push": False},
    "categories": {"marketing": {"email": False}},
    "quiet_hours": {"start": "22:00", "end": "07:00"},
}
NOTHING_SAID = {"channels": {"email": True, "push": True}, "categories": {}, "quiet_hours": None}


def path(user: Json) -> str:
    return f"/v1/users/{user['id']}/preferences"


def test_who_has_said_nothing_wants_everything(client: Client) -> None:
    answer = client.call(f"GET {path(client.create_user())}")
    assert succeeded(answer) == NOTHING_SAID
    assert answer.headers["ETag"] == '"0"'
    assert_secure(answer)


def test_what_is_said_is_read_back_and_replaced_whole(client: Client) -> None:
    user = client.create_user()
    answer = client.call(f"PUT {path(user)}", SAID)
    assert (answer.status_code, answer.json(), answer.headers["ETag"]) == (200, SAID, '"1"')
    read = client.call(f"GET {path(user)}")
    assert (read.json(), read.headers["ETag"]) == (SAID, '"1"')
    replaced = client.call(f"PUT {path(user)}", {"categories": {"news": {"push": False}}})
    assert succeeded(replaced) == {**NOTHING_SAID, "categories": {"news": {"push": False}}}
    assert succeeded(client.call(f"PUT {path(user)}", {})) == NOTHING_SAID


def test_a_stale_word_is_not_heard(client: Client) -> None:
    user = client.create_user()
    succeeded(client.call(f"PUT {path(user)}", SAID, headers={"If-Match": '"0"'}))
    problem(client.call(f"PUT {path(user)}", {}, headers={"If-Match": '"0"'}), 412)
    assert succeeded(client.call(f"GET {path(user)}")) == SAID


def test_a_person_speaks_for_themselves(client: Client) -> None:
    person = signed_in(client)
    assert succeeded(person.call("PUT /v1/users/me/preferences", SAID)) == SAID
    assert succeeded(client.call(f"GET {path(person.user)}")) == SAID
    nobody = f"/v1/users/{person.user['id'][:-4]}0000/preferences"
    problem(client.call(f"GET {nobody}"), 404, "user_not_found")
    problem(client.call(f"PUT {nobody}", {}), 404, "user_not_found")


def test_what_is_said_is_heeded_by_the_very_next_notification(client: Client) -> None:
    user, code = client.create_user(), client.publish_template(EMAIL)
    wanted: list[tuple[Json, list[str]]] = [
        ({}, ["accepted"]),
        ({"channels": {"email": False}}, ["skipped"]),
        ({"categories": {"news": {"email": False}}}, ["accepted"]),
        ({"categories": {"orders": {"email": False}}}, ["skipped"]),
        ({}, ["accepted"]),
    ]
    for said, statuses in wanted:
        succeeded(client.call(f"PUT {path(user)}", said))
        accepted = client.notify(template_code=code, user_id=user["id"], category="orders")
        assert [delivery["status"] for delivery in accepted["deliveries"]] == statuses, said
