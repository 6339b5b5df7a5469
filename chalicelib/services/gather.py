"""Gathers what the items of a batch need, each thing once; what cannot be had concerns the items that need it alone."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from chalicelib.domain.catalog import TemplateHead
from chalicelib.domain.preferences import Preferences
from chalicelib.domain.recipient import Person
from chalicelib.domain.request import SendNotification
from chalicelib.errors import DependencyUnavailable
from chalicelib.services.ports import Catalog, CompiledContents, CompiledTemplates, People, PreferencesOf

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


@dataclass(slots=True)
class Once(Generic[KeyT, ValueT]):
    """Asks once for each key. That a service is away is an answer too: no item waits for it a second time."""

    ask: Callable[[KeyT], ValueT]
    _answers: dict[KeyT, ValueT | DependencyUnavailable] = field(default_factory=dict)

    def __call__(self, key: KeyT) -> ValueT:
        if key not in self._answers:
            try:
                self._answers[key] = self.ask(key)
            except DependencyUnavailable as error:
                self._answers[key] = error
        answer = self._answers[key]
        if isinstance(answer, DependencyUnavailable):
            raise answer
        return answer


@dataclass(frozen=True, slots=True)
class Gathered:
    """What composing asks for, answered from what was gathered: it stands for people and for the catalog."""

    find_persons: Callable[[], Mapping[UUID, Person]]
    load_preferences: Callable[[], Mapping[UUID, Preferences]]
    find_published: Once[str, TemplateHead | None]
    load_version: Once[tuple[str, int], CompiledContents]

    def find_person(self, user_id: UUID) -> Person | None:
        return self.find_persons().get(user_id)

    def preferences_of(self, _user_ids: Collection[UUID], /) -> Mapping[UUID, Preferences]:
        return self.load_preferences()

    def compiled(self, code: str, number: int, /) -> CompiledContents:
        return self.load_version((code, number))


def gather(
    commands: Sequence[SendNotification],
    *,
    people: People,
    preferences_of: PreferencesOf,
    catalog: Catalog,
    compiled: CompiledTemplates,
) -> Gathered:
    """Nothing is asked for before the first item needs it; then it is asked for on behalf of all of them."""
    user_ids = frozenset(command.user_id for command in commands if command.user_id is not None)
    persons, preferences = Once(people.find_persons), Once(preferences_of)
    return Gathered(
        find_persons=lambda: persons(user_ids),
        load_preferences=lambda: preferences(user_ids),
        find_published=Once(catalog.find_published),
        load_version=Once(lambda version: compiled(*version)),
    )
