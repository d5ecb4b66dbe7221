"""What the service knows, in one SQLite file: every change is a transaction, and only this package has statements."""

from __future__ import annotations

from recipeci.service.store.database import Database, Transaction

__all__ = ["Database", "Transaction"]
