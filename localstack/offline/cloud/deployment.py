"""The deployment of a source tree onto a LocalStack: skipped when nothing of what it depends on has changed."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.deploy import Deployed, deploy
from infra.functions import APP
from infra.release.mappings import ENABLED
from infra.target import AwsClient, Platform, Target
from offline.services.files import write_private
from offline.stack.health import answers
from offline.stack.layout import REPOSITORY

Deploy = Callable[..., Deployed]  # infra.deploy.deploy: its keywords are written out once, where it is called

_SHIPPED = ("app.py", "requirements.txt", "chalicelib/**/*", ".chalice/*.json", ".chalice/policies/*")
_DEPLOYER = ("infra/**/*.py",)
_NOT_SOURCE = "__pycache__"
_COLD_START_S = 30.0
"""The API may have been idle for so long that its first answer waits for a new environment, on a slow machine too."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was deployed last is on record in `folder`. `life` names the one LocalStack that it was deployed to."""

    folder: Path
    cache: Path
    life: str
    deploy: Deploy = deploy
    open_client: Callable[[Target], AwsClient] = lambda target: target.client("lambda")

    def bring(
        self,
        *,
        source: Path,
        target: Target,
        platform: Platform,
        founders: Mapping[str, object],
        say: Callable[[str], None],
    ) -> str:
        """Return the URL of the API, with the functions running this source on this platform.

        Raises:
            StepFailed: a step failed; the next call does all of them again.
        """
        code = [*_contents(source, _SHIPPED), *_contents(REPOSITORY, _DEPLOYER)]
        wanted = _digest(self.life, code, asdict(platform), founders)
        record = self._record()
        if record.get("digest") == wanted and self._works(record["api_url"], target):
            say("nothing has changed since the last one")
            return record["api_url"]
        self._file.unlink(missing_ok=True)
        deployed = self.deploy(
            target,
            platform,
            source=source,
            work=self.folder,
            cache=self.cache,
            say=say,
            founders=founders,
            again="make localstack",
        )
        write_private(self._file, json.dumps({"digest": wanted, "api_url": deployed.api_url}))
        return deployed.api_url

    def _works(self, api_url: str, target: Target) -> bool:
        """Whether it accepts, and delivers: a mapping that has stopped, by itself or by hand, is for a deployment."""
        if not answers(f"{api_url}/health/ready", _COLD_START_S):
            return False
        pages = self.open_client(target).get_paginator("list_event_source_mappings").paginate()
        mappings = [one for page in pages for one in page["EventSourceMappings"]]
        ours = [one for one in mappings if f":function:{APP}-{target.stage}-" in one["FunctionArn"]]
        return all(one["State"] == ENABLED for one in ours)

    def _record(self) -> dict[str, str]:
        try:
            record: dict[str, str] = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        return record

    @property
    def _file(self) -> Path:
        return self.folder / "deployed.json"


def _contents(tree: Path, patterns: tuple[str, ...]) -> list[tuple[str, str]]:
    files = sorted({file for pattern in patterns for file in tree.glob(pattern) if file.is_file()})
    kept = [file for file in files if _NOT_SOURCE not in file.parts]
    return [(str(file.relative_to(tree)), hashlib.sha256(file.read_bytes()).hexdigest()) for file in kept]


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
