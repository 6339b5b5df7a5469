"""Templates: what compiles, what they need, what they become."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.content import EmailContent, PushContent, RenderedEmail, RenderedPush
from chalicelib.domain.template import MAX_SOURCE_BYTES, CompiledTemplate, choose_locale, compile_content
from chalicelib.errors import InvalidTemplate, RenderFailed


def email(*, subject: str = "Subject", html: str = "<p>Body</p>", text: str | None = "Body") -> CompiledTemplate:
    return compile_content(EmailContent(locale="en", subject=subject, html=html, text=text))


def rendered(template: CompiledTemplate, **variables: object) -> RenderedEmail:
    result = template.render(variables)
    assert isinstance(result, RenderedEmail)
    return result


def test_html_is_escaped_and_the_other_parts_are_not() -> None:
    mail = rendered(email(subject="{{ x }}", html="<p>{{ x }}</p>", text="{{ x }}"), x="<b>&")
    assert mail == RenderedEmail(subject="<b>&", html="<p>&lt;b&gt;&amp;</p>", text="<b>&")


def test_text_is_derived_from_the_rendered_html_when_absent() -> None:
    mail = rendered(email(html='<p>{{ name }}</p><a href="https://x.example">open</a>', text=None), name="A & B")
    assert mail.text == "A & B\n\nopen (https://x.example)"


def test_an_empty_text_stays_empty() -> None:
    assert rendered(email(text="")).text == ""


def test_every_part_of_a_push_is_a_template_and_none_is_escaped() -> None:
    content = PushContent(
        locale="en",
        title="{{ n }} new",
        body="<{{ n }}>",
        image="https://x/{{ n }}.png",
        link="{{ link|d('') }}",
        data={"n": "{{ n }}"},
    )
    assert compile_content(content).render({"n": 3}) == RenderedPush(
        title="3 new", body="<3>", image="https://x/3.png", link=None, data={"n": "3"}
    )


@given(st.text())
def test_a_rendered_subject_has_no_line_break_whatever_the_variables_hold(value: str) -> None:
    subject = rendered(email(subject="Hello {{ x }}!"), x=value).subject
    assert len(subject.splitlines()) == 1


@pytest.mark.parametrize("subject", ["Hello\nBcc: all@x.example", "a\r\nb", "a\u2028b"])
def test_a_subject_of_two_lines_does_not_compile(subject: str) -> None:
    with pytest.raises(InvalidTemplate, match="one line"):
        email(subject=subject)


@pytest.mark.parametrize(
    ("html", "line"),
    [
        ("{{ a", 1),
        ("one\ntwo {% if %}", 2),
        ("\n\n{{ x|nosuchfilter }}", 3),
        ("{{ ''.__class__ }}", 1),
        ("\n{{ x['__class__'] }}", 2),
        ("{{ x|attr('__class__') }}", 1),
        ("{{ cycler.mro }}", 1),
        ("{% include 'other' %}", 1),
        ("{% import 'other' as o %}", 1),
        ("{% extends 'other' %}", 1),
        ("{{ _budget }}", 1),
        ("{{ " + "(" * 5000 + ")" * 5000 + " }}", None),
    ],
)
def test_what_does_not_compile_or_is_not_safe_is_refused_with_its_line(html: str, line: int | None) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        email(html=html)
    assert refused.value.line == line


def test_sources_are_bounded_together() -> None:
    half = "x" * (MAX_SOURCE_BYTES // 2 + 1)
    with pytest.raises(InvalidTemplate, match="bytes"):
        email(html=half, text=half)


@pytest.mark.parametrize(
    ("html", "needed"),
    [
        ("{{ a }} {{ b.c }} {{ d['e'] }}", {"a", "b", "d"}),
        ("{{ a|default('x') }} {{ b|d(c) }}", {"c"}),
        ("{{ a.b|default('x') }}", {"a"}),
        ("{% if a is defined %}{{ a }}{% endif %}", set()),
        ("{% if a is defined and a > b %}{{ a }}{% endif %}", {"b"}),
        ("{% if a is not defined or not a %}{{ b }}{% endif %}", {"b"}),
        ("{% if a is undefined %}none{% else %}{{ a }}{% endif %}", set()),
        ("{% if a is defined %}{% endif %}{{ a }}", {"a"}),
        ("{{ a if a is defined else b }}", {"b"}),
        ("{% for item in items %}{{ item }}{{ loop.index }}{{ other }}{% endfor %}", {"items", "other"}),
        ("{{ x|d('') }}{% for x in items %}{{ x }}{% endfor %}", {"items"}),
        ("{% set a = b %}{{ a }}", {"b"}),
        ("{{ a }}{% set a = 1 %}", {"a"}),
        ("{% if c %}{% set a = 1 %}{% endif %}{{ a }}", {"a", "c"}),
        ("{% if c %}{% set a = 1 %}{% elif d %}{% set a = 3 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}", {"c", "d"}),
        ("{% macro m(x, y=z) %}{{ x }}{{ y }}{{ w }}{% endmacro %}{{ m(1) }}", {"z", "w"}),
        ("{% with a = b %}{{ a }}{% endwith %}", {"b"}),
        ("{% set a %}{{ b }}{% endset %}{{ a }}", {"b"}),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", set()),
        ("{{ 'x' if a else 'y' }}", {"a"}),
    ],
)
def test_the_variables_that_must_be_given_are_found(html: str, needed: set[str]) -> None:
    assert email(html=html).variables == needed


def test_the_variables_of_all_parts_count() -> None:
    assert email(subject="{{ a }}", html="{{ b }}", text="{{ c }}").variables == {"a", "b", "c"}


@given(st.sets(st.sampled_from(["a", "b", "c", "d"])))
def test_a_template_renders_exactly_when_its_variables_are_given(given_names: set[str]) -> None:
    template = email(html="{{ a }}{% if b is defined %}{{ b }}{{ c }}{% endif %}{{ d|default(a) }}")
    assert template.variables == {"a", "c"}
    if template.variables <= given_names:
        rendered(template, **dict.fromkeys(given_names, 1))


def test_a_missing_variable_fails_the_rendering_and_is_named() -> None:
    with pytest.raises(RenderFailed, match="'name' is undefined"):
        email(html="{{ name }}").render({})


@pytest.mark.parametrize("html", ["{{ 1 / x }}", "{{ x.y }}", "{{ x + 'a' }}", "{{ x() }}", "{{ x|join }}"])
def test_whatever_an_expression_raises_is_a_failed_rendering(html: str) -> None:
    with pytest.raises(RenderFailed):
        email(html=html).render({"x": 0})


def test_a_failed_rendering_shows_no_value() -> None:
    with pytest.raises(RenderFailed) as failed:
        email(html="{{ secret + 1 }}").render({"secret": "hunter2"})
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize(
    ("wanted", "available", "chosen"),
    [
        ("fr-CA", ["fr-CA", "fr", "en"], "fr-CA"),
        ("fr-CA", ["fr", "en"], "fr"),
        ("fr-CA", ["en"], "en"),
        ("FR_ca", ["fr-CA", "en"], "fr-CA"),
        ("zh-Hant-TW", ["zh-Hant", "zh", "en"], "zh-Hant"),
        ("it", ["de", "en"], "en"),
        ("it", ["fr", "de"], "de"),
    ],
)
def test_the_locale_falls_back_step_by_step(wanted: str, available: list[str], chosen: str) -> None:
    assert choose_locale(wanted, available, "en") == chosen


def test_threads_share_one_compiled_template() -> None:
    template = email(html="{% for i in range(50) %}{{ x ~ i }} {% endfor %}", text=None)
    with ThreadPoolExecutor(8) as threads:
        mails = list(threads.map(lambda x: rendered(template, x=x), range(200)))
    assert [mail.html.split(" ")[0] for mail in mails] == [f"{x}0" for x in range(200)]
