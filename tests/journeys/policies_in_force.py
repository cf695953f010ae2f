"""Policies for the journeys: the example with its allowance set wide open, or to nothing."""

import json
from datetime import timedelta
from pathlib import Path

from openward.council.in_force import policy_statement
from openward.policy.document import parse_policy
from openward.registrar.adoption import adopt
from openward.registrar.founding import FOUNDING_KEY
from openward.statements.dsse import sign_envelope
from openward.statements.strict_json import format_time, parse_json
from openward.store.custody import open_key
from tests.journeys.hub_under_test import RunningHub

PAYLOAD_TYPE = "application/vnd.in-toto+json"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "policies"
EVERYTHING = 1 << 45  # bytes
_versions: dict[Path, int] = {}


def adopt_policy(
    hub: RunningHub, presumed_open_bytes: int, when_unassessed: str = "identity-gated"
) -> None:
    """Adopt the demonstration policy, presuming weights up to that size to be open."""
    office = hub.office
    predicate = json.loads((EXAMPLES / "demonstration.json").read_bytes())
    now = office.clock()
    predicate["version"] = _versions[hub.folder] = _versions.get(hub.folder, 1000) + 1
    predicate["valid_from"] = format_time(now - timedelta(days=1))
    predicate["valid_until"] = format_time(now + timedelta(days=300))
    predicate["when_unassessed"] = when_unassessed
    predicate["proportionality"]["presumed_open_bytes"] = presumed_open_bytes
    predicate["proportionality"]["unreadable_bytes"] = presumed_open_bytes
    policy = parse_policy(parse_json(json.dumps(predicate).encode()))
    founding = open_key(hub.folder / FOUNDING_KEY)
    envelope = sign_envelope(PAYLOAD_TYPE, policy_statement(policy), [founding])
    adopt(office, envelope, lambda done, of: None)
