"""What every refusal has in common: a problem document, the security headers, and a name to find it by in the logs."""

import httpx

from tests.e2e.api import Json

MEMBERS = {"type", "title", "status", "detail", "code", "correlation_id"}


def problem(answer: httpx.Response, status: int, code: str | None = None) -> Json:
    """The problem document of an answer that has this status, and this code when one is given."""
    shown = f"{answer.request.method} {answer.request.url} → {answer.status_code} {answer.headers}: {answer.text}"
    assert answer.status_code == status, shown
    assert answer.headers["Content-Type"] == "application/problem+json", shown
    document = answer.json()
    assert document.keys() - {"errors"} == MEMBERS, shown
    assert document["status"] == status, shown
    assert all(isinstance(document[each], str) and document[each] for each in MEMBERS - {"status"}), shown
    assert document["correlation_id"] == answer.headers["X-Correlation-ID"], shown
    assert document["code"] == (code or document["code"]), shown
    assert document.get("errors") != [], shown
    assert "Traceback" not in answer.text, shown
    assert_secure(answer)
    return document


def pointers(document: Json) -> set[str]:
    """Where a problem document finds fault."""
    return {flaw["pointer"] for flaw in document.get("errors", [])}


def assert_secure(answer: httpx.Response) -> None:
    """The headers that no answer may lack."""
    headers = answer.headers
    assert "max-age=" in headers["Strict-Transport-Security"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"]
    assert headers["Cache-Control"] == "no-store"
