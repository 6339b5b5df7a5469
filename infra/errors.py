"""What goes wrong while deploying, told to a person."""


class StepFailed(Exception):
    """A step could not do its work. What it did is not undone, and it may be run again.

    `remedy` is what a person does before that: a sentence of its own.
    """

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}\n{remedy}")
        self.problem = problem
        self.remedy = remedy


class BuildFailed(StepFailed):
    """There is no package that could be deployed; nothing was changed anywhere else."""
