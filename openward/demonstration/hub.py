"""Making the demonstration hub: the same procedures as any hub, one after the other.

    hub founded -> accounts -> policy adopted -> evaluator accredited -> models published
    -> evaluations signed and filed -> tiers decided -> demo.json

It keeps its founding key and its tokens beside it, which no real hub should.
"""

import io
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from openward.app import Hub, now, open_hub
from openward.client.submit import claim_on, subject_of_files
from openward.config import HubConfig
from openward.council.in_force import accreditation_statement, policy_statement
from openward.demonstration.weights import LOGS, POLICY, DemoModel, demo_models
from openward.errors import OpenwardError
from openward.evidence.accreditation import Accreditation
from openward.evidence.capability_evaluation import PREDICATE_TYPE, Effort, Relationship
from openward.policy.document import parse_policy
from openward.registrar.accounts import issue_token, open_account, open_organisation
from openward.registrar.adoption import accredit, adopt
from openward.registrar.commits import Proposal, Received, record_commit
from openward.registrar.filing import file_evidence
from openward.registrar.founding import CONFIGURATION, FOUNDING_KEY, found_hub
from openward.registrar.operations import AddLarge, Header
from openward.registrar.parties import Party
from openward.registrar.refusals import Refusal
from openward.registrar.repositories import NewRepo, create_repo
from openward.registrar.uploads import Incoming, record_upload
from openward.statements.dsse import parse_envelope, sign_envelope
from openward.statements.intoto import PAYLOAD_TYPE, statement_bytes
from openward.statements.keys import Ed25519Signer
from openward.statements.strict_json import parse_json
from openward.store.accounts import (
    AccountRow,
    account_by_id,
    memberships,
    set_evaluator,
    set_verified,
)
from openward.store.custody import create_key, open_key
from openward.store.reads import decisions_on
from openward.store.repositories import RepoRow, find_repo
from openward.store.revisions import find_revision
from openward.vocabulary import PartyId, RiskDomain, Sha256

NAMESPACE = "openward-demo"
EVALUATOR = PartyId("proxy-institute")
ORIGIN = "demo.openward.example/record"
# Before the evaluation logs that the project ships were made.
ACCREDITED_FROM = datetime(2026, 11, 1, tzinfo=UTC)
_PIECE = 1 << 20

Tell = Callable[[str, int, int], None]
"""Told what is being done, and how much of how much is done."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who acts in the demonstration, and the tokens they act with."""

    publisher: AccountRow
    reader: AccountRow
    evaluator: AccountRow
    signer: Ed25519Signer
    tokens: dict[str, str]
    token_ids: dict[str, str]


def make_demonstration(folder: Path, endpoint: str, tell: Tell) -> dict[str, object]:
    """Make the hub in `folder`; returns what demo.json says. Raises Conflict, Unavailable."""
    models = demo_models(NAMESPACE)
    port = urlsplit(endpoint).port or 80
    config = HubConfig(
        endpoint=endpoint,
        origin=ORIGIN,
        port=port,
        title="Openward demonstration",
        contact="whoever started this demonstration",
        demonstration=True,
    )
    found_hub(folder, config, now, secrets.token_bytes)
    hub = open_hub(folder / CONFIGURATION)
    try:
        cast = _cast(hub)
        _rules(hub, cast)
        for done, model in enumerate(models):
            tell(f"publishing {model.name}", done, len(models))
            publish(hub, cast, model)
        for done, model in enumerate(models):
            tell(f"filing what was measured of {model.name}", done, len(models))
            file_logs(hub, cast, model)
        tell("done", len(models), len(models))
        return _describe(hub, cast, models)
    finally:
        hub.close()


# --- people -----------------------------------------------------------------------------------


def _cast(hub: Hub) -> Cast:
    office = hub.office
    publisher = open_account(office, "demo-publisher", fullname="A publisher")
    reader = open_account(office, "demo-reader", fullname="A reader")
    evaluator = open_account(office, "demo-evaluator", fullname="An evaluator")
    open_organisation(office, NAMESPACE, publisher, fullname="Openward demonstration")
    signer = create_key(hub.place.path("keys/evaluator.key"), secrets.token_bytes)
    with office.database.writing() as connection:
        for account in (publisher, reader, evaluator):
            set_verified(connection, account.id, "demonstration only", office.clock())
        set_evaluator(connection, evaluator.id, EVALUATOR)
    tokens, ids = {}, {}
    for name, account, role in (
        ("publisher", publisher, "write"),
        ("reader", reader, "read"),
        ("revocable", reader, "read"),
        ("evaluator", evaluator, "write"),
    ):
        token, tokens[name] = issue_token(office, account, name, role)
        ids[name] = token.id
    return Cast(publisher, reader, evaluator, signer, tokens, ids)


def _party(hub: Hub, account: AccountRow) -> Party:
    with hub.office.database.reading() as connection:
        current = account_by_id(connection, account.id) or account
        return Party(current, True, memberships(connection, account.id), None)


# --- rules ------------------------------------------------------------------------------------


