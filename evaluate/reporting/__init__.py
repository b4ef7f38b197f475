"""The report stage: a run directory to one self-contained HTML page that people want to read."""

from evaluate.reporting.audit_page import write_audit_page
from evaluate.reporting.page import write_report

__all__ = ["write_audit_page", "write_report"]
