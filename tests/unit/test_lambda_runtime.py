"""Which wheels a runtime can load: up to the glibc of its Amazon Linux, and no further."""

import pytest

from infra.build.lambda_runtime import LambdaRuntime


@pytest.mark.parametrize(
    ("python", "architecture", "newest"),
    [
        ((3, 11), "x86_64", "manylinux_2_26_x86_64"),
        ((3, 11), "arm64", "manylinux_2_26_aarch64"),
        ((3, 12), "x86_64", "manylinux_2_34_x86_64"),
        ((3, 13), "arm64", "manylinux_2_34_aarch64"),
    ],
)
def test_the_newest_platform_is_that_of_the_runtimes_amazon_linux(
    python: tuple[int, int], architecture: str, newest: str
) -> None:
    platforms = LambdaRuntime(python, architecture).wheel_platforms
    assert platforms[0] == newest
    assert platforms[-2].startswith("manylinux_2_17_")
    assert platforms[-1].startswith("manylinux2014_")


def test_a_runtime_has_the_name_that_lambda_gives_it() -> None:
    assert LambdaRuntime((3, 11), "arm64").name == "python3.11"
