"""Where Airflow finds MediMart's plugin."""

from medimart.plugin import MedimartPlugin

__all__ = ["MedimartPlugin"]
