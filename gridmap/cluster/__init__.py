"""The private PostgreSQL cluster: made once, started with the service, on a unix socket unless told otherwise (design.md D1)."""

from gridmap.cluster.lifecycle import LEAKPROOF, Cluster, Status, database

__all__ = ["LEAKPROOF", "Cluster", "Status", "database"]
