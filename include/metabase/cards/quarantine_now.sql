/*
How many rows are set aside now?

Rows of all extracts that could not be read or cannot be true, with no good version since.
---
title: Rows in quarantine
chart: number
columns:
  waiting: {label: Rows in quarantine, role: y, format: whole, masked: true}
empty: No row was ever set aside.
*/
select waiting_count as waiting
from shared_marts.pipeline_quarantine
where source is null
