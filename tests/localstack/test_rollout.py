"""What make deploy, make rollback and make destroy do from their first step to their last, on a LocalStack.

Two things are others there: the servers, which its CloudFormation cannot make, are those of the session's Carillon; and
it is moto's RDS that tells whether a database may be deleted, for LocalStack has none.
"""

import contextlib
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from moto import mock_aws

from infra import functions
from infra.caller import founders_of
from infra.errors import StepFailed
from infra.functions import APP, Schedule, deployed_name
from infra.platform.emptying import empty_bucket
from infra.platform.servers import STATE, state_bucket_of
from infra.platform.stacks import Stack
from infra.platform.template import filled, read_template
from infra.release.chalice_deploy import deploy_project
from infra.release.found import Finder
from infra.release.log_group import ensure_log_group
from infra.release.schedules import Schedules
from infra.release.source import check_out
from infra.release.state import Deployed, StateBucket
from infra.rollout import Rollout
from infra.stage import read_stage
from infra.target import AwsClient, Platform, Target
from infra.teardown import tear_down
from offline.cloud.stack import CloudStack
from offline.stack.layout import REPOSITORY
from tests.e2e.api import EMAIL, Client, Json, address, succeeded
from tests.localstack import test_deploy_recovery as recovery
from tests.localstack.mappings import disable, mappings_of, require_one_each
from tests.localstack.releases import TITLE, entitled_release
from tests.localstack.test_platform_templates import PATIENCE
from tests.rehearsed_aws import rehearsed_client

RELEASE = "v1.2.3"
CONSUMER = "deliver_email"
ALARM_EMAIL = "on-call@example.test"
COMPARED = ("CodeSha256", "Environment", "Timeout", "MemorySize", "Role")
STEPS = [
    *("preflight", "platform", "logs of the servers", "release"),
    *("check", "build", "migrate ahead", "chalice deploy", "migrate", "mappings", "schedules", "alarms and dashboard"),
    *("smoke test", "who is told of alarms"),
]
DOOMED = "halfway"  # as the project says

project = recovery.project


@dataclass(frozen=True, slots=True)
class Seen:
    """What one rollout said, and what there was at its end."""

    said: Sequence[str]
    title: str
    mails: Sequence[Json]
    configurations: Mapping[str, Json]
    recipients: Sequence[str]

    def told_by(self, step: str) -> str:
        """What a step said at its end, without how long it took."""
        (line,) = [line for line in self.said if line.startswith(f"{step}: ")]
        return line.removeprefix(f"{step}: ").rpartition(" (")[0]


@dataclass(frozen=True, slots=True)
class History:
    """Another release came, and this tree again."""

    before: Mapping[str, Json]
    rolled_back: Seen
    deployed: Seen


def state_stack(target: Target) -> Stack:
    name, cloudformation = f"{APP}-{target.stage}-{STATE}", target.client("cloudformation")
    return Stack(name, cloudformation=cloudformation, say=lambda _text: None, patience=PATIENCE)


def made_bucket(target: Target) -> str:
    """The bucket that keeps what was deployed, made by CloudFormation as on AWS."""
    body = read_template(STATE)
    return state_stack(target).ensure(body, filled(body, {"Stage": target.stage}))["StateBucket"]


def same_servers(target: Target) -> Platform:
    """Those that the deployed functions have, as Lambda tells of them; and the bucket that CloudFormation makes."""
    migrate = deployed_name(functions.BY_HAND, target.stage)
    (mapping,) = mappings_of(target, CONSUMER)
    access = {one["Type"]: one["URI"] for one in mapping["SourceAccessConfigurations"]}
    return Platform(
        settings=target.client("lambda").get_function_configuration(FunctionName=migrate)["Environment"]["Variables"],
        broker_arn=mapping["EventSourceArn"],
        broker_secret_arn=access["BASIC_AUTH"],
        virtual_host=access["VIRTUAL_HOST"],
        state_bucket=made_bucket(target),
    )


def configurations(target: Target) -> Mapping[str, Json]:
    """What each function runs, and with what."""
    client = target.client("lambda")
    told = [client.get_function_configuration(FunctionName=deployed_name(name, target.stage)) for name in functions.ALL]
    return {each["FunctionName"]: {name: each[name] for name in COMPARED} for each in told}


