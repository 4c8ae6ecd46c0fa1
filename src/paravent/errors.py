"""The one error tree: what happened, whether to retry, what to do (docs/protocol.md section 13).

Four branches, never mixed:

* ``BadInput``: what was given cannot be understood; nothing was done, nothing is lost.
* ``Refusal``: everything worked and the answer is no, with the reason.
* ``TechnicalFailure``: nothing can be concluded; never shown as "not covered".
* ``ProofFailure``: a technical failure in which somebody's proof does not verify; it names who.

A message never holds a secret, a NIR, a name or a correction: it may be logged anywhere.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Retry(Enum):
    """Whether sending the same thing again can help."""

    NO = "no"
    LATER = "later"
    AFTER_CORRECTION = "after-correction"


class ParaventError(Exception):
    """Base of every declared error; ``str(error)`` is the technical detail, in English."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retry: ClassVar[Retry] = Retry.NO
    retry_seconds: int = 30
    """In how many at the soonest, where the retry is ``later``."""
    title_fr: ClassVar[str] = "Erreur"
    title_en: ClassVar[str] = "Error"
    advice_fr: ClassVar[str] = "Contactez l'assistance avec le code de l'erreur."
    advice_en: ClassVar[str] = "Contact support with the error code."


# --- what was given cannot be understood -------------------------------------------------


class BadInput(ParaventError):
    """What was given cannot be understood; nothing was done."""

    code = "bad-input"
    status = 400
    retry = Retry.AFTER_CORRECTION
    title_fr = "Saisie incorrecte"
    title_en = "Incorrect input"
    advice_fr = "Corrigez la saisie et recommencez ; rien n'a été perdu."
    advice_en = "Correct the input and try again; nothing was lost."


class MalformedMessage(BadInput):
    """A message has an unknown field, a duplicate key, a wrong type or trailing bytes."""

    code = "malformed-message"
    title_fr = "Message mal formé"
    title_en = "Malformed message"


class BodyTooLarge(BadInput):
    """A body is larger than the limit of its kind."""

    code = "body-too-large"
    status = 413
    title_fr = "Message trop volumineux"
    title_en = "Message too large"


class BodyTooSlow(BadInput):
    """A body did not arrive within its deadline."""

    code = "body-too-slow"
    status = 408
    retry = Retry.LATER
    title_fr = "Message reçu trop lentement"
    title_en = "Message received too slowly"


class UnknownAddress(BadInput):
    """A service has nothing at this address for this method."""

    code = "unknown-address"
    status = 404
    retry = Retry.NO
    title_fr = "Adresse inconnue de ce service"
    title_en = "Address unknown to this service"


class InvalidNir(BadInput):
    """A social-security number has a wrong form or key."""

    code = "invalid-nir"
    status = 422
    title_fr = "Numéro de sécurité sociale incorrect"
    title_en = "Incorrect social-security number"
    advice_fr = "Vérifiez les 13 chiffres et la clé sur l'attestation."
    advice_en = "Check the 13 digits and the key on the certificate."


class InvalidIdentity(BadInput):
    """A name, a birth date or a rank has a wrong form."""

    code = "invalid-identity"
    status = 422
    title_fr = "Identité incorrecte"
    title_en = "Incorrect identity"
    advice_fr = "Vérifiez le nom, la date de naissance et le rang sur l'attestation."
    advice_en = "Check the name, the birth date and the rank on the certificate."


class UnknownInsurer(BadInput):
    """No insurer of the directory has this AMC number."""

    code = "unknown-insurer"
    status = 422
    title_fr = "Numéro AMC inconnu"
    title_en = "Unknown AMC number"
    advice_fr = "Vérifiez le numéro AMC sur l'attestation ; cet organisme n'est peut-être pas raccordé."
    advice_en = "Check the AMC number on the certificate; this insurer may not be connected."


