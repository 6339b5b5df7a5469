"""The composition root: which adapter stands behind which port, one module a part of the system.

Every factory is cached: an execution environment builds a thing when it is first needed and keeps it between
invocations. Nothing connects at import. Each module imports what its part needs, so that a function pays at its cold
start for its own part alone; SDKs that only one factory needs are imported by that factory.
"""