def recipients(target: Target) -> Sequence[str]:
    """Each subscription to the alarms of all stages, by its ARN, that has our address."""
    pages = target.client("sns").get_paginator("list_subscriptions").paginate()
    found = (one for page in pages for one in page["Subscriptions"])
    return [one["SubscriptionArn"] for one in found if one["Endpoint"] == ALARM_EMAIL]


@pytest.fixture(scope="module")
def server_logs(cloud: CloudStack) -> Iterator[Sequence[str]]:
    """The log groups that AWS makes when a server writes its first line."""
    logs = cloud.target.client("logs")
    broker = mappings_of(cloud.target, CONSUMER)[0]["EventSourceArn"].rpartition(":")[2]
    names = [f"/aws/rds/instance/{APP}-{cloud.target.stage}/postgresql", f"/aws/amazonmq/broker/{broker}/general"]
    for name in names:
        logs.create_log_group(logGroupName=name)
    yield names
    for name in names:
        logs.delete_log_group(logGroupName=name)


@pytest.fixture(scope="module")
def target(cloud: CloudStack) -> Iterator[Target]:
    """The session's LocalStack, which has afterwards what it had before."""
    yield cloud.target
    for subscription in recipients(cloud.target):
        cloud.target.client("sns").unsubscribe(SubscriptionArn=subscription)
    empty_bucket(cloud.target.client("s3"), state_bucket_of(cloud.target))
    state_stack(cloud.target).delete()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that git keeps and no folder shows: this tree with another title."""
    repository = entitled_release(tmp_path_factory.mktemp("repository"))

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *who, *arguments], cwd=repository, check=True, capture_output=True)  # noqa: S607  wherever it is

    git("init", "--quiet")
    git("add", "--force", ".")
    git("commit", "--quiet", "--message", "One release")
    git("tag", RELEASE)
    (repository / "app.py").write_text("")
    return check_out(repository, RELEASE, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def roll_out(
    cloud: CloudStack, target: Target, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Seen]:
    def rolled_out(source: Path) -> Seen:
        said: list[str] = []
        rollout = Rollout(
            target=target,
            source=source,
            stage=read_stage(source, target.stage),
            make_platform=lambda: same_servers(target),
            founders=founders_of(cloud.addresses),
            alarm_email=ALARM_EMAIL,
            work=tmp_path_factory.mktemp("work"),
            cache=cloud.layout.cache,
            say=said.append,
            again="",
        )
        with email_before_and_after(target, client) as mails:
            rollout.run()
        interface = succeeded(client.call("GET /openapi.json"))
        return Seen(said, interface["info"]["title"], mails, configurations(target), recipients(target))

    return rolled_out


@pytest.fixture(scope="module")
def history(roll_out: Callable[[Path], Seen], release: Path, target: Target, server_logs: Sequence[str]) -> History:
    before = configurations(target)
    try:
        rolled_back = roll_out(release)
    finally:
        deployed = roll_out(REPOSITORY)  # the tests after this one are of this tree
    return History(before, rolled_back, deployed)


@contextlib.contextmanager
def email_before_and_after(target: Target, client: Client) -> Iterator[Sequence[Json]]:
    """Fills the list with what has arrived of an e-mail that waits for the block's end, and of one posted after it."""
    code = client.publish_template(EMAIL)
    mails: list[Json] = []

    def post(to: str) -> str:
        return str(client.notify(template_code=code, recipient={"email": to}, channels=["email"])["notification_id"])

    before, after = address(), address()
    disable(target, CONSUMER)
    waiting = post(before)
    yield mails
    require_one_each(target)
    client.wait_all_ended([waiting, post(after)], within_s=60)
    mails += [*client.mails(before), *client.mails(after)]


def test_the_steps_come_in_their_order_and_each_says_what_it_did(history: History, cloud: CloudStack) -> None:
    for seen in (history.rolled_back, history.deployed):
        assert [line.removesuffix(" …") for line in seen.said if line.endswith(" …")] == STEPS
        assert seen.told_by("preflight").startswith("account 000000000000, as arn:aws:")
        assert seen.told_by("check") == f"{len(functions.ALL)} functions are there"
        assert seen.told_by("smoke test") == seen.told_by("release") == cloud.addresses["API_URL"]


