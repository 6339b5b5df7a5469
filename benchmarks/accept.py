"""How long requests take through the HTTP front, one client on a warm stack, beside the raw limits of the same run.

Absolute figures belong to one machine and one minute; the ratio to the raw work behind an accept travels.
"""

import json
import statistics
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pika
import psycopg
import redis

ROOT = Path(__file__).parents[1]
ROUNDS = 400
WARM_UP = 60
ACCEPT = "accept: POST /v1/notifications"


def main() -> None:
    """Measure against the stack that is up, print a table, and keep it in .local/bench.json."""
    stack = _stack_env()
    shop = _furnish(stack)
    measures = {
        ACCEPT: shop.accept,
        "read: GET /v1/users/{id}": shop.read_user,
        "read: GET /v1/templates/{code}": shop.read_template,
        "raw: GET /health through the front": _health(stack),
        "raw: committed INSERT": _insert(stack),
        "raw: confirmed publish, quorum queue": _publish(stack),
        "raw: Redis SET": _cache(stack),
    }
    samples = _in_turns(measures)
    table = {name: _summary(times) for name, times in samples.items()}
    raw_ms = sum(row["p50_ms"] for name, row in table.items() if name.startswith("raw"))
    accept_ms = table[ACCEPT]["p50_ms"]
    _print(table, ratio=accept_ms / raw_ms)
    kept = {"measures": table, "accept_to_raw_ratio": accept_ms / raw_ms}
    (ROOT / ".local" / "bench.json").write_text(json.dumps(kept, indent=1))


def _in_turns(measures: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Every measure once a round, so that a noisy second is shared by all."""
    samples: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(ROUNDS + WARM_UP):
        for name, measure in measures.items():
            began_s = time.perf_counter()
            measure()
            if turn >= WARM_UP:
                samples[name].append((time.perf_counter() - began_s) * 1000)
    return samples


def _summary(times_ms: list[float]) -> dict[str, float]:
    percentiles = statistics.quantiles(times_ms, n=100)
    return {
        "p50_ms": round(percentiles[49], 2),
        "p90_ms": round(percentiles[89], 2),
        "p99_ms": round(percentiles[98], 2),
    }


def _print(table: Mapping[str, Mapping[str, float]], *, ratio: float) -> None:
    print(f"{'':<40}{'p50 ms':>8}{'p90 ms':>8}{'p99 ms':>8}")
    for name, row in table.items():
        print(f"{name:<40}{row['p50_ms']:>8.2f}{row['p90_ms']:>8.2f}{row['p99_ms']:>8.2f}")
    print(f"\nan accept takes {ratio:.2f} times its raw parts together ({ROUNDS} rounds, p50)")


@dataclass(frozen=True, slots=True)
class _Shop:
    """A backend with one user, one device and one template, and its token."""

    stack: Mapping[str, str]
    token: str
    user_id: str
    code: str

    def accept(self) -> None:
        """A two-channel notification. It goes to nobody's inbox but the sinks'."""
        body = {"template_code": self.code, "user_id": self.user_id, "variables": {"name": "Ada"}}
        _request(self.stack, "POST", "/v1/notifications", expected=202, body=json.dumps(body), headers=self._headers)

    def read_user(self) -> None:
        _request(self.stack, "GET", f"/v1/users/{self.user_id}", expected=200, headers=self._headers)

    def read_template(self) -> None:
        _request(self.stack, "GET", f"/v1/templates/{self.code}", expected=200, headers=self._headers)

    @property
    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}


def _furnish(stack: Mapping[str, str]) -> _Shop:
    run = uuid.uuid4().hex[:8]
    api = httpx.Client(base_url=stack["API_URL"])

    def post(path: str, body: object) -> dict[str, str]:
        answer: dict[str, str] = api.post(path, json=body).raise_for_status().json()
        return answer

    # a client whose own rate no benchmark uses up
    api.headers["Authorization"] = f"Bearer {_token(post, stack['CLIENT_ID'], stack['CLIENT_SECRET'])}"
    scopes = ["notifications:send", "users:read", "users:write", "templates:read", "templates:write"]
    mine = post("/v1/clients", {"name": f"bench {run}", "scopes": scopes, "rate_limit": "1000000/minute"})
    token = _token(post, mine["client_id"], mine["client_secret"])
    api.headers["Authorization"] = f"Bearer {token}"
    user_id = post("/v1/users", {"email": f"bench-{run}@example.com", "name": "Bench"})["id"]
    post(f"/v1/users/{user_id}/devices", {"token": f"bench-{run}", "platform": "android"})
    contents = [
        {"channel": "email", "locale": "en", "subject": "Hello {{ name }}", "html": "<p>Hello {{ name }}</p>"},
        {"channel": "push", "locale": "en", "title": "Hello", "body": "{{ name }}"},
    ]
    code = f"bench-{run}"
    post("/v1/templates", {"code": code, "name": "Bench", "default_locale": "en", "contents": contents})
    post(f"/v1/templates/{code}/versions/1/publish", {})
    return _Shop(stack=stack, token=token, user_id=user_id, code=code)


def _token(post: Callable[[str, object], dict[str, str]], client_id: str, client_secret: str) -> str:
    return post("/v1/auth/token", {"client_id": client_id, "client_secret": client_secret})["access_token"]


def _health(stack: Mapping[str, str]) -> Callable[[], object]:
    return lambda: _request(stack, "GET", "/health", expected=200)


def _request(
    stack: Mapping[str, str],
    method: str,
    path: str,
    *,
    expected: int,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    connection = HTTPConnection(urlsplit(stack["API_URL"]).netloc, timeout=30)
    connection.request(method, path, body, dict(headers or {}))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != expected:
        raise RuntimeError(f"{method} {path} answered {answer.status}")


def _insert(stack: Mapping[str, str]) -> Callable[[], object]:
    connection = psycopg.connect(stack["DATABASE_URL"], autocommit=True, prepare_threshold=None)
    connection.execute("CREATE TABLE IF NOT EXISTS public.bench (id uuid PRIMARY KEY, body jsonb)")
    statement = "INSERT INTO public.bench VALUES (%s, %s::jsonb)"
    return lambda: connection.execute(statement, (uuid.uuid4(), '{"some": "row"}'))


def _publish(stack: Mapping[str, str]) -> Callable[[], object]:
    channel = pika.BlockingConnection(pika.URLParameters(stack["RABBITMQ_URL"])).channel()
    channel.queue_declare("bench", durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 100})
    channel.confirm_delivery()
    properties = pika.BasicProperties(delivery_mode=2)
    return lambda: channel.basic_publish("", "bench", b"x" * 300, properties, mandatory=True)


def _cache(stack: Mapping[str, str]) -> Callable[[], object]:
    client = redis.Redis.from_url(stack["REDIS_URL"])
    return lambda: client.set("bench", "x", ex=60)


def _stack_env() -> dict[str, str]:
    lines = (ROOT / ".local" / "stack.env").read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


if __name__ == "__main__":
    main()
