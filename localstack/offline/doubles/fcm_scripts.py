"""What the double answers to a device token, by the token's beginning.

| token begins with | answer |
|---|---|
| `unregistered-` | 404 UNREGISTERED |
| `invalid-` | 400 INVALID_ARGUMENT |
| `sender-mismatch-` | 403 SENDER_ID_MISMATCH |
| `internal-` | 500 INTERNAL |
| `quota-` | 429 QUOTA_EXCEEDED with Retry-After; accepted after two tries when the token ends in `-twice` |
| `unavailable-` | 503 UNAVAILABLE with Retry-After; likewise |
| `slow-` | accepted after a delay |
"""

from collections import Counter

from offline.doubles.fcm_errors import (
    INTERNAL,
    INVALID_TOKEN,
    QUOTA_EXCEEDED,
    SENDER_ID_MISMATCH,
    UNAVAILABLE,
    UNREGISTERED,
    FcmAnswer,
)

REFUSALS = {
    "unregistered-": UNREGISTERED,
    "invalid-": INVALID_TOKEN,
    "sender-mismatch-": SENDER_ID_MISMATCH,
    "internal-": INTERNAL,
    "quota-": QUOTA_EXCEEDED,
    "unavailable-": UNAVAILABLE,
}
PASSING = (QUOTA_EXCEEDED, UNAVAILABLE)
TRIES_REFUSED = 2


def is_slow(token: str) -> bool:
    """Whether the answer to this token is delayed."""
    return token.startswith("slow-")


class Devices:
    """Answers by token, and counts the tries of those that pass later."""

    def __init__(self) -> None:
        self._tries: Counter[str] = Counter()

    def refuse(self, token: str) -> FcmAnswer | None:
        """The scripted error for one try; None when the message is accepted."""
        refusal = next((answer for begin, answer in REFUSALS.items() if token.startswith(begin)), None)
        if refusal in PASSING and token.endswith("-twice"):
            self._tries[token] += 1
            return refusal if self._tries[token] <= TRIES_REFUSED else None
        return refusal

    def reset(self) -> None:
        """Every `-twice` token begins anew."""
        self._tries.clear()
