"""What a person wants to know once the stack is up."""

from collections.abc import Mapping

from offline.stack.layout import Layout


def print_summary(addresses: Mapping[str, str], layout: Layout, *, logs: str = "make logs") -> None:
    """Print where everything is, and the command that follows the logs; secrets stay in their file."""
    lines = {
        "API": addresses["API_URL"],
        "Mails": addresses["MAIL_URL"],
        "Pushes": addresses["FCM_URL"],
        "Logs": f"{layout.logs} ({logs})",
        "Credentials": str(layout.stack_env),
    }
    print("\nEverything is up:")
    for name, where in lines.items():
        print(f"  {name:<14} {where}")
