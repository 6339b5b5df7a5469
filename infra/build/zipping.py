"""The archive that Chalice uploads, made by Chalice's own packager: a deployment that follows finds it and takes it."""

from pathlib import Path

from chalice.deploy.packager import (
    DependencyBuilder,
    LambdaDeploymentPackager,
)
from chalice.utils import UI, OSUtils

from infra.build.lambda_runtime import our_runtime


def zip_project(project: Path, *, architecture: str) -> Path:
    """Return the archive of a project folder; it is made when the folder changed since the last one."""
    files = OSUtils()
    with Path("/dev/null").open("w") as nowhere:
        packager = LambdaDeploymentPackager(
            osutils=files,
            dependency_builder=DependencyBuilder(osutils=files, architecture=architecture),
            ui=UI(out=nowhere, err=nowhere),
            architecture=architecture,
        )
        return Path(packager.create_deployment_package(str(project), our_runtime(architecture).name))
