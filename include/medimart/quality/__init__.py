"""Tables to verdicts: the suites of each model, how they are carried out, and what on-call is told."""

from medimart.quality.checkpoint import Verdict, validate

__all__ = ["Verdict", "validate"]
