"""Partials and layouts: what is included says the same wherever it is, and needs what it needs there."""

from collections.abc import Mapping

import pytest

from chalicelib.domain.content import Content, EmailContent, PushContent, RenderedEmail, RenderedPush
from chalicelib.domain.partial import Partial
from chalicelib.domain.template import CompiledTemplate, compile_content, parse_content
from chalicelib.domain.template_source import Reading
from chalicelib.errors import InvalidTemplate, RenderFailed


def partial(code: str, *contents: Content, number: int = 1, default: str = "en", **partials: Partial) -> Partial:
    codes = frozenset({code}).union(*(each.codes for each in partials.values()))
    return Partial(code, number, default, contents, partials, codes)


def html(code: str, source: str, **partials: Partial) -> Partial:
    return partial(code, EmailContent("en", None, source), number=1, default="en", **partials)


def email(source: str, *partials: Partial, owner: str | None = None) -> CompiledTemplate:
    content = EmailContent(locale="en", subject="-", html=source, text="-")
    return compile_content(content, {each.code: each for each in partials}, owner=owner)


def shown(template: CompiledTemplate, **variables: object) -> str:
    result = template.render(variables)
    assert isinstance(result, RenderedEmail)
    return result.html


LAYOUT = html(
    "layout",
    "{% set brand = 'Carillon' %}<h1>{% block title %}{{ brand }}{% endblock %}</h1>"
    "{% block body %}{{ fallback }}{% endblock %}<i>{{ place }}</i>",
)


def test_what_is_included_sees_the_variables_and_is_escaped_like_the_part() -> None:
    footer = html("footer", "<p>{{ name }}</p>")
    template = email("{% set greeting = '<' %}{% include 'footer' %}{{ greeting }}", footer)
    assert shown(template, name="<Ada>") == "<p>&lt;Ada&gt;</p>&lt;"
    assert template.variables == {"name"}


def test_a_part_includes_the_part_of_the_same_name() -> None:
    piece = partial(
        "piece",
        EmailContent("en", "in the subject", "<b>in {{ x }}</b>", "in the text"),
        PushContent("en", "in the title", "in the body", None, "https://x.example", {"k": "in the data"}),
    )
    include = "{% include 'piece' %}"
    mail = compile_content(EmailContent("en", include, include, include), {"piece": piece})
    assert mail.render({"x": "&"}) == RenderedEmail("in the subject", "<b>in &amp;</b>", "in the text")
    push = compile_content(PushContent("en", include, include, None, include, {"k": include}), {"piece": piece})
    assert push.render({}) == RenderedPush(
        "in the title", "in the body", None, "https://x.example", {"k": "in the data"}
    )


@pytest.mark.parametrize(
    ("locale", "said"), [("fr-CA", "Au revoir"), ("fr", "Au revoir"), ("zh-Hant-TW", "再見"), ("it", "Tschüss")]
)
def test_a_partial_speaks_the_nearest_language_to_that_of_the_content(locale: str, said: str) -> None:
    words = {"fr": "Au revoir", "zh-Hant": "再見", "de": "Tschüss", "en": "Bye"}
    contents = [EmailContent(of, None, word) for of, word in words.items()]
    content = EmailContent(locale, "-", "{% include 'bye' %}", "-")
    compiled = compile_content(content, {"bye": partial("bye", *contents, default="de")})
    assert shown(compiled) == said


def test_a_layout_is_filled_by_the_blocks_of_whoever_extends_it() -> None:
    template = email(
        "{% extends 'layout' %}{% block title %}{{ super() }}: {{ topic }}{% endblock %}"
        "{% block body %}<p>{{ brand }} {{ name }}</p>{% endblock %}",
        LAYOUT,
    )
    assert template.variables == {"topic", "name", "place"}
    made = shown(template, topic="news", name="Ada", place="here")
    assert made == "<h1>Carillon: news</h1><p>Carillon Ada</p><i>here</i>"


def test_a_block_that_is_not_filled_needs_what_it_says_itself() -> None:
    assert email("{% extends 'layout' %}", LAYOUT).variables == {"fallback", "place"}


def test_what_a_template_sets_reaches_its_layout_and_its_blocks() -> None:
    template = email("{% extends 'layout' %}{% set place = 'there' %}{% block body %}{{ place }}{% endblock %}", LAYOUT)
    assert template.variables == frozenset()
    assert shown(template) == "<h1>Carillon</h1>there<i>there</i>"


def test_layouts_extend_layouts_and_include_partials_of_their_own() -> None:
    first = html("footer", "first")
    second = partial("footer", EmailContent("en", None, "second {{ x }}"), number=2)
    base = html("base", "{% block all %}{% include 'footer' %}{% endblock %}", footer=first)
    middle = html(
        "middle",
        "{% extends 'base' %}{% block all %}{{ super() }}, {% block inner %}{% endblock %}{% endblock %}",
        base=base,
    )
    template = email("{% extends 'middle' %}{% block inner %}{% include 'footer' %}{% endblock %}", middle, second)
    assert template.variables == {"x"}
    assert shown(template, x=2) == "first, second 2"