class UnreadableCard(BadInput):
    """A card's QR code is truncated, altered or of another kind."""

    code = "unreadable-card"
    status = 422
    title_fr = "Carte illisible"
    title_en = "Unreadable card"
    advice_fr = "Présentez de nouveau le QR code, ou passez par le numéro."
    advice_en = "Scan the QR code again, or use the number lane."


class UnsupportedPrescription(BadInput):
    """A prescription is of another kind, off the grid or for contact lenses."""

    code = "unsupported-prescription"
    status = 422
    title_fr = "Prescription non prise en charge"
    title_en = "Unsupported prescription"
    advice_fr = "Vérifiez la prescription ; seules les lunettes, au quart de dioptrie, sont acceptées."
    advice_en = "Check the prescription; only spectacles, by quarter dioptre, are accepted."


class InvalidLeakSample(BadInput):
    """A leaked sample cannot be read, is too large, or is not approved for this case."""

    code = "invalid-leak-sample"
    status = 422
    title_fr = "Échantillon de fuite inutilisable"
    title_en = "Unusable leak sample"
    advice_fr = "Vérifiez le fichier, le numéro d'affaire et les deux approbations ; rien n'a été comparé."
    advice_en = "Check the file, the case number and the two approvals; nothing was compared."


class UnsupportedResource(BadInput):
    """A FHIR resource asks for what this software does not do: another type, currency, identifier or modifier."""

    code = "unsupported-resource"
    status = 422
    title_fr = "Ressource FHIR non prise en charge"
    title_en = "Unsupported FHIR resource"
    advice_fr = "Corrigez la ressource selon la documentation du poste ; rien n'a été envoyé."
    advice_en = "Correct the resource as the documentation of the desk says; nothing was sent."


class InvalidBasket(BadInput):
    """A quote or a claim has items that cannot stand together or a price that is not one."""

    code = "invalid-basket"
    status = 422
    title_fr = "Panier incohérent"
    title_en = "Inconsistent basket"
    advice_fr = "Vérifiez les articles, leurs classes et leurs prix."
    advice_en = "Check the items, their classes and their prices."


class InvalidMemberFile(BadInput):
    """An insurer's file cannot be read or has lines that are not valid."""

    code = "invalid-member-file"
    status = 422
    title_fr = "Fichier des assurés incorrect"
    title_en = "Incorrect member file"
    advice_fr = "Corrigez le fichier, ou les lignes du fichier de rejet nommé, puis relancez ; rien n'a été publié."
    advice_en = "Correct the file, or the lines of the reject file named, and run again; nothing was published."


class InvalidConfiguration(BadInput):
    """A configuration file is missing, has an unknown key or a value out of range."""

    code = "invalid-configuration"
    title_fr = "Configuration incorrecte"
    title_en = "Incorrect configuration"


class InvalidBankDetails(BadInput):
    """Bank details have a wrong form, or are of another shop than who gives them."""

    code = "invalid-bank-details"
    status = 422
    title_fr = "Coordonnées bancaires incorrectes"
    title_en = "Incorrect bank details"
    advice_fr = "Recopiez l'IBAN du relevé d'identité bancaire ; rien n'a été changé."
    advice_en = "Copy the IBAN from the bank's own statement; nothing was changed."


# --- everything worked and the answer is no ----------------------------------------------


class Refusal(ParaventError):
    """Everything worked and the answer is no."""

    code = "refused"
    status = 403
    title_fr = "Refus"
    title_en = "Refused"


class RightRefused(Refusal):
    """The answer about a person's right is no: it is believed with a proof or a signature, never on a bare word."""

    code = "right-refused"


class NotCovered(RightRefused):
    """A proof shows that the insurer published nothing for this person."""

    code = "not-covered"
    status = 404
    title_fr = "Personne non couverte par cet organisme"
    title_en = "Person not covered by this insurer"
    advice_fr = "Vérifiez le numéro, la date de naissance et le rang ; sinon, demandez la carte à jour."
    advice_en = "Check the number, the birth date and the rank; otherwise ask for the current card."


