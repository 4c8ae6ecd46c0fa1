"""The scenarios of the drill as pages name them, French sentences of the catalogue (docs/drill.md): pure.

A row of the drill carries the name by which ``paravent drill --scenario`` plays it. Beside the bars
of a chart there is room for 26 characters: no name is longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from paravent.pages.screens.catalogue import marked

SCENARIOS: Mapping[str, str] = MappingProxyType({
    "stolen-password": marked("mot de passe volé"),
    "device-key": marked("clé d'un poste volée"),
    "provider-session": marked("session hameçonnée"),
    "database": marked("copie de la base du hub"),
    "old-backups": marked("anciennes sauvegardes"),
    "logs": marked("journaux techniques"),
    "memory": marked("mémoire d'un serveur"),
    "key-servers": marked("vol de serveurs de clés"),
    "insurer-bulk-key": marked("clé de masse volée"),
    "insurer-credential": marked("accès d'un organisme"),
    "insider": marked("administrateur malveillant"),
    "malicious-release": marked("version piégée"),
    "desk-malware": marked("poste infecté"),
    "network": marked("écoute du réseau"),
    "lying-server": marked("serveur de clés menteur"),
    "quota-roll-back": marked("quota remis en arrière"),
    "nir-guessing": marked("numéros devinés"),
    "photographed-card": marked("carte photographiée"),
    "burned-entitlement": marked("carte utilisée par autrui"),
    "membership-test": marked("test d'appartenance"),
    "linkage": marked("recoupement d'un achat"),
    "canary-discovery": marked("recherche des leurres"),
    "ransomware": marked("rançongiciel"),
    "flood": marked("saturation"),
    "audit-grinding": marked("tirage d'audit forcé"),
    "leak-matcher": marked("comparateur détourné"),
})  # fmt: skip


def scenario_words(name: str) -> str:
    """Returns the French name of a scenario; one of a newer drill than these pages keeps its own."""
    return SCENARIOS.get(name, name)
