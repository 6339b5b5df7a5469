"""The use cases of templates, over stores in memory that keep the stores' contract."""

from datetime import UTC, datetime

import pytest

from chalicelib.domain.catalog import DescribedVersion, NewTemplate, Template, TemplateKind, VersionStatus
from chalicelib.domain.content import Content, EmailContent, PushContent, RenderedEmail
from chalicelib.domain.notification import Channel
from chalicelib.errors import Conflict, InvalidRequest, NotFound, PreconditionFailed
from chalicelib.services.add_version import AddVersion, add_version
from chalicelib.services.change_template import ArchiveTemplate, archive_template
from chalicelib.services.create_template import CreateTemplate, create_template
from chalicelib.services.find_missing_translations import MissingTranslation, find_missing_translations
from chalicelib.services.find_template import find_version, list_templates, list_versions
from chalicelib.services.load_compiled import load_compiled
from chalicelib.services.ports import CompiledContents
from chalicelib.services.preview_template import Previewed, PreviewTemplate, preview_template
from chalicelib.services.publish_template import PublishVersion, publish_template
from tests.contract_templates import EDITOR, TemplatesContract, TemplateStores, a_template
from tests.fakes_templates import FakeTemplates

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = EmailContent(locale="en", subject="Hello {{ name }}", html="<p>{{ name }}</p>")


def clock() -> datetime:
    return NOW


class Desk:
    """An editor's desk: one store, and every use case bound to it."""

    def __init__(self) -> None:
        self.store = FakeTemplates()

    def create(self, template: NewTemplate) -> tuple[Template, DescribedVersion]:
        return create_template(CreateTemplate(template, EDITOR), templates=self.store, versions=self.store, clock=clock)

    def partial(self, code: str, *contents: Content, default_locale: str = "en") -> None:
        self.create(NewTemplate(code, code, None, default_locale, contents, kind=TemplateKind.PARTIAL))
        self.publish(code, 1)

    def notification(self, *contents: Content, code: str = "t", default_locale: str = "en") -> DescribedVersion:
        return self.create(a_new_template(*contents, code=code, default_locale=default_locale))[1]

    def add(self, code: str, *contents: Content, if_match: frozenset[int] | None = None) -> DescribedVersion:
        command = AddVersion(code, contents, EDITOR, if_match)
        return add_version(command, templates=self.store, versions=self.store, clock=clock)

    def publish(self, code: str, number: int) -> DescribedVersion:
        command = PublishVersion(code, number, EDITOR)
        return publish_template(command, versions=self.store, compiled=self.compiled, clock=clock)

    def compiled(self, code: str, number: int) -> CompiledContents:
        return load_compiled(code, number, versions=self.store)

    def preview(self, command: PreviewTemplate) -> Previewed:
        return preview_template(command, templates=self.store, compiled=self.compiled)

    def shown(self, code: str = "t", version: int | None = None, **variables: object) -> str:
        rendered = self.preview(PreviewTemplate(code, Channel.EMAIL, variables, version=version)).rendered
        assert isinstance(rendered, RenderedEmail)
        return rendered.html


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestTemplatesInMemory(TemplatesContract):
    """The contract, kept by the fake."""

    @pytest.fixture
    def stores(self) -> TemplateStores:
        store = FakeTemplates()
        return TemplateStores(store, store)


def a_new_template(*contents: Content, code: str = "t", default_locale: str = "en") -> NewTemplate:
    return NewTemplate(code=code, name="T", category=None, default_locale=default_locale, contents=contents)


UNUSABLE: list[tuple[tuple[Content, ...], set[str]]] = [
    ((GOOD, GOOD), {"/contents/1/locale"}),
    ((EmailContent("en", "{{ a", "<p>\n{{ b.( }}"),), {"/contents/0/subject", "/contents/0/html"}),
    ((GOOD, EmailContent("fr", "a", "{% x %}", "{{")), {"/contents/1/html", "/contents/1/text"}),
    ((EmailContent("en", "two\nlines", "x"),), {"/contents/0/subject"}),
    ((EmailContent("en", "a", "{{ a.__class__ }}"),), {"/contents/0/html"}),
    ((EmailContent("en", "a", "x" * 300_000),), {"/contents/0/html"}),
    ((EmailContent("en", "a", "x" * 140_000, "x" * 140_000),), {"/contents/0"}),
    ((EmailContent("en", None, "h"),), {"/contents/0/subject"}),
    ((EmailContent("en", "s", None), PushContent("en", None, None)),
     {"/contents/0/html", "/contents/1/title", "/contents/1/body"}),
    ((EmailContent("en", "s", "\n{% include 'missing' %}"),), {"/contents/0/html"}),
    ((PushContent("en", "t", "{{", None, "{%", {"a/b": "{{"}),),
     {"/contents/0/body", "/contents/0/link", "/contents/0/data/a~1b"}),
]  # fmt: skip