class HolderMismatch(RightRefused):
    """The name or birth date is not the one on the entitlement; this says nothing about cover."""

    code = "holder-mismatch"
    status = 422
    retry = Retry.AFTER_CORRECTION
    title_fr = "Vérifiez le nom et la date de naissance"
    title_en = "Check the name and the birth date"
    advice_fr = "Saisissez le nom et la date tels qu'imprimés sur la carte."
    advice_en = "Enter the name and the date as printed on the card."


class OutsideValidity(RightRefused):
    """The entitlement is not yet, or no longer, valid."""

    code = "outside-validity"
    title_fr = "Droits hors période de validité"
    title_en = "Entitlement outside its validity period"
    advice_fr = "Demandez la carte à jour à l'assuré."
    advice_en = "Ask the insured person for the current card."


class EntitlementRevoked(RightRefused):
    """The insurer's status list says that this entitlement is revoked."""

    code = "entitlement-revoked"
    title_fr = "Droits révoqués par l'organisme"
    title_en = "Entitlement revoked by the insurer"
    advice_fr = "L'assuré doit contacter son organisme."
    advice_en = "The insured person should contact the insurer."


class DegradedLimitExceeded(RightRefused):
    """The status list is more than a day old, and the insurer's part is above the limit of that case."""

    code = "degraded-limit-exceeded"
    status = 409
    title_fr = "Montant trop élevé tant que la liste des droits révoqués n'est pas à jour"
    title_en = "Amount too high while the list of revoked entitlements is out of date"
    advice_fr = "Actualisez les listes dès que le hub répond, puis recommencez."
    advice_en = "Refresh the lists as soon as the hub answers, then try again."


class RenewalNotDue(RightRefused):
    """Equipment was paid less than one renewal period ago."""

    code = "renewal-not-due"
    status = 409
    title_fr = "Renouvellement trop proche du précédent équipement"
    title_en = "Too soon after the previous equipment"
    advice_fr = "Attendez la date indiquée, ou cochez le renouvellement anticipé si un motif légal existe."
    advice_en = "Wait for the date given, or use early renewal when a legal ground exists."

    def __init__(self, message: str, *, payable_from: int) -> None:
        """Keeps the month (YYYYMM) from which equipment is payable again."""
        super().__init__(message)
        self.payable_from = payable_from


class AlreadyReserved(RightRefused):
    """Another shop or device holds the reservation of this right."""

    code = "already-reserved"
    status = 409
    title_fr = "Une prise en charge est déjà ouverte"
    title_en = "A prise en charge is already open"
    advice_fr = "L'assuré doit faire annuler la prise en charge ouverte ailleurs."
    advice_en = "The insured person must have the other prise en charge cancelled."


class NoReservation(RightRefused):
    """There is no live reservation to consume or to cancel."""

    code = "no-reservation"
    status = 409
    title_fr = "Aucune prise en charge en cours"
    title_en = "No prise en charge in progress"
    advice_fr = "Demandez d'abord une prise en charge."
    advice_en = "Request a prise en charge first."


class UnknownClaim(Refusal):
    """No accepted claim or reservation of this shop and insurer has this identifier."""

    code = "unknown-claim"
    status = 404
    title_fr = "Demande de paiement inconnue"
    title_en = "Unknown claim"
    advice_fr = "Vérifiez l'identifiant : il doit être celui d'une demande acceptée de ce magasin, pour cet assuré."
    advice_en = "Check the identifier: it is that of an accepted claim of this shop, for this insured person."


class ClaimClosed(Refusal):
    """The claim was already corrected or reversed, or its dispute does not allow this."""

    code = "claim-closed"
    status = 409
    title_fr = "L'état de cette demande de paiement ne le permet pas"
    title_en = "The state of this claim does not allow it"
    advice_fr = "Relisez les décisions sur cette demande : elle a été corrigée, annulée ou contestée entre-temps."
    advice_en = "Read the decisions on this claim again: it was corrected, reversed or disputed meanwhile."


