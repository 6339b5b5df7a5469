"""The deployment package, unpacked, in an interpreter that has nothing that it should bring itself."""

import re
import subprocess
from pathlib import Path

import pytest

from infra.build.import_time import BUDGET
from infra.build.in_package import EVERYTHING, NOTHING
from infra.build.invoking import invoke
from infra.build.package import MB, MOST_UNZIPPED_BYTES, MOST_ZIPPED_BYTES, Package, check_size
from infra.errors import BuildFailed
from infra.functions import ALL
from tests.packaging.allowed_modules import ALLOWED
from tests.packaging.conftest import Made
from tests.packaging.performance import Performance

FIGURES = re.compile(
    r"""
  (\S+) MB zipped, of 60
  (\S+) MB unzipped, of 180
  every function finds what it needs
  import app: (\S+) times the reference, of 1\.25
"""
)
IMPORT_OFFLINE = """
import os, sys

def end(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        print(event, arguments, file=sys.stderr, flush=True)
        os._exit(1)

sys.addaudithook(end)
sys.path.insert(0, os.getcwd())
import app
"""


def test_the_application_imports_without_network(package: Package, bare_runtime: Path) -> None:
    command = [str(bare_runtime), "-I", "-c", IMPORT_OFFLINE]
    subprocess.run(command, cwd=package.folder, env={}, check=True, timeout=60)


def test_the_application_imports_without_settings(package: Package, bare_runtime: Path) -> None:
    imported = invoke(package.folder, "api_handler", [], environment={}, python=[str(bare_runtime), "-I"])
    assert imported.raised is None
    assert imported.of_runtime == frozenset()


def test_make_package_builds_what_fits_into_lambda_and_tells_its_figures(made: Made) -> None:
    assert made.exit_status == 0, made.complaint
    told = FIGURES.search(made.printed)
    assert told is not None, made.printed
    zipped_mb, unzipped_mb, ratio = map(float, told.groups())
    assert zipped_mb == round(made.package.zipped_bytes / MB, 1) <= 60
    assert unzipped_mb == round(made.package.unzipped_bytes / MB, 1) <= 180
    assert 1 < ratio <= BUDGET


@pytest.mark.parametrize(("zipped", "unzipped"), [(MOST_ZIPPED_BYTES + 1, 0), (0, MOST_UNZIPPED_BYTES + 1)])
def test_a_package_that_is_too_large_fails_the_build(zipped: int, unzipped: int) -> None:
    with pytest.raises(BuildFailed, match=r"The package has (60|180)\.0 MB (un)?zipped; (60|180) MB is the budget"):
        check_size(zipped, unzipped)


def test_nothing_of_development_ships(package: Package) -> None:
    names = {path.name for path in package.folder.iterdir()}
    assert {"app.py", "chalice", "chalicelib"} <= names
    assert {
        name for name in names if name.split("-")[0] in {"boto3", "botocore", "grpc", "tests", "infra", "bin"}
    } == set()
    assert [file for file in (package.folder / "chalicelib").rglob("*.md")] == []


def test_every_module_ships_with_its_bytecode(package: Package) -> None:
    """Lambda's file system is read-only: what is not compiled here is compiled at every cold start."""
    sources = [file for file in package.folder.rglob("*.py") if file != package.folder / "app.py"]
    compiled = {(file.parent.parent, file.name.split(".")[0]) for file in package.folder.rglob("__pycache__/*.pyc")}
    assert [file for file in sources if (file.parent, file.stem) not in compiled] == []


@pytest.mark.parametrize("function", ALL)
def test_a_function_does_its_work_in_the_package(performed: Performance, function: str) -> None:
    assert performed.invoked[function]


def test_what_the_packaged_functions_sent_has_arrived(performed: Performance) -> None:
    assert {mail["subject"] for mail in performed.stage.mails()} == {"Hello Grace"}
    assert len(performed.stage.mails()) == 2
    assert len(performed.stage.pushes()) == 2


@pytest.mark.parametrize("function", ALL)
def test_a_function_imports_what_its_list_allows_and_nothing_else(performed: Performance, function: str) -> None:
    assert performed.modules_of(function) == ALLOWED[function]


@pytest.mark.parametrize("function", ALL)
def test_no_function_takes_anything_from_the_runtime_unless_its_settings_say_so(
    performed: Performance, function: str
) -> None:
    # requests takes it where it finds it: Lambda's runtime client brings it
    assert performed.of_runtime(function) - {"simplejson"} == frozenset()


def test_only_the_push_functions_may_import_firebase() -> None:
    assert {name for name, modules in ALLOWED.items() if "firebase_admin" in modules} == {
        "deliver_push",
        "deliver_push_bulk",
    }


def test_every_function_has_its_list() -> None:
    assert set(ALLOWED) == set(ALL)
    assert not {EVERYTHING, NOTHING} & set(ALLOWED)
