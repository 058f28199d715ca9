"""MediMart: weekly NHS elective waiting-list extracts in, audited marts out."""

__version__ = "0.1.0"
