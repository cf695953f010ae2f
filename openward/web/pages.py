"""Everything a browser opens: the routes of all pages, asked after those of the Hub's clients.

    /  /{ns}/{name}  /log  /log/entry/{index}  /access  /policy  /rulebook  /static/{name}

Signing in and confirming a device are answered by sign_in and device_flow; errors become pages
through pages_problems.problem_answers.
"""

from starlette.routing import BaseRoute

from openward.web import (
    pages_access,
    pages_catalogue,
    pages_frame,
    pages_mine,
    pages_model,
    pages_policy,
    pages_record,
)


def routes() -> list[BaseRoute]:
    """The last routes of all: a repository's page answers any two segments."""
    return [
        *pages_catalogue.routes(),
        *pages_frame.routes(),
        *pages_record.routes(),
        *pages_policy.routes(),
        *pages_mine.routes(),
        *pages_access.routes(),
        *pages_model.routes(),
    ]
