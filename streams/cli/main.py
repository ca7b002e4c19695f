"""`seawall`: the command. Only the module of the command that is called is imported."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple

import typer

EXIT_INTERRUPTED = 130
"""What a shell expects of a command that Ctrl-C ended: 128 and the signal's number."""


class Command(NamedTuple):
    """Where a command is: a `typer.Typer` or a function in a module of `streams.cli`."""

    module: str
    attribute: str
    help: str


COMMANDS: dict[str, Command] = {
    "up": Command("local", "up", "Start Apache Kafka on this machine, for trying out."),
    "down": Command("local", "down", "Stop the Kafka that `up` started."),
    "topics": Command("topics", "app", "Create and check the pipeline's topics."),
    "worker": Command("worker", "worker", "Run stages between their topics."),
    "run": Command("run", "run", "Run the stages over a file, without a broker."),
    "produce": Command("produce", "produce", "Send events from a file to a topic."),
    "rekey": Command("rekey", "rekey", "Write a topic to another one under Seawall's key."),
    "lag": Command("lag", "lag", "Show how far the consumer groups are behind."),
    "dlq": Command("dlq", "app", "List, show and replay dead letters."),
    "events": Command("events", "app", "Check events against the contract."),
    "lists": Command("lists", "app", "Own hash and URL lists: import, check, search, approve."),
    "librarian": Command("librarian", "librarian", "Keep lists current: fetch, publish, compile."),
    "text": Command("text", "app", "Try out and check text indicators."),
    "policy": Command("policy", "app", "Own the policy: check, test, compare, apply."),
    "cases": Command("cases", "app", "Build, show and export cases, and record submissions."),
    "feedback": Command("feedback", "app", "What reviews say of lists, rules and indicators."),
    "audit": Command("audit", "app", "Check and show the audit log."),
    "archive": Command("archive", "archive", "Write decisions to JSONL files, each once."),
    "canary": Command("canary", "app", "Prove that known things are found, all the way through."),
    "state": Command("state", "app", "Manage the state of conversations and senders."),
    "config": Command("config", "config", "Print the settings in force."),
}


def build(called: str | None) -> typer.Typer:
    """The command tree, in which `called` is the command itself and the others, not imported, are
    just their names and help."""
    tree = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",  # lets paragraphs of help flow
    )
    tree.callback()(_root)
    for name, command in COMMANDS.items():
        if importlib.util.find_spec(f"streams.cli.{command.module}") is None:
            continue
        if name != called:
            tree.command(name, help=command.help)(_not_called)
            continue
        module = importlib.import_module(f"streams.cli.{command.module}")
        found: typer.Typer | Callable[..., Any] = getattr(module, command.attribute)
        if isinstance(found, typer.Typer):
            tree.add_typer(found, name=name)
        else:
            tree.command(name)(found)
    return tree


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of `seawall`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    called = next((word for word in given if not word.startswith("-")), None)
    try:
        build(called)(given, prog_name="seawall")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _not_called() -> None:
    raise AssertionError("a command that was not called was run")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seawall {version('seawall')}")
        raise typer.Exit


def _root(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """A streaming moderation pipeline that helps platforms protect children.

    Example: seawall topics apply --bootstrap kafka:9092; seawall worker --bootstrap kafka:9092
    """


if __name__ == "__main__":
    main()
