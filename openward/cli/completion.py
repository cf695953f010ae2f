"""`openward completion`: the script that a shell sources to complete commands and options."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    For bash: openward completion bash > ~/.local/share/bash-completion/completions/openward
    """
    from openward.cli import openward

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"no completion for {shell}")
    click.echo(found(openward, {}, "openward", "_OPENWARD_COMPLETE").source())
