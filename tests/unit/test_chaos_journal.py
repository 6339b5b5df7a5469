"""The clients' journal says afterwards what was promised, also when its run was cut off."""

from pathlib import Path

from tests.chaos.journal import Journal, read_journal
from tests.chaos.mix import Request
from tests.chaos.records import Kind, Promise

REQUEST = Request(Kind.SCHEDULED, {"template_code": "t"}, "key-1")
ANSWER = {"notification_id": "n1", "deliveries": [{"delivery_id": "d1", "channel": "email", "status": "scheduled"}]}


def test_a_202_is_a_promise_of_its_deliveries(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.begin("c1", REQUEST)
        journal.answer("c1", 202, ANSWER)
    (post,) = read_journal(tmp_path / "journal.jsonl")
    assert (post.correlation_id, post.kind, post.key, post.status) == ("c1", Kind.SCHEDULED, "key-1", 202)
    assert post.promise == Promise("n1", {"d1": "scheduled"})


def test_whatever_else_was_answered_is_none(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.begin("c1", REQUEST)
        journal.begin("c2", REQUEST)
        journal.begin("c3", REQUEST)
        journal.answer("c2", None, None)
        journal.answer("c1", 503, {"code": "database_unavailable"})
    posts = read_journal(tmp_path / "journal.jsonl")
    assert [(post.correlation_id, post.status) for post in posts] == [("c1", 503), ("c2", None), ("c3", None)]
    assert not any(post.promise for post in posts)


def test_a_line_is_in_the_file_before_the_next_thing_happens(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.begin("c1", REQUEST)
        assert [post.correlation_id for post in read_journal(tmp_path / "journal.jsonl")] == ["c1"]
