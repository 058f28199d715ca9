"""Tables to verdicts: the suites of each model, how they are carried out, and what on-call is told."""

from medimart.quality.checkpoint import Verdict, validate
from medimart.quality.report import failure_message, not_passed, since, summary

__all__ = ["Verdict", "failure_message", "not_passed", "since", "summary", "validate"]
