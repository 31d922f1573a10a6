"""Words as the full-text search sees them, without the ones every sentence has."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from ...tools.knowledge.store.lexical import document_terms

__all__ = ["LIGHT", "Word", "content_words", "terms"]

_WORD = re.compile(r"[^\W_]+")
_VERSION = re.compile(r"[vV]?(\d+(?:\.\d+)+)")
_WORD_OR_VERSION = re.compile(rf"(?<![\w.])[vV]?\d+(?:\.\d+){{1,4}}(?![\w.]*\w)|{_WORD.pattern}")

# English function words, and the words that questions are built from.
_ENGLISH = frozenset(
    _WORD.findall(
        "a about actually after all also although am an and any anybody anyone anything are as at be "
        "because been being both but by can could currently describe did do does doing done each either "
        "else ever every explain find for from further get give given gives go got had happen happened "
        "happening happens has have having he her here hers him his how i if in into is it its itself "
        "just know known let like list lot make makes many may me mean meaning means might mine more most "
        "much must my need needed needs neither no nor not of off ok on once one ones only or other "
        "others our out over own please same shall she should show since so some somebody someone "
        "something still such take taken takes taking tell than thank thanks that the their theirs them "
        "then there these they thing things this those though through to too under until up upon us use "
        "used uses using very want was way we were what "
        "whatever when where whether which while who whom whose why will with within without would yes "
        "yet you your yours s t d ll m re ve don doesn isn aren wasn weren didn hasn haven won "
    )
)

# Question words and function words of German, French, Spanish, Italian, Portuguese and Dutch that are no
# English words; what else these languages repeat is left to the idf.
_OTHER_LANGUAGES = frozenset(
    _WORD.findall(
        "wer wie wo wann warum wieso weshalb welche welcher welches welchen welchem wem wessen woher wohin "
        "wieviel ist sind wurde wurden wird werden und oder der das dem ein eine einer eines einem einen "
        "qui quoi quel quelle quels quelles quand combien pourquoi où est sont dans avec les une et "
        "quién quien quiénes qué cuál cuáles cuándo cómo dónde cuánto cuánta cuántos cuántas los las una "
        "quale quali quando perché quanto quanti quante della delle gli nella "
        "quem qual quais onde como porquê quantos quantas um uma foi "
        "wat waar wanneer waarom hoeveel welk wiens het een werd "
    )
)
_STOP_WORDS = _ENGLISH | _OTHER_LANGUAGES


class Word(NamedTuple):
    """A content word: as written, and as the search sees it."""

    surface: str
    term: str


def content_words(text: str) -> list[Word]:
    """The words of ``text`` that carry meaning, in order.

    A run of a script without blanks (Chinese, Japanese, Thai) gives one word for each of its terms.
    """
    return [
        Word(surface, term)
        for surface in _WORD_OR_VERSION.findall(text)
        if surface.casefold() not in _STOP_WORDS
        for term in _terms_of(surface)
    ]


@functools.lru_cache(maxsize=1 << 13)
def terms(text: str) -> tuple[str, ...]:
    """The terms of ``text``, in order, with repetitions."""
    return tuple(word.term for word in content_words(text))


@functools.lru_cache(maxsize=1 << 16)
def _terms_of(word: str) -> tuple[str, ...]:
    if version := _VERSION.fullmatch(word):
        return (version[1],)  # "v2.4.0" and "2.4.0" are one name
    return tuple(document_terms(word).split())


LIGHT = frozenset(
    term
    for word in _WORD.findall(
        "come comes offer offers offered support supports supported provide provides provided "
        "keep keeps kept put located available called exist exists include includes included "
        "contain contains work works happen happens "
    )
    for term in _terms_of(word)
)
"""Terms of verbs that questions are asked with, for which an answer has others as well."""
