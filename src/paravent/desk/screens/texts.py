"""What the desk's screens say of messages, fields and reasons, in French, of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paravent.optics.reasons import Why
from paravent.pages.screens.catalogue import marked
from paravent.person.early_renewal import Ground

UNKNOWN: Final = marked("Champ sans explication.")
REQUESTS: Final = {
    "/v1/evaluations": marked("Demande d'évaluation à l'aveugle"),
    "/v1/rows": marked("Demande d'une ligne scellée"),
    "/v1/openings": marked("Demande d'ouverture d'une ligne"),
    "/v1/acts": marked("Acte : prise en charge, facture ou annulation"),
    "/v1/decisions": marked("Demande de ce qui a été décidé"),
    "/v1/quota": marked("Demande de ce qui reste du quota"),
    "/v1/shop-boxes/pull": marked("Demande des lettres des assureurs"),
    "/v1/boxes": marked("Envoi scellé à un assureur : compte du magasin, ou ouverture d'un dossier contrôlé"),
    "/v1/returns": marked("Décisions rendues au hub après sa remise en route"),
    "/v1/bulletins/acknowledgements": marked("Bulletin de sécurité lu par ce magasin"),
}
STATEMENT: Final = marked("Lecture d'une liste publique de l'organisme")
OTHER: Final = marked("Autre demande")

MEANINGS: Final[Mapping[str, str]] = {
    "insurer": marked("L'organisme complémentaire, par son numéro AMC."),
    "epoch": marked("Le numéro de la période de clés de l'organisme."),
    "batch": marked("Le numéro de la publication de l'organisme."),
    "blinded": marked("Le numéro et la date de naissance, aveuglés par un nombre tiré ici : personne ne peut les y retrouver."),
    "handle_key": marked("Une clé qui ne se calcule qu'avec l'aide des serveurs : elle désigne la ligne, sans dire de qui elle est."),
    "proof": marked("La preuve que ce poste connaît déjà cette clé."),
    "answer_key": marked("Une clé tirée pour cette seule réponse : elle seule pourra la lire."),
    "kind": marked("Ce qui est demandé : prise en charge (reserve), facture (consume), annulation (cancel), correction (correct)."),
    "entitlement": marked("Le droit signé par l'organisme ; son contenu est détaillé dessous. Aucun nom, numéro ni date de naissance."),
    "idempotency_key": marked("Un nombre au hasard : le même acte renvoyé n'est compté qu'une fois."),
    "early_renewal": marked("Renouvellement anticipé : oui ou non, jamais le motif."),
    "claim": marked("La facture, signée par ce poste ; son contenu est détaillé dessous."),
    "claim.payload": marked("La facture telle qu'elle est signée."),
    "claim.signer": marked("La clé de ce poste."),
    "claim.signature": marked("La signature de ce poste sur la facture."),
    "claim.claim_id": marked("Le numéro de la facture, tiré au hasard."),
    "claim.corrects": marked("La facture que celle-ci remplace, ou rien."),
    "claim.insurer": marked("L'organisme complémentaire, par son numéro AMC."),
    "claim.professional": marked("Le professionnel à payer (RPPS)."),
    "claim.shop": marked("Le magasin à payer (FINESS)."),
    "claim.entitlement": marked("L'empreinte du droit ci-dessus."),
    "claim.items.code": marked("Le code regroupé d'un article : catégorie et classe, jamais une correction."),
    "claim.items.price_cents": marked("Son prix, en centimes."),
    "claim.items.category": marked("La catégorie d'un verre (a, c ou f), calculée ici."),
    "claim.amo_cents": marked("La part de l'assurance maladie, en centimes."),
    "claim.amc_cents": marked("La part de l'organisme, en centimes."),
    "claim.rest_cents": marked("Le reste à charge, en centimes."),
    "claim.early_renewal": marked("Renouvellement anticipé : oui ou non, jamais le motif."),
    "claim.rules": marked("La version des règles du calcul."),
    "claim.prescription": marked("Un engagement sur l'ordonnance, brouillé par un nombre tiré ici : rien ne peut en être lu."),
    "entitlement.insurer": marked("L'organisme complémentaire, par son numéro AMC."),
    "entitlement.serial": marked("Le numéro du droit, tiré au hasard."),
    "entitlement.valid_from": marked("Début de validité (secondes)."),
    "entitlement.valid_until": marked("Fin de validité (secondes)."),
    "entitlement.guarantee": marked("Le code de la garantie, partagé par de nombreuses personnes."),
    "entitlement.free_from": marked("Le mois à partir duquel un équipement est de nouveau payable."),
    "entitlement.renewal_months": marked("La durée entre deux équipements, en mois."),
    "entitlement.nullifier": marked("Un nombre au hasard qui empêche de payer deux fois le même droit."),
    "entitlement.status_index": marked("La place du droit dans la liste des droits révoqués, tirée au hasard."),
    "entitlement.desk_digest": marked("L'empreinte d'une partie du droit qui, elle, reste sur ce poste."),
    "act": marked("L'acte sur lequel porte la question."),
    "acts.detail": marked("Un acte déjà décidé, avec la décision signée que le hub avait donnée."),
    "acts.number": marked("Son rang chez l'organisme ; rien pour un poste."),
    "complete": marked("S'il reste autre chose à rendre."),
    "number": marked("Le numéro du bulletin."),
    "after": marked("Le numéro de la dernière lettre reçue."),
}  # fmt: skip
HEADERS: Final[Mapping[str, str]] = {
    "content-digest": marked("L'empreinte du corps de la demande."),
    "signature-input": marked("Ce que la signature couvre : l'adresse, l'heure, un nombre au hasard et la clé de ce poste."),
    "signature": marked("La signature de ce poste."),
}  # fmt: skip
REASONS: Final[Mapping[Why, str]] = {
    Why.CLASS_A: marked("Classe A : payé en entier dans la limite de prix."),
    Why.PARTICIPATION: marked("Prestation : seule la participation sur la base de remboursement est prise en charge."),
    Why.NOTHING_LEFT: marked("Tout est déjà pris en charge."),
    Why.NO_CLASS_B: marked("La garantie ne couvre pas la classe B."),
    Why.WITHIN_BAND: marked("Dans le forfait de la garantie pour cet équipement."),
    Why.FRAME_CAP: marked("Au plafond de la garantie pour une monture."),
    Why.BAND_CEILING: marked("Au plafond du forfait de la garantie pour cet équipement."),
}
GROUNDS: Final[Mapping[Ground, str]] = {
    Ground.SPH_CYL: marked("la sphère ou le cylindre a assez changé"),
    Ground.ADD: marked("l'addition a assez changé, la vision de loin étant stable"),
    Ground.SUM: marked("la somme des changements de loin et de près est assez grande"),
    Ground.AXIS: marked("l'axe d'un cylindre a assez tourné"),
    Ground.MEDICAL: marked("situation médicale particulière, attestée par l'ordonnance"),
}
SURENESS: Final[Mapping[str, str]] = {
    "verified": marked("seuil lu dans l'arrêté"),
    "secondary": marked("seuil lu dans la presse professionnelle, pas dans l'arrêté"),
    "unverified": marked("à confirmer dans l'arrêté du 3 décembre 2018"),
}
