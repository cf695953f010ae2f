"""Database, blobs, key custody: the only SQL."""
