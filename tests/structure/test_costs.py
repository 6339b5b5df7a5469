"""The page of costs adds up, and is about the profiles as they are."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from infra.functions import ALL
from infra.platform.servers import read_profile
from infra.watch.alarm_list import Watched, alarms_of

PAGE = (Path(__file__).parents[2] / "docs" / "costs.md").read_text()
TABLES = [table for table in PAGE.split("\n\n") if "| **sum** |" in table]
AMOUNT = re.compile(r"\*{0,2}(\d+\.\d\d)\*{0,2}")


@pytest.mark.parametrize("table", TABLES, ids=["idle", "a million"])
@pytest.mark.parametrize("column", [2, 3])
def test_a_table_adds_up(table: str, column: int) -> None:
    cells = [AMOUNT.fullmatch(line.split("|")[column].strip()) for line in table.splitlines()]
    *parts, total = [Decimal(cell[1]) for cell in cells if cell]
    assert sum(parts) == total


@pytest.mark.parametrize("profile", ["small", "production"])
@pytest.mark.parametrize("size", ["DatabaseClass", "BrokerClass", "CacheClass"])
def test_what_is_reckoned_is_what_is_deployed(profile: str, size: str) -> None:
    assert read_profile(profile)[size] in PAGE


def test_as_many_alarms_are_paid_for_as_there_are() -> None:
    alarms = alarms_of(Watched("prod", "api", dict.fromkeys(ALL, 60), reserved=215, has_canary=True))
    assert f"{sum(len(alarm.metrics) for alarm in alarms)} at 0.10" in PAGE