class TooLate(Refusal):
    """The time allowed to correct, dispute or reverse a claim is over."""

    code = "too-late"
    status = 409
    title_fr = "Délai dépassé"
    title_en = "Too late"
    advice_fr = "Réglez-le directement entre le magasin et l'organisme, hors de la plateforme."
    advice_en = "Settle it directly between the shop and the insurer, outside the platform."


class IdempotencyConflict(Refusal):
    """The same idempotency key was used with another body."""

    code = "idempotency-conflict"
    status = 409
    title_fr = "Cette clé a déjà servi pour une autre demande"
    title_en = "This key was already used for another request"
    advice_fr = "Envoyez la demande avec une nouvelle clé."
    advice_en = "Send the request with a new key."


class AmountMismatch(Refusal):
    """The amounts are not those that the rules give."""

    code = "amount-mismatch"
    status = 422
    title_fr = "Montants différents du calcul"
    title_en = "Amounts differ from the computation"
    advice_fr = "Refaites le devis : les règles ou la garantie ont changé."
    advice_en = "Compute the quote again: the rules or the guarantee changed."


class OvercollectionRefused(Refusal):
    """A guarantee table asks for corrections, prescriptions or dioptre-priced cover."""

    code = "overcollection-refused"
    status = 422
    title_fr = "Garantie refusée : elle exige des données de santé inutiles"
    title_en = "Guarantee refused: it asks for needless health data"
    advice_fr = "Exprimez la garantie par catégorie de verres et classe."
    advice_en = "Express the guarantee by lens category and class."


class QuotaExceeded(Refusal):
    """The quota of this professional is spent."""

    code = "quota-exceeded"
    status = 429
    retry = Retry.LATER
    title_fr = "Quota de consultations atteint"
    title_en = "Look-up quota reached"
    advice_fr = "La voie carte reste ouverte ; le quota se libère sur 24 heures glissantes."
    advice_en = "The card lane stays open; the quota frees itself over a sliding 24 hours."


class UnknownDevice(Refusal):
    """The device is not enrolled here, or its enrolment was withdrawn."""

    code = "unknown-device"
    status = 401
    title_fr = "Poste non enrôlé"
    title_en = "Device not enrolled"
    advice_fr = "Enrôlez ce poste auprès de ce serveur."
    advice_en = "Enrol this device with this server."


class DevicePending(Refusal):
    """The device is enrolled here and its waiting time is not over."""

    code = "device-pending"
    retry = Retry.LATER
    title_fr = "Poste enrôlé, pas encore actif"
    title_en = "Device enrolled, not active yet"
    advice_fr = "Attendez la date indiquée, ou faites contresigner ce poste par un poste actif du magasin."
    advice_en = "Wait until the date given, or have an active device of the shop countersign this one."


class DeviceSuspended(Refusal):
    """The device, its professional or its shop is suspended here."""

    code = "device-suspended"
    title_fr = "Poste suspendu"
    title_en = "Device suspended"
    advice_fr = "Contactez l'exploitant de ce serveur, qui dira pourquoi et jusqu'à quand."
    advice_en = "Contact the operator of this server, who will say why and until when."


class EnrolmentRefused(Refusal):
    """An enrolment is refused: identity, possession, code or time is not acceptable."""

    code = "enrolment-refused"
    retry = Retry.AFTER_CORRECTION
    title_fr = "Enrôlement refusé"
    title_en = "Enrolment refused"
    advice_fr = (
        "Recommencez l'enrôlement sur ce poste avec votre propre identité professionnelle et le code du magasin."
    )
    advice_en = "Enrol again on this device with your own professional identity and the code of the shop."


class LocalTokenRequired(Refusal):
    """The desk's service answers software of its own machine that shows its token."""

    code = "local-token-required"
    status = 401
    title_fr = "Logiciel non autorisé sur ce poste"
    title_en = "Software not allowed on this device"
    advice_fr = "Le logiciel doit présenter le jeton du poste, lu dans son dossier."
    advice_en = "The software must show the token of this device, read from its folder."


