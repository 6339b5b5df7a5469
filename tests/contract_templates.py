"""What every store of templates must do, real or in memory: a test class names its store and inherits."""

from typing import Protocol

import pytest

from chalicelib.domain.catalog import NewTemplate, TemplateHead, VersionStatus
from chalicelib.domain.content import EmailContent, PushContent
from chalicelib.errors import Conflict
from chalicelib.services.create_template import NewTemplates
from chalicelib.services.ports import Catalog
from chalicelib.services.publish_template import Publishing

CONTENTS = (
    EmailContent(locale="en", subject="Hello {{ name }}", html="<p>{{ name }}</p>"),
    EmailContent(locale="fr-CA", subject="Allô", html="<p>é</p>", text="é"),
    PushContent(locale="en", title="Hi", body="There", image=None, link="https://example.com", data={"k": "{{ v }}"}),
)


class Templates(NewTemplates, Publishing, Catalog, Protocol):
    """All that is done with templates."""


def a_template(code: str = "welcome") -> NewTemplate:
    return NewTemplate(code=code, name="Welcome", category="onboarding", default_locale="en", contents=CONTENTS)


class TemplatesContract:
    """Inherited by a test class that has a fixture `templates`."""

    def test_a_new_template_has_one_version_and_it_is_a_draft(self, templates: Templates) -> None:
        head, version = templates.insert(a_template())
        assert (head.code, head.name, head.category, head.default_locale) == ("welcome", "Welcome", "onboarding", "en")
        assert (head.published_version, head.latest_version, head.revision) == (None, 1, 1)
        assert (version.number, version.status, version.published_at) == (1, VersionStatus.DRAFT, None)
        assert templates.load_version("welcome", 1) == version

    def test_a_version_keeps_everything_it_says(self, templates: Templates) -> None:
        templates.insert(a_template())
        version = templates.load_version("welcome", 1)
        assert version is not None
        assert version.contents == CONTENTS

    def test_a_code_is_used_once_and_the_template_that_has_it_stays_as_it_is(self, templates: Templates) -> None:
        _, version = templates.insert(a_template())
        with pytest.raises(Conflict) as refused:
            templates.insert(a_template())
        assert refused.value.problem_code == "template_code_taken"
        assert templates.load_version("welcome", 1) == version
        assert templates.insert(a_template("other"))[0].code == "other"

    def test_what_is_not_there_is_not_found(self, templates: Templates) -> None:
        templates.insert(a_template())
        assert templates.load_version("welcome", 2) is None
        assert templates.load_version("other", 1) is None
        assert templates.find_published("other") is None
        assert templates.publish("welcome", 2) is False
        assert templates.publish("other", 1) is False

    def test_acceptance_learns_which_version_is_in_use(self, templates: Templates) -> None:
        templates.insert(a_template())
        assert templates.find_published("welcome") == TemplateHead("welcome", "onboarding", "en", None, archived=False)
        assert templates.publish("welcome", 1) is True
        assert templates.find_published("welcome") == TemplateHead("welcome", "onboarding", "en", 1, archived=False)

    def test_publishing_again_changes_nothing(self, templates: Templates) -> None:
        templates.insert(a_template())
        templates.publish("welcome", 1)
        published = templates.load_version("welcome", 1)
        assert published is not None
        assert published.status is VersionStatus.PUBLISHED
        assert published.published_at is not None
        assert templates.publish("welcome", 1) is True
        assert templates.load_version("welcome", 1) == published
