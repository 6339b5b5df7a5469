"""How long an accept takes through the HTTP front, one client on a warm stack, beside the raw limits of the same run.

Absolute figures belong to one machine and one minute; the ratio to the raw work behind an accept travels.
"""

import json
import statistics
import time
import uuid
from collections.abc import Callable, Mapping
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


def main() -> None:
    """Measure against the stack that is up, print a table, and keep it in .local/bench.json."""
    stack = _stack_env()
    measures = {
        "accept: POST /v1/notifications": _accept(stack),
        "raw: GET /health through the front": _health(stack),
        "raw: committed INSERT": _insert(stack),
        "raw: confirmed publish, quorum queue": _publish(stack),
        "raw: Redis SET": _cache(stack),
    }
    samples = _in_turns(measures)
    table = {name: _summary(times) for name, times in samples.items()}
    raw_ms = sum(row["p50_ms"] for name, row in table.items() if name.startswith("raw"))
    accept_ms = table["accept: POST /v1/notifications"]["p50_ms"]
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


def _accept(stack: Mapping[str, str]) -> Callable[[], object]:
    """A two-channel notification to a user. It is scheduled for nobody's inbox but the sinks'."""
    run = uuid.uuid4().hex[:8]
    api = httpx.Client(base_url=stack["API_URL"])
    credentials = {"client_id": stack["CLIENT_ID"], "client_secret": stack["CLIENT_SECRET"]}
    token = api.post("/v1/auth/token", json=credentials).raise_for_status().json()["access_token"]
    api.headers["Authorization"] = f"Bearer {token}"

    def post(path: str, body: object) -> dict[str, str]:
        answer: dict[str, str] = api.post(path, json=body).raise_for_status().json()
        return answer

    user_id = post("/v1/users", {"email": f"bench-{run}@example.com", "name": "Bench"})["id"]
    post(f"/v1/users/{user_id}/devices", {"token": f"bench-{run}", "platform": "android"})
    contents = [
        {"channel": "email", "locale": "en", "subject": "Hello {{ name }}", "html": "<p>Hello {{ name }}</p>"},
        {"channel": "push", "locale": "en", "title": "Hello", "body": "{{ name }}"},
    ]
    code = f"bench-{run}"
    post("/v1/templates", {"code": code, "name": "Bench", "default_locale": "en", "contents": contents})
    post(f"/v1/templates/{code}/versions/1/publish", {})
    body = json.dumps({"template_code": code, "user_id": user_id, "variables": {"name": "Ada"}})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return lambda: _request(stack, "POST", "/v1/notifications", expected=202, body=body, headers=headers)


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
