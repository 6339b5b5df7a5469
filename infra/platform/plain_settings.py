"""The settings of the functions that are no secrets: given by the caller, and judged before anything is made."""

from collections.abc import Mapping

from chalicelib.domain.secret_rules import RULES
from chalicelib.errors import InvalidSettings
from chalicelib.settings import Settings, load_settings
from infra.errors import StepFailed
from infra.functions import APP
from infra.platform.entrusted import ASKED_FOR, SIGNING_KEYS

ASKED_OF_THE_CALLER = ("EMAIL_FROM", "FCM_PROJECT_ID")
_KEPT_ELSEWHERE = "arn:aws:secretsmanager:us-east-1:000000000000:secret:carillon/any/SECRET-AbCdEf"


def plain_settings(given: Mapping[str, str], *, stage: str, made_by_us: Mapping[str, str]) -> Mapping[str, str]:
    """Return what of `given` is a setting of the functions, with what the stage itself decides.

    `made_by_us` has the secrets that the platform makes; a caller gives none, but the ARN of a database of one's own.

    Raises:
        StepFailed: something is missing, is a secret, or is nothing that the functions would start with.
    """
    _demand_given(given)
    plain = {name.upper() for name in Settings.model_fields} - set(made_by_us)
    _demand_no_secret(given, urls={name for name in plain if name.endswith("_URL")})
    issuer = f"{APP}-{stage}"
    settings = {"JWT_ISSUER": issuer, "JWT_AUDIENCE": issuer} | {
        name: value for name, value in given.items() if name in plain
    }
    _demand_in_order(settings)
    return settings


def _demand_given(given: Mapping[str, str]) -> None:
    missing = [name for name in ASKED_OF_THE_CALLER if not given.get(name)]
    if missing:
        raise StepFailed(
            f"{', '.join(missing)}: not given.",
            remedy="Give each in the environment, such as EMAIL_FROM='Carillon <no-reply@example.com>' make deploy …",
        )


def _demand_no_secret(given: Mapping[str, str], *, urls: set[str]) -> None:
    """A password stands in the URL of a database, so only the ARN of a secret may be given."""
    misplaced = [name for name in (*ASKED_FOR, SIGNING_KEYS) if given.get(name)]
    misplaced += [name for name, value in given.items() if name in urls and not value.startswith("arn:")]
    if misplaced:
        raise StepFailed(
            f"{', '.join(misplaced)}: a secret, which no environment should hold.",
            remedy="Take it out of the environment. Its place is Secrets Manager; you are told how to put it there.",
        )


def _demand_in_order(settings: Mapping[str, str]) -> None:
    secrets = {name.upper(): _KEPT_ELSEWHERE for name in RULES if Settings.model_fields[name].is_required()}
    try:
        load_settings(given={**secrets, **settings})
    except InvalidSettings as error:
        raise StepFailed(f"The functions would not start: {error}", remedy="Give another value, or none.") from None
