"""The logical stores, each of which may be a database of its own, and the settings that say where they are."""

STORES = ("users", "templates", "notifications")

SETTINGS = ("database_url", *(f"{store}_database_url" for store in STORES), *(f"{store}_read_url" for store in STORES))
"""The first is the default of the next three, and each of these that of its read replica."""
