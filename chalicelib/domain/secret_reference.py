"""Where a secret lies that a setting does not hold itself: the ARN of a secret of AWS Secrets Manager.

The secret's whole text, but for white space around it, is the setting's value. The suffix
`:json-key:version-stage:version-id`, which ECS knows, is refused: one setting, one secret, so that a function can be
given the right to read the one and not the other.
"""

import re
from dataclasses import dataclass

_ARN = re.compile(
    r"arn:aws(-[a-z]+)*:secretsmanager:(?P<region>[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}):[0-9]{12}:secret:"
    r"[A-Za-z0-9/_+=.@-]{1,519}"
)


@dataclass(frozen=True, slots=True)
class SecretReference:
    """An ARN in order, and the region that it names, which need not be the function's own."""

    arn: str
    region: str

    @classmethod
    def parse(cls, text: str) -> "SecretReference":
        """Raises: ValueError, without the text: who puts a password in the wrong place does not read it in a log."""
        found = _ARN.fullmatch(text)
        if found is None:
            raise ValueError(
                "must be the ARN of a secret, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, and nothing after it"
            )
        return cls(text, found["region"])


def is_reference(text: str) -> bool:
    """Whether this names a secret, well or badly, rather than being one: no setting's own value begins so."""
    return text.startswith("arn:")
