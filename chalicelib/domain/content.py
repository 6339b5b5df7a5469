"""What a template holds for one channel and locale, and what it becomes when variables are filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.notification import Channel


@dataclass(frozen=True, slots=True)
class EmailContent:
    """Template sources of an e-mail. `text` is derived from the rendered HTML when absent.

    Only a partial may be without subject or HTML.
    """

    locale: str
    subject: str | None
    html: str | None
    text: str | None = None

    @property
    def channel(self) -> Channel:
        return Channel.EMAIL


@dataclass(frozen=True, slots=True)
class PushContent:
    """Template sources of a push notification. `link` opens on tap; `data` values are templates too.

    Only a partial may be without title or body.
    """

    locale: str
    title: str | None
    body: str | None
    image: str | None = None
    link: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def channel(self) -> Channel:
        return Channel.PUSH


Content = EmailContent | PushContent


def sources_of(content: Content) -> dict[str, str]:
    """The sources that a content has, by the names of its parts; a value of `data` is the part `data.key`."""
    if isinstance(content, EmailContent):
        named = {"subject": content.subject, "html": content.html, "text": content.text}
    else:
        named = {"title": content.title, "body": content.body, "image": content.image, "link": content.link}
        named |= {f"data.{key}": value for key, value in content.data.items()}
    return {name: source for name, source in named.items() if source is not None}


def missing_parts(content: Content) -> tuple[str, ...]:
    """The parts that a notification cannot go without."""
    if isinstance(content, EmailContent):
        needed = {"subject": content.subject, "html": content.html}
    else:
        needed = {"title": content.title, "body": content.body}
    return tuple(name for name, source in needed.items() if source is None)


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
