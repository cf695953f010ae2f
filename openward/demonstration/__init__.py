"""A hub to try: real weights, real evaluation logs, thresholds plainly labelled a demonstration."""
