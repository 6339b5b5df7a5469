"""The contract of the queues: every body is either a message or refused, and nothing else happens."""

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.messages import DeliveryMessage, compose_message, decode_message, dispatch_of
from chalicelib.domain.notification import Channel
from chalicelib.errors import MalformedMessage

messages = st.builds(
    compose_message,
    delivery_id=st.uuids(),
    notification_id=st.uuids(),
    channel=st.sampled_from(Channel),
    ticket=st.integers(1, (1 << 63) - 1),
    correlation_id=st.text("abcXYZ019._-", min_size=1, max_size=128),
    published_at=st.datetimes(timezones=st.just(UTC)),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def a_body(**changes: object) -> bytes:
    body: dict[str, object] = {
        "schema": 1,
        "delivery_id": str(uuid4()),
        "notification_id": str(uuid4()),
        "channel": "email",
        "ticket": 1,
        "correlation_id": "correlation-1",
        "published_at": "2026-11-22T12:00:00Z",
    }
    return json.dumps({**body, **changes}).encode()


@given(messages)
def test_a_message_is_read_as_it_was_written(message: DeliveryMessage) -> None:
    assert decode_message(message.encode()) == message


@given(st.binary() | st.text().map(lambda text: text.encode(errors="surrogatepass")))
def test_any_other_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_message(body)


@given(st.dictionaries(st.sampled_from(sorted(json.loads(a_body()))), json_values, min_size=1))
def test_a_body_with_any_field_replaced_is_read_or_refused(changes: dict[str, object]) -> None:
    try:
        message = decode_message(a_body(**changes))
    except MalformedMessage:
        return
    assert 1 <= message.ticket < 1 << 63


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"ticket": 0},
        {"ticket": 1 << 63},
        {"ticket": 1e300},
        {"channel": "fax"},
        {"delivery_id": "not-a-uuid"},
        {"correlation_id": ""},
        {"correlation_id": "x" * 129},
        {"published_at": "2026-11-22T12:00:00"},
    ],
    ids=str,
)
def test_a_body_that_a_database_could_not_be_asked_about_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedMessage):
        decode_message(a_body(**changes))


def test_fields_of_a_later_version_are_ignored() -> None:
    assert decode_message(a_body(invented_later=True)).ticket == 1


def test_an_error_does_not_show_the_body() -> None:
    with pytest.raises(MalformedMessage) as refused:
        decode_message(b'{"schema": 1, "secret": "ada@example.org"}')
    assert "ada" not in str(refused.value)


@given(messages, st.none() | st.integers(1, 100))
def test_a_dispatch_carries_the_message_under_its_own_names(message: DeliveryMessage, delay_s: int | None) -> None:
    dispatch = dispatch_of(message, lane="email.bulk", delay_s=delay_s)
    assert (dispatch.destination, dispatch.delay_s) == ("email.bulk", delay_s)
    assert UUID(dispatch.message_id) == message.delivery_id
    assert decode_message(dispatch.body) == message


def test_a_message_holds_nothing_personal() -> None:
    message = compose_message(
        delivery_id=uuid4(),
        notification_id=uuid4(),
        channel=Channel.EMAIL,
        ticket=1,
        correlation_id="c",
        published_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    assert sorted(json.loads(message.encode())) == sorted(json.loads(a_body()))
