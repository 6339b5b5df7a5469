"""What JSON Schema has no words for: texts of formats of our own, and rules that need more than the body.

schemathesis loads this module beside its own checks. A failure is dropped here only when the answer itself names a rule
that is in the tables below; everything else stands.
"""

import itertools
import os
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

Json = Any  # a document, and what is answered
AnyCase = Case[Any]  # Any: of whatever operation

PROTECTED_IDS = frozenset(os.environ.get("FUZZING_PROTECTED_IDS", "").split()) | {"me", "order-shipped"}
"""Who is asking, here and in the runs beside this one, and the template of the examples: all need them to the end."""

NOBODY = "00000000-0000-7000-8000-000000000000"

ENDING = frozenset(
    {
        "DELETE /v1/clients/{client_id}",
        "POST /v1/clients/{client_id}/rotate",
        "DELETE /v1/users/{user_id}",
        "PATCH /v1/users/{user_id}",
        "DELETE /v1/templates/{code}",
    }
)
"""What can end somebody's access, or the template."""

UNIQUE = {
    "POST /v1/users": {"email": "ada-{}@example.com", "external_id": "crm-{}"},
    "PATCH /v1/users/{user_id}": {"email": "ada-{}@example.com", "external_id": "crm-{}"},
    "POST /v1/templates": {"code": "order-shipped-{}"},
}
TAKEN = frozenset({"ada@example.com", "crm-4711", "customer-4711", "order-shipped"})
"""The examples of what is unique."""

_numbers = itertools.count()

LOCALES = ("en", "fr", "fr-CA", "de-CH-1996", "zh-Hant-TW", "es-419", "sl-rozaj", "EN-gb")
TIMEZONES = ("UTC", "Europe/Paris", "America/Toronto", "Asia/Kolkata", "Pacific/Apia", "Etc/GMT+12")
PASSWORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=72)
FORMATS = {"bcp47": st.sampled_from(LOCALES), "iana-time-zone": st.sampled_from(TIMEZONES), "password": PASSWORDS}

for name, strategy in FORMATS.items():
    schemathesis.openapi.format(name, strategy)

STATEFUL_CODES = frozenset(
    {
        "precondition_failed",  # If-Match names another state of the resource
        "template_not_found",  # the body names what does not exist: 422 (CONTRACT of POST /v1/notifications)
        "template_not_published",
        "template_version_not_found",
        "user_not_found",
        "missing_variables",  # which ones a template needs is in the template
        "channel_not_in_template",
        "default_locale_missing",  # which locales a template has is in its versions
        "invalid_template",  # Jinja2 has a grammar of its own
        "idempotency_key_reused",
    }
)
"""What is wrong with a request that keeps the schema, seen beside what is stored."""

BETWEEN_FIELDS = (
    "exactly one of user_id and recipient",
    "is there already",
    "is not of this list",  # a cursor is of the list that gave it
    "must be later than now",
    "must be within a year",
    "must not be the same",
    "at most 72 bytes",  # schemas count characters
)
"""Rules about two fields, about the time, or about bytes."""


@schemathesis.hook
def before_load_schema(_context: HookContext, raw_schema: Json) -> None:
    """Let texts of our own formats be made by the strategies above: a generator cannot meet a pattern as well."""
    _leave_formats(raw_schema)


def _leave_formats(part: Json) -> None:
    if isinstance(part, dict):
        if part.get("format") in FORMATS:
            for keyword in ("pattern", "minLength", "maxLength"):
                part.pop(keyword, None)
        part = list(part.values())
    if isinstance(part, list):
        for value in part:
            _leave_formats(value)


@schemathesis.hook
def before_call(_context: HookContext, case: AnyCase, _kwargs: Json) -> None:
    """Let more requests that keep the schema get past what only a look at the stored things could tell.

    What must be unique is made so; a cursor and an entity tag that nobody gave are left out, the tag every other time.
    """
    number = next(_numbers)
    _spare(case)
    _make_unique(case, number)
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.query:
        case.query.pop("cursor", None)
    if case.headers and number % 2 == 0:
        case.headers.pop("If-Match", None)
    if case.operation.label == "POST /v1/notifications" and isinstance(case.body, dict):
        _address_somebody(case.body)


def _spare(case: AnyCase) -> None:
    """Aim what would end what all others need at nobody; links lead there, too."""
    if case.operation.label in ENDING:
        for name, given in case.path_parameters.items():
            if str(given).lower() in PROTECTED_IDS:
                case.path_parameters[name] = NOBODY


def _make_unique(case: AnyCase, number: int) -> None:
    """The examples are the same in every request, and only the first would be taken."""
    body = case.body if isinstance(case.body, dict) else {}
    for name, unlike in UNIQUE.get(case.operation.label, {}).items():
        given = body.get(name)
        if isinstance(given, str) and given in TAKEN:
            body[name] = unlike.format(number)


def _address_somebody(notification: Json) -> None:
    """One of recipient and user_id, and the user one who is there; nothing that is over by now."""
    notification.pop("expires_at", None)
    if notification.get("recipient"):
        notification.pop("user_id", None)
    else:
        notification["user_id"] = os.environ["FUZZING_USER_ID"]


@schemathesis.hook
def filter_failure(_context: HookContext, failure: Failure, case: AnyCase, response: Response) -> bool:
    """Whether a failure stands."""
    if isinstance(failure, RejectedPositiveData):
        return not _needs_more_than_the_schema(response.json())
    if isinstance(failure, AcceptedNegativeData) and case.operation.label == "POST /v1/notifications/batch":
        return not _is_refused_by_item(response.json())
    return True


def _needs_more_than_the_schema(problem: Json) -> bool:
    if problem["code"] in STATEFUL_CODES:
        return True
    flaws = problem.get("errors", [])
    return bool(flaws) and all(any(rule in flaw["detail"] for rule in BETWEEN_FIELDS) for flaw in flaws)


def _is_refused_by_item(batch: Json) -> bool:
    """A batch is accepted as a whole, and each item answered as if it had come alone."""
    return any(item["status"] >= 400 for item in batch["items"])
