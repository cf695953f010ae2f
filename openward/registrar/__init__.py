"""Runs the procedures: load, decide, record. The only writer."""
