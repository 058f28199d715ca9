"""From extracts to typed history: contracts, checks, loading, typing, quarantine, seeds and the counts of it all."""

from medimart.landing.arrivals import (
    LoadResult,
    PendingFile,
    check_landing,
    load_file,
    load_source,
    rebuild_history,
)
from medimart.landing.audit import Inputs, LoadCount, Pin, Reconciliation, inputs, reconcile
from medimart.landing.contract import Column, Contract, all_contracts, folder_contracts
from medimart.landing.contract import load as load_contract
from medimart.landing.extract import Extract, extracts, strays
from medimart.landing.filing import Filed, file_extract
from medimart.landing.seeds import load_seeds, seed_digests
from medimart.landing.tables import ensure_tables

__all__ = [
    "Column",
    "Contract",
    "Extract",
    "Filed",
    "Inputs",
    "LoadCount",
    "LoadResult",
    "PendingFile",
    "Pin",
    "Reconciliation",
    "all_contracts",
    "check_landing",
    "ensure_tables",
    "extracts",
    "file_extract",
    "folder_contracts",
    "inputs",
    "load_contract",
    "load_file",
    "load_seeds",
    "load_source",
    "rebuild_history",
    "reconcile",
    "seed_digests",
    "strays",
]
