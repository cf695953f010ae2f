"""A world to test in: one hub in a folder, the people around it, and a clock that the test moves.

Everything is done by the procedures the hub itself uses; nothing is put into its tables behind
their backs. The dice are seeded, so that a world made again is the same world.

The policy is small: every domain asks for one evaluation of forty items, with lines at .5, .7 and
.85 (manipulation has no critical line), and weights of at most 10,000 bytes, 4,000 of which nobody
can read, are presumed open. `RIGHT` says how many right answers reach which tier.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from openward.access.passage import Allowed
from openward.app import open_hub
from openward.config import HubConfig
from openward.council.in_force import accreditation_statement, policy_statement
from openward.evidence.accreditation import Accreditation
from openward.evidence.capability_evaluation import (
    PREDICATE_TYPE,
    CapabilityEvaluation,
    Effort,
    LogReference,
    Relationship,
)
from openward.evidence.measurement import LogFormat
from openward.policy.clause import Proportionality
from openward.policy.document import (
    DomainRule,
    Evaluation,
    Policy,
    Thresholds,
    Treatment,
    parse_policy,
)
from openward.registrar.accounts import open_account, open_organisation
from openward.registrar.adoption import accredit, adopt
from openward.registrar.commits import Proposal, Received, record_commit
from openward.registrar.filing import Filed, file_evidence
from openward.registrar.founding import CONFIGURATION, FOUNDING_KEY, found_hub
from openward.registrar.office import Office
from openward.registrar.operations import AddLarge, DeleteFile, Header
from openward.registrar.parties import Party
from openward.registrar.passages import Passage, decide_passage
from openward.registrar.refusals import Refusal
from openward.registrar.releases import decide_subject, record_about
from openward.registrar.repositories import NewRepo, Settings, change_settings, create_repo
from openward.registrar.standing import Standing, standing_of
from openward.registrar.uploads import Incoming, record_upload
from openward.statements.dsse import Envelope, parse_envelope, sign_envelope
from openward.statements.entry import Entry, EvidenceFiled, parse_entry
from openward.statements.intoto import PAYLOAD_TYPE, statement_bytes
from openward.statements.keys import Ed25519Signer
from openward.statements.strict_json import parse_json
from openward.store import reads
from openward.store.accounts import (
    AccountRow,
    account_by_id,
    memberships,
    set_evaluator,
    set_verified,
)
from openward.store.blobs import Staging
from openward.store.custody import open_key
from openward.store.reads import DecisionRow
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, find_revision, tree_of
from openward.vocabulary import PartyId, RiskDomain, Sha256, Tier
from tests.evidence.built_logs import inspect_log

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "policies"
BEGAN = datetime(2026, 10, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ITEMS = 40
RIGHT = {1: 0, 2: 20, 3: 28, 4: 38}
"""Right answers out of forty that reach each tier."""

TASK, SCORER = "demo", "match"
EVALUATOR = PartyId("bureau")
PRESUMED_BYTES, UNREADABLE_BYTES = 10_000, 4_000
VALIDITY = 60  # days


class Clock:
    """The time of the world; it moves only when it is told to."""

    def __init__(self, at: datetime = BEGAN) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


def small_policy(version: int = 1) -> Policy:
    """The policy of this world, in force from a day before it begins."""
    return replace(
        parse_policy(parse_json((EXAMPLES / "example.json").read_bytes())),
        version=version,
        valid_from=BEGAN - DAY,
        valid_until=BEGAN + 300 * DAY,
        alpha=0.05,
        evidence_validity_days=VALIDITY,
        domains=tuple(map(_measured_once, RiskDomain)),
        when_unassessed=Treatment.IDENTITY_GATED,
        assessment_days=90,
        proportionality=Proportionality(PRESUMED_BYTES, UNREADABLE_BYTES, ("toxin-design",), 3, 30),
        lease_days=30,
        evaluation_lease_days=20,
    )


def _measured_once(domain: RiskDomain) -> DomainRule:
    catastrophic = domain is not RiskDomain.MANIPULATION
    lines = Thresholds(0.5, 0.7, 0.85 if catastrophic else None)
    evaluation = Evaluation("quiz", TASK, SCORER, ITEMS, None, lines, ("a source",))
    return DomainRule(domain, catastrophic, (evaluation,))


def readable(name: str, size: int = 1000) -> bytes:
    """A safetensors file of one tensor; `size` is that of the whole file, at least 100 bytes."""
    room = size - 8 - 80
    header = json.dumps({"t": {"dtype": "U8", "shape": [room], "data_offsets": [0, room]}})
    return (80).to_bytes(8, "little") + header.ljust(80).encode() + noise(name, room)


def noise(name: str, size: int = 1000) -> bytes:
    """Bytes that no reader understands: weights of an unknown format."""
    return b"\0" + Random(name).randbytes(size - 1)


def card(**declared: object) -> bytes:
    """A README that declares this in its front matter."""
    return f"---\n{json.dumps(declared)}\n---\n# A model\n".encode()


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """An account, and how it acts."""

    world: "World"
    account: AccountRow

    @property
    def party(self) -> Party:
        """The account as it stands now, acting with a token that writes."""
        with self.world.office.database.reading() as connection:
            current = account_by_id(connection, self.account.id) or self.account
            return Party(current, True, memberships(connection, current.id), None)


@dataclass(frozen=True, slots=True)
class Published:
    """A repository, and the commit that stands on its main branch."""

    repo: RepoRow
    revision: RevisionRow

    @property
    def subject(self) -> Sha256:
        return self.revision.subject


@dataclass(slots=True)
class World:
    """One hub and its people. Made by `begin`, ended by `end`."""

    folder: Path
    clock: Clock
    office: Office
    founder: Ed25519Signer
    evaluator_key: Ed25519Signer
    dice: Random
    policies: int = 0
    people: dict[str, Person] = field(default_factory=dict)
    filed: int = 0

    # --- people -------------------------------------------------------------------------------

    def person(self, name: str, *, verified: bool = True) -> Person:
        """The person of that name, who appears when first asked for."""
        if name not in self.people:
            account = open_account(self.office, name, email=f"{name}@people.example")
            if verified:
                with self.office.database.writing() as connection:
                    set_verified(connection, account.id, "in person", self.clock())
                    account = account_by_id(connection, account.id) or account
            self.people[name] = Person(self, account)
        return self.people[name]

    def organisation(self, name: str, founder: Person) -> None:
        open_organisation(self.office, name, founder.account)

    def evaluator(self, name: str = "eva-lund") -> Person:
        """Somebody who acts for the accredited evaluator."""
        person = self.person(name)
        with self.office.database.writing() as connection:
            set_evaluator(connection, person.account.id, EVALUATOR)
        return person

    # --- rules --------------------------------------------------------------------------------

    def adopt(self, change: Callable[[Policy], Policy] = lambda policy: policy) -> int:
        """Adopt the small policy, changed as asked, under the next version; returns its entry."""
        self.policies += 1
        payload = policy_statement(change(small_policy(self.policies)))
        envelope = sign_envelope(PAYLOAD_TYPE, payload, [self.founder])
        return adopt(self.office, envelope, _quiet).entry

    def accredit(
        self,
        *,
        until: timedelta = 300 * DAY,
        affiliated_with: tuple[str, ...] = (),
        name: PartyId = EVALUATOR,
        key: Ed25519Signer | None = None,
    ) -> int:
        """Accredit the evaluator in every domain from a year before the world began."""
        standing = Accreditation(
            evaluator=name,
            keys=((key or self.evaluator_key).public,),
            domains=tuple(RiskDomain),
            since=BEGAN - 365 * DAY,
            until=self.clock() + until,
            affiliated_with=affiliated_with,
        )
        payload = accreditation_statement(standing)
        envelope = sign_envelope(PAYLOAD_TYPE, payload, [self.founder])
        return accredit(self.office, envelope, _quiet).entry

    # --- repositories -------------------------------------------------------------------------

    def publish(
        self,
        who: Person | str,
        name: str,
        files: Mapping[str, bytes],
        *,
        type: str = "model",
        private: bool = False,
        namespace: str | None = None,
    ) -> Published:
        """A new repository with these files in its second commit."""
        person = self.person(who) if isinstance(who, str) else who
        asked = NewRepo(type, namespace, name, private)
        repo = create_repo(self.office, person.party, asked)
        assert not isinstance(repo, Refusal), repo.says
        return self.commit(person, repo, files)

    def commit(
        self, who: Person, repo: RepoRow, files: Mapping[str, bytes], remove: tuple[str, ...] = ()
    ) -> Published:
        """Commit files to main: weights by digest, as large files are, text within the commit."""
        party = who.party
        with ExitStack() as staged:
            asked: list[Received | AddLarge | DeleteFile] = [DeleteFile(path) for path in remove]
            for path, content in files.items():
                incoming = staged.enter_context(Incoming(self.office, len(content)))
                incoming.write(content)
                if b"\0" in content:
                    digest = incoming.staged.digest
                    blob = record_upload(self.office, incoming, digest, who.account.id)
                    asked.append(AddLarge(path, blob.sha256, blob.size))
                else:
                    asked.append(Received(path, incoming, incoming.finish()))
            header = Header("A commit", "", None)
            proposal = Proposal(party, repo.id, "main", False, header, asked, _may_read_nothing)
            done = record_commit(self.office, proposal)
        assert not isinstance(done, Refusal), done.says
        return Published(done.repo, done.revision)

    def set(self, who: Person, published: Published, settings: Settings) -> Published:
        """Change a repository's settings."""
        repo = published.repo
        after = change_settings(self.office, who.party, repo.type, repo.full_name, settings)
        assert not isinstance(after, Refusal), after.says
        return Published(after, published.revision)

    # --- evidence -----------------------------------------------------------------------------

    def statement(
        self,
        subject: Sha256,
        domain: RiskDomain,
        log: bytes,
        *,
        relationship: Relationship = Relationship.INDEPENDENT,
        key: Ed25519Signer | None = None,
        evaluator: PartyId = EVALUATOR,
        notes: str | None = None,
    ) -> Envelope:
        """What an evaluator signs over a log."""
        claim = CapabilityEvaluation(
            evaluator=evaluator,
            domain=domain,
            log=LogReference(
                Sha256(hashlib.sha256(log).hexdigest()), len(log), LogFormat.INSPECT_JSON
            ),
            task=TASK,
            scorer=SCORER,
            effort=Effort.PROMPTED,
            elicitation="each question once",
            relationship=relationship,
            ran_at=self.clock(),
            harness="inspect_ai",
            harness_version="0.3.285",
            notes=notes,
        )
        payload = statement_bytes([("weights", subject)], PREDICATE_TYPE, claim.predicate())
        signed = sign_envelope(PAYLOAD_TYPE, payload, [key or self.evaluator_key])
        return parse_envelope(signed.text())

    def file(self, who: Person, envelope: Envelope, log: bytes) -> Filed | Refusal:
        """File a statement with its log."""
        with self.office.staging.file() as staged:
            staged.write(log)
            staged.finish()
            return file_evidence(self.office, who.party, envelope, staged)

    def measure(
        self, subject: Sha256, tier: int, domains: tuple[RiskDomain, ...] = tuple(RiskDomain)
    ) -> None:
        """Put on record, for each domain, a log that shows the capability of that tier.

        As filing one after the other would, but decided once, at the end.
        """
        log = quiz_log(RIGHT[tier], self.clock(), self.filed)
        self.filed += 1
        now, office = self.clock(), self.office
        with office.staging.file() as staged:
            staged.write(log)
            staged.finish()
            office.blobs.keep(staged)
        with office.database.writing() as connection:
            for domain in domains:
                raw = self.statement(subject, domain, log).text()
                digest = Sha256(hashlib.sha256(raw).hexdigest())
                body = EvidenceFiled(digest, parse_json(raw))
                record_about(office, connection, subject, "evidence", body, now)
            policy = reads.policy_in_force(connection, now)
            if policy is not None:
                decide_subject(office, connection, subject, policy, now)
        office.sequencer.publish()

    # --- what is there ------------------------------------------------------------------------

    def standing(self, published: Published) -> Standing | None:
        """Where the repository's weights stand now."""
        with self.office.database.reading() as connection:
            return standing_of(
                self.office,
                connection,
                published.subject,
                self.clock(),
                inside=published.repo.private,
            )

    def tier(self, published: Published) -> Tier | None:
        """The tier in effect; None where there is none."""
        standing = self.standing(published)
        return None if standing is None else standing.decision.tier

    def gate(
        self, published: Published, path: str | None = None, who: Person | None = None
    ) -> Passage:
        """What the gate in front of one file answers (`path` None: of all the weights)."""
        with self.office.database.reading() as connection:
            files = tree_of(connection, published.revision.tree, path=path)
        party = None if who is None else who.party
        with self.office.database.reading() as connection:
            return decide_passage(
                self.office,
                connection,
                published.repo,
                published.revision,
                files[0] if path is not None else None,
                lambda: party,
                self.clock(),
            )

    def opens(
        self, published: Published, path: str | None = None, who: Person | None = None
    ) -> bool:
        """Whether the gate lets them through."""
        return isinstance(self.gate(published, path, who).outcome, Allowed)

    def decisions(self, subject: Sha256) -> list[DecisionRow]:
        with self.office.database.reading() as connection:
            return reads.decisions_on(connection, subject)

    def record(self) -> list[Entry]:
        """Every entry, oldest first."""
        with self.office.database.reading() as connection:
            raw = reads.entries(connection, 0, reads.log_size(connection))
        return [parse_entry(each) for each in raw]

    def head(self, repo: RepoRow, name: str = "main") -> Published:
        with self.office.database.reading() as connection:
            found = find_revision(connection, repo.id, name)
        assert found is not None
        return Published(repo, found)

    @contextmanager
    def unpublished(self) -> Iterator[None]:
        """Within it entries are durable, and no checkpoint covers them yet."""
        sequencer = self.office.sequencer
        self.office = replace(self.office, sequencer=_Idle())  # type: ignore[arg-type]
        try:
            yield
        finally:
            self.office = replace(self.office, sequencer=sequencer)

    def end(self) -> None:
        self.office.database.close()


