"""What the environment of a command says of where to deploy, and to whom the first account belongs."""

from collections.abc import Mapping

from chalicelib.domain.user import MAX_PASSWORD_BYTES, MIN_PASSWORD_LENGTH
from infra.errors import StepFailed
from infra.release.migration import Founders
from infra.stage import CONFIG, STAGE_NAME
from infra.target import Target

LOCAL = "local"


def target_of(environment: Mapping[str, str], *, stage: str) -> Target:
    """Return where AWS's own tools would go with this environment.

    Raises:
        StepFailed: there is no region, the stage is the one that a LocalStack plays, or none can be called so: the
            function of a stage `dev-relay` would have the name of the relay of `dev`.
    """
    if stage == LOCAL:
        raise StepFailed(f"The stage {LOCAL!r} is LocalStack's.", remedy="Run: make localstack")
    if not stage:
        raise StepFailed("No stage is given.", remedy="Name one: make deploy STAGE=dev")
    if not STAGE_NAME.fullmatch(stage):
        raise StepFailed(
            f"{stage!r} is not the name of a stage.",
            remedy=f"Name one of {CONFIG}: at most 16 small letters and digits.",
        )
    region = environment.get("AWS_DEFAULT_REGION") or environment.get("AWS_REGION")
    if not region:
        raise StepFailed("No region is given.", remedy="Name one: AWS_DEFAULT_REGION=eu-central-1 make deploy …")
    of_aws = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    return Target(stage=stage, environment={**of_aws, "AWS_DEFAULT_REGION": region})


def profile_of(stage: str, *, chosen: str) -> str:
    """Return the profile of sizes: the chosen one, else what befits the stage."""
    return chosen or ("production" if stage == "prod" else "small")


def founders_of(environment: Mapping[str, str]) -> Founders:
    """Return who is let into a fresh installation, if somebody is named.

    Raises:
        StepFailed: there is an address without a password, or with one that no user may have.
    """
    email, password = environment.get("ADMIN_EMAIL"), environment.get("ADMIN_PASSWORD")
    if not email:
        return {}
    if not password:
        raise StepFailed(
            f"There is no password for the administrator {email}.", remedy="Give ADMIN_PASSWORD, or no ADMIN_EMAIL."
        )
    if len(password) < MIN_PASSWORD_LENGTH or len(password.encode()) > MAX_PASSWORD_BYTES:
        raise StepFailed(
            f"No user may have the password that ADMIN_PASSWORD gives to {email}.",
            remedy=f"Give one of at least {MIN_PASSWORD_LENGTH} characters and at most {MAX_PASSWORD_BYTES} bytes.",
        )
    return {"first_admin": {"email": email, "password": password}}
