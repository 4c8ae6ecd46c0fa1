#!/usr/bin/env python3
"""Checks an evidence dossier offline, alone: Python, the package ``cryptography``, and ``openssl`` for time-stamps.

usage: verify_dossier.py DOSSIER --trust TRUST.json

TRUST.json is what the reader has from another channel than the dossier:
  {"log": "name+id+key", "cosigners": ["name+id+key", ...], "authority": "PEM or empty", "root": "PEM or empty"}

It shares no code with the writer. It prints what the dossier proves and ends with 0, or says what is wrong and ends
with 1. Formats: RFC 9162 (trees), C2SP signed-note, tlog-checkpoint and tlog-cosignature, RFC 3161 (stamps), ustar.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

BLOCK = 512
LABEL = b"paravent/1/case-entry"
PINNED = ("authority", "root")
REFUSALS = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
# The root may have certified others: the last command looks for who signed in the pinned certificate alone.
STAMP_COMMANDS = (
    "openssl ts -verify -in answer -data note -CAfile root -untrusted authority",
    "openssl ts -reply -in answer -token_out -out token",
    "openssl cms -verify -inform DER -in token -certfile authority -nointern -noverify -out signed",
)
LOG_FILES = ("log/checkpoint.note", "log/entries.jsonl", "log/history.jsonl")


class Wrong(ValueError):
    """What is wrong with the dossier."""


def need(condition, reason):
    if not condition:
        raise Wrong(reason)


def sha256(content):
    return hashlib.sha256(content).digest()


def unbase64(text):
    need(isinstance(text, str), "a field is not text")
    content = base64.b64decode(text.encode("ascii"), validate=True)
    need(base64.b64encode(content).decode() == text, "a field is not canonical base64")
    return content


def header(name, size):
    """Writes the only header that a member may have."""
    numbers = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"00000000000\0"
    start = name.encode("ascii").ljust(100, b"\0") + numbers
    end = b"0" + bytes(100) + b"ustar\x0000" + bytes(80)
    whole = start + b" " * 8 + end
    return (start + b"%06o\0 " % sum(whole) + end).ljust(BLOCK, b"\0")


def members(content):
    """Reads the files by name, and refuses any byte that the writer would not have written."""
    files, place, last = {}, 0, ""
    while content[place : place + BLOCK].strip(b"\0"):
        name = content[place : place + 100].rstrip(b"\0").decode("ascii")
        size = int(content[place + 124 : place + 135], 8)
        need(content[place : place + BLOCK] == header(name, size), "a header of the tar was altered")
        need(name > last, "the members of the tar are not in order")
        body = content[place + BLOCK : place + BLOCK + size]
        padding = -size % BLOCK
        place += BLOCK + size
        need(len(body) == size and content[place : place + padding] == bytes(padding), "the tar was cut or altered")
        files[name], place, last = body, place + padding, name
    end = place + 2 * BLOCK
    need(content[place:] == bytes(end + -end % 10_240 - place), "the end of the tar was altered")
    return files


def inclusion_root(leaf, index, size, path):
    need(0 <= index < size, "an entry stands outside the log")
    fn, sn, found = index, size - 1, leaf
    for step in path:
        need(sn > 0, "an inclusion proof is too long")
        if fn & 1 or fn == sn:
            found = sha256(b"\1" + step + found)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = sha256(b"\1" + found + step)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "an inclusion proof is too short")
    return found


def require_consistent(old, new, proof):
    """Checks that the log (size, root) ``new`` extends ``old``."""
    (first, old_root), (second, new_root) = old, new
    need(0 < first < second, "checkpoints are not in order")
    path = list(proof) if first & (first - 1) else [old_root, *proof]
    need(path, "a consistency proof is empty")
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for step in path[1:]:
        need(sn > 0, "a consistency proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = (sha256(b"\1" + step + one) for one in (fr, sr))
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha256(b"\1" + sr + step)
        fn, sn = fn >> 1, sn >> 1
    need((sn, fr, sr) == (0, old_root, new_root), "the log was forked")


def key_of(text):
    name, identifier, key = text.split("+", 2)
    body = unbase64(key)
    need(sha256(name.encode() + b"\n" + body)[:4].hex() == identifier, "a pinned key does not have its identifier")
    return name, bytes.fromhex(identifier), body[:1], Ed25519PublicKey.from_public_bytes(body[1:])


def verify(key, signature, message, who):
    try:
        key.verify(signature, message)
    except InvalidSignature:
        raise Wrong(f"a signature of {who} does not verify") from None


def checkpoint(encoded, trust):
    """Verifies every signature of a note against the pinned keys; returns (size, root) and who cosigned."""
    text, _, lines = encoded.decode().rpartition("\n\n")
    need(lines.endswith("\n"), "a note has another form")
    name, size, root, rest = (text + "\n").split("\n")
    need(rest == "" and str(int(size)) == size, "a checkpoint has another form")
    cosigners = []
    for place, line in enumerate(lines[:-1].split("\n")):
        dash, who, signed = line.split(" ")
        body, pinned = unbase64(signed), trust["cosigners"] if place else [trust["log"]]
        key = next((one for one in pinned if one[:2] == (who, body[:4])), None)
        need(dash == "\u2014", "a signature line has another form")
        need(key is not None, f"the key of {who} is not pinned")
        if place == 0:
            need(key[2] == b"\1" and name == who, "the checkpoint is of another log")
            verify(key[3], body[4:], (text + "\n").encode(), who)
        else:
            at = int.from_bytes(body[4:12], "big")
            need(key[2] == b"\4", "a cosigner's key is of another kind")
            verify(key[3], body[12:], f"cosignature/v1\ntime {at}\n{text}\n".encode(), who)
            cosigners.append(who)
    need(cosigners == sorted(set(cosigners)), "the signatures are not in order")
    return (int(size), unbase64(root)), cosigners


def lines_of(encoded, fields):
    for line in encoded.splitlines(keepends=True):
        values = json.loads(line)
        again = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        need(again == line and values.keys() == fields, "a line of the log is not in its one form")
        yield values


def entry_of(leaf):
    start = len(LABEL).to_bytes(2, "big") + LABEL
    body = leaf[len(start) + 2 :]
    need(leaf == start + len(body).to_bytes(2, "big") + body, "a leaf is no entry of a case")
    return json.loads(body)


def check(content, trust):
    files = members(content)
    outside = {name: body for name, body in files.items() if name not in (*LOG_FILES, "index.txt")}
    index = "".join(f"{sha256(body).hex()}  {name}\n" for name, body in sorted(outside.items())).encode()
    need(all(name in files for name in LOG_FILES), "a file of the log is missing")
    need(files.get("index.txt") == index, "a file is missing, added or altered")
    newest, cosigners = checkpoint(files["log/checkpoint.note"], trust)
    entries = []
    for line in lines_of(files["log/entries.jsonl"], {"position", "leaf", "path"}):
        leaf = unbase64(line["leaf"])
        need(type(line["position"]) is int, "a position is not a number")
        path = [unbase64(step) for step in line["path"]]
        found = inclusion_root(sha256(b"\0" + leaf), line["position"], newest[0], path)
        need(found == newest[1], "an entry does not stand in the log")
        entries.append(entry_of(leaf))
    need(entries and [one["number"] for one in entries] == list(range(len(entries))), "an entry is missing or moved")
    need(len({one["case"] for one in entries}) == 1, "an entry is of another case")
    last, said = entries[-1]["said"], [one["said"] for one in entries]
    need(last.get("event") == "bundled" and last["entries"] == len(entries) - 1, "the dossier is of another moment")
    need(unbase64(last["index_sha256"]) == sha256(index), "the last entry does not commit to these files")
    about = {("format", "paravent dossier 1"), ("case", entries[0]["case"])}
    need(about <= json.loads(files["about.json"]).items(), "the dossier is of another case or format")
    history = list(lines_of(files["log/history.jsonl"], {"size", "note", "proof"}))
    heads = [checkpoint(unbase64(line["note"]), trust)[0] for line in history] + [newest]
    need(last["earlier"] == [head[0] for head in heads[:-1]], "a checkpoint is missing or added")
    for line, old, new in zip(history, heads, heads[1:], strict=False):
        need(line["size"] == old[0], "a checkpoint has another size")
        require_consistent(old, new, [unbase64(step) for step in line["proof"]])
    require_named(said, outside)
    stamps = [one for one in said if one["event"] == "stamped"]
    for one in stamps:
        note, answer = files[f"stamps/{one['size']}.note"], files[f"stamps/{one['size']}.tsr"]
        need(unbase64(one["sha256"]) == sha256(answer), "a stamp was altered")
        name, size, root = note.decode().rpartition("\n\n")[0].split("\n")
        same = (name, size) == (trust["log"][0], str(one["size"])) and (int(size), unbase64(root)) in heads
        need(same, "a stamp is of another log or checkpoint")
        verify_stamp(answer, note, trust)
    return entries, cosigners, len(stamps)


def require_named(said, outside):
    """Checks that files are those that entries named, and that what the register of measures said is in its time."""
    named = {f"documents/{one['name']}": unbase64(one["sha256"]) for one in said if one["event"] == "documented"}
    need(named.keys() == {name for name in outside if name.startswith("documents/")}, "a document has no entry")
    for name, body in outside.items():
        need(named.get(name, sha256(body)) == sha256(body), "a file is not the one that an entry named")
        need(name in (f"evidence/{sha256(body).hex()}", name.removeprefix("evidence/")), "evidence has another name")
    for place, one in [(place, one) for place, one in enumerate(said) if one["event"] == "safeguards"][-1:]:
        start = [other for other in said[:place] if other["event"] == "opened"][-1]
        began = start["aware_at"] if start["began_at"] is None else start["began_at"]
        need(one["before"] == datetime.fromtimestamp(began, UTC).date().isoformat(), "the incident began another day")
        for measure in json.loads(outside[f"evidence/{unbase64(one['sha256']).hex()}"])["measures"]:
            before, now = ("" if measure[then] is None else measure[then]["day"] for then in ("before", "now"))
            need(measure.keys() == {"reference", "title", "before", "now"}, "a measure has another form")
            need(before < one["before"] and now <= one["day"], "an answer was given since the incident, or later")


def verify_stamp(answer, note, trust):
    need(trust["root"], "the dossier is stamped: TRUST must pin the authority")
    with tempfile.TemporaryDirectory() as folder:
        for name, body in (("answer", answer), ("note", note), *((one, trust[one].encode()) for one in PINNED)):
            Path(folder, name).write_bytes(body)
        for command in STAMP_COMMANDS:
            done = subprocess.run(command.split(), cwd=folder, capture_output=True, check=False)
            need(done.returncode == 0, "a time-stamp does not verify, or is not of the pinned authority")


def main(arguments):
    try:
        dossier, option, trust_file = arguments
        need(option == "--trust", "usage: verify_dossier.py DOSSIER --trust TRUST.json")
        pinned = json.loads(Path(trust_file).read_bytes())
        keys = {"log": key_of(pinned["log"]), "cosigners": [key_of(text) for text in pinned["cosigners"]]}
        entries, cosigners, stamps = check(Path(dossier).read_bytes(), pinned | keys)
    except REFUSALS as error:
        print(f"REFUSED: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"case {entries[0]['case']}: {len(entries)} entries, {stamps} stamps, cosigned by {cosigners or 'no other'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