def test_what_is_included_in_a_loop_sees_its_item_but_not_its_loop() -> None:
    row = html("row", "<td>{{ item.name }}</td>")
    template = email("{% for item in items %}{% include 'row' %}{% endfor %}", row)
    assert template.variables == {"items"}
    assert shown(template, items=[{"name": "a"}, {"name": "b"}]) == "<td>a</td><td>b</td>"
    assert (
        "loop"
        in email("{% for item in items %}{% include 'row' %}{% endfor %}", html("row", "{{ loop.index }}")).variables
    )


def test_a_block_in_a_loop_sees_the_item_only_when_it_is_scoped() -> None:
    assert email("{% for x in a %}{% block b %}{{ x }}{% endblock %}{% endfor %}").variables == {"a", "x"}
    assert email("{% for x in a %}{% block b scoped %}{{ x }}{% endblock %}{% endfor %}").variables == {"a"}


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("\n{% include 'missing' %}", 2, "no published partial missing"),
        ("{% extends 'missing' %}", 1, "no published partial missing"),
        ("a\n\n{% include name %}", 3, "takes the code"),
        ("{% include 'a' ~ 'b' %}", 1, "takes the code"),
        ("{% include ['footer', 'b'] %}", 1, "takes the code"),
        ("{% include '../footer' %}", 1, "takes the code"),
        ("{% extends name %}", 1, "takes the code"),
        ("{% include 'footer' ignore missing %}", 1, "ignore missing"),
        ("{% include 'footer' without context %}", 1, "without context"),
        ("\n{% import 'footer' as f %}", 2, "import is not available"),
        ("{% from 'footer' import f %}", 1, "import is not available"),
        ("{% if x %}{% extends 'footer' %}{% endif %}", 1, "stands once"),
        ("{% extends 'footer' %}\n{% extends 'footer' %}", 1, "stands once"),
        ("\n{% include 'push-only' %}", 2, "no html for email"),
        ("\n{% include 'broken' %}", 2, "the partial broken"),
        ("\n{% include 'own' %}", 2, "include itself"),
        ("\n{% include 'back' %}", 2, "include itself through back"),
        ("{% block a %}\n{{ super() }}{% endblock %}", 2, "no parent of the block a"),
    ],
)
def test_a_partial_that_cannot_be_used_is_refused_with_the_line(source: str, line: int, said: str) -> None:
    partials = (
        html("footer", "f"),
        partial("push-only", PushContent("en", "t", "b")),
        html("broken", "{{"),
        html("back", "{% include 'own' %}", own=html("own", "x")),
    )
    with pytest.raises(InvalidTemplate, match=said) as refused:
        email(source, *partials, owner="own")
    assert refused.value.line == line


def nested(levels: int, source: str) -> Partial:
    made = html("p0", "x")
    for level in range(1, levels):
        made = html(f"p{level}", source.replace("NEXT", f"p{level - 1}"), **{f"p{level - 1}": made})
    return made


def test_partials_are_bounded_in_depth_and_together() -> None:
    seven = nested(7, "{% include 'NEXT' %}")
    assert shown(email("{% include 'p6' %}", seven)) == "x"
    with pytest.raises(InvalidTemplate, match="deep"):
        email("{% include 'p7' %}", nested(8, "{% include 'NEXT' %}"))
    with pytest.raises(InvalidTemplate, match="with its partials"):
        email("{% include 'p6' %}", nested(7, "{% include 'NEXT' %}" * 40))


def test_a_partial_in_a_long_loop_is_stopped() -> None:
    template = email("{% for i in range(9999) %}{% include 'p6' %}{% endfor %}", nested(7, "{% include 'NEXT' %}"))
    with pytest.raises(RenderFailed, match="too many rounds"):
        template.render({})


def test_blocks_that_show_each_other_in_a_circle_end() -> None:
    base = html("base", "{% block a %}{% block b %}{% endblock %}{% endblock %}")
    template = email("{% extends 'base' %}{% block b %}{{ self.a() }}{% endblock %}", base)
    with pytest.raises(RenderFailed):
        template.render({})


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("{% extends 'a' %}{% include 'b' %}{% block c %}{% include 'b' %}{% endblock %}", {"a", "b"}),
        ("{{ 'a' }}", set()),
        ("{% include a %}", set()),
        ("{{", set()),
    ],
)
def test_the_partials_that_a_content_names_are_found(source: str, codes: set[str]) -> None:
    assert parse_content(EmailContent("en", "-", source), Reading()).named == codes


def test_a_name_that_a_partial_is_given_is_not_asked_of_the_client() -> None:
    button: Mapping[str, Partial] = {"button": html("button", "<a>{{ label }} {{ style|default('plain') }}</a>")}
    content = EmailContent("en", "-", "{% with label = 'Open' %}{% include 'button' %}{% endwith %}", "-")
    compiled = compile_content(content, button)
    assert compiled.variables == frozenset()
    assert shown(compiled) == "<a>Open plain</a>"
