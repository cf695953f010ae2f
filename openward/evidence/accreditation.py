"""The predicate https://openward.org/accreditation/v1, and the register of what was accredited.

    {"evaluator": "aisi-example", "keys": ["-----BEGIN PUBLIC KEY-----\\n..."],
     "domains": ["biological", "cyber"],
     "from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z",
     "affiliated_with": ["example-lab"]}

An accreditation counts from `from` until just before `until`, for the domains it names and for
signatures by the keys it names. `affiliated_with` lists the namespaces the evaluator is not
independent of. A key belongs to one evaluator only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from openward.errors import Malformed, VerificationError
from openward.statements.keys import HeldKey, KeyRing, PublicKey, parse_pem
from openward.statements.strict_json import Fields, JsonValue, format_time
from openward.vocabulary import PartyId, RiskDomain, Sha256

PREDICATE_TYPE = "https://openward.org/accreditation/v1"
MOST_KEYS = 16
MOST_AFFILIATIONS = 1024

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Accreditation:
    """One evaluator's standing: which domains, when, with which keys, and whom it is close to."""

    evaluator: PartyId
    keys: tuple[PublicKey, ...]
    domains: tuple[RiskDomain, ...]
    since: datetime
    until: datetime
    affiliated_with: tuple[str, ...] = ()
    unknown: Mapping[str, JsonValue] = field(default_factory=dict)

    def covers(self, at: datetime) -> bool:
        return self.since <= at < self.until

    def key_ids(self) -> frozenset[Sha256]:
        return frozenset(key.id for key in self.keys)

    def predicate(self) -> dict[str, JsonValue]:
        """What `parse_accreditation` reads back as the same accreditation."""
        return {
            **self.unknown,
            "evaluator": self.evaluator,
            "keys": [key.pem() for key in self.keys],
            "domains": [domain.value for domain in self.domains],
            "from": format_time(self.since),
            "until": format_time(self.until),
            "affiliated_with": list(self.affiliated_with),
        }


@dataclass(frozen=True, slots=True)
class Register:
    """The accreditations in force, as the record holds them."""

    accreditations: tuple[Accreditation, ...] = ()

    def admit(self, accreditation: Accreditation) -> "Register":
        """The register with one more. VerificationError where another evaluator has its key."""
        for other in self.accreditations:
            shared = other.key_ids() & accreditation.key_ids()
            if shared and other.evaluator != accreditation.evaluator:
                raise VerificationError(f"key {min(shared)} belongs to {other.evaluator}")
        return Register((*self.accreditations, accreditation))

    def of(self, evaluator: PartyId) -> tuple[Accreditation, ...]:
        return tuple(a for a in self.accreditations if a.evaluator == evaluator)

    def independent(self, evaluator: PartyId, namespace: str) -> bool:
        """Whether no accreditation, current or past, ties the evaluator to the namespace."""
        close = {name.casefold() for a in self.of(evaluator) for name in a.affiliated_with}
        return namespace.casefold() not in close | {evaluator}

    def key_ring(self) -> KeyRing:
        """Every key, from its first accreditation to the end of its last.

        What a signature counts for in between is for the appraisal to say.
        """
        held: dict[Sha256, HeldKey] = {}
        for a in self.accreditations:
            for key in a.keys:
                before = held.get(key.id)
                since = min(a.since, before.not_before) if before else a.since
                until = max(a.until, before.not_after or a.until) if before else a.until
                held[key.id] = HeldKey(key, a.evaluator, since, until)
        return KeyRing(tuple(held.values()))


def parse_accreditation(value: JsonValue) -> Accreditation:
    """Read the predicate. Raises Malformed."""
    fields = Fields.of(value, "accreditation")
    accreditation = Accreditation(
        evaluator=fields.party("evaluator"),
        keys=_distinct(fields, "keys", MOST_KEYS, parse_pem),
        domains=_distinct(fields, "domains", len(RiskDomain), _domain),
        since=fields.time("from"),
        until=fields.time("until"),
        affiliated_with=fields.optional_texts("affiliated_with") or (),
        unknown=fields.rest(),
    )
    if accreditation.since >= accreditation.until:
        raise Malformed("accreditation: ends before it begins")
    if len(accreditation.affiliated_with) > MOST_AFFILIATIONS:
        raise Malformed(f"accreditation: more than {MOST_AFFILIATIONS} affiliations")
    return accreditation


def _distinct(
    fields: Fields, name: str, most: int, parse: Callable[[str], Read]
) -> tuple[Read, ...]:
    texts = fields.texts(name)
    if not 1 <= len(texts) <= most or len(set(texts)) != len(texts):
        raise Malformed(f"accreditation.{name}: expected 1 to {most}, none of them twice")
    return tuple(parse(text) for text in texts)


def _domain(text: str) -> RiskDomain:
    for domain in RiskDomain:
        if domain.value == text:
            return domain
    raise Malformed(f"accreditation.domains: no risk domain {text[:80]!r}")