class SessionRequired(Refusal):
    """A page is of no open session, or a form is not from a page of its session."""

    code = "session-required"
    status = 403
    title_fr = "Session fermée ou page ouverte d'ailleurs"
    title_en = "Session closed, or page opened from elsewhere"
    advice_fr = "Rien n'a été envoyé. Ouvrez de nouveau la session, puis recommencez."
    advice_en = "Nothing was sent. Open the session again and try again."


class SignInRefused(Refusal):
    """The identity provider, or what it says of who signed in, is not accepted."""

    code = "sign-in-refused"
    title_fr = "Connexion refusée"
    title_en = "Sign-in refused"
    advice_fr = "Recommencez la connexion depuis la page d'accueil ; rien n'a été montré à personne."
    advice_en = "Sign in again from the home page; nothing was shown to anybody."


class UnknownParty(Refusal):
    """No party of the directory has the key that signed a request."""

    code = "unknown-party"
    status = 401
    title_fr = "Organisme absent de l'annuaire"
    title_en = "Party not in the directory"


class RequestNotAuthentic(Refusal):
    """A request's signature, date, nonce, digest or addressee is not acceptable."""

    code = "request-not-authentic"
    status = 401
    retry = Retry.AFTER_CORRECTION
    title_fr = "Demande non authentifiée"
    title_en = "Request not authenticated"
    advice_fr = "Vérifiez l'heure du poste, puis recommencez."
    advice_en = "Check the clock of the device and try again."


# --- nothing can be concluded --------------------------------------------------------------


class TechnicalFailure(ParaventError):
    """Nothing can be concluded; this is never a statement about a person's cover."""

    code = "technical-failure"
    status = 503
    retry = Retry.LATER
    title_fr = "Panne technique : aucune conclusion sur les droits"
    title_en = "Technical failure: nothing is known about cover"
    advice_fr = "Utilisez la carte, ou réessayez dans quelques minutes."
    advice_en = "Use the card, or try again in a few minutes."


class TooFewServers(TechnicalFailure):
    """Fewer than t key servers answered correctly."""

    code = "too-few-servers"
    title_fr = "Panne technique : trop peu de serveurs de clés répondent"
    title_en = "Technical failure: too few key servers answer"


class Unreachable(TechnicalFailure):
    """A party did not answer in time."""

    code = "unreachable"
    title_fr = "Panne technique : service injoignable"
    title_en = "Technical failure: service unreachable"


class Overloaded(TechnicalFailure):
    """A server is asked for more than it can do; nothing of this request was done, and it says when to come back."""

    code = "overloaded"
    retry_seconds = 1
    title_fr = "Panne technique : service surchargé"
    title_en = "Technical failure: service overloaded"
    advice_fr = (
        "Attendez le temps indiqué, puis recommencez : rien n'a été fait ni compté. "
        "Une carte se lit sans aucun serveur."
    )
    advice_en = "Wait as long as it says, then try again: nothing was done or counted. A card needs no server."


class UnansweredAct(TechnicalFailure):
    """The hub gave no answer to an act: whether it was decided is unknown until it is sent again."""

    code = "unanswered-act"
    title_fr = "Pas de réponse : la demande est conservée sur le poste"
    title_en = "No answer: the request is kept on this device"
    advice_fr = "Renvoyez-la telle quelle ; elle ne comptera qu'une fois."
    advice_en = "Send it again as it is; it counts once."


class WaitingLimitReached(TechnicalFailure):
    """Claims already wait for the hub's answer, and with this one they would pass the desk's limit in euros."""

    code = "waiting-limit-reached"
    title_fr = "Panne technique : les factures en attente du hub atteignent la limite du poste"
    title_en = "Technical failure: the claims waiting for the hub reach the desk's limit"
    advice_fr = "Cette facture n'a été ni envoyée ni gardée. Renvoyez d'abord celles qui attendent, puis recommencez."
    advice_en = "This claim was neither sent nor kept. First send again those that wait, then start over."


