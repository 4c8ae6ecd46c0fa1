"""From a detection or an incident to a draft that a person completes (docs/watch.md section 9): pure.

A draft says nothing of the professional who alarmed, nor of any insured person: a bulletin is read by everybody. What
the machine does not know stands between brackets, and a draft with a bracket left, or without its author, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from paravent.breach.bulletins.templates import Kind, Templates
from paravent.breach.observatory.incident import Incident
from paravent.errors import BadInput
from paravent.wire.bulletins import Audience, Bulletin, BulletinText, Sentence
from paravent.wire.codec import Message, Name, read_object, without_value

SENTENCE_CHARACTERS_MAX = 600
_GAP = re.compile(r"\[(?:à compléter|to complete)[^\]]*\]")


class Draft(Message, frozen=True, kw_only=True):
    """A bulletin that waits for its author: the function of a person, never a name."""

    author: str
    audience: Audience
    attack: Name
    urgent: bool
    sources: tuple[Sentence, ...]
    fr: BulletinText
    en: BulletinText


def from_kind(kind: Kind) -> Draft:
    """Drafts from a template alone."""
    return Draft(
        author="", audience=kind.audience, attack=kind.attack, urgent=kind.urgent, sources=(kind.source,), fr=kind.fr,
        en=kind.en,
    )  # fmt: skip


def from_alarms(content: bytes, templates: Templates) -> Draft:
    """Drafts from the JSON line of ``alarms``; raises MalformedMessage, or BadInput when it has none but drills."""
    values = read_object(content)
    rows = values.get("alarms") if isinstance(values, dict) else None
    real = [row for row in rows if isinstance(row, dict) and not row.get("drill")] if isinstance(rows, list) else []
    known = {row["sign"] for row in real if isinstance(row.get("sign"), str)}
    if not known:
        raise BadInput("the file is not the last line of `alarms --json`, or it has no alarm but of a drill")
    return from_kind(templates.of_signs(known))


def from_incident(incident: Incident, templates: Templates, audience: Audience) -> Draft:
    """Drafts from an entry of the observatory; raises BadInput when no template is for it."""
    words = {*incident.varieties, *(attack.value for attack in incident.attacks)}
    if incident.through_partner:
        words.add("partner")
    draft = from_kind(templates.of_words(words, audience))
    known = " ".join(filter(None, (incident.organisation, _when(incident))))
    source = " ; ".join(filter(None, (incident.source, incident.reference)))[:SENTENCE_CHARACTERS_MAX]
    return msgspec.structs.replace(
        draft, sources=(*draft.sources, *filter(None, [source])), fr=_filled(draft.fr, known),
        en=_filled(draft.en, known),
    )  # fmt: skip


def _when(incident: Incident) -> str:
    if incident.year is None:
        return ""
    return f"({incident.year})" if incident.month is None else f"({incident.month:02d}/{incident.year})"


def _filled(text: BulletinText, known: str) -> BulletinText:
    if not known:
        return text
    return msgspec.structs.replace(text, what=_GAP.sub(lambda _: known, text.what)[:SENTENCE_CHARACTERS_MAX])


def bulletin_of(draft: Draft, number: int, now: int) -> Bulletin:
    """Makes a bulletin of a completed draft; raises BadInput when its author or a passage is missing."""
    if not draft.author.strip():
        raise BadInput("write in author the function of who wrote this bulletin: a person answers for it")
    if any(_GAP.search(sentence) for sentence in _sentences(draft)):
        raise BadInput("a passage between brackets is still to complete")
    values = msgspec.structs.asdict(draft) | {"number": number, "issued_at": now}
    try:
        return msgspec.convert(msgspec.to_builtins(values), Bulletin)
    except msgspec.ValidationError as error:
        raise BadInput(f"the draft cannot be a bulletin: {without_value(error)}") from None


def _sentences(draft: Draft) -> Iterator[str]:
    for text in (draft.fr, draft.en):
        yield from (text.title, text.what, *text.recognise, *text.act)
    yield from draft.sources


def read_draft(content: bytes) -> Draft:
    """Reads a draft that a person has completed; raises BadInput saying what is wrong."""
    try:
        return msgspec.toml.decode(content, type=Draft)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadInput(f"the draft cannot be read: {error}") from None


def write_draft(draft: Draft) -> bytes:
    """Writes a draft as TOML, a sentence a line, to be edited by a person."""
    lines = [
        "# Complétez puis publiez / complete, then publish: paravent breach publish-bulletin",
        "# author : la fonction de qui l'écrit, jamais un nom / the function of who writes it, never a name",
        f"author = {_quoted(draft.author)}", f"audience = {_quoted(draft.audience.value)}",
        f"attack = {_quoted(draft.attack)}", f"urgent = {'true' if draft.urgent else 'false'}",
        *_list("sources", draft.sources),
    ]  # fmt: skip
    for name, text in (("fr", draft.fr), ("en", draft.en)):
        lines += [
            "", f"[{name}]", f"title = {_quoted(text.title)}", f"what = {_quoted(text.what)}",
            *_list("recognise", text.recognise), *_list("act", text.act),
        ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode()


def _list(name: str, sentences: tuple[str, ...]) -> list[str]:
    return [f"{name} = [", *(f"  {_quoted(sentence)}," for sentence in sentences), "]"]


def _quoted(text: str) -> str:
    # A JSON string is a TOML string, but for DEL.
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
