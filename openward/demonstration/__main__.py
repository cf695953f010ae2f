"""`python -m openward.demonstration`: the main job from end to end, narrated.

A hub is made, served on a free port of the loopback, and used as people use it: with the stock
client, with `openward`, and against it, by flipping a byte here and there.
"""

import sys

from openward.demonstration.tour import run_tour
from openward.errors import OpenwardError

if __name__ == "__main__":
    try:
        run_tour()
    except OpenwardError as e:
        print(f"openward: {e}", file=sys.stderr)
        sys.exit(1)