class StaleData(TechnicalFailure):
    """A signed statement is older than its limit, or older than one already seen."""

    code = "stale-data"
    title_fr = "Panne technique : données trop anciennes"
    title_en = "Technical failure: data too old"


class EpochNotLive(TechnicalFailure):
    """The epoch or the batch is not live at this server."""

    code = "epoch-not-live"
    status = 409
    retry = Retry.LATER
    title_fr = "Période cryptographique non active"
    title_en = "Epoch not live"
    advice_fr = "Le poste doit recharger l'annuaire de l'organisme, puis recommencer."
    advice_en = "The device must reload the insurer's epoch, then try again."


class LaneSuspended(TechnicalFailure):
    """The number lane, or that of one insurer, is closed here for a case; it says nothing of anybody's rights."""

    code = "lane-suspended"
    retry = Retry.LATER
    title_fr = "Panne technique : la voie numéro est suspendue"
    title_en = "Technical failure: the number lane is suspended"
    advice_fr = "Cela ne dit rien des droits de l'assuré. Lisez sa carte, ou recommencez plus tard."
    advice_en = "This says nothing of the insured person's rights. Read the card, or try again later."


class HubRecovering(TechnicalFailure):
    """The hub was put back after a loss, and decides nothing until it has been told what it had decided."""

    code = "hub-recovering"
    title_fr = "La plateforme reprend après une panne"
    title_en = "The platform is coming back after a failure"
    advice_fr = "La demande est conservée sur le poste : renvoyez-la plus tard, elle ne comptera qu'une fois."
    advice_en = "The request is kept on this device: send it again later, it counts once."


class WitnessNotReady(TechnicalFailure):
    """A key server has just started and no other has yet said how much of its log it remembers."""

    code = "witness-not-ready"
    retry_seconds = 1
    title_fr = "Panne technique : le serveur de clés démarre"
    title_en = "Technical failure: the key server is starting"


class LogRolledBack(TechnicalFailure):
    """A key server's witness log is shorter than, or differs from, what another one cosigned: it answers nothing."""

    code = "log-rolled-back"
    title_fr = "Panne technique : le journal d'un serveur de clés a reculé"
    title_en = "Technical failure: the log of a key server went back"


class StorageDown(TechnicalFailure):
    """A store cannot be written: nothing is answered (fail closed)."""

    code = "storage-down"
    title_fr = "Panne technique : stockage indisponible"
    title_en = "Technical failure: storage unavailable"


class BooksUnbalanced(TechnicalFailure):
    """What was decided is not what was paid, refused, reversed and left to pay; the detail names the decisions."""

    code = "books-unbalanced"
    status = 500
    retry = Retry.NO
    title_fr = "Les comptes ne tombent pas juste"
    title_en = "The books do not balance"
    advice_fr = "Ne payez rien de plus ; examinez les décisions nommées et conservez la base."
    advice_en = "Pay nothing more; look at the decisions named and keep the database."


class ProofFailure(TechnicalFailure):
    """A proof or a signature does not verify; ``culprit`` names whose it is."""

    code = "proof-failure"
    status = 502
    title_fr = "Panne technique : une preuve ne se vérifie pas"
    title_en = "Technical failure: a proof does not verify"
    advice_fr = "Utilisez la carte ; le détail a été conservé pour enquête."
    advice_en = "Use the card; the detail was kept for investigation."

    def __init__(self, message: str, *, culprit: str) -> None:
        super().__init__(f"{culprit}: {message}")
        self.culprit = culprit


class SignedLie(ProofFailure):
    """A signed answer that is wrong; ``evidence`` is that answer, to be kept with the request it answers."""

    code = "signed-lie"

    def __init__(self, message: str, *, culprit: str, evidence: object = None) -> None:
        """Names who signed, and keeps what."""
        super().__init__(message, culprit=culprit)
        self.evidence = evidence
