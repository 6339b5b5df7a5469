"""What cfn-lint does not know of the platform's templates: nothing is public, everything is encrypted and verified."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint import lint  # type: ignore[import-untyped]
from cfnlint.decode import decode  # type: ignore[import-untyped]
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from chalicelib.stores.connection import SESSION_OPTIONS
from infra.platform.lasting import LASTING
from infra.platform.servers import PARTS, SECRETS, read_profile
from infra.platform.template import TEMPLATES
from infra.platform.trust import ROOTS, known_regions

Json = Any  # a template is JSON, however it is written

LARGEST_BODY = 51_200  # CloudFormation's own limit of what is passed along with a call
ANYWHERE = {"0.0.0.0/0", "::/0"}
OUT_TO_ANYWHERE = {443, 587, 465, 25}
"""Providers' APIs, and SMTP in its three ports: of nobody is the address known beforehand."""

ENCRYPTED = {
    "AWS::RDS::DBInstance": ("StorageEncrypted", True),
    "AWS::ElastiCache::ReplicationGroup": ("AtRestEncryptionEnabled", True),
    "AWS::AmazonMQ::Broker": ("EncryptionOptions", {"UseAwsOwnedKey": True}),
}
VERIFIED = {
    "AWS::RDS::DBProxy": ("RequireTLS", True),
    "AWS::ElastiCache::ReplicationGroup": ("TransitEncryptionMode", "required"),
}
PRIVATE = {
    "AWS::RDS::DBInstance": ("PubliclyAccessible", False),
    "AWS::AmazonMQ::Broker": ("PubliclyAccessible", False),
    "AWS::EC2::Subnet": ("MapPublicIpOnLaunch", False),
}
OPEN_PORTS = {"5671", "5432", "6379", "443"}


def _read(path: Path) -> Json:
    template, problems = decode(str(path))
    assert problems == []
    return template


BODIES: dict[str, Json] = {path.stem: _read(path) for path in sorted(TEMPLATES.glob("*.yaml"))}


def every(*kinds: str) -> pytest.MarkDecorator:
    """Each resource of these types, of all templates."""
    resources = [
        pytest.param(one["Type"], one.get("Properties", {}), id=f"{part}-{name}")
        for part, body in BODIES.items()
        for name, one in body["Resources"].items()
        if one["Type"] in kinds
    ]
    return pytest.mark.parametrize(("kind", "properties"), resources)


def _text(part: str) -> str:
    return (TEMPLATES / f"{part}.yaml").read_text()


def test_every_template_is_deployed() -> None:
    assert set(BODIES) == set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_a_template_fits_into_a_call(part: str) -> None:
    assert len(_text(part).encode()) <= LARGEST_BODY


@pytest.mark.parametrize("part", PARTS)
def test_no_secret_stands_in_a_template(part: str) -> None:
    for line in _text(part).splitlines():
        if re.search(r"(Password|AuthToken|SecretString|://[a-z]*:)", line) and "SecretStringTemplate" not in line:
            after = line.partition(":")[2]
            assert "resolve:secretsmanager" in line or not re.search(r"[A-Za-z0-9]{12,}@|: [A-Za-z0-9]{12,}$", after)


@every(*PRIVATE)
def test_nothing_can_be_reached_from_outside(kind: str, properties: Json) -> None:
    name, value = PRIVATE[kind]
    assert properties[name] is value


@every(*ENCRYPTED)
def test_what_holds_data_is_encrypted(kind: str, properties: Json) -> None:
    name, value = ENCRYPTED[kind]
    is_as_its_source_is = "SourceDBInstanceIdentifier" in properties
    assert is_as_its_source_is or properties[name] == value


@every(*VERIFIED)
def test_what_speaks_tls_speaks_nothing_else(kind: str, properties: Json) -> None:
    name, value = VERIFIED[kind]
    assert properties[name] == value


@every("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress")
def test_no_way_in_is_open_to_an_address(kind: str, properties: Json) -> None:
    for rule in _ways_in(kind, properties):
        assert not ANYWHERE & set(map(str, rule.values()))
        assert "SourceSecurityGroupId" in rule
        assert rule["FromPort"] == rule["ToPort"]
        assert str(rule["FromPort"]) in OPEN_PORTS


@every("AWS::EC2::SecurityGroup")
def test_a_way_out_to_anywhere_is_one_of_a_provider(kind: str, properties: Json) -> None:
    rules = properties["SecurityGroupEgress"]
    assert rules, "a group without a rule is given every way out"
    open_ports = {rule["FromPort"] for rule in rules if rule.get("CidrIp") in ANYWHERE}
    assert open_ports <= OUT_TO_ANYWHERE


def test_the_primary_is_multi_az_and_leaves_a_snapshot() -> None:
    primary = BODIES["database"]["Resources"]["Primary"]
    assert primary["Properties"]["MultiAZ"] is True
    assert (primary["DeletionPolicy"], primary["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")


@every("AWS::S3::Bucket")
def test_a_bucket_is_versioned_encrypted_and_closed(kind: str, properties: Json) -> None:
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}


