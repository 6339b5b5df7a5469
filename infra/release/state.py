"""Chalice's record of what it deployed, kept in the platform's bucket, so that any machine may deploy next."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.target import AwsClient

Resource = Mapping[str, str]
REST_API = "rest_api"
FUNCTION = "lambda_function"

_ABSENT = {"NoSuchKey", "404"}


@dataclass(frozen=True, slots=True)
class Deployed:
    """What Chalice's record says: one resource a name."""

    resources: Sequence[Resource]

    @classmethod
    def read(cls, text: str) -> "Deployed":
        return cls(json.loads(text)["resources"])

    def write(self) -> str:
        """As Chalice reads it."""
        document = {"resources": [dict(one) for one in self.resources], "schema_version": "2.0", "backend": "api"}
        return json.dumps(document, indent=1)

    @property
    def function_arns(self) -> Mapping[str, str]:
        """By the function's name in the code."""
        return {one["name"]: one["lambda_arn"] for one in self.resources if one["resource_type"] == FUNCTION}

    def has_role(self, function: str) -> bool:
        """Whether the function's role is among them: one deleted by hand is made anew by Chalice alone."""
        return any(one["name"] == f"{function}_role" for one in self.resources)

    @property
    def rest_api_id(self) -> str | None:
        return next((one["rest_api_id"] for one in self.resources if one["resource_type"] == REST_API), None)


@dataclass(frozen=True, slots=True)
class StateBucket:
    """Keeps the record of one stage. Versioned by the bucket; whoever writes holds the stage's lock."""

    s3: AwsClient
    bucket: str
    stage: str

    def load(self) -> Deployed:
        """Return what was stored last; nothing was deployed before, as far as this knows, when there is no record."""
        try:
            stored = self.s3.get_object(Bucket=self.bucket, Key=self._key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return Deployed([])
            raise
        return Deployed.read(stored["Body"].read().decode())

    def save(self, deployed: Deployed) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=self._key, Body=deployed.write().encode())

    def forget(self) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=self._key)

    @property
    def _key(self) -> str:
        return f"carillon/{self.stage}/deployed.json"


def record_of(project: Path, stage: str) -> Path:
    """Where Chalice keeps the record within a project folder."""
    return project / ".chalice" / "deployed" / f"{stage}.json"
