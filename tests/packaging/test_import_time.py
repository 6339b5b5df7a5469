"""A cold start imports little more than the libraries that it cannot do without."""

from pathlib import Path

import pytest

from infra.build.import_time import BUDGET, MEASURES, check_import_time
from infra.build.package import Package
from infra.errors import BuildFailed


def test_the_application_imports_within_its_budget(package: Package) -> None:
    check_import_time(package.folder)


def test_what_another_program_takes_from_one_measure_fails_no_build(tmp_path: Path) -> None:
    measured = iter([BUDGET + 0.03, BUDGET - 0.02])
    assert check_import_time(tmp_path, measure=lambda _: next(measured)) == BUDGET - 0.02


def test_what_is_over_the_budget_each_time_fails_the_build(tmp_path: Path) -> None:
    measured = iter([BUDGET + 0.01] * MEASURES)
    with pytest.raises(BuildFailed, match=r"import app takes 1\.26 times as long as import chalice"):
        check_import_time(tmp_path, measure=lambda _: next(measured))
    assert list(measured) == []
