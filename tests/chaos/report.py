"""What a run came to: a table for people, a file for machines, and every finding with its trace."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.chaos.judge import Verdict
from tests.chaos.records import Incident

MOST_TRACES = 20


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run, under the names that `.local/chaos.json` promises, and some more."""

    figures: Mapping[str, object]
    verdict: Verdict
    shortfalls: Sequence[str]
    """What the run itself did not reach: too few accepts, too few faults, no quiet."""

    @property
    def passed(self) -> bool:
        return self.verdict.passed and not self.shortfalls

    def save(self, file: Path) -> None:
        """For machines."""
        findings = [asdict(finding) for finding in self.verdict.findings]
        content = {**self.figures, "passed": self.passed, "shortfalls": list(self.shortfalls), "findings": findings}
        file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")

    def tell(self, say: Callable[[str], None]) -> None:
        """For people: the findings first, the table at the end."""
        for finding in self.verdict.findings[:MOST_TRACES]:
            say(f"\n{finding.kind.upper()}: {finding.text}\n{finding.trace}")
        if len(self.verdict.findings) > MOST_TRACES:
            say(f"\n… and {len(self.verdict.findings) - MOST_TRACES} more")
        for shortfall in self.shortfalls:
            say(f"\nSHORT: {shortfall}")
        say("\n| figure | value |\n|---|---|")
        for name, value in self.figures.items():
            say(f"| {name} | {_shown(value)} |")
        say(f"\n{'passed' if self.passed else 'FAILED'}")


def draw_up(
    verdict: Verdict,
    incidents: Sequence[Incident],
    *,
    more: Mapping[str, object],
    shortfalls: Sequence[str],
) -> Report:
    """The report of a verdict; `more` are figures of the run beside it."""
    causes = Counter(each.cause for each in verdict.explained)
    figures = {
        "accepted": verdict.accepted,
        "sent": verdict.sent,
        "failed": verdict.failed,
        "skipped": verdict.skipped,
        "lost": verdict.lost,
        "duplicated": verdict.duplicated,
        "explained_duplicates": verdict.explained_duplicates,
        "faults": len(incidents),
        "longest_to_terminal_s": round(verdict.longest_to_terminal_s, 1),
        "deliveries": verdict.deliveries,
        "unanswered_commits": verdict.unanswered_commits,
        "failed_by_reason": dict(sorted(verdict.failed_by_reason.items())),
        "explanations": {cause: causes[cause] for cause in sorted(causes)},
        "longest_in_all_s": round(verdict.longest_in_all_s, 1),
        "faults_by_kind": dict(sorted(Counter(f"{each.kind} {each.target}" for each in incidents).items())),
        **more,
    }
    return Report(figures, verdict, shortfalls)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {count}" for name, count in value.items()) or "none"
    return str(value)
