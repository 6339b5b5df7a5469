"""The whole system on one machine: `python -m offline.stack up | down | run | demo | status | logs`."""
