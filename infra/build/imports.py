"""Holds what our code imports against what the package brings: what is missing fails the build, and no function."""

import ast
import sys
from pathlib import Path

from infra.build.in_package import OF_THE_RUNTIME, imports_of
from infra.errors import BuildFailed


def check_imports(project: Path) -> None:
    """Raises: BuildFailed, naming file and line of each import, also in a function, that nothing shipped answers."""
    files = [project / "app.py", *sorted((project / "chalicelib").rglob("*.py"))]
    missing = [
        f"{file.relative_to(project)}:{line} imports {module}"
        for file in files
        for line, module in imports_of(ast.parse(file.read_bytes()))
        if not _is_there(module, project)
    ]
    if missing:
        raise BuildFailed(
            "the package lacks what it imports:\n" + "\n".join(missing),
            remedy="Name it in requirements.in and run make lock; or take it out of infra/build/left_out.py.",
        )


def _is_there(module: str, project: Path) -> bool:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names | OF_THE_RUNTIME | {"chalice", "app"}:
        return True
    place = project if top == "chalicelib" else project / "vendor"
    path = place.joinpath(*module.split("."))
    return path.is_dir() or any(path.parent.glob(f"{path.name}.*"))
