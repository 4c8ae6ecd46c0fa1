"""Labels and the one injective encoding (docs/protocol.md section 1).

Every hash, MAC, signature and key derivation of the project starts with a label of this table.
One label has one meaning, for ever: a new meaning takes a new label.
"""

from __future__ import annotations

import unicodedata
from enum import Enum

from paravent.errors import MalformedMessage

FIELD_BYTES_MAX = 0xFFFF
INTEGER_MAX = 0xFFFF_FFFF_FFFF_FFFF


class Label(bytes, Enum):
    """What a hash, MAC, signature or derivation is for; the value is what is encoded."""

    # That of its name, which Enum would compute in Python, at each encoding.
    __hash__ = bytes.__hash__

    # derivations and hashes of the number lane (section 5)
    INPUT = b"paravent/1/input"
    HANDLE_KEY = b"paravent/1/handle-key"
    HANDLE = b"paravent/1/handle"
    OPEN = b"paravent/1/open"
    ROW_KEY = b"paravent/1/row-key"
    OPENING_KEY = b"paravent/1/opening-key"
    MANIFEST_LEAF = b"paravent/1/manifest-leaf"
    ROW = b"paravent/1/row"
    # entitlements (section 4)
    HOLDER = b"paravent/1/holder"
    PORTFOLIO_LINE = b"paravent/1/portfolio-line"
    PORTFOLIO_TERMS = b"paravent/1/portfolio-terms"
    PIVOT = b"paravent/1/pivot"
    BINDING = b"paravent/1/binding"
    NULLIFIER = b"paravent/1/nullifier"
    RESERVATION_HOLDER = b"paravent/1/reservation-holder"
    SHOP_LETTERBOX = b"paravent/1/shop-letterbox"
    ACT = b"paravent/1/act"
    CLAIM_NAME = b"paravent/1/claim-name"
    KEPT_RECORD = b"paravent/1/kept-record"
    # proofs of knowledge of a, made with the handle key (section 7)
    FETCH = b"paravent/1/fetch"
    AUTH = b"paravent/1/auth"
    # signed statements (sections 2 to 7 and 11)
    DIRECTORY = b"paravent/1/directory"
    EPOCH = b"paravent/1/epoch"
    BATCH = b"paravent/1/batch"
    DEAL = b"paravent/1/deal"
    RECEIPT = b"paravent/1/receipt"
    CLOSING = b"paravent/1/closing"
    BOX_KEY = b"paravent/1/box-key"
    KEY_CHANGE = b"paravent/1/key-change"
    COSIGNATURE = b"paravent/1/cosignature"
    MANIFEST_HEAD = b"paravent/1/manifest-head"
    STATUS_LIST = b"paravent/1/status-list"
    GUARANTEES = b"paravent/1/guarantees"
    EVALUATION = b"paravent/1/evaluation"
    OPENING = b"paravent/1/opening"
    CLAIM = b"paravent/1/claim"
    DECISION = b"paravent/1/decision"
    INSURER_ACT = b"paravent/1/insurer-act"
    SUSPENSION = b"paravent/1/suspension"
    ALARM = b"paravent/1/alarm"
    ALARM_BOOK = b"paravent/1/alarm-book"
    BANK_DETAILS = b"paravent/1/bank-details"
    REMITTANCE = b"paravent/1/remittance"
    RECONCILIATION = b"paravent/1/reconciliation"
    AUDIT = b"paravent/1/audit"
    BOX_SENDER = b"paravent/1/box-sender"
    ACCOUNT_NOTICE = b"paravent/1/account-notice"
    ACCOUNT_CONFIRMATION = b"paravent/1/account-confirmation"
    # sealed boxes, as HPKE info (sections 3, 7 and 11)
    DEAL_BOX = b"paravent/1/deal-box"
    OPENING_BOX = b"paravent/1/opening-box"
    CLAIM_DETAIL_BOX = b"paravent/1/claim-detail-box"
    PAYMENT_LINE_BOX = b"paravent/1/payment-line-box"
    BANK_DETAILS_BOX = b"paravent/1/bank-details-box"
    PAYMENT_FILE_BOX = b"paravent/1/payment-file-box"
    AUDIT_OPENING_BOX = b"paravent/1/audit-opening-box"
    BOX_SENDER_BOX = b"paravent/1/box-sender-box"
    SHOP_LETTER_BOX = b"paravent/1/shop-letter-box"
    # sealing on other machines (section 5.6)
    SEALING_JOB_BOX = b"paravent/1/sealing-job-box"
    SEALED_PART_BOX = b"paravent/1/sealed-part-box"
    # backups of the hub (section 18)
    BACKUP = b"paravent/1/backup"
    BACKUP_BOX = b"paravent/1/backup-box"
    BACKUP_KEY_CHECK = b"paravent/1/backup-key-check"
    # the trade (section 11)
    COMMIT_PRESCRIPTION = b"paravent/1/commit-rx"
    AUDIT_SEED = b"paravent/1/audit-seed"
    AUDIT_DRAW = b"paravent/1/audit-draw"
    # the insurer's history of what it held, and the leak matcher (docs/leak-matcher.md)
    HISTORY_INDEX = b"paravent/1/history-index"
    LEAK_APPROVAL = b"paravent/1/leak-approval"
    DELIVERY_ORDER = b"paravent/1/delivery-order"
    # enrolment of devices (section 9)
    ENROL_NONCE = b"paravent/1/enrol-nonce"
    ENROL_SALT = b"paravent/1/enrol-salt"
    ENROL_POSSESSION = b"paravent/1/enrol-possession"
    ENROL_STATE = b"paravent/1/enrol-state"
    ENROL_CHALLENGE = b"paravent/1/enrol-challenge"
    ENROL_VERIFIER = b"paravent/1/enrol-verifier"
    ENROL_RETURN = b"paravent/1/enrol-return"
    SHOP_CODE = b"paravent/1/shop-code"
    # witness log and quotas (sections 10 and 12)
    LEAF = b"paravent/1/leaf"
    LOG_ENTRY = b"paravent/1/log-entry"
    LOG_KEY_ENTRY = b"paravent/1/log-key-entry"
    LOG_INSURER_PART = b"paravent/1/log-insurer-part"
    LOG_CUSTODIAN_PART = b"paravent/1/log-custodian-part"
    LOG_KEY_BOX = b"paravent/1/log-key-box"
    DELETION = b"paravent/1/deletion"
    ALARM_ENTRY = b"paravent/1/alarm-entry"
    LOG_KEY_BOXES = b"paravent/1/log-key-boxes"
    LEAF_RANDOMNESS = b"paravent/1/leaf-randomness"
    QUOTA_PROFESSIONAL = b"paravent/1/quota-professional"
    QUOTA_SUBJECT = b"paravent/1/quota-subject"
    QUOTA_DEVICE = b"paravent/1/quota-device"
    QUOTA_SCOPE = b"paravent/1/quota-scope"
    NONCE = b"paravent/1/nonce"
    REQUEST = b"paravent/1/request"
    # security bulletins (section 11)
    BULLETIN = b"paravent/1/bulletin"
    BULLETIN_HEAD = b"paravent/1/bulletin-head"
    BULLETIN_COUNTS = b"paravent/1/bulletin-counts"
    SHOP_ACKNOWLEDGEMENT = b"paravent/1/shop-acknowledgement"
    # the breach desk (section 16)
    CASE_ENTRY = b"paravent/1/case-entry"
    CASE_PRIVATE = b"paravent/1/case-private"
    CASE_ANSWER = b"paravent/1/case-answer"
    CASE_LEAK = b"paravent/1/case-leak"
    CASE_COUNTS = b"paravent/1/case-counts"
    CASE_REMEDY = b"paravent/1/case-remedy"
    CASE_REMEDY_DONE = b"paravent/1/case-remedy-done"
    CASE_INCIDENT = b"paravent/1/case-incident"
    # the state of a party, checked by itself (section 16)
    DOCTOR_REPORT = b"paravent/1/doctor-report"