class _Idle:
    """A sequencer that has not come round yet."""

    def publish(self) -> int:
        return 0


def quiz_log(right: int, at: datetime, number: int = 0) -> bytes:
    """A log of forty items, `right` of them answered right, run at `at`."""
    built = inspect_log([[1 if n < right else 0] for n in range(ITEMS)], right / ITEMS)
    built.header["eval"]["created"] = at.isoformat()
    built.header["eval"]["run_id"] = f"run {number}"
    return built.json()


def found(folder: Path, config: HubConfig | None = None) -> Path:
    """Found a hub at the world's beginning, from the seeded dice; returns its configuration."""
    dice = Random(7)
    found_hub(folder, config or HubConfig(), Clock(), dice.randbytes)
    return folder / CONFIGURATION


def begin(configuration: Path, *, ruled: bool = True) -> World:
    """Open a founded hub as a world; `ruled`: with a policy adopted and an evaluator accredited."""
    clock, dice = Clock(), Random(8)
    hub = open_hub(configuration)
    office = replace(
        hub.office,
        clock=clock,
        entropy=dice.randbytes,
        staging=Staging(hub.place.path(hub.place.config.store.staging), dice.randbytes),
    )
    founder = open_key(hub.place.path(FOUNDING_KEY))
    evaluator_key = Ed25519Signer(dice.randbytes(32))
    world = World(configuration.parent, clock, office, founder, evaluator_key, dice)
    office.sequencer.publish()
    if ruled:
        world.adopt()
        world.accredit()
    return world


def copied(founded: Path, folder: Path) -> Path:
    """A hub founded before, copied to a folder of its own: much faster than founding another."""
    shutil.copytree(founded.parent, folder)
    return folder / CONFIGURATION


def _quiet(done: int, of: int) -> None:
    pass


def _may_read_nothing(connection: object, sha256: Sha256) -> bool:
    return False
