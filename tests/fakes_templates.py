"""Templates and their versions in memory: one object keeps the rules that the two real stores keep."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.catalog import (
    NewTemplate,
    Template,
    TemplateChanges,
    TemplateField,
    TemplateHead,
    TemplateKind,
    TemplateVersion,
    VersionHead,
    VersionStatus,
    channels_without,
)
from chalicelib.domain.content import Content
from chalicelib.errors import Conflict, Flaw, InvalidRequest, NotFound, PreconditionFailed


@dataclass
class FakeTemplates:
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    templates: dict[str, Template] = field(default_factory=dict)
    versions: dict[tuple[str, int], TemplateVersion] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)
    audits: list[NewAudit] = field(default_factory=list)

    def insert(
        self, template: NewTemplate, *, includes: Mapping[str, int] | None = None, audit: NewAudit | None = None
    ) -> Template:
        if template.code in self.templates:
            raise Conflict("taken", code="template_code_taken")
        now = self.now()
        head = Template(
            code=template.code,
            name=template.name,
            category=template.category,
            default_locale=template.default_locale,
            published_version=None,
            latest_version=1,
            revision=1,
            created_at=now,
            updated_at=now,
            kind=template.kind,
            position=len(self.templates) + 1,
        )
        self.templates[template.code] = head
        self._write(head, template.contents, includes or {})
        self._note(audit)
        return head

    def find(self, code: str) -> Template | None:
        return None if code in self.archived else self.templates.get(code)

    def newest(self, *, before: int | None, limit: int) -> Sequence[Template]:
        shown = [head for code, head in self.templates.items() if code not in self.archived]
        after = [head for head in shown if before is None or head.position < before]
        return sorted(after, key=lambda head: head.position, reverse=True)[:limit]

    def update(
        self, code: str, changes: TemplateChanges, *, if_match: frozenset[int] | None, audit: NewAudit
    ) -> Template:
        head = self._locked(code, if_match)
        given = {name: getattr(changes, name) for name in changes.given}
        changed = replace(head, **given)
        if changed == head:
            return head
        number = head.published_version or head.latest_version
        if TemplateField.DEFAULT_LOCALE in changes.given:
            lacking = channels_without(changed.default_locale, self.versions[code, number].contents)
            if lacking:
                raise InvalidRequest("lacks", code="default_locale_missing", flaws=[Flaw("/default_locale", "lacks")])
        self._note(audit)
        return self._grown(changed)

    def archive(self, code: str, *, if_match: frozenset[int] | None, audit: NewAudit) -> None:
        self._grown(self._locked(code, if_match))
        self.archived.add(code)
        self._note(audit)

    def find_published(self, code: str) -> TemplateHead | None:
        head = self.templates.get(code)
        if head is None or head.kind == TemplateKind.PARTIAL:
            return None
        return TemplateHead(
            head.code, head.category, head.default_locale, head.published_version, archived=code in self.archived
        )

    def add(
        self,
        code: str,
        contents: tuple[Content, ...],
        *,
        includes: Mapping[str, int],
        if_match: frozenset[int] | None,
        audit: NewAudit,
    ) -> Template:
        head = self._locked(code, if_match)
        if channels_without(head.default_locale, contents):
            raise Conflict("changed", code="default_locale_changed")
        grown = self._grown(replace(head, latest_version=head.latest_version + 1))
        self._write(grown, contents, includes)
        self._note(replace(audit, detail={**audit.detail, "version": grown.latest_version}))
        return grown

    def publish(
        self, code: str, number: int, *, if_match: frozenset[int] | None = None, audit: NewAudit | None = None
    ) -> Template:
        head, now = self._locked(code, if_match), self.now()
        if (code, number) not in self.versions:
            raise NotFound("no such version", code="template_version_not_found")
        if head.published_version == number:
            return head
        if head.published_version is not None:
            former = self.versions[code, head.published_version]
            self.versions[code, former.number] = replace(former, status=VersionStatus.RETIRED, updated_at=now)
        chosen = self.versions[code, number]
        published = replace(chosen, status=VersionStatus.PUBLISHED, published_at=now, updated_at=now)
        self.versions[code, number] = published
        self._note(audit)
        return self._grown(replace(head, published_version=number))

    def load_version(self, code: str, number: int) -> TemplateVersion | None:
        return self.versions.get((code, number))

    def newest_versions(self, code: str, *, before: int | None, limit: int) -> Sequence[VersionHead]:
        found = [
            VersionHead(code, number, each.status, each.published_at, each.created_at, each.updated_at)
            for (of, number), each in self.versions.items()
            if of == code and (before is None or number < before)
        ]
        return sorted(found, key=lambda head: head.number, reverse=True)[:limit]

    def find_published_partials(self, codes: Collection[str]) -> Mapping[str, int]:
        heads = [self.find(code) for code in codes]
        return {
            head.code: head.published_version
            for head in heads
            if head is not None and head.kind == TemplateKind.PARTIAL and head.published_version is not None
        }

    def _locked(self, code: str, if_match: frozenset[int] | None) -> Template:
        head = self.find(code)
        if head is None:
            raise NotFound("no such template", code="template_not_found")
        if if_match is not None and head.revision not in if_match:
            raise PreconditionFailed("changed")
        return head

    def _grown(self, head: Template) -> Template:
        grown = replace(head, revision=head.revision + 1, updated_at=self.now())
        self.templates[head.code] = grown
        return grown

    def _write(self, head: Template, contents: Sequence[Content], includes: Mapping[str, int]) -> None:
        self.versions[head.code, head.latest_version] = TemplateVersion(
            template_code=head.code,
            number=head.latest_version,
            status=VersionStatus.DRAFT,
            published_at=None,
            created_at=head.updated_at,
            updated_at=head.updated_at,
            contents=tuple(sorted(contents, key=lambda content: (content.channel, content.locale))),
            default_locale=head.default_locale,
            includes=dict(includes),
        )

    def _note(self, audit: NewAudit | None) -> None:
        self.audits += [] if audit is None else [audit]
