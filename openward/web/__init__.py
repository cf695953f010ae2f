"""The only HTTP. Translates; decides nothing."""
