"""What can go wrong between asking for a service and having it.

ServiceError
├── ServerMissing     no way to have this server on this machine; the message names the command to run
└── ServerFailed      the server was started and did not become healthy; the message shows its last words
"""


class ServiceError(Exception):
    """A service cannot be had; the message is meant for the person at the terminal."""


class ServerMissing(ServiceError):
    """Nothing on this machine can run the server."""


class ServerFailed(ServiceError):
    """The server was started and is not healthy."""
