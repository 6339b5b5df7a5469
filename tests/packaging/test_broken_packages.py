"""What is missing or broken fails the build, and says what it is: no function finds it out."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.build.demands import check_demands
from infra.build.lambda_runtime import LambdaRuntime, our_runtime
from infra.build.package import NO_PLATFORM, REPOSITORY, STAGE, Package
from infra.build.project import build_for
from infra.build.rehearsal import rehearse
from infra.build.vendoring import vendor
from infra.errors import BuildFailed
from infra.functions import ALL, HTTP
from infra.stage import CONFIG
from tests.packaging.conftest import CACHE


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the source tree that a test may break."""
    copy = tmp_path / "source"
    shutil.copytree(REPOSITORY / "chalicelib", copy / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / CONFIG.parent, copy / CONFIG.parent, ignore=shutil.ignore_patterns("deploy*"))
    for name in ("app.py", "requirements.txt"):
        shutil.copy(REPOSITORY / name, copy)
    return copy


def build(source: Path, *, runtime: LambdaRuntime | None = None) -> Path:
    return build_for(
        runtime or our_runtime("x86_64"),
        source=source,
        into=source.parent / "project",
        stage=STAGE,
        platform=NO_PLATFORM,
        cache=CACHE,
    )


def altered(
    package: Package, into: Path, *, without: str = "", replaced: Mapping[str, tuple[str, str]] | None = None
) -> Path:
    """The unpacked package with one module of others missing, or with other words in modules of ours.

    All else are the same files, but for the bytecode of those modules: it would win over their sources.
    """
    slips = replaced or {}
    into.mkdir()
    for entry in package.folder.iterdir():
        if entry.name not in {"chalicelib", without}:
            (into / entry.name).symlink_to(entry)
    stale = shutil.ignore_patterns(*(f"{Path(name).stem}.*.pyc" for name in slips))
    shutil.copytree(package.folder / "chalicelib", into / "chalicelib", ignore=stale)
    for name, (old, new) in slips.items():
        module = into / "chalicelib" / name
        assert old in module.read_text()
        module.write_text(module.read_text().replace(old, new, 1))
    return into


def test_a_missing_dependency_of_a_dependency_names_the_function_and_the_module(
    package: Package, tmp_path: Path
) -> None:
    with pytest.raises(BuildFailed) as failed:
        rehearse(altered(package, tmp_path / "package", without="httpcore"))
    assert "deliver_push needs the module httpcore" in str(failed.value)
    assert "deliver_push_bulk needs the module httpcore" in str(failed.value)
    assert "deliver_email needs" not in str(failed.value)


def test_a_name_that_a_handler_does_not_know_is_told_with_function_file_and_line(
    package: Package, tmp_path: Path
) -> None:
    slips = {
        "handlers/functions.py": ("retention.purge(", "retentions.purge("),
        "handlers/health.py": ("ok(AliveResource())", "ok(AliveResources())"),
    }
    with pytest.raises(BuildFailed) as failed:
        rehearse(altered(package, tmp_path / "package", replaced=slips))
    told = failed.value.problem
    assert re.findall(r"^(\w+) (?:answers|ends|needs) ", told, re.MULTILINE) == ["api_handler", "purge"]
    assert re.search(
        r"GET /health with 500 and not with 200: builtins\.NameError at \S+/handlers/health\.py:\d+ alive", told
    )
    assert re.search(r"purge ends in NameError: name 'retentions' .*/handlers/functions\.py", told)


def test_a_required_setting_that_is_not_rehearsed_is_named(package: Package, tmp_path: Path) -> None:
    one_more = {"settings.py": ("    jwt_issuer:", "    jwt_leeway_s: PositiveInt\n    jwt_issuer:")}
    with pytest.raises(BuildFailed, match=r"infra/build/rehearsal_settings\.py") as failed:
        rehearse(altered(package, tmp_path / "package", replaced=one_more))
    told = failed.value.problem
    refused = re.findall(r"^(\w+) ends in chalicelib\.errors\.InvalidSettings: JWT_LEEWAY_S: ", told, re.MULTILINE)
    assert refused == [function for function in ALL if function != HTTP]
    assert re.search(r"^api_handler answers GET /health with 500 .*\.InvalidSettings at ", told, re.MULTILINE)


def test_a_missing_dependency_of_ours_names_file_and_line(source: Path) -> None:
    locked = (source / "requirements.txt").read_text().splitlines()
    (source / "requirements.txt").write_text("\n".join(line for line in locked if not line.startswith("pika==")))
    with pytest.raises(BuildFailed, match=r"chalicelib/broker/session\.py:\d+ imports pika"):
        build(source)


def test_a_module_of_ours_that_is_not_there_names_who_imports_it(source: Path) -> None:
    (source / "chalicelib" / "domain" / "rate.py").unlink()
    with pytest.raises(BuildFailed, match=r"chalicelib/wiring/edge\.py:\d+ imports chalicelib\.domain\.rate"):
        build(source)


def test_a_syntax_error_in_a_handler_names_file_and_line(source: Path) -> None:
    handler = source / "chalicelib" / "handlers" / "health.py"
    lines = handler.read_text().splitlines()
    handler.write_text("\n".join([*lines, "def broken(:"]))
    with pytest.raises(BuildFailed, match=rf"chalicelib/handlers/health\.py:{len(lines) + 1}: invalid syntax"):
        build(source)


def test_a_syntax_error_in_the_manifest_names_file_and_line(source: Path) -> None:
    (source / "app.py").write_text("import\n")
    with pytest.raises(BuildFailed, match=r"app\.py:1: "):
        build(source)


def test_a_placeholder_of_a_policy_that_nothing_answers_is_named(source: Path) -> None:
    policy = source / CONFIG.parent / "policies" / "relay.json"
    policy.write_text(json.dumps({"Statement": [{"Resource": "arn:${Partition}:s3:::${Bucket}"}]}))
    with pytest.raises(BuildFailed, match=r"relay\.json: nothing answers \$\{Bucket\}"):
        build(source)


def test_a_wheel_that_the_runtime_cannot_load_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Amazon Linux 2 has an older C library than the only wheel of this release was made for."""
    lock = tmp_path / "requirements.txt"
    lock.write_text("psycopg-binary==3.3.9\n")
    with pytest.raises(BuildFailed, match=r"psycopg-binary==3\.3\.9 has no wheel that python3\.11 on arm64 can load"):
        vendor(lock, LambdaRuntime((3, 11), "arm64"), cache=tmp_path)
    assert [path.name for path in (tmp_path / "vendor").iterdir()] == ["lock"]


def test_a_package_that_needs_more_on_another_version_of_python_is_named(source: Path, tmp_path: Path) -> None:
    """As redis does below 3.11.3: a lock that was made with a later version does not show it."""
    vendored = vendor(source / "requirements.txt", our_runtime("x86_64"), cache=CACHE)
    altered = tmp_path / "vendored"
    for known in vendored.glob("*.dist-info"):
        shutil.copytree(known, altered / known.name)
    (metadata,) = altered.glob("redis-*.dist-info/METADATA")
    metadata.write_text(metadata.read_text().replace("\n\n", "\nRequires-Dist: anew; python_version >= '3'\n\n", 1))
    with pytest.raises(BuildFailed, match=r"redis \S+ needs anew"):
        check_demands(altered, our_runtime("x86_64"))
    check_demands(vendored, our_runtime("x86_64"))
