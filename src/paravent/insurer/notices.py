"""What a member is told when their right is used (docs/protocol.md section 11, step 11.12): pure.

A mail says which shop, what, when and what to do if it was not them. It holds no number, no birth date, no
correction, no category and no amount: whoever reads the mailbox learns that its owner has been to an optician.
"""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from paravent.access.mail import automatic_mail
from paravent.insurer.outbox_store import Notice
from paravent.optics.months import FRANCE

_WHAT = {
    "reserve": ("une prise en charge a été demandée", "a prise en charge was requested"),
    "consume": ("un équipement a été facturé", "an equipment was claimed"),
    "correct": ("une facturation a été corrigée", "a claim was corrected"),
    "cancel": ("une prise en charge a été annulée", "a prise en charge was cancelled"),
}


def write_notice(notice: Notice, insurer: str, sender: str) -> EmailMessage:
    """Writes the mail of a notice; sent twice, it is the same message: its identifier is that of the decision."""
    french, english = _WHAT[notice.kind]
    at = datetime.fromtimestamp(notice.decided_at, FRANCE)
    subject = "Vos droits optique ont été utilisés / Your optical cover was used"
    message = automatic_mail(sender, notice.address, subject, at, notice.decision.hex())
    message.set_content(f"""\
Bonjour,

Le {at:%d/%m/%Y} à {at:%H:%M}, {french} auprès de {insurer}
par le magasin d'optique n° {notice.shop} (numéro FINESS).

Si c'est bien vous, vous n'avez rien à faire.
Si ce n'est pas vous, prévenez-nous sans attendre, par l'adresse ou le téléphone
qui figurent sur votre carte : nous contesterons la facturation. Ce message ne
demande ni code, ni paiement, et ne contient aucun lien.

{insurer}

---

Hello,

On {at:%Y-%m-%d} at {at:%H:%M} (Paris), {english} from {insurer}
by the optician's shop number {notice.shop} (FINESS).

If it was you, there is nothing to do.
If it was not, tell us at once, by the address or telephone on your card: we
will dispute the claim. This message asks for no code and no payment, and holds
no link.
""")
    return message
