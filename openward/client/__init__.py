"""Relying parties: verify without trusting the hub."""
