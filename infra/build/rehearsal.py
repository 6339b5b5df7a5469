"""Plays every function of an unpacked package where nobody listens: each gets as far as finding nobody, and no less."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

from chalicelib.errors import BrokerUnavailable, CacheUnavailable, DatabaseUnavailable
from infra.build import in_package
from infra.build.invoking import Event, Invoked, invoke
from infra.build.rehearsal_settings import complete_settings
from infra.errors import BuildFailed
from infra.functions import ALL, HTTP

_AT_ONCE = 2

_ANSWERS: Mapping[str, HTTPStatus] = {"/health": HTTPStatus.OK, "/health/ready": HTTPStatus.SERVICE_UNAVAILABLE}
"""What the API is asked, and what it answers while nobody listens. The second builds what the other routes stand on."""

_NOBODY_LISTENS = {
    *(f"{kind.__module__}.{kind.__name__}" for kind in (BrokerUnavailable, CacheUnavailable, DatabaseUnavailable)),
    "sqlalchemy.exc.OperationalError",  # of `migrate`, which has no adapter of ours before its database
}
"""The errors that a function may end with here. Every other one would meet it in AWS, too."""

_TRACE = "Traceback (most recent call last):\n"


def rehearse(package: Path) -> None:
    """Invoke every function with complete settings, and import every module of ours besides. Takes seconds.

    Raises:
        BuildFailed: naming each function that needs a module which the package lacks, the module, and who wanted it;
            and each that ends in anything else than a server which is away, with the error and where it comes from.
    """
    settings = complete_settings()
    events = {HTTP: [_request(path) for path in _ANSWERS]}

    def play(function: str) -> Invoked:
        return invoke(package, function, events.get(function, [{}]), environment=settings, timeout_s=3)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        flaws = [flaw for each in pool.map(play, (*ALL, in_package.EVERYTHING)) if (flaw := flaw_of(each))]
    if flaws:
        raise BuildFailed(
            "the package does not stand its rehearsal:\n" + "\n".join(flaws),
            remedy="A module that it lacks: name it in requirements.in and run make lock; or take it out of"
            " infra/build/left_out.py. A setting: give it in infra/build/rehearsal_settings.py. All else: mend it.",
        )


def flaw_of(played: Invoked) -> str | None:
    """What is wrong with a function that was rehearsed; None when all that it lacked was somebody who listens."""
    name = "a module of chalicelib" if played.function == in_package.EVERYTHING else played.function
    if played.missing:
        return f"{name} needs the module {played.missing}: {_where(played.raised or '')}"
    if played.raised is not None:
        error = _error_of(played.raised)
        return None if _is_expected(played.function, error) else f"{name} ends in {error}: {_where(played.raised)}"
    return _flaw_of_answers(played) if played.function == HTTP else None


def _is_expected(function: str, error: str) -> bool:
    """To import connects to nobody."""
    return function != in_package.EVERYTHING and error.partition(":")[0] in _NOBODY_LISTENS


def _flaw_of_answers(played: Invoked) -> str | None:
    """The edge makes an answer of every error: it shows in the status, and what it was in the log."""
    answered = zip(_ANSWERS.items(), (answer["statusCode"] for answer in played.answers), strict=True)
    wrong = [f"GET {path} with {status} and not with {right}" for (path, right), status in answered if status != right]
    return f"{played.function} answers {', '.join(wrong)}: {_logged(played.printed)}" if wrong else None


def _logged(printed: str) -> str:
    """The errors that our log tells of, each with its class and place; the last words when it tells of none."""
    records = [json.loads(line) for line in printed.splitlines() if line.startswith('{"level":')]
    outermost = [record["raised"][0] for record in records if "raised" in record]
    told = dict.fromkeys(f"{error['kind']} at {error['stack'][-1]}" for error in outermost)
    return ", ".join(told) or printed[-2000:]


def _error_of(raised: str) -> str:
    """The class of the error with its module, and its message: the line below the frames of the outermost trace."""
    lines = raised.rpartition(_TRACE)[2].splitlines()
    return next((line for line in lines if not line.startswith(" ")), "an error without a name")


def _where(raised: str) -> str:
    """The innermost line of the trace that is not the import system's."""
    lines = [line.strip() for line in raised.splitlines() if line.strip().startswith('File "/')]
    return lines[-1] if lines else "nobody says where"


def _request(path: str) -> Event:
    """The gateway's event."""
    return {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"httpMethod": "GET", "resourcePath": path, "identity": {"sourceIp": "203.0.113.7"}},
        "body": None,
        "isBase64Encoded": False,
    }
