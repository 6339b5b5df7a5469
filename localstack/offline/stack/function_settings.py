"""The environment of every function: what the stack decides, under what the caller's environment says."""

import json
import os
import re
from collections.abc import Mapping

from offline.stack.layout import REPOSITORY
from offline.stack.plan import StackPlan

_PROJECT_ID = "carillon-local"
_SETTINGS = re.compile(
    r"""EMAIL_PROVIDERS | EMAIL_FROM | EMAIL_CONCURRENCY | PUSH_CONCURRENCY | PROVIDER_TIMEOUT_S
      | FCM_PROJECT_ID | FCM_CREDENTIALS | FCM_ENDPOINT | JWT_PRIVATE_KEYS | JWT_ISSUER | JWT_AUDIENCE
      | RATE_LIMIT_(IP|CLIENT|LOGIN_ACCOUNT|LOGIN_IP) | CORS_ORIGINS | RETRY_DELAYS_S | TRUSTED_PROXY_HOPS
      | CIRCUIT_FAILURE_THRESHOLD | CIRCUIT_OPEN_S | IDEMPOTENCY_TTL_S | RETENTION_DAYS | CANARY_(EMAIL|DEVICE_TOKEN)
      | (USERS|TEMPLATES|NOTIFICATIONS)_(DATABASE|READ)_URL
      | SECRET_MAX_AGE_S | AWS_\w+ | POWERTOOLS_\w+ | LOG_LEVEL""",
    re.VERBOSE,
)
_SYSTEM = ("PATH", "HOME", "LANG", "TMPDIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE")


def python_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a Python process of the stack needs to start: the system's part, and where our code lies."""
    system = {name: environment[name] for name in _SYSTEM if name in environment}
    path = os.pathsep.join([str(REPOSITORY / "localstack"), str(REPOSITORY)])
    return {**system, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "TZ": "UTC"}


def function_settings(
    *, plan: StackPlan, addresses: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """Return every setting of the functions: the caller's environment wins over what the stack decides.

    `addresses` are those of stack.env; where the environment names a service, they name the same.
    """
    decided = {
        **{name: addresses[name] for name in ("DATABASE_URL", "REDIS_URL", "RABBITMQ_URL")},
        "EMAIL_PROVIDERS": f"smtp://127.0.0.1:{plan.ports['smtp']}?tls=none&name=mailsink",
        "EMAIL_FROM": "Carillon <no-reply@carillon.test>",
        "FCM_PROJECT_ID": _PROJECT_ID,
        "FCM_CREDENTIALS": _service_account(plan),
        "FCM_ENDPOINT": f"http://127.0.0.1:{plan.ports['fcm']}",
        "JWT_PRIVATE_KEYS": json.dumps({plan.signing_key_id: plan.signing_key}),
        "JWT_ISSUER": "carillon-local",
        "JWT_AUDIENCE": "carillon-local",
        "POWERTOOLS_TRACE_DISABLED": "1",
        "POWERTOOLS_SERVICE_NAME": "carillon",
    }
    given = {name: value for name, value in environment.items() if _SETTINGS.fullmatch(name)}
    return {**decided, **given}


def _service_account(plan: StackPlan) -> str:
    """Return a service account as Google issues it, with a key of our own and the double as its token server."""
    address = f"carillon@{_PROJECT_ID}.iam.gserviceaccount.com"
    return json.dumps(
        {
            "type": "service_account",
            "project_id": _PROJECT_ID,
            "private_key_id": plan.signing_key_id,
            "private_key": plan.service_account_key,
            "client_email": address,
            "client_id": "1",
            "token_uri": f"http://127.0.0.1:{plan.ports['fcm']}/token",
        }
    )
