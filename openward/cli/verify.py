"""`openward verify`: check a model's tier without trusting the hub."""

import click

from openward.cli.shared_options import (
    ENDPOINT,
    JSON,
    print_json,
    progress_of_steps,
    token_of_caller,
)


@click.command()
@click.argument("model")
@ENDPOINT
@click.option("--revision", default="main", show_default=True)
@click.option("--vkey", default=None, help="The log's verifier key, known from elsewhere.")
@click.option("--no-weights", is_flag=True, help="Do not download and hash the weights.")
@JSON
def verify(
    model: str, endpoint: str, revision: str, vkey: str | None, no_weights: bool, as_json: bool
) -> None:
    """Check the tier of MODEL: signatures, inclusion, evidence, and the decision made again.

    With --vkey nothing the hub says is trusted; without it the hub's own key is trusted on first
    use, and the output says so. Exits with 1 and names what failed, if anything did.
    """
    from openward.app import now
    from openward.client.hub import HubReader
    from openward.client.verify import verify_model
    from openward.tlog.note import parse_vkey

    key = None if vkey is None else parse_vkey(vkey)
    with HubReader(endpoint, token_of_caller()) as hub, progress_of_steps() as tell:
        report = verify_model(
            hub,
            model,
            revision=revision,
            key=key,
            weights=not no_weights,
            now=now(),
            tell=tell,
        )
    decision = report.decision
    if as_json:
        print_json(
            {
                "repo": report.repo,
                "revision": report.revision,
                "state": decision.state.value,
                "tier": None if decision.tier is None else int(decision.tier),
                "entry": report.entry,
                "key": "pinned" if key else "trusted on first use",
                "reasons": [{"rule": r.rule.id, "found": r.found} for r in decision.reasons],
                "verified": report.verified,
                "attested": report.attested,
                "not_checked": report.not_checked,
                "not_claimed": list(report.not_claimed),
            }
        )
        return
    standing = "unassessed" if decision.tier is None else f"Tier {int(decision.tier)}"
    click.secho(f"{report.repo} at {report.revision[:12]}: {standing}, {decision.state.value}",
                bold=True)  # fmt: skip
    for reason in decision.reasons:
        click.echo(f"  {reason.rule.says} ({reason.found})")
    for title, lines in (
        ("verified, by arithmetic", report.verified),
        ("attested, by somebody's word", report.attested),
        ("not checked", report.not_checked),
        ("not claimed", report.not_claimed),
    ):
        if lines:
            click.echo(f"{title}:")
        for line in lines:
            click.echo(f"  - {line}")
