"""A paper's table, by itself or against a run."""

from evaluate.auditing.published_tables.beside_a_run import audit_table
from evaluate.auditing.published_tables.by_itself import check_alone
from evaluate.documents.printed_table import read_published

__all__ = ["audit_table", "check_alone", "read_published"]
