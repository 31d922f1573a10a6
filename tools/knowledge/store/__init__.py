"""Where passages are kept: Milvus, and the ledger beside it."""
