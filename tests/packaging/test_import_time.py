"""A cold start imports little more than the libraries that it cannot do without."""

from infra.build.import_time import check_import_time
from infra.build.package import Package


def test_the_application_imports_within_its_budget(package: Package) -> None:
    check_import_time(package.folder)
