"""What the resources of the main path answer, and what they do when several callers want the same."""

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from offline.stack.stack import Stack
from tests.e2e.api import EMAIL, PUSH, Client, Json, address, delivery_of, events_of, succeeded, told, unique
from tests.e2e.emulator import paused
from tests.e2e.problems import assert_secure, pointers, problem

AT_ONCE = 10


def at_once(client: Client, route: str, body: Json) -> Sequence[int]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [answer.status_code for answer in pool.map(lambda _: client.call(route, body), range(AT_ONCE))]


def test_a_new_user_answers_whole_with_its_place_and_its_revision(client: Client) -> None:
    body = {"email": address(), "name": "Ada", "locale": "fr-ca", "timezone": "Europe/Paris", "external_id": unique()}
    answer = client.call("POST /v1/users", {**body, "password": "correct horse"})
    user = succeeded(answer)
    assert answer.status_code == 201
    assert client.place(answer) == f"/v1/users/{user['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert user == {**user, **body, "locale": "fr-CA"}
    assert user["created_at"] == user["updated_at"]
    assert user["created_at"].endswith("Z")
    assert "password" not in answer.text
    assert_secure(answer)


def test_of_many_who_register_an_address_at_the_same_moment_one_wins(client: Client) -> None:
    statuses = Counter(at_once(client, "POST /v1/users", {"email": address(), "name": "Ada"}))
    assert statuses == {201: 1, 409: AT_ONCE - 1}


def test_a_device_registered_many_times_at_the_same_moment_is_one_device(client: Client) -> None:
    person = client.create_user()
    body = {"token": unique("device"), "platform": "ios"}
    assert set(at_once(client, f"POST /v1/users/{person['id']}/devices", body)) == {201}
    (device,) = client.devices(person["id"])
    assert (device["token"], device["platform"]) == (body["token"], "ios")


