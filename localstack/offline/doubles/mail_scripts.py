"""What the sink does with a recipient, by the beginning of the address's local part.

| local part begins with | the sink |
|---|---|
| `defer-twice-` | answers 451 twice for this address, then accepts |
| `defer-` | answers 451, always |
| `reject-` | answers 550 5.1.1 |
| `slow-` | keeps the mail, and answers after a delay |
| `drop-` | keeps the mail, and closes the connection without an answer |
| `poison-` | holds the answer to RCPT for a while, in which `GET /holding` names it; then takes the mail |
"""

from collections import Counter
from enum import StrEnum


class Script(StrEnum):
    """What happens to one recipient."""

    ACCEPT = "accept"
    DEFER_TWICE = "defer-twice-"
    DEFER = "defer-"
    REJECT = "reject-"
    SLOW = "slow-"
    DROP = "drop-"
    POISON = "poison-"


DEFERRALS = 2
SCRIPTED = (Script.DEFER_TWICE, Script.DEFER, Script.REJECT, Script.SLOW, Script.DROP, Script.POISON)


def script_for(address: str) -> Script:
    """The script of an address; case does not matter, the longest beginning wins."""
    return next((script for script in SCRIPTED if address.lower().startswith(script)), Script.ACCEPT)


class Recipients:
    """Answers RCPT commands by script, and counts the deferrals of each address."""

    def __init__(self) -> None:
        self._deferrals: Counter[str] = Counter()

    def answer(self, address: str) -> str:
        """The SMTP reply to one RCPT; it begins with 250 when the recipient is accepted."""
        script = script_for(address)
        if script is Script.REJECT:
            return "550 5.1.1 No such mailbox"
        if script is Script.DEFER or (script is Script.DEFER_TWICE and self._defers_again(address)):
            return "451 4.7.1 Not now, try again later"
        return "250 2.1.5 OK"

    def reset(self) -> None:
        """Every `defer-twice-` address begins anew."""
        self._deferrals.clear()

    def _defers_again(self, address: str) -> bool:
        self._deferrals[address.lower()] += 1
        return self._deferrals[address.lower()] <= DEFERRALS
