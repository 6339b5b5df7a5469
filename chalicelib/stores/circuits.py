"""Circuits that all execution environments share: the state machine of `domain/circuit.py` as one script in Redis.

Every call is one script, hence atomic, and every moment is Redis' own: no environment's clock matters. The contract
suite holds the script and the pure machine to the same moves.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from redis.commands.core import Script

from chalicelib.domain.circuit import Circuit, CircuitRules, CircuitState, Move
from chalicelib.stores.cache import Cache

KEY = "circuits"
HEARD_WITHIN_S = 1.0
"""Nobody waits longer for an answer: a probe admitted later would be nobody's, and keep everybody away for its lease.

A Redis that stood still works off what was sent to it meanwhile, long after those who asked went on without it.
"""

KEPT_S = 86_400
"""All circuits are forgotten, hence closed, when none was touched for a day."""

TURN = """
    local name, verb, generation = ARGV[1], ARGV[2], tonumber(ARGV[3])
    local threshold, open_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
    local probe_ms, window_ms = tonumber(ARGV[6]), tonumber(ARGV[7])
    local heard_until = tonumber(ARGV[9])
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local stored = redis.call('HGET', KEYS[1], name)
    local circuit = stored and cjson.decode(stored) or {state = 'closed', generation = 0, failed = {}}
    local next_generation = math.max(circuit.generation + 1, now)
    local heard = generation == circuit.generation
    local changed, admitted, written = false, true, false

    local function become(state, failed, opened, retry)
        circuit = {state = state, generation = next_generation, failed = failed, opened = opened, retry = retry}
        written = true
    end

    if verb == 'admit' and circuit.state ~= 'closed' then
        if now < circuit.retry or (heard_until > 0 and now > heard_until) then
            admitted = false
        else
            changed = circuit.state == 'open'
            become('half_open', circuit.failed, circuit.opened, now + probe_ms)
        end
    elseif verb == 'reset' or (verb == 'succeed' and heard and circuit.state == 'half_open') then
        changed = circuit.state ~= 'closed'
        become('closed', {})
    elseif verb == 'succeed' and heard and circuit.state == 'closed' then
        written = #circuit.failed > 0
        circuit.failed = {}
    elseif verb == 'fail' and heard and circuit.state ~= 'open' then
        local failed = {}
        for _, at in ipairs(circuit.failed) do
            if at > now - window_ms then failed[#failed + 1] = at end
        end
        failed[#failed + 1] = now
        while #failed > threshold do table.remove(failed, 1) end
        if circuit.state == 'half_open' or #failed >= threshold then
            changed = true
            become('open', failed, now, now + open_ms)
        else
            circuit.failed, written = failed, true
        end
    end
    if written then
        redis.call('HSET', KEYS[1], name, cjson.encode(circuit))
        redis.call('EXPIRE', KEYS[1], tonumber(ARGV[8]))
    end
    return cjson.encode({circuit = circuit, now = now, changed = changed, admitted = admitted})
"""

LOOK = """
    local time = redis.call('TIME')
    return {time[1] * 1000 + math.floor(time[2] / 1000), redis.call('HGET', KEYS[1], ARGV[1])}
"""


class RedisCircuits:
    """Every call may raise CacheUnavailable; whether it took effect is then not known. Shared by threads."""

    def __init__(self, *, cache: Cache, rules: CircuitRules, key: str = KEY) -> None:
        self._cache = cache
        self._rules = rules
        self._key = key
        self._scripts: dict[str, Script] = {}
        self._ahead_s: float | None = None  # Redis' clock of this process's, as of the last answer

    def look(self, name: str) -> Move:
        """The circuit as it is, without asking for anything; one round trip."""
        now_ms, stored = self._run(LOOK, name)
        circuit = Circuit() if stored is None else _unpacked(json.loads(stored))
        return self._noted(Move(circuit, now_ms / 1000))

    def admit(self, name: str) -> Move:
        return self._turn(name, "admit")

    def succeed(self, name: str, generation: int) -> Move:
        return self._turn(name, "succeed", generation)

    def fail(self, name: str, generation: int) -> Move:
        return self._turn(name, "fail", generation)

    def reset(self, name: str) -> Move:
        return self._turn(name, "reset")

    def _turn(self, name: str, verb: str, generation: int = 0) -> Move:
        rules = self._rules
        lengths_s = (rules.open_s, rules.probe_s, rules.window_s)
        lengths_ms = [int(length_s * 1000) for length_s in lengths_s]
        heard_until_ms = self._heard_until_ms()
        text = self._run(TURN, name, verb, generation, rules.failure_threshold, *lengths_ms, KEPT_S, heard_until_ms)
        answer = json.loads(text)
        move = Move(
            circuit=_unpacked(answer["circuit"]),
            at_s=answer["now"] / 1000,
            changed=answer["changed"],
            admitted=answer["admitted"],
        )
        return self._noted(move)

    def _noted(self, move: Move) -> Move:
        self._ahead_s = move.at_s - time.monotonic()
        return move

    def _heard_until_ms(self) -> int:
        """By Redis' clock; 0 before its first answer, when nobody knows it here."""
        return 0 if self._ahead_s is None else int((time.monotonic() + self._ahead_s + HEARD_WITHIN_S) * 1000)

    def _run(self, source: str, *arguments: str | int) -> Any:  # Any: what the script returns
        with self._cache.client() as client:
            script = self._scripts.setdefault(source, client.register_script(source))
            return script(keys=[self._key], args=list(arguments), client=client)


def _unpacked(packed: Mapping[str, Any]) -> Circuit:  # Any: JSON of the script's making
    return Circuit(
        state=CircuitState(packed["state"]),
        generation=int(packed["generation"]),
        failed_at_s=tuple(at / 1000 for at in packed["failed"] or ()),
        opened_at_s=_seconds(packed.get("opened")),
        retry_at_s=_seconds(packed.get("retry")),
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
