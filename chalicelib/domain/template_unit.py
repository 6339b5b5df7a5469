"""One part of one content, together with every partial that it includes or extends."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jinja2 import Template, nodes

from chalicelib.domain.notification import Channel
from chalicelib.domain.partial import Partial, Partials
from chalicelib.domain.template_source import Reading, Source, is_escaped, sandbox
from chalicelib.errors import InvalidTemplate

MAX_DEPTH = 8
MAX_EXPANDED_NODES = 50_000


@dataclass(frozen=True, slots=True)
class Unit:
    """A source with the units that it includes, by code. `expanded` counts its nodes with theirs at each place."""

    source: Source
    included: Mapping[str, "Unit"]
    depth: int
    expanded: int

    @property
    def tree(self) -> nodes.Template:
        return self.source.tree


@dataclass(frozen=True, slots=True)
class Assembly:
    """Puts units together, each partial version once. `owner` is the template that may not come to include itself."""

    part: str
    channel: Channel
    locale: str
    reading: Reading
    owner: str | None = None
    _units: dict[tuple[str, int], Unit] = field(default_factory=dict)
    _templates: dict[int, Template] = field(default_factory=dict)

    def assemble(self, source: Source, partials: Partials) -> Unit:
        """The source with its partials.

        Raises:
            InvalidTemplate: a partial is not there or has not this part, or they are too many, too deep or in a circle.
        """
        included = {code: self._partial(code, line, partials.get(code)) for code, line in source.named.items()}
        depth = 1 + max((unit.depth for unit in included.values()), default=0)
        line = min(source.named.values(), default=None)
        if depth > MAX_DEPTH:
            raise InvalidTemplate(f"partials may include one another {MAX_DEPTH - 1} deep", line=line)
        expanded = source.size + sum(included[code].expanded for code in _places(source.tree))
        if expanded > MAX_EXPANDED_NODES:
            raise InvalidTemplate(f"has more than {MAX_EXPANDED_NODES} expressions with its partials", line=line)
        return Unit(source, included, depth, expanded)

    def _partial(self, code: str, line: int, partial: Partial | None) -> Unit:
        if code == self.owner or (partial is not None and self.owner in partial.codes):
            raise InvalidTemplate(f"the template would include itself through {code}", line=line)
        if partial is None:
            raise InvalidTemplate(f"there is no published partial {code}", line=line)
        known = self._units.get((code, partial.number))
        if known is None:
            text = partial.source(self.part, self.channel, self.locale)
            if text is None:
                raise InvalidTemplate(f"the partial {code} has no {self.part} for {self.channel}", line=line)
            try:
                known = self.assemble(self.reading.partial(self.part, text), partial.partials)
            except InvalidTemplate as error:
                raise InvalidTemplate(f"the partial {code}: {error.detail}", line=line) from None
            self._units[code, partial.number] = known
        return known

    def template(self, unit: Unit) -> Template:
        """The unit, ready to render."""
        if id(unit) not in self._templates:
            environment = sandbox(autoescape=is_escaped(self.part))
            if unit.included:
                environment = environment.with_partials(
                    {code: self.template(included) for code, included in unit.included.items()}
                )
            made = Template.from_code(environment, unit.source.code, dict(environment.globals))
            self._templates[id(unit)] = made
        return self._templates[id(unit)]


def _places(tree: nodes.Template) -> list[str]:
    """The code at each place that includes or extends."""
    templates = [node.template for node in tree.find_all(nodes.Include)]
    templates += [node.template for node in tree.find_all(nodes.Extends)]
    return [template.value for template in templates if isinstance(template, nodes.Const)]
