"""What one test has for itself."""

import pika
import psycopg
import redis


def test_a_fresh_database_is_empty_and_writable(fresh_database: str) -> None:
    with psycopg.connect(fresh_database) as connection:
        connection.execute("CREATE TABLE probe (id int)")
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert row == (1,)


def test_a_fresh_virtual_host_has_no_queue_of_another_test(fresh_vhost: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(fresh_vhost))
    channel = connection.channel()
    declared = channel.queue_declare("probe", durable=True, arguments={"x-queue-type": "quorum"})
    connection.close()
    assert declared.method.message_count == 0


def test_a_fresh_redis_has_no_key(fresh_redis: str) -> None:
    with redis.Redis.from_url(fresh_redis) as client:
        assert client.dbsize() == 0


def test_servers_demand_their_passwords(database_url: str, redis_url: str) -> None:
    without_password = redis_url.partition("@")[2]
    with redis.Redis.from_url(f"redis://{without_password}") as client:
        refused = _refusal(client)
    assert refused
    address = database_url.partition("@")[2]
    assert _database_refuses(f"postgresql://carillon:wrong@{address}")


def _refusal(client: "redis.Redis") -> str:
    try:
        client.ping()
    except redis.AuthenticationError as error:
        return str(error)
    return ""


def _database_refuses(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        return "password authentication failed" in str(error)
    return False
