"""What a template holds for one channel and locale, and what it becomes when variables are filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.notification import Channel


@dataclass(frozen=True, slots=True)
class EmailContent:
    """Template sources of an e-mail. `text` is derived from the rendered HTML when absent."""

    locale: str
    subject: str
    html: str
    text: str | None = None

    @property
    def channel(self) -> Channel:
        return Channel.EMAIL


@dataclass(frozen=True, slots=True)
class PushContent:
    """Template sources of a push notification. `link` opens on tap; `data` values are templates too."""

    locale: str
    title: str
    body: str
    image: str | None = None
    link: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def channel(self) -> Channel:
        return Channel.PUSH


Content = EmailContent | PushContent


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class RenderedPush:
    title: str
    body: str
    image: str | None
    link: str | None
    data: Mapping[str, str]


Rendered = RenderedEmail | RenderedPush
