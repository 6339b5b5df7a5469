"""What a function runs on: a version of Python, an architecture, and the C library that wheels must be made for."""

import sys
from dataclasses import dataclass

_WHEEL_MACHINES: dict[str, str] = {"x86_64": "x86_64", "arm64": "aarch64"}
ARCHITECTURES = tuple(_WHEEL_MACHINES)

# AWS Lambda Developer Guide, "Lambda runtimes": Amazon Linux 2 up to python3.11, Amazon Linux 2023 from python3.12 on.
_AMAZON_LINUX_2_GLIBC_MINOR = 26
_AMAZON_LINUX_2023_GLIBC_MINOR = 34
_FIRST_ON_AMAZON_LINUX_2023 = (3, 12)
_OLDEST_GLIBC_MINOR = 17
"""manylinux2014: older wheels than that are found under its name."""


@dataclass(frozen=True, slots=True)
class LambdaRuntime:
    """`python` is a version such as (3, 11), `architecture` is x86_64 or arm64, as Lambda says."""

    python: tuple[int, int]
    architecture: str

    @property
    def name(self) -> str:
        return f"python{self.version}"

    @property
    def version(self) -> str:
        return ".".join(map(str, self.python))

    @property
    def glibc_minor(self) -> int:
        is_2023 = self.python >= _FIRST_ON_AMAZON_LINUX_2023
        return _AMAZON_LINUX_2023_GLIBC_MINOR if is_2023 else _AMAZON_LINUX_2_GLIBC_MINOR

    @property
    def machine(self) -> str:
        """The architecture as Linux, wheels and markers call it."""
        return _WHEEL_MACHINES[self.architecture]

    @property
    def wheel_platforms(self) -> tuple[str, ...]:
        """Every platform tag that this runtime can load (PEP 600), the newest first."""
        minors = range(self.glibc_minor, _OLDEST_GLIBC_MINOR - 1, -1)
        return (*(f"manylinux_2_{minor}_{self.machine}" for minor in minors), f"manylinux2014_{self.machine}")

    @property
    def is_ours(self) -> bool:
        """Whether the interpreter that runs us writes bytecode for it."""
        return self.python == sys.version_info[:2]


def our_runtime(architecture: str) -> LambdaRuntime:
    """The runtime that Chalice deploys to: of the version of Python that it runs in itself."""
    return LambdaRuntime(sys.version_info[:2], architecture)
