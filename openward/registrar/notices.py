"""What stock clients are told ahead of time: a standing that will change unless somebody acts.

The client logs the text once for each topic, so the topic names the repository and the day.
"""

from datetime import datetime, timedelta

from openward.policy.calendar import decide_changes
from openward.registrar.standing import Standing
from openward.store.repositories import RepoRow

AHEAD = timedelta(days=30)
"""How long before a change it is announced."""


def notice_of(standing: Standing, repo: RepoRow, now: datetime) -> str | None:
    """`topic; text` on the next change within thirty days; None when nothing is near."""
    for change in decide_changes(standing.policy, standing.case, standing.decision, now):
        if change.at - now <= AHEAD:
            day = f"{change.at:%Y-%m-%d}"
            return (
                f"openward-{repo.full_name}-{day}; The standing of {repo.full_name} may change on "
                f"{day}: {change.what.found}."
            )
    return None
