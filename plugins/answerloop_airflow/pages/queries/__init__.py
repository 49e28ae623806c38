"""What the pages read from PostgreSQL, one module each. Every query has an index to go by."""
