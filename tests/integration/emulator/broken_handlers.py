"""A module that cannot be imported."""

raise LookupError("SETTING is missing")
