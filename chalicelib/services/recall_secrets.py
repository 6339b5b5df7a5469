"""Reads each secret once and then looks again now and then, so that a rotated one is noticed without a deploy.

What is known stays known: a place of secrets that is away, or that says something unusable, changes nothing for who has
a value that was good. Only a secret that was never read stops whoever needs it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.secret_reference import SecretReference
from chalicelib.errors import InvalidSettings, SecretUnavailable
from chalicelib.services.ports import Log

AT_MOST_EVERY_S = 5.0
"""How often a doubt, or a secret that was never read, makes anybody ask a place of secrets that is away."""

AFTER_AWAY_S = 60.0
"""When who has all values asks a place of secrets again that was away: it may have cost seconds to find that out."""


@dataclass(slots=True)
class _Known:
    setting: str
    value: str
    former: str | None = None


class RecalledSecrets:
    """The secrets that this environment has needed so far. Shared by threads."""

    def __init__(
        self,
        *,
        fetch: Callable[[SecretReference], str],
        check: Callable[[str, str], None],
        clock: Callable[[], datetime],
        log: Log,
        max_age_s: Callable[[], float],
    ) -> None:
        """`clock` is the wall's: a monotonic one may stand still while a function is frozen.

        `max_age_s` is not asked before something was read.

        `fetch` raises SecretUnavailable when trying again is right, and InvalidSettings when somebody must act; so does
        `check`, or ValueError, for a value of which the setting cannot be made.
        """
        self._fetch = fetch
        self._check = check
        self._clock = clock
        self._log = log
        self._max_age_s = max_age_s
        self._rest_s: float | None = None
        self._known: dict[SecretReference, _Known] = {}
        self._looked_at: datetime | None = None
        self._away_at: datetime | None = None
        self._doubted = False
        self._changed = False
        self._turn = threading.Lock()

    def read(self, setting: str, reference: SecretReference) -> str:
        """The value of the setting that names this secret.

        Raises:
            SecretUnavailable: it was never read, and cannot be now.
            InvalidSettings: it was never read, and what is there breaks the setting's rule, or may not be read.
        """
        with self._turn:
            known = self._known.get(reference)
            if known is None:
                known = self._known[reference] = _Known(setting, self._fetched(setting, reference))
                self._looked_at = self._looked_at or self._clock()
            return known.value

    def doubt(self) -> None:
        """Somebody was refused with what a secret said: the next invocation looks again, at most every 5 s."""
        self._doubted = True

    def successor_of(self, value: str) -> str | None:
        """What stands in place of a value that was refused, by a look at once (at most every 5 s); None if nothing."""
        with self._turn:
            for known in self._known.values():
                if known.value == value and self._is_older_than(AT_MOST_EVERY_S):
                    self._look()
                if known.former == value:
                    return known.value
            return None

    def look_again(self) -> bool:
        """Look at all of them, if it is time to. Whether any has changed since this was asked last. Never raises."""
        with self._turn:
            if self._known and self._is_older_than(self._due_after_s()):
                self._look()
            changed, self._changed = self._changed, False
            return changed

    def _due_after_s(self) -> float:
        return AT_MOST_EVERY_S if self._doubted else self._rest_s or self._max_age_s()

    def _is_older_than(self, age_s: float) -> bool:
        if self._looked_at is None:
            return False
        return not 0 <= (self._clock() - self._looked_at).total_seconds() < age_s

    def _look(self) -> None:
        self._looked_at = self._clock()
        self._rest_s = None
        self._doubted = False
        for reference, known in self._known.items():
            try:
                value = self._fetched(known.setting, reference)
            except SecretUnavailable:
                self._rest_s = min(self._max_age_s(), AFTER_AWAY_S)
                return  # one that is away is not asked for the rest of them
            except InvalidSettings:
                continue
            if value != known.value:
                known.value, known.former = value, known.value
                self._changed = True
                self._log.info("secret_changed", setting=known.setting.upper())

    def _fetched(self, setting: str, reference: SecretReference) -> str:
        """What the secret says, if it keeps the rule of its setting; whoever cannot have it finds the reason logged."""
        name = setting.upper()
        try:
            value = self._asked(reference)
            self._check(setting, value)
        except SecretUnavailable as error:
            self._log.warning("secret_unavailable", setting=name, reason=str(error))
            raise
        except (InvalidSettings, ValueError) as error:
            self._log.error("secret_unusable", setting=name, reason=str(error))
            raise InvalidSettings(f"{name}: its secret {error}") from error
        return value

    def _asked(self, reference: SecretReference) -> str:
        if self._away_at and 0 <= (self._clock() - self._away_at).total_seconds() < AT_MOST_EVERY_S:
            raise SecretUnavailable("could not be reached a moment ago")
        try:
            return self._fetch(reference)
        except SecretUnavailable:
            self._away_at = self._clock()
            raise
