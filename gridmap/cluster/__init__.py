"""The private PostgreSQL cluster: made once, started with the service, on a unix socket only (design.md D1)."""

from gridmap.cluster.lifecycle import Cluster, Status, database

__all__ = ["Cluster", "Status", "database"]
