"""Paths find the resource that API Gateway would choose."""

import pytest

from offline.emulator.front_resources import Resource, ResourceTable


def table(*paths: str) -> ResourceTable:
    return ResourceTable(Resource(path, frozenset({"GET"})) for path in paths)


def matched(resources: ResourceTable, path: str) -> tuple[str, dict[str, str]] | None:
    found = resources.match(path)
    return None if found is None else (found[1].path, dict(found[1].parameters))


def test_a_literal_wins_over_a_variable_and_a_variable_over_a_greedy_one() -> None:
    resources = table("/users/{proxy+}", "/users/{id}", "/users/me")
    assert matched(resources, "/users/me") == ("/users/me", {})
    assert matched(resources, "/users/7") == ("/users/{id}", {"id": "7"})
    assert matched(resources, "/users/7/devices") == ("/users/{proxy+}", {"proxy": "7/devices"})


def test_a_literal_that_leads_nowhere_gives_way_to_the_variable() -> None:
    resources = table("/users/me", "/users/{id}/devices")
    assert matched(resources, "/users/me/devices") == ("/users/{id}/devices", {"id": "me"})


def test_parameters_are_not_decoded() -> None:
    assert matched(table("/t/{code}"), "/t/a%2Fb") == ("/t/{code}", {"code": "a%2Fb"})


@pytest.mark.parametrize("path", ["/users", "/users/"])
def test_a_trailing_slash_is_ignored(path: str) -> None:
    assert matched(table("/users"), path) == ("/users", {})


def test_the_root_is_a_resource_too() -> None:
    assert matched(table("/"), "/") == ("/", {})
    assert matched(table("/users"), "/") is None


@pytest.mark.parametrize("path", ["/nothing", "/users//devices", "/users/1/devices/2", "/Users"])
def test_an_unknown_path_has_no_resource(path: str) -> None:
    assert matched(table("/users", "/users/{id}/devices"), path) is None


def test_two_names_for_one_variable_are_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        table("/users/{id}", "/users/{user_id}/devices")


def test_any_accepts_every_method() -> None:
    assert Resource("/", frozenset({"ANY"})).accepts("DELETE")
    assert not Resource("/", frozenset({"GET"})).accepts("DELETE")
