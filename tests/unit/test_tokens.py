"""Access tokens: what holds, and everything that must not."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.principal import Principal, Scope
from chalicelib.errors import InvalidSettings, Unauthenticated
from chalicelib.security.keys import KeyRing
from chalicelib.security.tokens import LIFETIME_S, AccessTokens
from tests.configured import signing_key

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PERSON = Principal(subject=str(uuid4()), scopes=frozenset(), session_id="a-session")
CLIENT = Principal(subject="billing", scopes=frozenset({Scope.USERS_READ, Scope.NOTIFICATIONS_SEND}))
OLD, NEW = signing_key(), signing_key()
RING = KeyRing.parse(json.dumps({"new": NEW, "old": OLD}))
TOKENS = AccessTokens(keys=RING, issuer="carillon", audience="api")


def tokens(keys: dict[str, str], *, issuer: str = "carillon", audience: str = "api") -> AccessTokens:
    return AccessTokens(keys=KeyRing.parse(json.dumps(keys)), issuer=issuer, audience=audience)


def forged(changes: Mapping[str, object] | None = None, *, headers: Mapping[str, str] | None = None) -> str:
    """A token that our own key signed, with some claims changed, or removed where the change is None."""
    at_s = int(NOW.timestamp())
    claims: dict[str, object] = {
        "iss": "carillon", "aud": "api", "sub": "billing", "scope": "admin", "iat": at_s, "exp": at_s + 900, "jti": "x",
    }  # fmt: skip
    kept = {name: value for name, value in {**claims, **(changes or {})}.items() if value is not None}
    return jwt.encode(kept, NEW, algorithm="EdDSA", headers={"kid": "new", **(headers or {})})


def test_an_issued_token_speaks_for_its_client_with_its_scopes() -> None:
    assert TOKENS.verify(TOKENS.issue(CLIENT, at=NOW), at=NOW) == CLIENT


def test_a_token_says_who_made_it_for_whom_and_which_key_signed_it() -> None:
    token = TOKENS.issue(CLIENT, at=NOW)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": "new"}
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("carillon", "api", "billing")
    assert claims["scope"] == "notifications:send users:read"
    assert claims["exp"] - claims["iat"] == LIFETIME_S == 900


def test_a_persons_token_says_in_which_session() -> None:
    token = TOKENS.issue(PERSON, at=NOW)
    assert jwt.decode(token, options={"verify_signature": False})["sid"] == "a-session"
    assert TOKENS.verify(token, at=NOW) == PERSON
    assert "sid" not in jwt.decode(TOKENS.issue(CLIENT, at=NOW), options={"verify_signature": False})


def test_a_session_that_is_null_makes_nobody_a_client() -> None:
    claims = jwt.decode(forged(), options={"verify_signature": False})
    token = jwt.encode({**claims, "sid": None}, NEW, algorithm="EdDSA", headers={"kid": "new"})
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, at=NOW)


def test_the_published_keys_are_all_that_verify_and_only_their_public_halves() -> None:
    published = RING.public_keys
    assert list(published) == ["new", "old"]
    for kid, x in published.items():
        assert len(x) == 43
        public = jwt.PyJWK({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid}).key
        assert (
            jwt.decode(
                tokens({kid: {"new": NEW, "old": OLD}[kid]}).issue(PERSON, at=datetime.now(UTC)),
                public,
                algorithms=["EdDSA"],
                audience="api",
            )["sub"]
            == PERSON.subject
        )


def test_no_two_tokens_have_one_identifier() -> None:
    issued = (jwt.decode(TOKENS.issue(CLIENT, at=NOW), options={"verify_signature": False}) for _ in range(50))
    assert len({claims["jti"] for claims in issued}) == 50


def test_a_token_of_the_key_before_still_holds() -> None:
    assert TOKENS.verify(tokens({"old": OLD}).issue(CLIENT, at=NOW), at=NOW) == CLIENT


@pytest.mark.parametrize("after_s", [900, 901, 86_400])
def test_a_token_ends_after_fifteen_minutes(after_s: int) -> None:
    token = TOKENS.issue(CLIENT, at=NOW)
    assert TOKENS.verify(token, at=NOW + timedelta(seconds=899)) == CLIENT
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, at=NOW + timedelta(seconds=after_s))


def test_a_token_of_the_future_does_not_hold_yet() -> None:
    token = TOKENS.issue(CLIENT, at=NOW + timedelta(minutes=1))
    with pytest.raises(Unauthenticated):
        TOKENS.verify(token, at=NOW)


def test_clocks_may_differ_by_some_seconds() -> None:
    assert TOKENS.verify(TOKENS.issue(CLIENT, at=NOW + timedelta(seconds=3)), at=NOW) == CLIENT


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "jti", "sub", "scope"])
def test_a_token_without_one_of_its_claims_does_not_hold(claim: str) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(forged({claim: None}), at=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "another"},
        {"sub": ""},
        {"sub": 7},
        {"scope": "everything"},
        {"scope": ["admin"]},
        {"exp": "never"},
        {"exp": 99999999999.5},
        {"iat": True},
        {"sid": "a session of a client"},
        {"sid": "a-session", "sub": PERSON.subject.upper()},
        {"sid": "a-session", "sub": PERSON.subject.replace("-", "")},
        {"sid": "a-session", "sub": f"urn:uuid:{PERSON.subject}"},
        {"sid": "", "sub": PERSON.subject},
        {"sid": 7, "sub": PERSON.subject},
        {"sid": ["a-session"], "sub": PERSON.subject},
    ],
    ids=str,
)
def test_a_signed_token_with_a_wrong_claim_does_not_hold(changes: dict[str, object]) -> None:
    assert TOKENS.verify(forged(), at=NOW)
    with pytest.raises(Unauthenticated):
        TOKENS.verify(forged(changes), at=NOW)


@pytest.mark.parametrize("headers", [{"kid": "unknown"}, {"kid": "old"}, {"kid": ""}], ids=str)
def test_the_key_that_is_named_must_be_the_key_that_signed(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(forged(headers=headers), at=NOW)


def signed_with_text(claims: Mapping[str, object], secret: bytes) -> str:
    """HS256 by hand, for libraries refuse to sign with what looks like a public key."""
    head = {"alg": "HS256", "typ": "JWT", "kid": "new"}
    packed = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims)]
    signature = hmac.digest(secret, b".".join(packed), "sha256")
    return b".".join([*packed, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_what_a_token_says_of_its_algorithm_is_not_believed() -> None:
    claims = jwt.decode(forged(), options={"verify_signature": False})
    public = RING.verifying["new"]
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "new"})
    halves = (
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        RING.public_keys["new"].encode(),
    )
    forgeries = [unsigned, *(signed_with_text(claims, half) for half in halves)]
    for token in forgeries:
        with pytest.raises(Unauthenticated):
            TOKENS.verify(token, at=NOW)


def test_a_changed_token_does_not_hold() -> None:
    head, claims, signature = TOKENS.issue(CLIENT, at=NOW).split(".")
    other = TOKENS.issue(Principal("billing", frozenset({Scope.ADMIN})), at=NOW).split(".")[1]
    for token in (
        f"{head}.{other}.{signature}",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        "",
        "." * 3000,
        "a" * 100_000,
    ):
        with pytest.raises(Unauthenticated):
            TOKENS.verify(token, at=NOW)


@given(st.text(max_size=300))
def test_no_text_is_a_token_by_chance_and_none_is_a_fault(text: str) -> None:
    with pytest.raises(Unauthenticated):
        TOKENS.verify(text, at=NOW)


def ec_key() -> str:
    pem = generate_ec_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


@pytest.mark.parametrize(
    "keys",
    ["", "[]", "{}", "null", '"x"', '{"a": "not PEM"}', '{"a": 1}', json.dumps({"a": ec_key()})],
    ids=lambda k: k[:20],
)
def test_keys_that_are_none_are_refused_by_the_name_of_their_setting(keys: str) -> None:
    with pytest.raises(InvalidSettings, match="JWT_PRIVATE_KEYS"):
        KeyRing.parse(keys)


def test_a_key_ring_does_not_show_its_keys() -> None:
    assert NEW not in repr(RING)


def test_admin_may_do_everything_and_others_what_their_scopes_say() -> None:
    admin = Principal("root", frozenset({Scope.ADMIN}))
    assert all(admin.may(scope) for scope in Scope)
    assert [scope for scope in Scope if CLIENT.may(scope)] == [Scope.NOTIFICATIONS_SEND, Scope.USERS_READ]


def test_a_token_that_held_before_is_still_asked_for_its_time() -> None:
    token = TOKENS.issue(CLIENT, at=NOW)
    assert TOKENS.verify(token, at=NOW) == TOKENS.verify(token, at=NOW + timedelta(minutes=14)) == CLIENT
    for moment in (NOW + timedelta(minutes=15), NOW - timedelta(minutes=1)):
        with pytest.raises(Unauthenticated):
            TOKENS.verify(token, at=moment)
