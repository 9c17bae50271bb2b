"""Pages of HTML that show events on a timeline with the reasons for them, one file each; without torch."""

from avtext.report.content import Report, read_reports
from avtext.report.evidence import Evidence, read_evidence, write_evidence
from avtext.report.page import write_report

__all__ = ["Evidence", "Report", "read_evidence", "read_reports", "write_evidence", "write_report"]
