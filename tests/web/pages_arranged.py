"""A hub in a folder with something in every standing, arranged through the registrar's procedures.

    savanna-lab/twiga-1b     Tier 1, shown            savanna-lab/duma-agent   Tier 4 by cyber
    savanna-lab/kifaru-8b    Tier 2 by cyber          savanna-lab/nyati-13b    unassessed
    savanna-lab/simba-70b    Tier 3 by cyber, bio     savanna-lab/swala-mini   Tier 1, presumed
    savanna-lab/pundamilia   presumed, and gated by its publisher's hand
    savanna-lab/siri-2b      private                  datasets/savanna-lab/maneno   no weights

Real bytes throughout: a real policy and accreditation, evaluation logs with their samples.
"""

import hashlib
import importlib.util
import json
import os
import secrets
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.testclient import TestClient

from openward.app import now, open_hub
from openward.config import CONFIGURATION_VARIABLE, HubConfig
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
from openward.policy.document import Policy, parse_policy
from openward.registrar.accounts import (
    issue_sign_in_link,
    open_account,
    open_organisation,
    redeem_sign_in_link,
)
from openward.registrar.adoption import accredit, adopt
from openward.registrar.commits import Proposal, Received, record_commit
from openward.registrar.filing import file_evidence
from openward.registrar.founding import CONFIGURATION, FOUNDING_KEY, found_hub
from openward.registrar.office import Office
from openward.registrar.operations import Header
from openward.registrar.parties import Party
from openward.registrar.refusals import Refusal
from openward.registrar.repositories import NewRepo, Settings, change_settings, create_repo
from openward.registrar.uploads import Incoming
from openward.statements.dsse import sign_envelope
from openward.statements.intoto import PAYLOAD_TYPE, statement_bytes
from openward.statements.keys import Ed25519Signer
from openward.statements.strict_json import parse_json
from openward.store.accounts import (
    AccountRow,
    find_account,
    memberships,
    set_evaluator,
    set_verified,
)
from openward.store.custody import create_key, open_key
from openward.store.repositories import find_repo
from openward.store.revisions import find_revision
from openward.vocabulary import RiskDomain, Sha256, parse_party
from openward.web import (
    device_flow,
    hub_resolve,
    log_tiles,
    pages,
    pages_record,
    sign_in,
)
from openward.web.api import build_api
from openward.web.hub_errors import RequestIds
from openward.web.pages_problems import problem_answers
from openward.web.raw_path import RawPath
from openward.web.sessions import SESSION_COOKIE
from openward.web.standing import API

ROOT = Path(__file__).resolve().parents[2]
LAB = "savanna-lab"
ENDPOINT = "http://hub.test"
SAMPLES = 120
TERMS = "I will use these weights for the purpose I stated, and harm nobody with them."
CARD = """---
license: apache-2.0
---
# {name}

A model of the savanna lab. <script>alert("not run")</script>

It reads and writes Swahili and English.
"""


