"""An answer put into the form that was asked for, as far as quoted sentences give it plainly."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from ..errors import CannotFillError
from .answer import Composition
from .passages import Unit
from .schema import Schema, about, properties, required, resolve, types, variants
from .terms import terms

__all__ = ["fill"]

_TEXTS = tuple(
    re.findall(
        r"\w+",
        "answer text summary response reply result content message explanation description output "
        "conclusion ",
    )
)
_MISSING = frozenset(
    {"missing", "uncovered", "gaps", "gap", "unanswered", "unknown", "unknowns", "open_questions"}
)
_QUOTES = frozenset({"quote", "quotes", "excerpt", "snippet", "passage", "evidence", "quotation"})
_SOURCES = frozenset({"source", "document", "file", "path", "uri", "url", "doc", "filename"})
_STARTS = frozenset({"start_line", "start", "line", "line_start", "first_line", "line_number"})
_ENDS = frozenset({"end_line", "end", "line_end", "last_line"})
_FILLERS = frozenset(terms("count number total amount value num n is has"))
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_DATETIME = re.compile(r"\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})")
_NUMBER = re.compile(
    r"(?<![\w.,])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w.]*\w)|(?<![\w.,-])-?\d+(?:\.\d+)?(?![\w]|\.\d)"
)
_YES_OR_NO = re.compile(r"^(yes|no)\b", re.IGNORECASE)
_DEEPEST = 12


class _Unknown(Exception):
    """The quotes do not say what this field wants."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(path)
        self.path = path
        self.kind = kind


def fill(schema: Schema, answer: Composition, *, question: str) -> str:
    """The answer as JSON that matches ``schema``.

    Text fields get the composed answer, lists of citation-like objects the quotes with their places, a list
    called ``missing`` what the sources leave open. Numbers, dates, enumerations and truth values are filled
    only where a quoted sentence gives them; an optional field that it does not give is left out.

    Args:
        schema: of the final answer.
        answer: what was found.
        question: the user's own words.

    Raises:
        CannotFillError: a required field has no honest value.
    """
    form = _Form(schema, answer, question)
    try:
        value = form.value("", schema, path="", depth=0)
    except _Unknown as unknown:
        raise CannotFillError(
            f"The extractive engine cannot fill `{unknown.path or 'the answer'}` ({unknown.kind}): "
            "no sentence it quotes gives it plainly. Connect a gpt-oss model (see README)."
        ) from unknown
    return json.dumps(value, ensure_ascii=False)


