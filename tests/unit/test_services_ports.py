"""Ports are taken from whoever has none."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from offline.services.plan import forget, load_plan, new_plan, save_plan
from offline.services.ports import choose, is_free


def test_a_free_preferred_port_is_chosen() -> None:
    port = choose(None)
    assert choose(port) == port


def test_a_taken_preferred_port_is_replaced_by_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = choose(port)
    assert chosen != port
    assert is_free(chosen)


def test_a_port_is_not_free_while_another_listens_on_every_address() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - that is what is tested
        assert not is_free(taken.getsockname()[1])


def test_a_moved_plan_keeps_ports_that_are_free_and_the_password(tmp_path: Path) -> None:
    plan = new_plan("private", {"sql": 1, "http": 2}, prefer_defaults=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", plan.ports["sql"]))
        taken.listen()
        moved = plan.moved({"sql": 1, "http": 2}, prefer_defaults=False)
    assert moved.ports["sql"] != plan.ports["sql"]
    assert moved.ports["http"] == plan.ports["http"]
    assert moved.password == plan.password


def test_a_plan_is_kept_where_only_its_owner_can_read_it(tmp_path: Path) -> None:
    plan = new_plan("private", {"sql": 1}, prefer_defaults=False)
    save_plan(tmp_path / "server", plan)
    assert load_plan(tmp_path / "server") == plan
    assert (tmp_path / "server/plan.json").stat().st_mode & 0o777 == 0o600


def test_forgetting_a_plan_deletes_also_the_folder_outside(tmp_path: Path) -> None:
    plan = new_plan("private", {"sql": 1}, prefer_defaults=False).with_outside()
    save_plan(tmp_path / "server", plan)
    assert plan.outside is not None
    Path(plan.outside).mkdir()
    forget(tmp_path / "server")
    assert not Path(plan.outside).exists()
    assert not (tmp_path / "server").exists()


def test_two_plans_share_no_password() -> None:
    plans = [new_plan("private", {}, prefer_defaults=False) for _ in range(2)]
    assert plans[0].password != plans[1].password
    assert len(plans[0].password) >= 32


def test_no_port_is_given_out_twice_although_nobody_listens_on_it_yet() -> None:
    with ThreadPoolExecutor(8) as pool:
        ports = list(pool.map(lambda _: choose(None), range(400)))
    assert len(set(ports)) == len(ports)