@pytest.mark.parametrize(("contents", "pointers"), UNUSABLE)
def test_contents_that_cannot_be_used_are_refused_where_they_are_wrong(
    contents: tuple[Content, ...], pointers: set[str], desk: Desk
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        desk.notification(*contents)
    assert {flaw.pointer for flaw in refused.value.flaws} == pointers
    assert refused.value.problem_code == "invalid_template"
    assert not desk.store.templates
    desk.notification(GOOD)
    with pytest.raises(InvalidRequest) as refused:
        desk.add("t", *contents, *([] if contents[0].channel is Channel.EMAIL else [GOOD]))
    assert {flaw.pointer for flaw in refused.value.flaws} == pointers
    assert desk.store.templates["t"].latest_version == 1


def test_every_channel_has_the_default_locale(desk: Desk) -> None:
    for contents in ((EmailContent("fr", "s", "h"),), (GOOD, PushContent(locale="fr", title="t", body="b"))):
        with pytest.raises(InvalidRequest) as refused:
            desk.notification(*contents)
        assert {flaw.pointer for flaw in refused.value.flaws} == {"/default_locale"}
    desk.notification(GOOD)
    with pytest.raises(InvalidRequest) as refused:
        desk.add("t", EmailContent("fr", "s", "h"))
    assert {flaw.pointer for flaw in refused.value.flaws} == {"/contents"}


def test_a_template_is_refused_with_the_line_that_is_wrong(desk: Desk) -> None:
    with pytest.raises(InvalidRequest) as refused:
        desk.notification(EmailContent("en", "a", "<p>\n\n{{ b.( }}"))
    assert refused.value.flaws[0].detail.startswith("line 3: ")


def test_a_template_lives_from_draft_to_rollback_and_each_step_leaves_a_trace(desk: Desk) -> None:
    template, version = desk.create(a_template())
    assert (template.revision, version.version.number, version.version.status) == (1, 1, VersionStatus.DRAFT)
    assert version.variables[Channel.PUSH, "en"] == {"v"}
    added = desk.add("welcome", GOOD)
    assert (added.version.number, added.revision, added.variables) == (
        2,
        2,
        {(Channel.EMAIL, "en"): frozenset({"name"})},
    )
    assert desk.publish("welcome", 2).revision == 3
    assert desk.publish("welcome", 1).version.status is VersionStatus.PUBLISHED
    archive_template(ArchiveTemplate("welcome", EDITOR), templates=desk.store, clock=clock)
    assert [(audit.action, audit.target, dict(audit.detail)) for audit in desk.store.audits] == [
        ("template.created", "template:welcome", {"kind": "notification"}),
        ("template.version_created", "template:welcome", {"version": 2}),
        ("template.published", "template:welcome", {"version": 2}),
        ("template.published", "template:welcome", {"version": 1}),
        ("template.archived", "template:welcome", {}),
    ]
    assert {audit.actor for audit in desk.store.audits} == {EDITOR}


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    desk.notification(GOOD)
    for code, number in (("t", 2), ("other", 1)):
        with pytest.raises(NotFound):
            desk.publish(code, number)
        with pytest.raises(NotFound):
            find_version(code, number, templates=desk.store, versions=desk.store, compiled=desk.compiled)
    with pytest.raises(NotFound):
        desk.add("other", GOOD)
    with pytest.raises(NotFound):
        list_versions("other", before=None, limit=1, templates=desk.store, versions=desk.store)
    with pytest.raises(Conflict):
        desk.notification(GOOD)


def test_a_stale_version_is_refused(desk: Desk) -> None:
    desk.notification(GOOD)
    desk.add("t", GOOD, if_match=frozenset({1}))
    with pytest.raises(PreconditionFailed):
        desk.add("t", GOOD, if_match=frozenset({1}))


def test_lists_come_in_pages(desk: Desk) -> None:
    for code in ("a", "b", "c"):
        desk.notification(GOOD, code=code)
    first = list_templates(before=None, limit=2, templates=desk.store)
    rest = list_templates(before=first.templates[-1].position, limit=2, templates=desk.store)
    assert [each.code for each in (*first.templates, *rest.templates)] == ["c", "b", "a"]
    assert (first.more, rest.more) == (True, False)


def test_a_version_stays_with_the_partials_it_was_made_with(desk: Desk) -> None:
    desk.partial("footer", EmailContent("en", None, "old"))
    made = desk.notification(EmailContent("en", "s", "{% include 'footer' %}"))
    assert made.version.includes == {"footer": 1}
    desk.publish("t", 1)
    desk.add("footer", EmailContent("en", None, "new {{ x }}"))
    desk.publish("footer", 2)
    assert desk.shown() == "old"
    added = desk.add("t", EmailContent("en", "s", "{% include 'footer' %}"))
    assert (added.version.includes, added.variables[Channel.EMAIL, "en"]) == ({"footer": 2}, frozenset({"x"}))
    assert desk.shown(version=2, x=1) == "new 1"
    desk.publish("t", 2)
    desk.publish("t", 1)
    assert desk.shown() == "old"


def test_an_archived_partial_stays_in_the_versions_that_have_it_and_gets_into_no_other(desk: Desk) -> None:
    desk.partial("footer", EmailContent("en", None, "kept"))
    desk.notification(EmailContent("en", "s", "{% include 'footer' %}"))
    archive_template(ArchiveTemplate("footer", EDITOR), templates=desk.store, clock=clock)
    assert desk.shown(version=1) == "kept"
    with pytest.raises(InvalidRequest):
        desk.add("t", EmailContent("en", "s", "{% include 'footer' %}"))


def test_a_partial_may_lack_parts_but_not_all_and_does_not_include_itself(desk: Desk) -> None:
    with pytest.raises(InvalidRequest) as refused:
        desk.partial("empty", EmailContent("en", None, None))
    assert {flaw.pointer for flaw in refused.value.flaws} == {"/contents/0"}
    desk.partial("one", EmailContent("en", None, "x"))
    desk.partial("two", EmailContent("en", None, "{% include 'one' %}"))
    for source in ("{% include 'one' %}", "{% include 'two' %}"):
        with pytest.raises(InvalidRequest, match="cannot be used") as refused:
            desk.add("one", EmailContent("en", None, source))
        assert "include itself" in refused.value.flaws[0].detail
    with pytest.raises(InvalidRequest) as refused:
        desk.notification(EmailContent("en", "{% include 'one' %}", "h"))
    assert refused.value.flaws[0].detail == "line 1: the partial one has no subject for email"


def test_a_notification_is_no_partial(desk: Desk) -> None:
    desk.notification(GOOD)
    desk.publish("t", 1)
    with pytest.raises(InvalidRequest):
        desk.notification(EmailContent("en", "s", "{% include 't' %}"), code="other")


def test_a_preview_names_what_it_shows(desk: Desk) -> None:
    desk.notification(GOOD, EmailContent("fr", "Bonjour", "<p>é</p>"))
    shown = desk.preview(PreviewTemplate("t", Channel.EMAIL, {"name": "<Ada>"}, version=1))
    assert shown == Previewed("en", 1, RenderedEmail("Hello <Ada>", "<p>&lt;Ada&gt;</p>", "<Ada>"))
    assert desk.preview(PreviewTemplate("t", Channel.EMAIL, {}, locale="fr-CA", version=1)).locale == "fr"


@pytest.mark.parametrize(
    ("command", "code", "pointer"),
    [
        (PreviewTemplate("t", Channel.EMAIL), "template_not_published", "/version"),
        (PreviewTemplate("t", Channel.EMAIL, version=2), "template_version_not_found", "/version"),
        (PreviewTemplate("t", Channel.PUSH, version=1), "channel_not_in_template", "/channel"),
        (PreviewTemplate("t", Channel.EMAIL, version=1), "missing_variables", "/variables/name"),
        (PreviewTemplate("t", Channel.EMAIL, {"name": "x" * 600_000}, version=1), "render_failed", "/variables"),
    ],
)
def test_what_cannot_be_previewed_says_why(command: PreviewTemplate, code: str, pointer: str, desk: Desk) -> None:
    desk.notification(GOOD)
    with pytest.raises(InvalidRequest) as refused:
        desk.preview(command)
    assert (refused.value.problem_code, refused.value.flaws[0].pointer) == (code, pointer)


def test_missing_translations_are_told_of_the_template_and_of_its_partials(desk: Desk) -> None:
    desk.partial("brand", EmailContent("de", None, "x"), default_locale="de")
    desk.partial("footer", EmailContent("en", None, "{% include 'brand' %}"), EmailContent("fr", None, "x"))
    include = "{% include 'footer' %}"
    desk.notification(
        EmailContent("en", "s", include), EmailContent("fr-CA", "s", include), PushContent("en", "t", "b")
    )
    report = find_missing_translations("t", templates=desk.store, versions=desk.store)
    assert (report.code, report.version, report.locales) == ("t", 1, ("en", "fr-CA"))
    assert [(part.template_code, part.channel, part.locales, part.missing) for part in report.parts] == [
        ("t", "email", ("en", "fr-CA"), ()),
        ("t", "push", ("en",), (MissingTranslation("fr-CA", "en"),)),
        ("brand", "email", ("de",), (MissingTranslation("en", "de"), MissingTranslation("fr-CA", "de"))),
        ("footer", "email", ("en", "fr"), (MissingTranslation("fr-CA", "fr"),)),
    ]
