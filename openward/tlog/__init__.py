"""The public transparency log (C2SP): readable alone by an outside auditor."""
