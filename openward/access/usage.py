"""The usage attestation: a person's signed promise of how they will use the weights.

Predicate `https://openward.org/usage-attestation/v1`:

    {"applicant": "<sha256>",      salted commitment to the account; no name enters
     "subject": "<sha256>", "repository": "lab/model",
     "terms": "<sha256>",          of the text in the policy in force
     "purpose": "...",             in the applicant's words, at most 2,000 characters
     "accepted_at": "2026-10-01T00:00:00Z", "expires_at": "..."}
"""

from dataclasses import dataclass
from datetime import datetime

from openward.errors import Malformed
from openward.statements.strict_json import Fields, JsonValue, format_time
from openward.vocabulary import Sha256

PREDICATE_TYPE = "https://openward.org/usage-attestation/v1"
MAX_PURPOSE = 2_000
MAX_REPOSITORY = 200


@dataclass(frozen=True, slots=True)
class UsageAttestation:
    """A promise with its scope and its end."""

    applicant: Sha256
    subject: Sha256
    repository: str
    terms: Sha256
    purpose: str
    accepted_at: datetime
    expires_at: datetime

    def __post_init__(self) -> None:
        if not self.purpose.strip() or len(self.purpose) > MAX_PURPOSE:
            raise Malformed(f"attestation.purpose: expected 1 to {MAX_PURPOSE} characters")
        if len(self.repository) > MAX_REPOSITORY:
            raise Malformed(f"attestation.repository: at most {MAX_REPOSITORY} characters")
        if self.expires_at <= self.accepted_at:
            raise Malformed("attestation.expires_at: expected a time after accepted_at")


def parse_usage_attestation(predicate: JsonValue) -> UsageAttestation:
    """Read the predicate; a member too many would be a promise nobody reads. Raises Malformed."""
    fields = Fields.of(predicate, "attestation")
    attestation = UsageAttestation(
        applicant=fields.sha256("applicant"),
        subject=fields.sha256("subject"),
        repository=fields.text("repository"),
        terms=fields.sha256("terms"),
        purpose=fields.text("purpose"),
        accepted_at=fields.time("accepted_at"),
        expires_at=fields.time("expires_at"),
    )
    fields.nothing_else()
    return attestation


def usage_attestation_json(attestation: UsageAttestation) -> dict[str, JsonValue]:
    """The predicate; `parse_usage_attestation` reads it back."""
    return {
        "applicant": attestation.applicant,
        "subject": attestation.subject,
        "repository": attestation.repository,
        "terms": attestation.terms,
        "purpose": attestation.purpose,
        "accepted_at": format_time(attestation.accepted_at),
        "expires_at": format_time(attestation.expires_at),
    }