def load_builders() -> ModuleType:
    """The builders of evaluation logs, which stand beside the tests of the readers."""
    known = sys.modules.get("built_logs")
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location(
        "built_logs", ROOT / "tests/evidence/built_logs.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["built_logs"] = module
    spec.loader.exec_module(module)
    return module


@dataclass
class Arranged:
    """An arranged hub: its office, and who is who."""

    folder: Path
    office: Office
    evaluator: Ed25519Signer
    moment: datetime

    def account(self, name: str) -> AccountRow:
        with self.office.database.reading() as connection:
            found = find_account(connection, name)
        assert found is not None
        return found

    def party(self, name: str) -> Party:
        account = self.account(name)
        with self.office.database.reading() as connection:
            return Party(account, True, memberships(connection, account.id), None)

    def session(self, name: str) -> str:
        """The secret of a fresh browser session."""
        secret = redeem_sign_in_link(
            self.office, issue_sign_in_link(self.office, self.account(name))
        )
        assert isinstance(secret, str)
        return secret

    def browser(self, name: str | None = None, office: Office | None = None) -> TestClient:
        """A browser on this hub's pages, signed in as `name`."""
        client = TestClient(
            site_of(office or self.office),
            base_url=ENDPOINT,
            headers={"accept": "text/html,*/*;q=0.8"},
            raise_server_exceptions=False,
        )
        if name is not None:
            client.cookies.set(SESSION_COOKIE, self.session(name))
        return client


def site_of(office: Office) -> Starlette:
    """The parts of the site that browsers use, put together as the site does."""
    application = Starlette(
        routes=[
            Mount(API, build_api(office)),
            *pages_record.routes(),
            *log_tiles.routes(),
            *sign_in.routes(),
            *device_flow.routes(),
            *hub_resolve.routes(),
            *pages.routes(),
        ],
        middleware=[Middleware(RequestIds, entropy=office.entropy), Middleware(RawPath)],
        exception_handlers=problem_answers(),
    )
    application.state.office = office
    return application


def served() -> Starlette:
    """The site on the folder named in the environment, for a server in a process of its own."""
    return site_of(open_hub(Path(os.environ[CONFIGURATION_VARIABLE])).office)


def arrange_empty(folder: Path, endpoint: str = ENDPOINT, **settings: object) -> Arranged:
    """A hub with people and an evaluator, and no policy."""
    config = replace(HubConfig(endpoint=endpoint, contact="desk@hub.test"), **settings)  # type: ignore[arg-type]
    found_hub(folder, config, now, secrets.token_bytes)
    office = open_hub(folder / CONFIGURATION).office
    amina = open_account(office, "amina", fullname="Amina")
    open_account(office, "ben", fullname="Ben")
    chloe = open_account(office, "chloe", fullname="Chloe")
    open_account(office, "institute-a", fullname="Institute A")
    open_organisation(office, LAB, amina)
    with office.database.writing() as connection:
        set_verified(connection, chloe.id, "passport seen", office.clock())
        found = find_account(connection, "institute-a")
        assert found is not None
        set_evaluator(connection, found.id, "institute-a")
    key = create_key(folder / "evaluator.key", secrets.token_bytes)
    return Arranged(folder, office, key, office.clock())


def demonstration_policy(moment: datetime) -> Policy:
    """The demonstration policy as of yesterday, presuming up to 6,000 bytes to be open."""
    predicate = json.loads((ROOT / "examples/policies/demonstration.json").read_bytes())
    predicate["terms"] = {
        "text": TERMS,
        "sha256": hashlib.sha256(TERMS.encode()).hexdigest(),
    }
    predicate["proportionality"]["presumed_open_bytes"] = 6_000
    predicate["proportionality"]["unreadable_bytes"] = 6_000
    for domain in predicate["domains"].values():
        for evaluation in domain["evaluations"]:
            evaluation |= {"samples": 100, "scorer": "match", "low": 0.5, "high": 0.7}
            evaluation.pop("dataset", None)
            if domain["catastrophic"]:
                evaluation["critical"] = 0.85
    policy = parse_policy(parse_json(json.dumps(predicate).encode()))
    return replace(
        policy,
        valid_from=moment - timedelta(days=1),
        valid_until=moment + timedelta(days=300),
    )


def put_in_force(hub: Arranged, policy: Policy) -> None:
    founding = open_key(hub.folder / FOUNDING_KEY)
    envelope = sign_envelope(PAYLOAD_TYPE, policy_statement(policy), [founding])
    adopt(hub.office, envelope, lambda done, of: None)


def accredit_institute(hub: Arranged) -> None:
    standing = Accreditation(
        evaluator=parse_party("institute-a"),
        keys=(hub.evaluator.public,),
        domains=tuple(RiskDomain),
        since=hub.moment - timedelta(days=90),
        until=hub.moment + timedelta(days=365),
        affiliated_with=("tembo-lab",),
    )
    founding = open_key(hub.folder / FOUNDING_KEY)
    envelope = sign_envelope(PAYLOAD_TYPE, accreditation_statement(standing), [founding])
    accredit(hub.office, envelope, lambda done, of: None)


def publish(
    hub: Arranged,
    name: str,
    files: dict[str, bytes],
    *,
    by: str = "amina",
    namespace: str = LAB,
    type: str = "model",
    private: bool = False,
) -> Sha256:
    """A repository with these files on main; returns its subject."""
    party = hub.party(by)
    repo = create_repo(hub.office, party, NewRepo(type, namespace, name, private))
    assert not isinstance(repo, Refusal), repo
    return commit(hub, repo.type, repo.full_name, files, by=by)


def commit(
    hub: Arranged, type: str, full_name: str, files: dict[str, bytes], *, by: str = "amina"
) -> Sha256:
    """Put files on main; returns the subject."""
    party = hub.party(by)
    with hub.office.database.reading() as connection:
        repo = find_repo(connection, type, full_name)
        assert repo is not None
    received = []
    for path, raw in files.items():
        incoming = Incoming(hub.office, len(raw))
        incoming.write(raw)
        received.append(Received(path, incoming, incoming.finish()))
    asked = Proposal(
        party, repo.id, "main", False, Header("add files", "", None), received, lambda _c, _s: False
    )
    done = record_commit(hub.office, asked)
    assert not isinstance(done, Refusal), done
    return done.revision.subject


def log_of(domain: RiskDomain, right: int, moment: datetime, samples: int = SAMPLES) -> bytes:
    """An evaluation log with `right` of its samples correct."""
    scores = [["C" if n < right else "I"] for n in range(samples)]
    built = load_builders().inspect_log(scores, right / samples)
    task = f"openward_proxy_{domain.value.replace('-', '_')}"
    built.header["eval"]["task"] = task
    built.header["eval"]["created"] = f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"
    built.header["eval"]["dataset"]["name"] = task
    raw: bytes = built.json()
    return raw


def file_result(
    hub: Arranged,
    subject: Sha256,
    domain: RiskDomain,
    right: int,
    *,
    by: str = "institute-a",
    days_ago: int = 10,
    relationship: Relationship = Relationship.INDEPENDENT,
) -> None:
    """File one signed evaluation of a subject."""
    ran_at = hub.moment - timedelta(days=days_ago)
    raw = log_of(domain, right, ran_at)
    claim = CapabilityEvaluation(
        evaluator=parse_party("institute-a"),
        domain=domain,
        log=LogReference(Sha256(hashlib.sha256(raw).hexdigest()), len(raw), LogFormat.INSPECT_JSON),
        task=f"openward_proxy_{domain.value.replace('-', '_')}",
        scorer="match",
        effort=Effort.PROMPTED,
        elicitation="as logged",
        relationship=relationship,
        ran_at=ran_at,
        harness="inspect_ai",
        harness_version="0.3.285",
    )
    payload = statement_bytes([("weights", subject)], PREDICATE_TYPE, claim.predicate())
    envelope = sign_envelope(PAYLOAD_TYPE, payload, [hub.evaluator])
    with hub.office.staging.file() as staged:
        staged.write(raw)
        staged.finish()
        filed = file_evidence(hub.office, hub.party(by), envelope, staged)
    assert not isinstance(filed, Refusal), filed


def file_all(hub: Arranged, subject: Sha256, **reached: int) -> None:
    """A result in every domain: 30 right, or what is named (loss_of_control=70)."""
    for domain in RiskDomain:
        file_result(hub, subject, domain, reached.get(domain.value.replace("-", "_"), 30))


def weights(name: str, size: int = 9_000) -> bytes:
    """Bytes that nobody takes for text, the same for the same name."""
    return hashlib.shake_256(name.encode()).digest(size)


def model(name: str, size: int = 9_000) -> dict[str, bytes]:
    return {
        "README.md": CARD.format(name=name).encode(),
        "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
        "model.bin": weights(name, size),
    }


def arrange(folder: Path, endpoint: str = ENDPOINT, **settings: object) -> Arranged:
    """The hub of this module's head."""
    hub = arrange_empty(folder, endpoint, **settings)
    put_in_force(hub, demonstration_policy(hub.moment))
    accredit_institute(hub)
    publish(hub, "siri-2b", model("siri-2b"), private=True)
    publish(hub, "maneno", {"README.md": b"# Words\n", "words.csv": b"word\nmti\n"}, type="dataset")
    file_all(hub, publish(hub, "twiga-1b", model("twiga-1b")))
    file_all(hub, publish(hub, "kifaru-8b", model("kifaru-8b")), cyber=60)
    file_all(hub, publish(hub, "simba-70b", model("simba-70b")), cyber=84, biological=80)
    file_all(hub, publish(hub, "duma-agent", model("duma-agent")), cyber=108)
    nyati = publish(hub, "nyati-13b", model("nyati-13b"))
    file_result(hub, nyati, RiskDomain.CYBER, 20)
    file_result(hub, nyati, RiskDomain.CHEMICAL, 12, relationship=Relationship.DEVELOPER)
    publish(hub, "swala-mini", model("swala-mini", 2_000))
    publish(hub, "pundamilia", model("pundamilia", 2_000))
    gate(hub, "pundamilia", "manual")
    return hub


def gate(hub: Arranged, name: str, gate: str) -> None:
    done = change_settings(
        hub.office, hub.party("amina"), "model", f"{LAB}/{name}", Settings(gate=gate)
    )
    assert not isinstance(done, Refusal), done


def subject_named(hub: Arranged, name: str) -> Sha256:
    with hub.office.database.reading() as connection:
        repo = find_repo(connection, "model", f"{LAB}/{name}")
        assert repo is not None
        revision = find_revision(connection, repo.id, "main")
        assert revision is not None
    return revision.subject