def test_a_device_is_listed_until_it_is_deleted(client: Client) -> None:
    person = client.create_user()
    devices = f"/v1/users/{person['id']}/devices"
    answer = client.call(f"POST {devices}", {"token": unique("device"), "platform": "web"})
    device = succeeded(answer)
    assert client.place(answer) == f"{devices}/{device['id']}"
    assert client.devices(person["id"]) == [device]
    deleted = client.call(f"DELETE {client.place(answer)}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert_secure(deleted)
    assert client.devices(person["id"]) == []
    problem(client.call(f"DELETE {client.place(answer)}"), 404, "device_not_found")


def test_devices_are_paged_newest_first_and_a_cursor_belongs_to_its_list(client: Client) -> None:
    person, other = client.create_user(), client.create_user()
    registered = [client.add_device(person["id"])["id"] for _ in range(5)]
    seen, query = [], "limit=2"
    while True:
        page = succeeded(client.call(f"GET /v1/users/{person['id']}/devices?{query}"))
        seen += [device["id"] for device in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"limit=2&cursor={page['next_cursor']}"
        stolen = client.call(f"GET /v1/users/{other['id']}/devices?{query}")
        assert pointers(problem(stolen, 422)) == {"cursor"}
    assert seen == registered[::-1]


def test_a_push_on_its_way_does_not_follow_a_device_to_its_next_owner(stack: Stack, client: Client) -> None:
    code, token = client.publish_template(PUSH), unique("device")
    former, present = client.create_user(), client.create_user()
    client.add_device(former["id"], token=token)
    with paused(stack, "deliver_push"):
        accepted = client.notify(template_code=code, user_id=former["id"])
        client.add_device(present["id"], token=token)
    delivery = delivery_of(client.wait_ended(accepted["notification_id"]))
    assert (delivery["status"], delivery["reason"], delivery["attempts"]) == ("skipped", "no_device", 0), told(delivery)
    assert client.pushes(token) == []
    assert client.devices(former["id"]) == []


def test_a_published_version_stays_published_however_often_it_is_asked_for(client: Client) -> None:
    code = client.create_template()
    answers = [client.call(f"POST /v1/templates/{code}/versions/1/publish") for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert (answer.json()["number"], answer.json()["status"]) == (1, "published")
        assert [content["variables"] for content in answer.json()["contents"]] == [["name"], ["name"]]
    assert answers[0].json() == answers[1].json()


def test_a_new_template_is_a_draft_with_its_place_and_its_revision(client: Client) -> None:
    body = {"code": unique("t"), "name": "T", "category": "orders", "default_locale": "en", "contents": [EMAIL, PUSH]}
    answer = client.call("POST /v1/templates", body)
    template = succeeded(answer)
    assert (answer.status_code, client.place(answer)) == (201, f"/v1/templates/{body['code']}")
    assert answer.headers["ETag"] == '"1"'
    assert (template["version"]["number"], template["version"]["status"]) == (1, "draft")
    assert template["published_version"] in (None, 0)


def test_a_notification_is_read_where_its_202_says_and_head_reads_it_too(client: Client) -> None:
    body = {"template_code": client.publish_template(), "recipient": {"name": "Nobody"}, "variables": {"name": "Ada"}}
    answer = client.call("POST /v1/notifications", body)
    read = client.call(f"GET {client.place(answer)}")
    head = client.call(f"HEAD {client.place(answer)}")
    assert succeeded(read)["id"] == answer.json()["notification_id"]
    assert (head.status_code, head.content, head.headers["Content-Type"]) == (200, b"", "application/json")
    for each in (answer, read, head):
        assert_secure(each)


def test_what_cannot_be_rendered_with_its_variables_fails_without_an_attempt(client: Client) -> None:
    code = client.publish_template({**EMAIL, "html": "{% for item in name %}{{ item }}{% endfor %}"})
    accepted = client.notify(template_code=code, recipient={"email": address()}, variables={"name": 5})
    trace = client.wait_ended(accepted["notification_id"])
    delivery = delivery_of(trace)
    assert (delivery["status"], delivery["reason"], delivery["attempts"]) == ("failed", "render_failed", 0), told(trace)
    assert events_of(delivery)[-1] == "failed", told(trace)


@pytest.mark.parametrize("depth", [50, 200, 500, 900, 5000, 50_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_variables_of_any_depth_are_accepted_or_refused_but_never_an_error_of_ours(
    depth: int, opening: str, closing: str, client: Client
) -> None:
    deep = opening * depth + "1" + closing * depth
    body = json.dumps({"template_code": client.publish_template(), "recipient": {}, "variables": "DEEP"})
    content = body.replace('"DEEP"', f'{{"name": "Ada", "deep": {deep}}}').encode()
    answer = client.call("POST /v1/notifications", content=content)
    assert answer.status_code in {202, 400, 413, 422}, answer.text
    if answer.status_code == 202:
        assert client.trace(answer.json()["notification_id"])["variables"]["name"] == "Ada"


@pytest.mark.parametrize("number", ["1e308", "-0.0", "9" * 400, "9" * 5000, "123456789012345678901234567890", "1E400"])
def test_numbers_of_any_size_are_kept_or_refused_but_never_an_error_of_ours(number: str, client: Client) -> None:
    body = json.dumps({"template_code": client.publish_template(), "recipient": {}, "variables": "NUMBER"})
    content = body.replace('"NUMBER"', f'{{"name": {number}}}').encode()
    answer = client.call("POST /v1/notifications", content=content)
    assert answer.status_code in {202, 400, 422}, answer.text
    if answer.status_code == 202:
        assert client.trace(answer.json()["notification_id"])["variables"]["name"] == pytest.approx(json.loads(number))


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;x=y"])
def test_json_is_json_whatever_parameters_its_type_has(media_type: str, client: Client) -> None:
    body = {"email": address(), "name": "Ada"}
    assert client.call("POST /v1/users", body, headers={"Content-Type": media_type}).status_code == 201


@pytest.mark.parametrize("path", ["/v1/users/", "/v1//users", "/v1/users/../users", "/v1/users;x=1"])
def test_a_path_written_otherwise_is_no_route_or_the_route_but_never_an_error_of_ours(
    path: str, client: Client
) -> None:
    assert client.call(f"GET {path}").status_code in {200, 404, 405}
