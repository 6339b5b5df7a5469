"""What every store of templates must do, real or in memory: a test class names its stores and inherits."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import pytest

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.catalog import (
    NewTemplate,
    TemplateChanges,
    TemplateField,
    TemplateHead,
    TemplateKind,
    VersionStatus,
)
from chalicelib.domain.content import EmailContent, PushContent
from chalicelib.errors import Conflict, InvalidRequest, NotFound, PreconditionFailed
from chalicelib.services.add_version import NewVersions
from chalicelib.services.change_template import ArchivableTemplates, ChangeableTemplates
from chalicelib.services.create_template import NewTemplates
from chalicelib.services.find_template import TemplateHeads, TemplateLists, VersionLists
from chalicelib.services.ports import Catalog
from chalicelib.services.publish_template import Publishing

CONTENTS = (
    EmailContent(locale="en", subject="Hello {{ name }}", html="<p>{{ name }}</p>"),
    EmailContent(locale="fr-CA", subject="Allô", html="<p>é</p>", text="é"),
    PushContent(locale="en", title="Hi", body="There", image=None, link="https://example.com", data={"k": "{{ v }}"}),
)
BARE = (EmailContent(locale="en", subject=None, html="<footer></footer>"),)
EDITOR = Actor("client:editor", "correlation-1")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Templates(
    NewTemplates, ChangeableTemplates, ArchivableTemplates, TemplateHeads, TemplateLists, Catalog, Protocol
):
    """All that is done with templates."""


class Versions(NewVersions, Publishing, VersionLists, Protocol):
    """All that is done with their versions."""


@dataclass(frozen=True)
class TemplateStores:
    templates: Templates
    versions: Versions

    def insert(self, template: NewTemplate, **includes: int) -> None:
        self.templates.insert(template, includes=includes, audit=an_audit("template.created"))

    def add(self, code: str = "welcome", *, if_match: frozenset[int] | None = None, **includes: int) -> int:
        audit = an_audit("template.version_created")
        head = self.versions.add(code, CONTENTS, includes=includes, if_match=if_match, audit=audit)
        return head.latest_version

    def publish(self, code: str, number: int, *, if_match: frozenset[int] | None = None) -> int:
        head = self.versions.publish(code, number, if_match=if_match, audit=an_audit("template.published"))
        return head.revision

    def rename(self, name: str, *, if_match: frozenset[int] | None = None) -> int:
        changes = TemplateChanges(given=frozenset({TemplateField.NAME}), name=name)
        return self.templates.update("welcome", changes, if_match=if_match, audit=an_audit("template.updated")).revision

    def archive(self, code: str, *, if_match: frozenset[int] | None = None) -> None:
        self.templates.archive(code, if_match=if_match, audit=an_audit("template.archived"))

    def status(self, number: int) -> VersionStatus | None:
        version = self.versions.load_version("welcome", number)
        return None if version is None else version.status


def an_audit(action: str) -> NewAudit:
    return new_audit(EDITOR, action, "template:welcome", at=NOW)


def a_template(code: str = "welcome") -> NewTemplate:
    return NewTemplate(code=code, name="Welcome", category="onboarding", default_locale="en", contents=CONTENTS)


def a_partial(code: str = "footer") -> NewTemplate:
    return NewTemplate(
        code=code, name="Footer", category=None, default_locale="en", contents=BARE, kind=TemplateKind.PARTIAL
    )


class TemplatesContract:
    """Inherited by a test class that has a fixture `stores`."""

    def test_a_new_template_has_one_version_and_it_is_a_draft(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        head, version = stores.templates.find("welcome"), stores.versions.load_version("welcome", 1)
        assert head is not None
        assert version is not None
        assert (head.code, head.name, head.category, head.default_locale) == ("welcome", "Welcome", "onboarding", "en")
        assert (head.kind, head.published_version, head.latest_version, head.revision) == ("notification", None, 1, 1)
        assert (version.number, version.status, version.published_at) == (1, VersionStatus.DRAFT, None)
        assert (version.contents, version.includes, version.default_locale) == (CONTENTS, {}, "en")

    def test_a_code_is_used_once_and_the_template_that_has_it_stays_as_it_is(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        version = stores.versions.load_version("welcome", 1)
        with pytest.raises(Conflict) as refused:
            stores.insert(a_template())
        assert refused.value.problem_code == "template_code_taken"
        assert stores.versions.load_version("welcome", 1) == version
        stores.insert(a_template("other"))

    def test_what_is_not_there_is_not_found(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        assert stores.versions.load_version("welcome", 2) is None
        assert stores.versions.load_version("other", 1) is None
        assert stores.templates.find("other") is None
        assert stores.templates.find_published("other") is None
        with pytest.raises(NotFound) as refused:
            stores.publish("welcome", 2)
        assert refused.value.problem_code == "template_version_not_found"
        for act in (lambda: stores.publish("other", 1), lambda: stores.add("other"), lambda: stores.archive("other")):
            with pytest.raises(NotFound) as refused:
                act()
            assert refused.value.problem_code == "template_not_found"

    def test_acceptance_learns_which_version_is_in_use(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        draft = TemplateHead("welcome", "onboarding", "en", None, archived=False)
        assert stores.templates.find_published("welcome") == draft
        stores.publish("welcome", 1)
        published = TemplateHead("welcome", "onboarding", "en", 1, archived=False)
        assert stores.templates.find_published("welcome") == published

    def test_acceptance_sees_no_partial(self, stores: TemplateStores) -> None:
        stores.insert(a_partial())
        stores.publish("footer", 1)
        assert stores.templates.find_published("footer") is None

    def test_publishing_again_changes_nothing(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        revision = stores.publish("welcome", 1)
        published = stores.versions.load_version("welcome", 1)
        assert published is not None
        assert published.status == VersionStatus.PUBLISHED
        assert published.published_at is not None
        assert stores.publish("welcome", 1) == revision
        assert stores.versions.load_version("welcome", 1) == published

    def test_publishing_another_retires_the_former_and_an_older_one_is_the_rollback(
        self, stores: TemplateStores
    ) -> None:
        stores.insert(a_template())
        assert stores.add() == 2
        for number in (1, 2, 1):
            stores.publish("welcome", number)
        assert [stores.status(number) for number in (1, 2)] == [VersionStatus.PUBLISHED, VersionStatus.RETIRED]

    def test_every_change_grows_the_revision_and_one_that_changes_nothing_does_not(
        self, stores: TemplateStores
    ) -> None:
        stores.insert(a_template())
        stores.add()
        assert stores.publish("welcome", 2) == 3
        assert stores.rename("Hello") == 4
        assert stores.rename("Hello") == 4

    def test_a_change_that_is_meant_for_another_revision_is_refused(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        stale = frozenset({2, 7})
        for act in (
            lambda: stores.add(if_match=stale),
            lambda: stores.publish("welcome", 1, if_match=stale),
            lambda: stores.rename("Hello", if_match=stale),
            lambda: stores.archive("welcome", if_match=frozenset()),
        ):
            with pytest.raises(PreconditionFailed):
                act()
        assert stores.rename("Hello", if_match=frozenset({1, 7})) == 2

    def test_only_what_is_given_is_changed_and_a_category_can_be_removed(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        changes = TemplateChanges(given=frozenset({TemplateField.CATEGORY}), name="ignored", category=None)
        head = stores.templates.update("welcome", changes, if_match=None, audit=an_audit("template.updated"))
        assert (head.name, head.category, head.default_locale) == ("Welcome", None, "en")
        assert stores.templates.find("welcome") == head

    def test_the_default_locale_is_one_that_every_channel_has(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        changes = TemplateChanges(given=frozenset({TemplateField.DEFAULT_LOCALE}), default_locale="fr-CA")
        with pytest.raises(InvalidRequest) as refused:
            stores.templates.update("welcome", changes, if_match=None, audit=an_audit("template.updated"))
        assert refused.value.problem_code == "default_locale_missing"
        assert {flaw.pointer for flaw in refused.value.flaws} == {"/default_locale"}
        stores.insert(a_partial("other"))
        with pytest.raises(Conflict):
            stores.versions.add(
                "other",
                (EmailContent("fr", "s", "h"),),
                includes={},
                if_match=None,
                audit=an_audit("template.version_created"),
            )

    def test_a_version_keeps_the_partials_that_it_was_fixed_to(self, stores: TemplateStores) -> None:
        stores.insert(a_partial())
        stores.insert(a_template(), footer=1)
        assert stores.add(footer=1) == 2
        for number in (1, 2):
            version = stores.versions.load_version("welcome", number)
            assert version is not None
            assert version.includes == {"footer": 1}

    def test_only_partials_in_use_are_found_to_include(self, stores: TemplateStores) -> None:
        for code in ("footer", "draft", "archived"):
            stores.insert(a_partial(code))
        stores.insert(a_template())
        for code in ("footer", "archived", "welcome"):
            stores.publish(code, 1)
        stores.archive("archived")
        codes = {"footer", "draft", "archived", "welcome", "other"}
        assert stores.versions.find_published_partials(codes) == {"footer": 1}

    def test_templates_and_versions_are_listed_newest_first(self, stores: TemplateStores) -> None:
        for code in ("one", "two", "three"):
            stores.insert(a_template(code))
        stores.archive("two")
        listed = stores.templates.newest(before=None, limit=9)
        assert [head.code for head in listed] == ["three", "one"]
        assert [head.code for head in stores.templates.newest(before=listed[0].position, limit=9)] == ["one"]
        assert len(stores.templates.newest(before=None, limit=1)) == 1
        stores.add("one")
        stores.publish("one", 2)
        versions = stores.versions.newest_versions("one", before=None, limit=9)
        assert [(each.number, each.status) for each in versions] == [(2, "published"), (1, "draft")]
        assert [each.number for each in stores.versions.newest_versions("one", before=2, limit=9)] == [1]
        assert [each.number for each in stores.versions.newest_versions("one", before=None, limit=1)] == [2]

    def test_an_archived_template_is_gone_but_its_code_and_its_versions_stay(self, stores: TemplateStores) -> None:
        stores.insert(a_template())
        stores.publish("welcome", 1)
        stores.archive("welcome")
        assert stores.templates.find("welcome") is None
        assert stores.versions.load_version("welcome", 1) is not None
        head = stores.templates.find_published("welcome")
        assert head is not None
        assert head.archived
        for act in (lambda: stores.publish("welcome", 1), stores.add, lambda: stores.archive("welcome")):
            with pytest.raises(NotFound):
                act()
        with pytest.raises(Conflict):
            stores.insert(a_template())
