"""The legacy spreadsheet beside the marts: its Transact-SQL on the same data, each difference by its reasons."""
