"""Taking up what a rotated secret says."""

from chalicelib.wiring.environment import secrets
from chalicelib.wiring.kept import forget


def renew() -> None:
    """Look at the secrets in use again, if it is time to; if one has changed, let all be built anew from them.

    All of it, and not what depends on the one: rotations are rare, and building anew costs a few connections.
    """
    if secrets().look_again():
        forget()


def doubt() -> None:
    """Something could not be built from what is set: look again before the next invocation, at most every 5 s."""
    secrets().doubt()
