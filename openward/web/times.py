"""How the Hub's clients read a time: 2026-10-01T12:00:00.000Z, always with a fraction."""

from datetime import datetime


def client_time(moment: datetime) -> str:
    """The time as the clients' `%Y-%m-%dT%H:%M:%S.%fZ` reads it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
