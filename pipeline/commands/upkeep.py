"""`compact` and `doctor`: upkeep."""

from __future__ import annotations

import click

from pipeline.state import State, tell


@click.command()
@click.pass_obj
def compact(state: State) -> None:
    """Merge small files, remove old ones.

    The page files of finished runs are merged; what is older than RETENTION_DAYS and not needed any more is removed.
    """
    from pipeline.clock import Clock
    from pipeline.upkeep.compaction import merge_pages
    from pipeline.upkeep.retention import remove_old, sweep

    now, days = Clock().now(), state.settings.retention_days
    if torn := sweep(state.storage, now):
        click.echo(f"{torn} leftovers of torn writes removed")
    busy: set[str] = set()
    if days:
        removed = remove_old(state.storage, days=days, now=now, baselines=_baselines(state))
        busy |= set(removed.busy)
        click.echo(
            f"older than {days} days and not needed: {removed.staged} folders of staged pages, {removed.batches} "
            f"batches, {removed.snapshots} snapshots, {removed.journals} journals removed "
            f"({removed.bytes / 1e6:.1f} MB)"
        )
    merged = merge_pages(state.storage)
    click.echo(f"page files merged: {merged.before} became {merged.after} (runs: {merged.runs})")
    for slug in sorted(busy | set(merged.busy)):
        tell(state, {"left_out": slug}, f"left out: {slug} is being imported")


def _baselines(state: State) -> list[tuple[str | None, str | None]]:
    from stages.database import open_database
    from stages.load import accounts, bases

    with open_database(state.settings) as database:
        if database.version() is None:
            return []
        imported = [account.user_id for account in accounts(database) if account.last_run_id]
        return list(bases(database, imported).values())


@click.command(short_help="Is everything ready?")
@click.pass_obj
def doctor(state: State) -> int:
    """Is everything ready? One line each, with what mends it; exit 0 only when all is well."""
    from pipeline.clock import Clock
    from pipeline.upkeep.doctor import examine

    code = 0
    for line in examine(state.settings, state.storage, Clock()):
        mend = f" → {line.mend}" if line.mend else ""
        click.echo(f"{'ok' if line.ok else 'FAIL':<6}{line.name:<11}{line.text}{mend}")
        code = code or (0 if line.ok else line.exit_code)
    return code
