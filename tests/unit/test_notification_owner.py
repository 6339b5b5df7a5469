"""Whose a notification and its idempotency key are."""

from uuid import uuid4

from chalicelib.domain.principal import Principal
from chalicelib.handlers.schemas_notifications import owner_of

PERSON = uuid4()


def test_a_clients_are_its_ids_as_they_always_were() -> None:
    assert owner_of(Principal("billing", frozenset())) == "billing"


def test_a_persons_name_space_is_no_clients() -> None:
    person = Principal(str(PERSON), frozenset(), session_id="session")
    assert owner_of(person) == f"user:{PERSON}"
    assert owner_of(person) != owner_of(Principal(str(PERSON), frozenset()))
