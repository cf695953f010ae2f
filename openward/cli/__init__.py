"""The command line: one lazily imported module per noun; argument parsing and printing only.

Exit codes: 0 done, 1 the answer is no (refused, not verified), 2 wrong usage, 3 something outside
did not answer. Errors are one line on standard error, without a traceback.
"""

import importlib
import sys

import click

from openward.errors import Conflict, Malformed, OpenwardError, Unavailable, VerificationError

COMMANDS = {
    "init": "openward.cli.hub:init",
    "serve": "openward.cli.hub:serve",
    "upgrade": "openward.cli.hub:upgrade",
    "doctor": "openward.cli.doctor:doctor",
    "account": "openward.cli.account:account",
    "token": "openward.cli.token:token",
    "policy": "openward.cli.policy:policy",
    "evaluator": "openward.cli.evaluator:evaluator",
    "evidence": "openward.cli.evidence:evidence",
    "decide": "openward.cli.decide:decide",
    "verify": "openward.cli.verify:verify",
    "access": "openward.cli.access:access",
    "log": "openward.cli.log:log",
    "config": "openward.cli.config:config",
    "completion": "openward.cli.completion:completion",
}
SUMMARIES = {
    "init": "Make a new hub in a folder.",
    "serve": "Serve a hub.",
    "upgrade": "Bring a hub's database to this release's version.",
    "doctor": "Say what is configured, missing or unsafe.",
    "account": "Add, verify and list accounts.",
    "token": "Create, list and revoke tokens.",
    "policy": "Adopt and show tier policies.",
    "evaluator": "Accredit evaluators.",
    "evidence": "Read, sign and submit capability evidence.",
    "decide": "Decide a tier offline, from a policy and a folder of evidence.",
    "verify": "Check a model's tier without trusting the hub.",
    "access": "Request access to a model, and see what became of it.",
    "log": "Read the public record.",
    "config": "Check a configuration file.",
    "completion": "Print the completion script for a shell.",
}


class LazyGroup(click.Group):
    """Imports a command's module when the command runs, and not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, SUMMARIES[name]) for name in COMMANDS])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name=None, version="0.1.0", prog_name="openward")
def openward() -> None:
    """Openward: every yes and no to a model carries its reasons, its evidence and a proof."""


def main() -> None:
    """Run the command line; the house's errors become one line and an exit code."""
    try:
        openward.main(prog_name="openward", standalone_mode=True)
    except OpenwardError as e:
        print(f"openward: {e}", file=sys.stderr)
        sys.exit(_exit_code(e))


def _exit_code(error: OpenwardError) -> int:
    match error:
        case Malformed():
            return 2
        case Unavailable():
            return 3
        case VerificationError() | Conflict():
            return 1
        case _:
            return 1
