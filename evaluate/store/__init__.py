"""The run directory and its ledger: the only code that writes into it."""

from evaluate.store.directory import RunDirectory
from evaluate.store.ledger import Ledger

__all__ = ["Ledger", "RunDirectory"]
