"""Reads a CloudFormation template as far as whoever fills its parameters must know it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TEMPLATES = Path(__file__).parents[1] / "templates"


class _Loader(yaml.SafeLoader):
    """Takes what stands behind a tag such as !Ref for nothing: none decides which parameters there are."""


_Loader.add_multi_constructor("!", lambda _loader, _tag, _node: None)


def read_template(part: str) -> str:
    """Return the body of the template of that name."""
    return (TEMPLATES / f"{part}.yaml").read_text()


def filled(body: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each parameter of the template.

    Raises:
        KeyError: one that has none.
    """
    return {name: values[name] for name in parts_of(body)["Parameters"]}


def parts_of(body: str) -> Mapping[str, Mapping[str, Any]]:  # Any: CloudFormation's own shapes
    """Return the template's parts by name, without what stands behind tags."""
    read: Mapping[str, Mapping[str, Any]] = yaml.load(body, _Loader)  # noqa: S506  _Loader is a SafeLoader
    return read
