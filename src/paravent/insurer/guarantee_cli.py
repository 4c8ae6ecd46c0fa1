"""``paravent insurer`` check-guarantees: guarantee tables beside the contrat responsable (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec import to_builtins

from paravent.access.cli import Said, verb
from paravent.optics.guarantee import Guarantee, read_guarantees
from paravent.optics.guarantee_check import CheckedLine, check_lines
from paravent.optics.money import format_euros
from paravent.optics.store import shipped_rules

_FILE = click.Path(path_type=Path, dir_okay=False)
_PURPOSE = "Check guarantee tables (TOML or JSON): every floor, ceiling and cap; needs no home."


def add_guarantee_verbs(group: click.Group) -> None:
    """Adds the verb that checks guarantee tables to an insurer's group."""

    @verb(group, _PURPOSE, home_required=False)
    @click.argument("file", type=_FILE)
    def check_guarantees(home: Path | None, file: Path) -> Said:  # noqa: ARG001 - every verb takes a home
        """Says whether each guarantee is that of a contrat responsable, line by line."""
        rules = shipped_rules()
        tables = read_guarantees(file.read_bytes()).guarantee
        checked = [(guarantee, check_lines(guarantee, rules)) for guarantee in tables]
        values = [_values(guarantee, lines) for guarantee, lines in checked]
        responsible = all(one["responsible"] for one in values)
        verdict = "contrat responsable" if responsible else "PAS un contrat responsable / NOT a responsible contract"
        return Said(
            text="\n".join([*(_said(line) for _, lines in checked for line in lines), verdict]),
            values={"responsible": responsible, "rules": rules.version, "guarantees": values},
            failed=any(one["declared_responsible"] and not one["responsible"] for one in values),
        )


def _values(guarantee: Guarantee, lines: tuple[CheckedLine, ...]) -> dict[str, object]:
    broken = [line.fault() for line in lines if not line.kept]
    return {
        "code": guarantee.code, "declared_responsible": guarantee.responsible, "responsible": not broken,
        "broken": broken, "lines": [to_builtins(line) for line in lines],
    }  # fmt: skip


def _said(line: CheckedLine) -> str:
    amount = "-" if line.amount_cents is None else format_euros(line.amount_cents)
    verdict = "respecté / kept" if line.kept else "NON RESPECTÉ / BROKEN"
    band = "monture" if line.band is None else f"équipement {line.band.value}"
    return (
        f"{line.guarantee:16} {band:12} {line.bound:9} {format_euros(line.bound_cents):>9} : {amount:>9} {verdict}"
        f" ({line.article})"
    )
