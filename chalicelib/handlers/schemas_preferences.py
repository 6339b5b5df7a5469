"""The body and the answer of /v1/users/{user_id}/preferences."""

from datetime import time
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from chalicelib.domain.audit import Actor
from chalicelib.domain.notification import Channel
from chalicelib.domain.preferences import Preferences, PreferencesRecord, QuietHours
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.fields import Category
from chalicelib.handlers.request import RequestModel
from chalicelib.services.replace_preferences import ReplacePreferences

MOST_CATEGORIES = 200

ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"])]
Wanted = Annotated[bool, Field(strict=True)]


class ChannelsBody(RequestModel):
    """Whether each channel is wanted at all; what is absent is wanted."""

    email: bool = True
    push: bool = True


class QuietHoursBody(RequestModel):
    """From `start` until `end` of each day, by the person's own clock; they may cross midnight."""

    start: ClockTime
    end: ClockTime

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end must not be the same")
        return self


class PreferencesBody(RequestModel):
    """What a person wants from now on, whole: what is absent is wanted, at any hour."""

    channels: ChannelsBody = ChannelsBody()
    categories: Annotated[
        dict[Category, dict[Channel, Wanted]],
        Field(max_length=MOST_CATEGORIES, examples=[{"marketing": {"email": False}}]),
    ] = Field(default_factory=dict)
    quiet_hours: QuietHoursBody | None = None

    def command(self, user_id: UUID, *, by: Actor, if_match: frozenset[int] | None) -> ReplacePreferences:
        quiet = self.quiet_hours
        preferences = Preferences(
            channels={Channel.EMAIL: self.channels.email, Channel.PUSH: self.channels.push},
            categories=self.categories,
            quiet_hours=None
            if quiet is None
            else QuietHours(time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)),
        )
        return ReplacePreferences(user_id=user_id, preferences=preferences, by=by, if_match=if_match)


class ChannelsResource(ResourceModel):
    """Whether each channel is wanted at all."""

    email: bool
    push: bool


class QuietHoursResource(ResourceModel):
    """From `start` until `end` of each day, by the person's own clock."""

    start: Annotated[str, Field(examples=["22:00"])]
    end: Annotated[str, Field(examples=["07:00"])]


class PreferencesResource(ResourceModel):
    """What a person wants. The same document is what PUT takes; the ETag is its revision, "0" before the first PUT."""

    channels: ChannelsResource
    categories: Annotated[dict[str, dict[Channel, bool]], Field(examples=[{"marketing": {"email": False}}])]
    quiet_hours: QuietHoursResource | None

    @classmethod
    def of(cls, record: PreferencesRecord) -> "PreferencesResource":
        wanted, quiet = record.preferences, record.preferences.quiet_hours
        return cls(
            channels=ChannelsResource(
                email=wanted.wants(Channel.EMAIL, None),
                push=wanted.wants(Channel.PUSH, None),
            ),
            categories={category: dict(flags) for category, flags in wanted.categories.items()},
            quiet_hours=None
            if quiet is None
            else QuietHoursResource(start=f"{quiet.start:%H:%M}", end=f"{quiet.end:%H:%M}"),
        )
