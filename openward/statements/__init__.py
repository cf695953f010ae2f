"""Signed statements: bytes in, verified values out."""
