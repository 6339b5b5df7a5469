"""The environment variables of a function's process."""

from collections.abc import Mapping
from pathlib import Path

_OF_LOCALSTACK = ("LOCALSTACK_", "EDGE_PORT", "_AWS_XRAY_DAEMON_")
_PATH = "/usr/local/bin:/usr/bin:/bin"


def function_variables(
    *, given: Mapping[str, object], own: Mapping[str, str], code: Path, runtime: str
) -> dict[str, str]:
    """What Lambda sets (`given`, as LocalStack tells it) and the function's `own`; nothing of this process.

    Of the variables that LocalStack adds for itself only AWS_ENDPOINT_URL stays: it is how boto3 finds LocalStack.
    """
    of_lambda = {name: str(value) for name, value in given.items() if not name.startswith(_OF_LOCALSTACK)}
    return {
        "PATH": _PATH,
        "LANG": "en_US.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **of_lambda,
        **own,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "LAMBDA_TASK_ROOT": str(code),
    }
