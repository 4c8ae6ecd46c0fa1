"""What a report says in French and in English."""

from __future__ import annotations

FRENCH, ENGLISH = "fr", "en"

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Observatoire des incidents du secteur", "Observatory of the sector's incidents"),
    "records": ("Incidents retenus", "Incidents counted"),
    "by_year": ("Par année", "By year"),
    "by_action": (
        "Par type d'action (un incident peut en avoir plusieurs)",
        "By type of action (an incident may have several)",
    ),
    "by_variety": ("Par variété d'action", "By variety of action"),
    "by_country": ("Par pays de la victime", "By country of the victim"),
    "by_vector": ("Par voie d'entrée", "By vector"),
    "by_victim": ("Par type de victime", "By type of victim"),
    "by_attack": ("Par attaque", "By attack"),
    "by_certainty": ("Selon la certitude", "By certainty"),
    "by_discovery": ("Délai de découverte", "Time to detect"),
    "without": ("Ce que la source ne dit pas", "What the source does not say"),
    "cut": (
        "{rows} premières lignes sur {total} ; le fichier CSV les a toutes.",
        "First {rows} rows of {total}; the CSV file has them all.",
    ),
    "word": ("Valeur", "Value"),
    "count": ("Nombre", "Count"),
    "trend": (
        "Tendance {first}-{last} : nombre multiplié par {ratio:.2f} chaque année (intervalle à 95 % : {low:.2f} à {high:.2f} ; régression de Poisson, dispersion {dispersion:.1f}). Une collecte par la presse suit aussi l'effort de collecte.",
        "Trend {first}-{last}: count multiplied by {ratio:.2f} each year (95% interval: {low:.2f} to {high:.2f}; Poisson regression, dispersion {dispersion:.1f}). A collection from the press also follows the effort of collecting.",
    ),
    "found_within_days": (
        "Découverts en quelques jours au plus : {count} sur {total} dont le délai est dit, soit {share:.0%} (intervalle à 95 % : {low:.0%} à {high:.0%}).",
        "Found within days: {count} of {total} whose delay is stated, {share:.0%} (95% interval: {low:.0%} to {high:.0%}).",
    ),
    "through_partner": (
        "Par un sous-traitant ou le compte d'un partenaire : {count} sur {total}, soit {share:.0%} (intervalle à 95 % : {low:.0%} à {high:.0%}).",
        "Through a processor or a partner's account: {count} of {total}, {share:.0%} (95% interval: {low:.0%} to {high:.0%}).",
    ),
    "bars": ("Les {shown} valeurs les plus fréquentes, sur {all}.", "The {shown} most frequent values, of {all}."),
    "years": (
        "Nombre d'incidents selon l'année où ils ont eu lieu.",
        "Incidents by the year in which they took place.",
    ),
    "year": ("Année", "Year"),
    "counted": ("Comptés", "Counted"),
    "fitted": ("Tendance, intervalle à 95 %", "Trend, 95% interval"),
    "trend_title": ("Tendance", "Trend"),
    "trend_drawn": (
        "Nombre d'incidents de chaque année entière, et ce que la régression en attend avec son intervalle.",
        "Incidents of each whole year, and what the regression expects of it with its interval.",
    ),
    "shares": ("Délai de découverte et partenaires", "Time to detect and partners"),
    "shares_drawn": (
        "Parts, en pour cent des incidents dont la source le dit, avec l'intervalle de Wilson à 95 %.",
        "Shares, in percent of the incidents whose source says so, with Wilson's 95% interval.",
    ),
    "found_within_days_short": ("Découverts en quelques jours", "Found within days"),
    "through_partner_short": ("Par sous-traitant ou partenaire", "Through processor or partner"),
    "official": ("Chiffres officiels français, à côté", "French official figures, beside"),
    "notifications": (
        "Notifications à la CNIL (des notifications, non des incidents), extraction du {extracted}",
        "Notifications to the CNIL (notifications, not incidents), extracted {extracted}",
    ),
}


def said(name: str, language: str) -> str:
    """Returns a text in a language."""
    french, english = TEXTS[name]
    return french if language == FRENCH else english
