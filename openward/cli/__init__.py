"""The command line: one lazily imported module per noun; argument parsing and printing only."""
