"""The weeks that the cards are asked about."""

from datetime import date

CENSUSES = (date(2026, 3, 29), date(2026, 4, 5))
