"""``paravent desk quote FILE``: a quote before the sale, on screen and as PDF (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import to_builtins

from paravent.access import cli
from paravent.access.cli import Said
from paravent.desk.before_sale import BeforeSale, Books, Coverage, QuoteFile, quote_before_sale
from paravent.optics.guarantee import Guarantee, GuaranteeTables, read_guarantees
from paravent.optics.money import format_euros
from paravent.optics.months import Month
from paravent.optics.quote import Quote
from paravent.optics.store import shipped_rules_for
from paravent.person.store import (
    class_a_tariff_for,
    shipped_lens_rules,
    shipped_renewal_grounds,
    shipped_validity_terms,
)
from paravent.wire.codec import decode


def quote_file(home: Path | None, file: Path, pdf: Path | None) -> Said:
    """Computes the quote of a file with the rules of its day, and prints it when asked."""
    asked = decode(file.read_bytes(), QuoteFile, bytes_max=400_000)
    books = Books(
        rules=shipped_rules_for(asked.day), lens_rules=shipped_lens_rules(),
        tariff=class_a_tariff_for(asked.day, home), terms=shipped_validity_terms(), grounds=shipped_renewal_grounds(),
    )  # fmt: skip
    guarantees = tuple(_guarantee(cover, asked, file) for cover in asked.coverages)
    old = None if asked.old_prescription is None else _document(asked.old_prescription, file)
    computed = quote_before_sale(asked, _document(asked.prescription, file), old, guarantees, books)
    if pdf is not None:
        _print(asked, computed, pdf)
    text = "\n".join(["Équipement choisi / chosen", *_lines(computed.chosen),
                      "Offre classe A / class A offer", *_lines(computed.class_a_offer)])  # fmt: skip
    return Said(text=text, values=to_builtins(computed))


def _guarantee(cover: Coverage, asked: QuoteFile, file: Path) -> Guarantee:
    tables = read_guarantees((file.parent / cover.tables).read_bytes())
    signed = GuaranteeTables(insurer=tables.insurer, counter=0, issued_at=0, guarantees=tables.guarantee)
    return signed.find(cover.guarantee, Month(number=asked.day.year * 100 + asked.day.month))


def _document(given: dict[str, object] | str, file: Path) -> bytes:
    return (file.parent / given).read_bytes() if isinstance(given, str) else msgspec.json.encode(given)


def _lines(quote: Quote) -> list[str]:
    lines = [
        f"{item.code:14} {format_euros(item.price_cents):>12} AMO {format_euros(item.amo_cents):>10}"
        f" AMC {' + '.join(format_euros(cover.amc_cents) for cover in item.covers):>12}"
        f" reste {format_euros(item.rest_cents):>12}  {item.why}"
        for item in quote.items
    ]
    return [*lines, f"Reste à charge / to pay: {format_euros(quote.rest_cents)}"]


def _print(asked: QuoteFile, computed: BeforeSale, pdf: Path) -> None:
    # Imported here so that only a printed quote loads the typesetter.
    from paravent.desk.quote_document import quote_document

    pdf.write_bytes(quote_document(asked, computed, created_at=cli.now()))
