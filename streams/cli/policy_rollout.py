"""`seawall policy apply` and `rollback`: changing the policy of every worker, without a restart."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import UNSET, UnsetType

from streams.cli.audit_hook import audited
from streams.cli.options import (
    BootstrapOption,
    ConfigOption,
    fail,
    kafka_arguments,
    loaded_settings,
    reaching,
)
from streams.cli.policy_files import EXIT_REFUSED, PolicyPath, fail_refused, known_lists, read
from streams.cli.policy_summary import lapse_lines, lapsed_rows
from streams.cli.policy_testing import lines_about, run_all
from streams.cli.tables import visible
from streams.policy.load import PolicyError, parse_policy

if TYPE_CHECKING:
    from streams.control.policy_change import PolicyChanged, UnreadChange
    from streams.settings import Settings

OWN = "own"
"""Stands in the audit log for the policies in the workers' own files."""


def add_to(app: typer.Typer) -> None:
    """Make these commands part of `seawall policy`."""
    for command in (apply, rollback):
        app.command()(command)


def apply(
    file: PolicyPath,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Make a file the policy of every worker, running or started later. It is checked and its own
    tests are run first, and rows of its scan basis that have lapsed are named; on the control
    topic, it goes before the workers' own files.

    Example: seawall policy apply policy.toml

    Exit codes: 0 written to the control topic, 1 refused, 2 unusable, or Kafka away.
    """
    settings = loaded_settings(config, bootstrap).settings
    lists = known_lists(settings)
    try:
        text, content, policy = read(file, lists)
    except PolicyError as error:
        _audit_refusal(settings, file, str(error))
        fail_refused(error)
    outcomes = run_all(policy, content, text, lists)
    warnings = lapse_lines(lapsed_rows(policy, int(time.time() * 1000)))
    for line in (*lines_about(file, outcomes), *warnings):
        typer.echo(line, err=True)
    if wrong := sum(bool(each.wrong) for each in outcomes):
        why = visible(f"{file}: {wrong} of its own tests fail: see above")
        _audit_refusal(settings, file, why)
        fail(why, EXIT_REFUSED)
    before = _newest(settings)
    if before is not None and _text_of(before) == text:
        typer.echo(f"policy {visible(policy.version)} is in force already")
        return
    offset = _publish(settings, policy.version, text, _in_use(before))
    typer.echo(f"policy {visible(policy.version)} is at offset {offset} of the control topic")


def rollback(
    to_file: Annotated[
        bool,
        typer.Option("--to-files", help="Back to the workers' own files, from their settings."),
    ] = False,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
) -> None:
    """Go back to the policy before the last change; a second time, forward again.

    Example: seawall policy rollback

    Exit codes: 0 written to the control topic, 1 there is nothing to go back to, or it cannot be
    used any more, 2 unusable, or Kafka away.
    """
    settings = loaded_settings(config, bootstrap).settings
    before = _newest(settings)
    if before is None or (to_file and _text_of(before) is None):
        fail("no policy has come on the control topic: the workers use their own", EXIT_REFUSED)
    text = None if to_file else before.previous
    if text is UNSET:
        fail(
            "the control topic does not say, to this version of Seawall, which policy was before "
            "the newest: apply one (seawall policy apply FILE), or go back to the workers' own "
            "with --to-files",
            EXIT_REFUSED,
        )
    try:
        version = parse_policy(text, "the policy before").version if text is not None else None
    except PolicyError as error:
        fail_refused(error)
    offset = _publish(settings, version or OWN, text, _in_use(before))
    what = (
        f"policy {visible(version)} is" if version is not None else "the workers' own policies are"
    )
    typer.echo(f"{what} in force from offset {offset} of the control topic")


def _newest(settings: "Settings") -> "PolicyChanged | UnreadChange | None":
    from streams.control.policy_change import newest_change

    with reaching(settings):
        return newest_change(kafka_arguments(settings), _topic(settings))


def _text_of(newest: "PolicyChanged | UnreadChange") -> str | UnsetType | None:
    from streams.control.policy_change import PolicyChanged

    return newest.text if isinstance(newest, PolicyChanged) else UNSET


def _in_use(newest: "PolicyChanged | UnreadChange | None") -> str | UnsetType | None:
    """The policy that workers have: the newest, or where that is none, the one before it; `UNSET`
    where the topic does not say."""
    if newest is None:
        return None
    text = _text_of(newest)
    if text is None:
        return None
    if text is not UNSET:
        try:
            parse_policy(text, "the newest policy")
        except PolicyError:
            pass
        else:
            return text
    return newest.previous


def _publish(
    settings: "Settings", version: str, text: str | None, previous: str | UnsetType | None
) -> int:
    from streams.control.policy_change import PolicyChanged, publish_change

    # Noted before as well: nothing is in force that the audit log does not know of.
    audited(settings, "policy", {"change": "applying", "version": version})
    change = PolicyChanged(text=text, previous=previous)
    with reaching(settings):
        offset = publish_change(kafka_arguments(settings), _topic(settings), change)
    audited(settings, "policy", {"change": "applied", "version": version, "offset": offset})
    return offset


def _audit_refusal(settings: "Settings", file: Path, why: str) -> None:
    audited(settings, "policy", {"change": "refused", "file": file.name, "why": why})


def _topic(settings: "Settings") -> str:
    from streams.kafka.topics import CONTROL, topic_name

    return topic_name(settings.pipeline, CONTROL)
