"""The page with the interface's description finds its parts wherever the interface lies: also below a stage."""

import base64
import hashlib
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx
import pytest

from tests.e2e.api import Client, succeeded


class Parts(HTMLParser):
    """What a page loads, with the digest that it demands of each part."""

    def __init__(self) -> None:
        super().__init__()
        self.digests: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        link = given.get("href" if tag == "link" else "src")
        if tag in ("link", "script") and link and not link.startswith("data:"):
            self.digests[link] = given.get("integrity")


@pytest.fixture(scope="module")
def page(addresses: Mapping[str, str]) -> httpx.Response:
    return httpx.get(f"{addresses['API_URL']}/docs", headers={"Accept": "text/html,image/avif,image/webp,*/*;q=0.8"})


def test_the_page_loads_every_part_of_it_byte_for_byte(page: httpx.Response) -> None:
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    parts = Parts()
    parts.feed(page.text)
    assert len(parts.digests) == 3
    for link, digest in parts.digests.items():
        part = httpx.get(urljoin(str(page.url), link))
        assert part.status_code == 200, f"{part.url}: {part.text}"
        if digest is not None:
            assert digest == f"sha384-{base64.b64encode(hashlib.sha384(part.content).digest()).decode()}"


def test_the_page_reads_the_document_and_the_document_leads_to_the_interface(
    page: httpx.Response, addresses: Mapping[str, str], client: Client
) -> None:
    script = httpx.get(urljoin(str(page.url), "docs/start.js")).text
    (document_at,) = re.findall(r'url: "([^"]+)"', script)
    answer = httpx.get(urljoin(str(page.url), document_at))
    document = succeeded(answer)
    (server,) = document["servers"]
    assert urljoin(str(answer.url), server["url"]).rstrip("/") == addresses["API_URL"]
    assert document == succeeded(client.call("GET /openapi.json"))
