"""Which language a text is written in, as far as word endings are concerned.

Told by the commonest function words of each language: that takes no time and no model, and a mistake costs
little, since every word is found as it is written too (see ``lexical``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

__all__ = ["STEMMERS", "guess_language"]

_FUNCTION_WORDS = {
    "en": "the of and to is are was were be been for with by from that this which who what where when how "
    "does did do has have had an not or it its his her their they you can should as at on if into than but",
    "eu": "eta da ez dira bat izan du zen dute den baina edo dago egin dituen hau ere beste duen ziren",
    "ca": "el la els les de del que en un una amb per és són va ser als més aquest aquesta com però seu",
    "cs": "je se na že do jsou pro by jako ale které který která byl od po ve před také nebo jeho",
    "da": "og at er en det den til af på de med for der ikke som et har var fra eller kan blev også men",
    "nl": "de het een en van in is op te dat die voor met zijn niet aan er worden door wordt ook maar naar",
    "eo": "la kaj de en estas al ke ne por kun el pri estis oni sed kiu kiuj tiu ĝi ili ankaŭ per dum",
    "et": "ja on ei et see oli mis ta kui ning oma ka või mida selle aga kes olid ole nende välja",
    "fi": "ja on ei että se oli joka mutta myös ovat hän sen kun tai kuin niin jotka sekä ole hänen voi",
    "fr": "le la les de des du et est un une en que qui dans pour sur pas par plus au aux avec sont ce cette",
    "de": "der die das und ist ein eine einen nicht mit von zu im den des auf für werden sind wird dem sich",
    "hu": "az és egy hogy nem is volt meg de ez ha el csak azt vagy mint már ki fel kell lehet majd",
    "id": "yang dan di dari untuk dengan ini itu pada adalah tidak dalam ke oleh sebagai akan atau juga",
    "ga": "an na agus ar ag is le do go bhí tá sé sa ní leis den siad mar ach faoi chun iad seo atá nó",
    "it": "il lo la gli le di che un una in per non con sono del della dei delle alla nel da si anche",
    "lt": "ir yra su kad iš buvo kaip bet ne ar tai nuo per už apie jis taip buvo arba dėl kuris po",
    "no": "og er det en på til av som for med at de ikke et har den var fra ble eller kan også men etter",
    "pl": "nie na się do jest to że jak co ale po przez od są dla oraz który która które był za jego",
    "pt": "os as de do da dos das que um uma em no na não para com por se mais são ao foi como pelo",
    "ro": "și de în la cu pe este un care nu din sunt mai că pentru fost sau prin ale al lui dar",
    "sr": "je da se na su za od sa ne što kao ali koji koja koje nije bio iz ili biti sam ovo",
    "es": "el la los las de del que en un una es no por con para se su son al lo como más fue pero está",
    "sv": "och att det en är på som för av med den till inte har de ett om från var eller kan också men",
    "tr": "ve bir bu için ile da de çok olarak gibi daha ne olan kadar sonra ancak her değil veya tarafından",
    "fa": "در به از که این را با است برای آن یک تا بر می هم شد بود شده کرد اما یا آنها",
}
STEMMERS = {
    "eu": "basque",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "nl": "dutch",
    "eo": "esperanto",
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "hu": "hungarian",
    "id": "indonesian",
    "ga": "irish",
    "it": "italian",
    "lt": "lithuanian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "sr": "serbian",
    "es": "spanish",
    "sv": "swedish",
    "tr": "turkish",
    "fa": "persian",
}
"""Snowball's name of a language, by its ISO 639-1 code: those that share a script with a commoner one."""

_LEAST = 2
"""Different function words a guess needs."""

_speakers: dict[str, list[str]] = {}
for _code, _words in _FUNCTION_WORDS.items():
    for _word in set(_words.split()):
        _speakers.setdefault(_word, []).append(_code)


def guess_language(words: Iterable[str]) -> str | None:
    """The language of a text as an ISO 639-1 code; None where the table does not tell.

    Args:
        words: the words of the text, casefolded, with their accents.
    """
    found = Counter(word for word in words if word in _speakers)
    spoken: Counter[str] = Counter()
    different: Counter[str] = Counter()
    for word, count in found.items():
        for code in _speakers[word]:
            spoken[code] += count
            different[code] += 1
    # Of two that fit alike the one that comes first in the table, English before all.
    best = max(_FUNCTION_WORDS, key=lambda code: (spoken[code], different[code]))
    return best if different[best] >= _LEAST else None
