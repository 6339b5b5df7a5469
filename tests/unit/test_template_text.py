"""The plain text that is derived from an e-mail's HTML."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.html_text import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two", "One\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("a  <b>bold</b>\n  word", "a bold word"),
        ("Fish &amp; chips &lt;3", "Fish & chips <3"),
        ('<a href="https://x.example/a">here</a>', "here (https://x.example/a)"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a href="#top">top</a>', "top"),
        ('<a href="https://x.example"><img src="x" alt="Shop"></a>', "Shop (https://x.example)"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<ol><li>one</li><li>two<ul><li>deep</li></ul></li></ol>", "1. one\n2. two\n  - deep"),
        ("<table><tr><td>Item</td><td>3.00</td></tr><tr><td>Sum</td><td>4.00</td></tr></table>", "Item 3.00\nSum 4.00"),
        ("<pre>  two\n    four</pre>", "  two\n    four"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ('<a title="a > b" href=https://x.example>here</a>', "here (https://x.example)"),
        ("<p title=it's>One</p><p>Two</p>", "One\n\nTwo"),
        ("<A HREF='https://x.example/?a=1&amp;b=2'>here</A>", "here (https://x.example/?a=1&b=2)"),
        ("<!DOCTYPE html><?xml version='1.0'?>Hi</ >", "Hi"),
        ("<script>if (a < b) { '</p>' }</script>Hi", "Hi"),
        ("<svg><b>drawn</b><svg></svg></svg>Hi", "Hi"),
        ("a &#99999999999999999999; b", "a \ufffd b"),
    ],
)
def test_what_is_said_is_kept_and_how_it_looks_is_not(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    "html",
    [
        "<head><title>T</title><style>p { color: red }</style></head><body>Hi</body>",
        "<script>alert(1)</script>Hi",
        "<style>x",
        "Hi<!-- a comment -->",
        "<!--[if mso]><p>Outlook</p><![endif]-->Hi",
    ],
)
def test_scripts_styles_and_comments_are_silent(html: str) -> None:
    assert html_to_text(html) in {"Hi", ""}


HALF_A_MEGABYTE = 512 * 1024
SECONDS = 3.0
"""On a busy machine; the slowest takes a tenth of it on an idle one."""


@pytest.mark.parametrize(
    "piece",
    [
        *("<", "<!", "<!--", "<![CDATA[", "<?", "<a ", "</a ", '<a x="', "<a x='", "<a href=x>", "</a>", "<svg><b>"),
        *("&#", "<ul><li>", "<script>", "<pre>", "<p>", "\n", "x "),
    ],
)
def test_broken_html_takes_no_longer_than_other_html(piece: str) -> None:
    began_s = time.thread_time()
    html_to_text(piece * (HALF_A_MEGABYTE // len(piece)))
    assert time.thread_time() - began_s < SECONDS


@given(st.text(alphabet=st.sampled_from(list('<>/!-[]&;"= abpliuoltrd\n\x00')), max_size=80))
def test_no_text_however_broken_raises(html: str) -> None:
    assert "\x00" not in html_to_text(html)


def test_a_tag_ends_at_its_own_end_with_every_version_of_python() -> None:
    """The re of Python 3.11.2 lets a possessive group run past it."""
    assert html_to_text("<p>Ça va ?</p>") == "Ça va ?"
    assert html_to_text("<a href=\"https://x.test/?a=1>2\">there</a> <p title='x>y'>1 < 2</p>") == (
        "there (https://x.test/?a=1>2)\n\n1 < 2"
    )
