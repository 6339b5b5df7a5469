"""What lies where in a stack's folder, and what of it is the stack's own to delete."""

import shutil
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
DEFAULT_ROOT = REPOSITORY / ".local"
CACHE = DEFAULT_ROOT / "cache"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of one stack. What is downloaded is shared by all stacks of a checkout and outlives them.

    `told` is where people look for this stack's stack.env when that is not in the folder.
    """

    root: Path
    cache: Path = CACHE
    told: Path | None = None

    @property
    def lock(self) -> Path:
        """Return the file whose lock whoever changes the stack holds."""
        return self.root / "lock"

    @property
    def plan(self) -> Path:
        """Return the file with ports and secrets."""
        return self.root / "plan.json"

    @property
    def stack_env(self) -> Path:
        """Return the file that tells people and tests where everything is."""
        return self.told or self.root / "stack.env"

    @property
    def emulator_config(self) -> Path:
        """Return the file that names functions, mappings and schedules."""
        return self.root / "emulator.json"

    @property
    def services(self) -> Path:
        """Return the folder with the servers' data."""
        return self.root / "services"

    @property
    def processes(self) -> Path:
        """Return the folder with a record of each process."""
        return self.root / "processes"

    @property
    def logs(self) -> Path:
        """Return the folder with a log of each process."""
        return self.root / "logs"

    def make(self) -> None:
        """Make the folder; others may pass through it, for the database's user must, but not look around."""
        self.services.mkdir(parents=True, exist_ok=True, mode=0o711)

    def clear(self) -> None:
        """Delete what the stack made, last its lock, and the folder unless something else lies in it."""
        for folder in (self.services, self.processes, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.plan, self.stack_env, self.emulator_config, self.lock):
            file.unlink(missing_ok=True)
        if not any(self.root.iterdir()):
            self.root.rmdir()