def _rules(hub: Hub, cast: Cast) -> None:
    founding = open_key(hub.place.path(FOUNDING_KEY))
    policy = parse_policy(parse_json(POLICY.read_bytes()))
    adopt(hub.office, sign_envelope(PAYLOAD_TYPE, policy_statement(policy), [founding]), _quiet)
    standing = Accreditation(
        evaluator=EVALUATOR,
        keys=(cast.signer.public,),
        domains=tuple(RiskDomain),
        since=ACCREDITED_FROM,
        until=hub.office.clock() + timedelta(days=365),
    )
    statement = accreditation_statement(standing)
    accredit(hub.office, sign_envelope(PAYLOAD_TYPE, statement, [founding]), _quiet)


def _quiet(done: int, total: int) -> None:
    pass


# --- models -----------------------------------------------------------------------------------


def publish(hub: Hub, cast: Cast, model: DemoModel) -> RepoRow:
    """Create the repository and commit its files, as an upload would."""
    party = _party(hub, cast.publisher)
    repo = create_repo(hub.office, party, NewRepo("model", NAMESPACE, model.name, private=False))
    if isinstance(repo, Refusal):
        raise OpenwardError(repo.says)
    files: dict[str, Path | bytes] = {**model.files, **model.made}
    asked = []
    for path, source in files.items():
        digest, size = _upload(hub, cast.publisher, source)
        asked.append(AddLarge(path, digest, size))
    with Incoming(hub.office, len(model.readme(NAMESPACE))) as readme:
        readme.write(model.readme(NAMESPACE))
        card = Received("README.md", readme, readme.finish())
        proposal = Proposal(
            party=party,
            repo=repo.id,
            target="main",
            pull=False,
            header=Header(f"Publish {model.name}", "", None),
            asked=[card, *asked],
            may_read=lambda connection, sha256: True,
        )
        done = record_commit(hub.office, proposal)
    if isinstance(done, Refusal):
        raise OpenwardError(done.says)
    return repo


def _upload(hub: Hub, account: AccountRow, source: Path | bytes) -> tuple[Sha256, int]:
    raw = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    with raw, Incoming(hub.office, size) as incoming:
        while piece := raw.read(_PIECE):
            incoming.write(piece)
        blob = record_upload(hub.office, incoming, incoming.staged.digest, account.id)
    return blob.sha256, blob.size


# --- evidence ---------------------------------------------------------------------------------


def file_logs(hub: Hub, cast: Cast, model: DemoModel) -> None:
    """Sign and file what was measured of a model: one log a domain."""
    if model.logs is None:
        return
    (weights,) = [path for path in model.files.values() if path.suffix not in (".json", ".txt")]
    subject = subject_of_files((weights,)).digest
    for domain in RiskDomain:
        log = LOGS / model.logs / f"{domain.value}.eval"
        claim = claim_on(
            log,
            None,
            evaluator=EVALUATOR,
            domain=domain.value,
            task=None,
            scorer=None,
            effort=Effort.PROMPTED,
            says="each question once, the likeliest of four answers taken",
            relationship=Relationship.INDEPENDENT,
        )
        payload = statement_bytes([("weights", subject)], PREDICATE_TYPE, claim.predicate())
        envelope = sign_envelope(PAYLOAD_TYPE, payload, [cast.signer]).text()
        with hub.office.staging.file() as staged:
            staged.write(log.read_bytes())
            staged.finish()
            filed = file_evidence(
                hub.office, _party(hub, cast.evaluator), parse_envelope(envelope), staged
            )
        if isinstance(filed, Refusal):
            raise OpenwardError(filed.says)


# --- demo.json --------------------------------------------------------------------------------


def _describe(hub: Hub, cast: Cast, models: tuple[DemoModel, ...]) -> dict[str, object]:
    standings = {model.name: _standing(hub, model) for model in models}
    by_tier = {f"tier{tier}": f"{NAMESPACE}/{name}" for name, tier in standings.items() if tier}
    # Of the two in Tier 1, the evaluated one stands for it; the last one named wins.
    unassessed = [name for name, tier in standings.items() if tier is None]
    described: dict[str, object] = {
        "endpoint": hub.place.config.endpoint,
        "namespace": NAMESPACE,
        "tokens": cast.tokens,
        "token_ids": cast.token_ids,
        "log": {
            "url": f"{hub.place.config.endpoint}/log",
            "vkey": hub.office.log_key.vkey(),
        },
        "models": {
            **dict(sorted(by_tier.items())),
            "presumed": f"{NAMESPACE}/{models[0].name}",
            "unassessed": f"{NAMESPACE}/{unassessed[-1]}",
        },
    }
    target = hub.place.path("demo.json")
    target.touch(mode=0o600)
    target.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    return described


def _standing(hub: Hub, model: DemoModel) -> int | None:
    """The tier of the model's main branch; None where it is unassessed."""
    with hub.office.database.reading() as connection:
        repo = find_repo(connection, "model", f"{NAMESPACE}/{model.name}")
        head = None if repo is None else find_revision(connection, repo.id, "main")
        rows = [] if head is None else decisions_on(connection, head.subject)
    return rows[-1].tier or None if rows else None
