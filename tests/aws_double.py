"""AWS as the functions call it: Secrets Manager and SES, which do what is allowed and keep what they were asked."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.policies import ACCOUNT
from tests.scripted_http import Asked, Reply, scripted_http
from tests.ses_double import accepted, refused

JSON = {"Content-Type": "application/x-amz-json-1.1"}
SECRETS_MANAGER = "secretsmanager."


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """An action of IAM's, and the resource that it is about."""

    action: str
    resource: str


def everything(_request: AwsRequest) -> bool:
    return True


@dataclass
class AwsDouble:
    """`secrets` is what Secrets Manager holds, by ARN. What `allows` refuses is denied, and listed as such."""

    url: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    allows: Callable[[AwsRequest], bool] = everything
    away: bool = False
    asked: list[AwsRequest] = field(default_factory=list)
    denied: list[AwsRequest] = field(default_factory=list)

    def environment(self, **settings: str) -> Mapping[str, str]:
        """What leads boto3 here, in the name of nobody."""
        nobody = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}
        return {**nobody, "AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": "eu-central-1", **settings}

    def answer(self, asked: Asked) -> Reply:
        target = asked.headers.get("x-amz-target", "")
        return self._tell_secret(asked, target) if target.startswith(SECRETS_MANAGER) else self._send_mail(asked)

    def _tell_secret(self, asked: Asked, target: str) -> Reply:
        arn = json.loads(asked.body)["SecretId"]
        if self.away:
            return Reply(503, b"{}", JSON)
        if not self._may(AwsRequest(f"secretsmanager:{target.removeprefix(SECRETS_MANAGER)}", arn)):
            return Reply(400, b'{"__type": "AccessDeniedException"}', JSON)
        if arn not in self.secrets:
            return Reply(400, b'{"__type": "ResourceNotFoundException"}', JSON)
        return Reply(200, json.dumps({"ARN": arn, "SecretString": self.secrets[arn]}).encode(), JSON)

    def _send_mail(self, asked: Asked) -> Reply:
        form = parse_qs(asked.body.decode())
        region = asked.headers["authorization"].split("/")[2]  # AWS4-HMAC-SHA256 Credential=KEY/DAY/REGION/…
        identity = f"arn:aws:ses:{region}:{ACCOUNT}:identity/{form['Source'][0].partition('@')[2]}"
        if not self._may(AwsRequest(f"ses:{form['Action'][0]}", identity)):
            return refused("AccessDenied", "not authorized", status=403)
        return accepted()

    def _may(self, request: AwsRequest) -> bool:
        self.asked.append(request)
        if self.allows(request):
            return True
        self.denied.append(request)
        return False


@contextmanager
def aws_double() -> Iterator[AwsDouble]:
    double = AwsDouble()
    with scripted_http(double.answer) as server:
        double.url = server.url
        yield double
