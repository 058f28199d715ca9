"""Static pages: one look for all of them, complete in one file each, and nothing fetched from anywhere."""

from medimart.pages.layout import render, write

__all__ = ["render", "write"]
