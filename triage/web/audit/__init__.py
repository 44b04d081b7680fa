"""审计: the ledger as a page, searched and exported."""
