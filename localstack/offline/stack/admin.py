"""An administrator for the stack that is up, with a password that is told once and kept nowhere."""

import secrets

from offline.stack.stack import Stack

PASSWORD_BYTES = 18


def make_admin(stack: Stack, email: str) -> None:
    """Add an administrator and print the password, or say that the address belongs to somebody already.

    Raises:
        FileNotFoundError: the stack is down.
        ServerFailed: the `migrate` function refused the address, or failed.
    """
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    if stack.add_admin(email, password=password):
        print(f"  administrator  {email}\n  password       {password}\n\nThe password is not shown again.")
    else:
        print(f"{email} exists already, and was left as it is.")
