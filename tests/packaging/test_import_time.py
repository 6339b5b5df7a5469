"""A cold start imports little more than the libraries that it cannot do without. How much, `make package` tells."""

from pathlib import Path
from statistics import median

import pytest

from infra.build.import_time import BUDGET, MEASURES, PAIRS, REFERENCE, check_import_time, import_ratio
from infra.build.package import Package
from infra.errors import BuildFailed


def test_the_reference_takes_as_long_as_itself(package: Package) -> None:
    assert import_ratio(package.folder, REFERENCE) == pytest.approx(1, abs=0.01)


def test_what_an_application_imports_besides_shows(package: Package) -> None:
    """It takes 1.3 to 1.4 times as long, whatever else the machine does."""
    assert median(import_ratio(package.folder, "import app, jinja2, email_validator") for _ in range(3)) > BUDGET


def test_what_cannot_be_imported_says_why(package: Package) -> None:
    with pytest.raises(BuildFailed, match=r"(?s)'import app, apps' fails in the package:.*No module named 'apps'"):
        import_ratio(package.folder, "import app, apps")


def test_what_another_program_takes_from_a_few_processes_fails_no_build(tmp_path: Path) -> None:
    measured = iter([*[BUDGET + 0.5] * (PAIRS // 2), *[BUDGET - 0.02] * (PAIRS - PAIRS // 2)])
    assert check_import_time(tmp_path, measure=lambda _: next(measured)) == BUDGET - 0.02
    assert list(measured) == []


def test_a_measure_that_is_over_the_budget_is_measured_on(tmp_path: Path) -> None:
    measured = iter([*[BUDGET + 0.01] * PAIRS, *[BUDGET - 0.02] * (PAIRS + 1), *[BUDGET - 0.01] * (PAIRS - 1)])
    assert check_import_time(tmp_path, measure=lambda _: next(measured)) <= BUDGET


def test_what_is_over_the_budget_among_all_measures_fails_the_build(tmp_path: Path) -> None:
    """A single measure within it is luck, and does not help."""
    lucky = [*[BUDGET + 0.03] * PAIRS, *[BUDGET - 0.01] * (PAIRS - 1), BUDGET + 0.03, *[BUDGET + 0.03] * PAIRS]
    measured = iter(lucky)
    with pytest.raises(BuildFailed, match=r"import app takes 1\.28 times as long as import chalice"):
        check_import_time(tmp_path, measure=lambda _: next(measured))
    assert len(lucky) == MEASURES * PAIRS
    assert list(measured) == []
