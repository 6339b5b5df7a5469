"""People over HTTP: found, changed, and reaching what is theirs and nothing else."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.e2e.api import Client, Json, address, succeeded, unique
from tests.e2e.people import PASSWORD, SignedIn, log_in, signed_in
from tests.e2e.problems import assert_secure, pointers, problem

AT_ONCE = 10


@pytest.fixture(scope="module")
def ada(client: Client) -> SignedIn:
    return signed_in(client, name="Ada", locale="en-GB", timezone="Europe/London")


def get(client: Client, user: Json) -> Json:
    return succeeded(client.call(f"GET /v1/users/{user['id']}"))


def test_a_person_is_read_as_they_were_registered_with_their_revision(client: Client) -> None:
    user = client.create_user(locale="fr-ca", external_id=unique())
    answer = client.call(f"GET /v1/users/{user['id']}")
    assert answer.json() == user
    assert answer.headers["ETag"] == '"1"'
    assert_secure(answer)
    head = client.call(f"HEAD /v1/users/{user['id']}")
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", '"1"')
    problem(client.call(f"GET /v1/users/{user['id'][:-4]}0000"), 404, "user_not_found")
    problem(client.call("GET /v1/users/7"), 404)


def test_people_are_found_by_address_whatever_its_case_and_by_external_id(client: Client) -> None:
    user = client.create_user(email=address("Mixed.Case"), external_id=unique("crm"))
    for query in (
        f"email={user['email'].upper()}",
        f"external_id={user['external_id']}",
        f"email={user['email']}&limit=1",
    ):
        assert succeeded(client.call(f"GET /v1/users?{query}")) == {"items": [user], "next_cursor": None}
    assert succeeded(client.call(f"GET /v1/users?email={user['email']}&external_id=other"))["items"] == []


def test_a_person_is_found_by_their_address_in_either_script_of_its_domain(client: Client) -> None:
    email = f"{unique('a')}@bücher.example"
    user = client.create_user(email=email)
    assert user["email"].endswith("@xn--bcher-kva.example")
    for spelling in (email, user["email"]):
        assert succeeded(client.call(f"GET /v1/users?email={quote(spelling)}"))["items"] == [user]
    assert pointers(problem(client.call("GET /v1/users?email=nobody"), 422)) == {"email"}


def test_a_person_has_at_most_a_hundred_devices(client: Client) -> None:
    user = client.create_user()
    route, token = f"POST /v1/users/{user['id']}/devices", unique("phone")

    def register(number: int) -> int:
        return client.call(route, {"token": f"{token}-{number}", "platform": "ios"}).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert Counter(pool.map(register, range(105))) == {201: 100, 409: 5}
    known = succeeded(client.call(f"GET /v1/users/{user['id']}/devices?limit=1"))["items"][0]["token"]
    assert client.call(route, {"token": known, "platform": "web"}).status_code == 201
    problem(client.call(route, {"token": unique("phone"), "platform": "ios"}), 409, "too_many_devices")


def test_a_password_that_was_planted_does_not_become_an_administrators(client: Client) -> None:
    person = signed_in(client)
    path = f"PATCH /v1/users/{person.user['id']}"
    assert succeeded(client.call(path, {"is_admin": True}))["is_admin"]
    problem(person.call("GET /v1/users/me"), 401)
    problem(log_in(client, person.user["email"]), 401)
    succeeded(client.call(path, {"password": "a longer horse"}))
    assert log_in(client, person.user["email"], "a longer horse").status_code == 200
    assert not succeeded(client.call(path, {"is_admin": False}))["is_admin"]


def test_whose_device_was_taken_over_is_in_the_audit_trail(client: Client) -> None:
    loser, winner = client.create_user(), client.create_user()
    token = unique("phone")
    client.add_device(loser["id"], token=token)
    device = client.add_device(winner["id"], token=token)
    entries = succeeded(client.call("GET /v1/audit?limit=50"))["items"]
    (detail,) = (entry["detail"] for entry in entries if entry["target"] == f"device:{device['id']}")
    assert detail == {"user_id": winner["id"], "taken_from": loser["id"]}


def test_people_are_listed_newest_first_and_a_cursor_belongs_to_its_list(client: Client) -> None:
    registered = [client.create_user()["id"] for _ in range(3)]
    page = succeeded(client.call("GET /v1/users?limit=2"))
    rest = succeeded(client.call(f"GET /v1/users?limit=2&cursor={page['next_cursor']}"))
    assert [user["id"] for user in page["items"]] == registered[:0:-1]
    assert rest["items"][0]["id"] == registered[0]
    other = client.call(f"GET /v1/users?external_id=x&cursor={page['next_cursor']}")
    assert pointers(problem(other, 422)) == {"cursor"}


def test_a_merge_patch_changes_what_it_names_and_null_removes(client: Client) -> None:
    user = client.create_user(locale="fr-CA", timezone="Europe/Paris", external_id=unique())
    patch = {"name": "Grace", "locale": None, "timezone": None, "external_id": None}
    answer = client.call(
        f"PATCH /v1/users/{user['id']}", patch, headers={"Content-Type": "application/merge-patch+json"}
    )
    changed = succeeded(answer)
    assert answer.headers["ETag"] == '"2"'
    assert changed == {**user, **patch, "timezone": "UTC", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > user["updated_at"]
    assert get(client, user) == changed
    assert succeeded(client.call(f"PATCH /v1/users/{user['id']}", {})) == changed


def test_a_stale_condition_changes_nothing(client: Client) -> None:
    user = client.create_user()
    path = f"/v1/users/{user['id']}"
    problem(client.call(f"PATCH {path}", {"name": "Eve"}, headers={"If-Match": '"7"'}), 412, "precondition_failed")
    problem(client.call(f"PATCH {path}", {}, headers={"If-Match": '"7"'}), 412)
    problem(client.call(f"DELETE {path}", headers={"If-Match": '"7"'}), 412)
    assert get(client, user) == user
    succeeded(client.call(f"PATCH {path}", {"name": "Grace"}, headers={"If-Match": '"7", "1"'}))


def test_of_many_who_change_one_revision_at_once_one_does(client: Client) -> None:
    user = client.create_user()

    def change(number: int) -> int:
        route = f"PATCH /v1/users/{user['id']}"
        return client.call(route, {"name": f"Ada {number}"}, headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert Counter(pool.map(change, range(AT_ONCE))) == {200: 1, 412: AT_ONCE - 1}


def test_an_address_is_one_persons_whatever_its_case(client: Client) -> None:
    local = unique("one")
    spellings = [f"{local}@example.test", f"{local.upper()}@EXAMPLE.test"] * 5
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda email: client.call("POST /v1/users", {"email": email, "name": "A"}), spellings))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    other = client.create_user(external_id=unique())
    problem(client.call(f"PATCH /v1/users/{other['id']}", {"email": spellings[1]}), 409, "email_taken")
    body = {"email": address(), "name": "A", "external_id": other["external_id"]}
    problem(client.call("POST /v1/users", body), 409, "external_id_taken")


def test_a_person_reaches_themselves_by_me_and_by_their_id(ada: SignedIn) -> None:
    for name in ("me", ada.user["id"], ada.user["id"].upper()):
        assert succeeded(ada.call(f"GET /v1/users/{name}"))["email"] == ada.user["email"]
    device = succeeded(ada.call("POST /v1/users/me/devices", {"token": unique("phone"), "platform": "ios"}))
    assert succeeded(ada.call("GET /v1/users/me/devices"))["items"] == [device]
    assert ada.call(f"DELETE /v1/users/me/devices/{device['id']}").status_code == 204
    assert succeeded(ada.call("PATCH /v1/users/me", {"name": "Augusta Ada"}))["name"] == "Augusta Ada"


def test_a_person_reaches_nobody_else(ada: SignedIn, client: Client) -> None:
    other = client.create_user()
    device = client.add_device(other["id"])
    for route, body in (
        (f"GET /v1/users/{other['id']}", None),
        (f"PATCH /v1/users/{other['id']}", {"name": "Eve"}),
        (f"DELETE /v1/users/{other['id']}", None),
        (f"GET /v1/users/{other['id']}/preferences", None),
        (f"PUT /v1/users/{other['id']}/preferences", {}),
        (f"GET /v1/users/{other['id']}/devices", None),
        (f"POST /v1/users/{other['id']}/devices", {"token": unique("phone"), "platform": "ios"}),
        (f"DELETE /v1/users/{other['id']}/devices/{device['id']}", None),
        ("GET /v1/users", None),
        ("POST /v1/users", {"email": address(), "name": "Eve"}),
    ):
        problem(ada.call(route, body), 403)
    assert get(client, other) == other
    assert client.devices(other["id"]) == [device]
    problem(client.call("GET /v1/users/me"), 404)


@pytest.mark.parametrize(
    "patch", [{"email": address()}, {"external_id": "x"}, {"is_admin": True}, {"is_admin": False}], ids=str
)
def test_of_oneself_one_does_not_change_what_others_rely_on(ada: SignedIn, patch: Json) -> None:
    problem(ada.call("PATCH /v1/users/me", patch), 403, "insufficient_scope")


def test_another_password_ends_every_session_and_the_old_one_opens_none(client: Client) -> None:
    person = signed_in(client)
    assert person.call("PATCH /v1/users/me", {"password": "a longer horse"}).status_code == 200
    problem(person.call("GET /v1/users/me"), 401)
    problem(log_in(client, person.user["email"]), 401)
    assert log_in(client, person.user["email"].upper(), "a longer horse").status_code == 200
    assert PASSWORD not in str(get(client, person.user))


def test_every_change_of_a_person_is_in_the_audit_trail_without_a_word_of_theirs(client: Client) -> None:
    user = client.create_user()
    device = client.add_device(user["id"])
    succeeded(client.call(f"PATCH /v1/users/{user['id']}", {"name": "Quite Somebody", "email": address("else")}))
    succeeded(client.call(f"PUT /v1/users/{user['id']}/preferences", {}))
    client.call(f"DELETE /v1/users/{user['id']}/devices/{device['id']}")
    client.call(f"DELETE /v1/users/{user['id']}")
    entries = succeeded(client.call("GET /v1/audit?limit=200"))["items"]
    told = [
        (entry["action"], entry["detail"])
        for entry in reversed(entries)
        if user["id"] in f"{entry['target']} {entry['detail']}"
    ]
    assert told == [
        ("user.created", {}),
        ("device.registered", {"user_id": user["id"]}),
        ("user.updated", {"fields": ["email", "name"]}),
        ("preferences.replaced", {}),
        ("device.forgotten", {"user_id": user["id"]}),
        ("user.erased", {}),
    ]
