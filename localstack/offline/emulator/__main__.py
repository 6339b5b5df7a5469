"""`python -m offline.emulator --config FILE.json`: runs until SIGTERM or SIGINT, then leaves nothing behind."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from pydantic import ValidationError

from offline.emulator.config import EmulatorConfig, load_config
from offline.emulator.control import Control, ControlServer
from offline.emulator.emulator import Emulator

_UNUSABLE_CONFIG = 2
_CONTROL_POLL_S = 0.1


def main() -> int:
    """The process's exit status: 0 after a signal, 2 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="offline.emulator", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the JSON file that names functions and mappings")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        config = load_config(arguments.config)
    except (OSError, ValidationError) as error:
        print(f"{arguments.config}: {_explain(error)}", file=sys.stderr)
        return _UNUSABLE_CONFIG
    return _run(config)


def _explain(error: OSError | ValidationError) -> str:
    """Each fault with its place, and never the value: broker URLs hold passwords."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    faults = [(".".join(map(str, fault["loc"])) or "file", fault["msg"]) for fault in error.errors(include_input=False)]
    return "not a usable configuration\n" + "\n".join(f"  {place}: {message}" for place, message in faults)


def _run(config: EmulatorConfig) -> int:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    emulator = Emulator(config)
    try:
        server = ControlServer(control=Control(emulator), port=config.control_port)
    except OSError as error:
        print(f"control_port {config.control_port}: {error.strerror}", file=sys.stderr)
        return _UNUSABLE_CONFIG
    with emulator, server:
        threading.Thread(target=server.serve_forever, args=(_CONTROL_POLL_S,), name="control", daemon=True).start()
        print(f"control interface: http://127.0.0.1:{server.server_port}", flush=True)
        ended.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
