"""Fields and cursors: one spelling for what means the same, and nothing that means nothing."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.domain.audit import Actor
from chalicelib.domain.locale import canonical_locale
from chalicelib.domain.notification import Channel, Platform, Priority
from chalicelib.domain.recipient import PushTarget
from chalicelib.domain.request import IdempotencyKey, NamedRecipient, SendNotification
from chalicelib.errors import InvalidRequest
from chalicelib.handlers.answers import timestamp
from chalicelib.handlers.paging import decode_cursor, encode_cursor
from chalicelib.handlers.request import correlation_id_of
from chalicelib.handlers.schemas_notifications import NotificationBody, idempotency_of
from chalicelib.handlers.schemas_templates import PreviewBody
from chalicelib.handlers.schemas_users import UserBody

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOMEBODY = UUID("0192d3f0-0000-7000-8000-000000000001")
SOMEBODY_ACTING = Actor(name="client:billing", correlation_id="order-7-shipped")


def user_body(**fields: str) -> UserBody:
    return UserBody.model_validate({"email": "ada@example.com", "name": "Ada"} | fields)


def command_of(**fields: object) -> SendNotification:
    body = NotificationBody.model_validate({"template_code": "welcome"} | fields, strict=False)
    return body.command(client_id="billing", correlation_id="order-7-shipped", idempotency=None, now=NOW)


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("fr-ca", "fr-CA"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("ast", "ast"),
        ("de-CH-1996", "de-CH-1996"),
        ("sl-ROZAJ", "sl-rozaj"),
    ],
)
def test_a_language_tag_has_one_spelling(tag: str, canonical: str) -> None:
    assert canonical_locale(tag) == canonical
    assert canonical_locale(canonical) == canonical


@given(st.text(max_size=40))
def test_a_text_is_a_language_tag_in_one_spelling_or_none(text: str) -> None:
    try:
        canonical = canonical_locale(text)
    except ValueError:
        return
    assert canonical_locale(canonical) == canonical
    assert canonical.lower() == text.lower()


@pytest.mark.parametrize(
    ("given_address", "kept"),
    [
        ("Ada.O'Hara+x@EXAMPLE.com", "Ada.O'Hara+x@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("defer-twice-ada@mail.test", "defer-twice-ada@mail.test"),
    ],
)
def test_an_address_is_kept_as_mail_servers_take_it(given_address: str, kept: str) -> None:
    assert user_body(email=given_address).email == kept


@given(st.text(max_size=80))
def test_any_text_is_an_address_of_one_line_or_none(text: str) -> None:
    try:
        kept = user_body(email=text).email
    except ValidationError:
        return
    assert kept.isascii()
    assert kept.isprintable()
    assert kept.count("@") == 1


def test_every_time_zone_that_is_taken_can_be_used() -> None:
    for name in ("UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "Asia/Kolkata"):
        assert zoneinfo.ZoneInfo(str(user_body(timezone=name).timezone)).key == name


def test_a_password_shows_in_no_repr() -> None:
    body = user_body(password="correct horse")
    assert "horse" not in repr(body)
    assert "horse" not in repr(body.command(by=SOMEBODY_ACTING, may_make_admins=False))


def test_a_full_request_becomes_a_full_command() -> None:
    assert command_of(
        recipient={
            "email": "ada@example.com",
            "name": "Ada",
            "locale": "fr-ca",
            "device_tokens": [{"token": "phone", "platform": "web"}],
        },
        channels=["push", "email"],
        variables={"order": {"id": 7}},
        locale="EN",
        category="orders",
        priority="low",
        send_at="2026-11-22T15:00:00+02:00",
        expires_at="2026-11-23T00:00:00Z",
        metadata={"trace": "x"},
    ) == SendNotification(
        client_id="billing",
        correlation_id="order-7-shipped",
        template_code="welcome",
        recipient=NamedRecipient("ada@example.com", "Ada", "fr-CA", (PushTarget("phone", Platform.WEB),)),
        channels=(Channel.PUSH, Channel.EMAIL),
        variables={"order": {"id": 7}},
        locale="en",
        category="orders",
        priority=Priority.LOW,
        send_at=datetime(2026, 11, 22, 13, tzinfo=UTC),
        expires_at=datetime(2026, 11, 23, tzinfo=UTC),
        metadata={"trace": "x"},
    )


def test_a_time_in_the_past_is_no_flaw_but_an_end_in_the_past_is() -> None:
    assert command_of(user_id=SOMEBODY, send_at=NOW - timedelta(days=1), expires_at=NOW + timedelta(seconds=1))
    with pytest.raises(InvalidRequest):
        command_of(user_id=SOMEBODY, expires_at=NOW)


def test_without_a_key_there_is_no_idempotency() -> None:
    assert idempotency_of({}, fingerprint=b"x") is None
    assert idempotency_of({"idempotency-key": "order 7"}, fingerprint=b"x") == IdempotencyKey("order 7", b"x")


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "caf\u00e9"])
def test_a_key_that_cannot_be_kept_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest):
        idempotency_of({"idempotency-key": key}, fingerprint=b"x")


@given(st.uuids())
def test_a_cursor_leads_back_to_where_its_list_ended(last: UUID) -> None:
    cursor = encode_cursor(last, of="devices")
    assert decode_cursor(cursor, of="devices") == last
    with pytest.raises(InvalidRequest):
        decode_cursor(cursor, of="users")


@given(st.text(max_size=64))
def test_a_cursor_cannot_be_guessed_nor_break_anything(text: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_cursor(text, of="devices")


def test_no_cursor_is_the_beginning() -> None:
    assert decode_cursor(None, of="devices") is None


@pytest.mark.parametrize(("written", "meant"), [("3", 3), ("3.0", 3)])
def test_an_integer_may_be_written_with_a_point(written: str, meant: int) -> None:
    assert PreviewBody.model_validate_json(f'{{"channel": "email", "version": {written}}}').version == meant


@pytest.mark.parametrize("written", ["3.5", '"3"', "true", "0.0", "1e400"])
def test_what_is_no_integer_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        PreviewBody.model_validate_json(f'{{"channel": "email", "version": {written}}}')


def test_moments_are_written_in_utc_with_z() -> None:
    assert timestamp(datetime.fromisoformat("2026-11-22T15:00:00.5+02:00")) == "2026-11-22T13:00:00.500000Z"
    assert timestamp(None) is None


@given(st.text(max_size=140))
def test_a_correlation_id_is_always_well_formed(text: str) -> None:
    correlation_id = correlation_id_of(text)
    assert 8 <= len(correlation_id) <= 128
    assert set(correlation_id) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