def test_a_rollback_brings_the_tree_that_git_keeps_and_a_deployment_that_of_the_checkout(history: History) -> None:
    assert (history.rolled_back.title, history.deployed.title) == (TITLE, "Carillon")


def test_what_is_posted_before_and_after_arrives_once(history: History) -> None:
    assert (len(history.rolled_back.mails), len(history.deployed.mails)) == (2, 2)


def test_the_logs_of_the_servers_end(history: History, target: Target, server_logs: Sequence[str]) -> None:
    days = read_stage(REPOSITORY, target.stage).log_retention_days
    assert history.rolled_back.told_by("logs of the servers") == f"{len(server_logs)} log groups keep {days} days"
    for name in server_logs:
        (group,) = target.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        assert group["retentionInDays"] == days


def test_whoever_hears_of_alarms_is_asked_once(history: History) -> None:
    assert len(history.rolled_back.recipients) == 1
    assert history.deployed.recipients == history.rolled_back.recipients


def test_the_same_tree_on_the_same_servers_is_the_same_deployment(history: History) -> None:
    assert history.deployed.configurations == history.before


class Account(Target):
    """The LocalStack, with moto's RDS."""

    def client(self, service: str) -> AwsClient:
        return rehearsed_client(service) if service == "rds" else Target.client(self, service)


@pytest.fixture
def doomed(cloud: CloudStack, project: Path) -> Iterator[Target]:
    """A stage with a few functions, one of which only its record knows; its database is protected."""
    (project / "app.py").write_text(recovery.APP + recovery.FORMER)
    with mock_aws():
        target = Account(DOOMED, cloud.target.environment)
        known = deploy_project(target, project, known=Deployed([]))
        StateBucket(target.client("s3"), made_bucket(target), DOOMED).save(known)
        ensure_log_group(logs=target.client("logs"), stage=DOOMED, retention_days=1)
        schedules = Schedules(target.client("events"), target.client("lambda"), DOOMED)
        schedules.ensure({"relay": Schedule("rate(1 day)")}, known.function_arns)
        database = {"DBInstanceIdentifier": f"{APP}-{DOOMED}", "DBInstanceClass": "db.t4g.micro", "Engine": "postgres"}
        rehearsed_client("rds").create_db_instance(**database, DeletionProtection=True)
        yield target


def left_of(target: Target, recorded: Deployed) -> Mapping[str, Sequence[str]]:
    """The names of what there is of a stage."""
    groups = target.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{APP}-{DOOMED}")["logGroups"]
    rules = target.client("events").list_rules(NamePrefix=f"{APP}-{DOOMED}-")["Rules"]
    left = {
        "of the release": [one["name"] for one in Finder.of(target).find(recorded).resources],
        "rules": [one["Name"] for one in rules],
        "log groups": [one["logGroupName"] for one in groups],
        "buckets": [one["Name"] for one in target.client("s3").list_buckets()["Buckets"] if DOOMED in one["Name"]],
    }
    return {kind: names for kind, names in left.items() if names}


def test_a_stage_is_torn_down_whole_once_its_database_is_not_protected(doomed: Target, tmp_path: Path) -> None:
    recorded = StateBucket(doomed.client("s3"), state_bucket_of(doomed) or "", DOOMED).load()
    whole = left_of(doomed, recorded)
    assert set(whole) == {"of the release", "rules", "log groups", "buckets"}

    with pytest.raises(StepFailed, match="protected from deletion: nothing was deleted"):
        tear_down(doomed, work=tmp_path / "work", say=lambda _text: None, again="", patience=PATIENCE)
    assert left_of(doomed, recorded) == whole

    doomed.client("rds").modify_db_instance(DBInstanceIdentifier=f"{APP}-{DOOMED}", DeletionProtection=False)
    tear_down(doomed, work=tmp_path / "work", say=lambda _text: None, again="", patience=PATIENCE)
    assert left_of(doomed, recorded) == {}
    assert state_bucket_of(doomed) is None