@every("AWS::SecretsManager::Secret")
def test_a_generated_password_needs_no_escaping_in_a_url(kind: str, properties: Json) -> None:
    generated = properties.get("GenerateSecretString", {"ExcludePunctuation": True, "PasswordLength": 40})
    assert generated["ExcludePunctuation"] is True
    assert generated["PasswordLength"] >= 40


@pytest.mark.parametrize("profile", ["small", "production"])
@pytest.mark.parametrize("part", ["database", "broker", "cache"])
def test_a_profile_s_sizes_are_ones_that_aws_has(profile: str, part: str) -> None:
    """cfn-lint looks at what stands in a template, and not at what a parameter brings."""
    body = _text(part)
    for name, value in read_profile(profile).items():
        body = body.replace(f"!Ref {name}\n", f'"{value}"\n')
    problems = lint(body, regions=["us-east-1", "eu-central-1"])
    assert [str(problem) for problem in problems if problem.rule.id.startswith("E")] == []


def test_every_size_that_would_replace_a_server_is_a_lasting_one() -> None:
    sizes = set(read_profile("small"))
    replacing = {
        (part, name)
        for part in PARTS
        for one in BODIES[part]["Resources"].values()
        for value in _values_that_replace(one)
        for name in _parameters_in(value, BODIES[part].get("Conditions", {}))
    }
    assert {(part, name) for part, name in replacing if name in sizes and part != "outbound"} == {
        (part, name) for part, names in LASTING.items() for name in names if (part, name) != ("network", "Zones")
    }
    assert ("database", "PrivateSubnets") in replacing, "the proxy's, of which there are as many as zones"


def test_behind_the_proxy_sessions_are_bounded_as_the_functions_ask_of_other_servers() -> None:
    """RDS Proxy refuses what a session asks for at its start, so the server must have the same as its defaults."""
    parameters = BODIES["database"]["Resources"]["Parameters"]["Properties"]["Parameters"]
    assert {name: str(parameters[name]) for name in SESSION_OPTIONS} == SESSION_OPTIONS
    assert "&options=" in BODIES["database"]["Resources"]["DatabaseUrl"]["Properties"]["SecretString"]["Fn::Sub"]


def test_the_server_s_log_quotes_no_row() -> None:
    parameters = BODIES["database"]["Resources"]["Parameters"]["Properties"]["Parameters"]
    page = (TEMPLATES.parents[1] / "docs" / "logs.md").read_text()
    asked = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page, re.MULTILINE))
    assert asked == {name: str(parameters[name]) for name in asked}
    assert asked


def test_every_url_is_of_tls_and_of_a_verified_server() -> None:
    urls = [url for body in BODIES.values() for url in _strings(body) if "://" in url and "{{resolve" in url]
    assert {url.partition("://")[0] for url in urls} == {"postgresql", "rediss", "amqps"}
    for url in urls:
        assert not url.startswith("postgresql") or ("sslmode=verify-full" in url and "sslrootcert=/" in url)


def test_a_secret_is_named_after_the_setting_that_it_holds() -> None:
    names = {
        str(one["Properties"]["Name"]["Fn::Sub"]).rpartition("/")[2]
        for body in BODIES.values()
        for one in body["Resources"].values()
        if one["Type"] == "AWS::SecretsManager::Secret"
    }
    assert {name for name in names if name.isupper()} == set(SECRETS)


def test_every_output_that_the_functions_need_is_there() -> None:
    outputs = {name for body in BODIES.values() for name in body.get("Outputs", {})}
    assert set(SECRETS.values()) <= outputs


def test_the_authorities_of_rds_are_there_and_the_url_names_their_file() -> None:
    assert {"eu-central-1", "us-east-1", "us-west-2"} <= known_regions()
    place = f"/var/task/{ROOTS.relative_to(TEMPLATES.parents[1])}"
    assert place in _text("database")


def _ways_in(kind: str, properties: Json) -> Iterator[Json]:
    if kind == "AWS::EC2::SecurityGroup":
        yield from properties.get("SecurityGroupIngress", ())
    if kind == "AWS::EC2::SecurityGroupIngress":
        yield properties


def _values_that_replace(resource: Json) -> Iterator[Json]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource["Type"]).schema
    once = {path.split("/")[2] for path in schema.get("createOnlyProperties", ())}
    yield from (value for name, value in resource.get("Properties", {}).items() if name in once)


def _parameters_in(value: Json, conditions: Json) -> set[str]:
    """Every name within the value, and within the conditions that it names."""
    names = {name for text in _strings(value) for name in re.findall(r"\w+", text)}
    return names | {name for one in names & set(conditions) for name in _parameters_in(conditions[one], {})}


def _strings(part: Json) -> Iterator[str]:
    if isinstance(part, dict | list):
        for value in part.values() if isinstance(part, dict) else part:
            yield from _strings(value)
    elif isinstance(part, str):
        yield part