def enc(label: Label, *fields: bytes | int | str) -> bytes:
    """Encodes a label and fields: each is u16be length then bytes.

    Integers become u64be (8 bytes); text becomes NFC UTF-8; bytes stay as they are.
    Raises ValueError when a field exceeds 65,535 bytes or an integer is not a u64.
    """
    encoded = _PREFIXED[label]
    for field in fields:
        # Sealing and rebuilding trees spend a tenth of their time here: the usual kinds come first.
        if type(field) is int and 0 <= field <= INTEGER_MAX:
            encoded += (_EIGHT | field).to_bytes(10, "big")
            continue
        body = field if type(field) is bytes else _field_bytes(field)
        size = len(body)
        if size > FIELD_BYTES_MAX:
            raise ValueError("a field is at most 65,535 bytes")
        encoded += size.to_bytes(2, "big") + body
    return encoded


def dec(label: Label, encoded: bytes, fields: int) -> list[bytes]:
    """Decodes what ``enc`` wrote under a label: exactly that many fields, as bytes; raises MalformedMessage."""
    parts, place = [], 0
    while place < len(encoded):
        begin = place + 2
        place = begin + int.from_bytes(encoded[place:begin], "big")
        if place > len(encoded):
            raise MalformedMessage("an encoding is cut short")
        parts.append(encoded[begin:place])
    if len(parts) != fields + 1 or parts[0] != label.value:
        raise MalformedMessage("an encoding has another label or another number of fields")
    return parts[1:]


def _field_bytes(field: bytes | int | str) -> bytes:
    if isinstance(field, str):
        # ASCII is its own NFC form, and most text here is ASCII.
        return field.encode() if field.isascii() else unicodedata.normalize("NFC", field).encode()
    if isinstance(field, bytes):
        return bytes(field)
    if isinstance(field, bool) or not 0 <= field <= INTEGER_MAX:
        raise ValueError("an integer field is a u64")
    return field.to_bytes(8, "big")


# The length of an integer field, before its eight bytes.
_EIGHT = 8 << 64
_PREFIXED = {label: len(label.value).to_bytes(2, "big") + label.value for label in Label}