class _Form:
    def __init__(self, root: Schema, answer: Composition, question: str) -> None:
        self._root = root
        self._answer = answer
        self._asked = frozenset(terms(question))

    def value(self, name: str, schema: Schema, *, path: str, depth: int, quote: Unit | None = None) -> Any:
        schema = resolve(schema, self._root)
        unknown = _Unknown(path, "|".join(types(schema)) or "any")
        if depth > _DEEPEST:
            raise unknown
        options = variants(schema)
        if options != [schema]:
            for option in options:
                try:
                    return self.value(name, option, path=path, depth=depth + 1, quote=quote)
                except _Unknown as error:
                    unknown = error
        elif "const" in schema:
            return schema["const"]
        elif isinstance(schema.get("enum"), list):
            return self._choice(name, schema, unknown)
        else:
            for kind in types(schema) or ["string"]:
                try:
                    return self._typed(kind, name, schema, path, depth, quote)
                except _Unknown as error:
                    unknown = error
        if "default" in schema:
            return schema["default"]
        raise unknown

    def _typed(self, kind: str, name: str, schema: Schema, path: str, depth: int, quote: Unit | None) -> Any:
        match kind:
            case "null":
                return None
            case "object":
                return self._object(schema, path, depth, quote)
            case "array":
                return self._array(name, schema, path, depth)
            case "string":
                return self._string(name, schema, path, quote)
            case "integer" | "number":
                return self._number(name, schema, path, kind, quote)
            case "boolean":
                return self._truth(name, schema, path)
            case _:
                raise _Unknown(path, kind)

    def _object(self, schema: Schema, path: str, depth: int, quote: Unit | None) -> dict[str, Any]:
        named = properties(schema)
        if not named:
            raise _Unknown(path, "object")
        if quote is None and depth > 0 and _is_citation(named):
            if not self._answer.quotes:
                raise _Unknown(path, "object")
            quote = self._answer.quotes[0]
        main = self._main_text(schema, named) if quote is None else None
        needed = set(required(schema))
        filled: dict[str, Any] = {}
        for name, inner in named.items():
            inner_path = f"{path}.{name}" if path else name
            try:
                if name == main:
                    filled[name] = _fitting(self._answer.text, resolve(inner, self._root), inner_path)
                else:
                    filled[name] = self.value(name, inner, path=inner_path, depth=depth + 1, quote=quote)
            except _Unknown:
                if name in needed:
                    raise
        return filled

    def _main_text(self, schema: Schema, named: dict[str, Schema]) -> str | None:
        """The property that takes the whole answer."""
        strings = [name for name, inner in named.items() if self._takes_text(inner)]
        for name in _TEXTS:
            if name in strings:
                return name
        return next(
            (name for name in strings if name in required(schema) and name not in _SOURCES | _QUOTES), None
        )

    def _takes_text(self, schema: Schema) -> bool:
        schema = resolve(schema, self._root)
        plain = not {"enum", "const", "format", "pattern"} & schema.keys()
        options = variants(schema)
        return plain and any("string" in types(resolve(option, self._root)) for option in options)

    def _array(self, name: str, schema: Schema, path: str, depth: int) -> list[Any]:
        items = schema.get("items")
        inner = resolve(cast("Schema", items) if isinstance(items, dict) else {}, self._root)
        most = schema.get("maxItems")
        values: list[Any]
        if name.casefold() in _MISSING:
            values = list(self._answer.missing)
        elif "object" in types(inner) and _is_citation(properties(inner)):
            values = [
                self.value(name, inner, path=f"{path}[]", depth=depth + 1, quote=unit)
                for unit in self._answer.quotes
            ]
        elif "string" in types(inner) and not {"enum", "format", "pattern"} & inner.keys():
            sources = name.casefold().removesuffix("s") in _SOURCES
            values = list(
                dict.fromkeys(unit.source if sources else unit.text for unit in self._answer.quotes)
            )
        else:
            raise _Unknown(path, "array")
        values = values[:most] if isinstance(most, int) else values
        if len(values) < int(schema.get("minItems", 0)):
            raise _Unknown(path, "array")
        return values

    def _string(self, name: str, schema: Schema, path: str, quote: Unit | None) -> str:
        folded = name.casefold()
        if schema.get("format") in ("date", "date-time"):
            pattern = _DATE if schema["format"] == "date" else _DATETIME
            return _only(
                [found for unit in self._near(name, schema) for found in pattern.findall(unit.text)],
                path,
                "date",
            )
        if quote is not None:
            text = _of_quote(folded, quote)
            if text is None:
                raise _Unknown(path, "string")
            return _fitting(text, schema, path)
        if folded in _TEXTS or not name:
            return _fitting(self._answer.text, schema, path)
        if folded in _SOURCES and self._answer.quotes:
            return _fitting(self._answer.quotes[0].source, schema, path)
        if folded in _QUOTES and self._answer.quotes:
            return _fitting(self._answer.quotes[0].text, schema, path)
        near = self._near(name, schema)
        if not near:
            raise _Unknown(path, "string")
        return _fitting(near[0].text, schema, path)

    def _number(self, name: str, schema: Schema, path: str, kind: str, quote: Unit | None) -> int | float:
        folded = name.casefold()
        if quote is not None:
            if folded in _STARTS | _ENDS:
                return quote.end if folded in _ENDS else quote.start
            if folded == "cursor":
                return quote.cursor
            raise _Unknown(path, kind)
        found = [
            number.replace(",", "")
            for unit in self._near(name, schema)
            for number in _NUMBER.findall(unit.text)
        ]
        text = _only(found, path, kind)
        value = float(text) if "." in text else int(text)
        if kind == "integer" and isinstance(value, float):
            raise _Unknown(path, kind)
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if not low <= value <= high:
            raise _Unknown(path, kind)
        return value

    def _truth(self, name: str, schema: Schema, path: str) -> bool:
        """What a "Yes." or "No." at the start of a quote answers, if the field is about the question."""
        words = set(about(name, schema)) - _FILLERS
        openings = [
            match[1].casefold() for unit in self._answer.quotes if (match := _YES_OR_NO.match(unit.text))
        ]
        if not words <= self._asked | {"answer", "ye", "yes", "result"}:
            raise _Unknown(path, "boolean")
        return _only(openings, path, "boolean") == "yes"

    def _choice(self, name: str, schema: Schema, unknown: _Unknown) -> Any:
        """The one value of an enumeration that stands in a quote."""
        options = cast("list[object]", schema["enum"])
        texts = [unit.text for unit in self._near(name, schema) or self._answer.quotes]
        found = [option for option in options if isinstance(option, str) and _stands_in(option, texts)]
        if len(found) == 1:
            return found[0]
        if "default" in schema:
            return schema["default"]
        if None in options:
            return None
        raise unknown

    def _near(self, name: str, schema: Schema) -> list[Unit]:
        """The quotes that have all the words of a property's name."""
        words = set(about(name, schema)) - _FILLERS
        return [
            unit
            for unit in self._answer.quotes
            if words and words <= set(terms(f"{unit.text} {unit.heading}"))
        ]


def _is_citation(named: dict[str, Schema]) -> bool:
    names = {name.casefold() for name in named}
    return bool(names & _QUOTES or (names & _SOURCES and names & (_STARTS | _ENDS | {"title"})))


def _of_quote(name: str, quote: Unit) -> str | None:
    if name in _QUOTES or name in _TEXTS:
        return quote.text
    if name in _SOURCES:
        return quote.source
    return {"title": quote.title, "heading": quote.heading}.get(name)


def _stands_in(option: str, texts: Sequence[str]) -> bool:
    words = re.escape(option).replace("_", "[ _-]")
    return any(re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) for text in texts)


def _fitting(text: str, schema: Schema, path: str) -> str:
    """The text, if the schema's bounds allow it as it is."""
    pattern = schema.get("pattern")
    fits = int(schema.get("minLength", 0)) <= len(text) <= int(schema.get("maxLength", len(text)))
    if not fits or (isinstance(pattern, str) and not _matches(pattern, text)):
        raise _Unknown(path, "string")
    return text


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False  # ECMAScript has forms that Python has not; unchecked text would be a guess


def _only(found: Sequence[str], path: str, kind: str) -> str:
    if len(set(found)) != 1:
        raise _Unknown(path, kind)
    return found[0]
