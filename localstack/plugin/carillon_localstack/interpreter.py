"""The interpreter that functions run on."""

import subprocess
from functools import cache
from pathlib import Path

SETTING = "CARILLON_RUNTIME_PYTHON"

_TELL = "import sys, awslambdaric; print('python%d.%d' % sys.version_info[:2])"
_TIMEOUT_S = 30


class UnusableInterpreter(Exception):
    """The interpreter cannot run the function; the message says which setting to look at."""


def choose_interpreter(*, setting: str | None, runtime: str | None) -> Path:
    """The interpreter in the setting, if it is what the function asks for. Raises UnusableInterpreter."""
    if not setting:
        raise UnusableInterpreter(f"{SETTING} is not set: functions need an interpreter with awslambdaric and boto3")
    offered = _ask(Path(setting))
    if runtime != offered:
        raise UnusableInterpreter(f"the function asks for {runtime}, and {SETTING} is {offered}")
    return Path(setting)


@cache
def _ask(interpreter: Path) -> str:
    try:
        answer = subprocess.run(
            [interpreter, "-I", "-c", _TELL], capture_output=True, text=True, check=True, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UnusableInterpreter(f"{SETTING}={interpreter} does not run awslambdaric: {error}") from error
    return answer.stdout.strip()
