"""What a syntax error says: what was expected in a person's words, what was found, and the likely slip."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

# What a person calls each terminal; operators are left out where anything else may stand.
PLAIN = {
    "_NL": "a new line",
    "COMMA": "`,`",
    "COLON": "`:`",
    "EQUAL": "`=`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "REFERENCE": "a name like `%0`",
    "_IN": "`in`",
    "_ELSE": "`else`",
    "FROZEN": "`frozen`",
    "ISOLATED": "`isolated`",
    "_WHEN": "`when`",
    "$END": "the end of the file",
}
AFTER_VALUE = {
    "LPAR": "`(`",
    "LSQB": "`[`",
    "DOT": "`.`",
    "ARROW": "`->`",
    "_FROM": "`from`",
    "_REQUIRES": "`requires`",
}
QUIET = frozenset({"_ELSE", "FROZEN", "ISOLATED", "_WHEN", "$END"})

SLIPS: tuple[tuple[str, str], ...] = (
    (r":=", "a name is given with `=`"),
    (r"\*\*", "there is no power operator; write `x * x`, or `exp` and `log`"),
    (r"//", "a comment begins with `#`; whole-number division of compile-time values is `/`"),
    (r"/\*", "a comment begins with `#` and ends with its line"),
    (r"&&", "write `and`"),
    (r"\|\|", "write `or`"),
    (r"!", "write `not`; unequal is `!=`"),
    (r"[-+*/@]=", "a name is given with `=`: write `a = a + b`"),
    (r"=>", "a chunk's result type stands after `->`; at least is `>=`"),
    (r"=<", "at most is `<=`"),
    (r"%", "modulo is `mod`; a percentage is written without a space, `25%`"),
    (r";", "a new line ends a statement; no `;` is needed"),
    (r"'", 'strings stand in double quotes: `"…"`'),
    (r"\\", "a long value goes on inside brackets, or where the next line begins with an operator"),
    (r"\|", "a value is handed on with `|>`"),
    (r"`", "names stand without quotes"),
    (r"\^", "there is no power operator; write `x * x`"),
    (r"\?", "a choice is written `if condition { a } else { b }`"),
    (r"(True|False)\b", "write `true` and `false`"),
    (r"elif\b", "write `else if`"),
)
WORDS: tuple[tuple[str, str], ...] = (
    (r"(def|fn|func|function|class|module)\b", "a network is written `model name { … }`, a part of it `chunk name(h) { … }`"),
    (r"lambda\b", "there are no nameless functions; write `chunk name(h) { … }`"),
    (r"(let|var|const|val)\s+\w", "a name needs no word before it: `name = value`"),
    (r"(return|yield)\b", "a result is written `output name = value`"),
    (r"(import|include|from)\b", 'another file is brought in with `use "path.cc"`'),
    (r"while\b", "loops are `for i in 0..n { … }`, over compile-time values"),
    (r"elif\b", "write `else if`"),
    (
        r"(inputs|outputs|parameter|params|routers|masks|chunks|models)\s+\w",
        "these words are `input`, `output`, `param` …, singular",
    ),
)
FORMS = {
    "input": "input x: f32[B, d]",
    "output": "output y = value",
    "param": "param w: f32[n, d]",
    "state": "state s: f32[n] = 0",
    "next": "next s = value",
    "chunk": "chunk name(h) { … }",
    "router": "router name { score = … }",
    "mask": "mask name { score = … }",
    "fuse": "fuse y = weighted_sum(…, by=gate)",
    "loss": "loss name = value",
    "for": "for i in 0..n { … }",
    "memory": "memory { budget = 256MiB }",
}
LOOKALIKES = {
    "“": '`"`', "”": '`"`', "„": '`"`', "‘": '`"`', "’": '`"`', "−": "`-`", "–": "`-`", "—": "`-`", "×": "`*`", "·": "`*`",
    "÷": "`/`", "→": "`->`", "≤": "`<=`", "≥": "`>=`", "≠": "`!=`", "…": "`..`", "\u00a0": "a plain space", "，": "`,`",
}  # fmt: skip


def listed(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def expected(accepted: Collection[str]) -> str:
    """What may stand here, in a person's words."""
    if "_MODEL" in accepted:
        return "`model`, `chunk` or `use`"
    words = []
    if "_INPUT" in accepted:
        words.append("a statement")
    elif "NUMBER" in accepted:
        words.append("a value")
    elif "NAME" in accepted:
        words.append("a field (`name = value`)" if "RBRACE" in accepted else "a name")
    elif "STRING" in accepted:
        words.append("a string")
    quiet = QUIET | ({"EQUAL"} if "RPAR" in accepted else set()) | ({"REFERENCE"} if words else set())
    words += [word for name, word in PLAIN.items() if name in accepted and name not in quiet]
    if not words:
        words = [word for name, word in (PLAIN | AFTER_VALUE).items() if name in accepted]
    return listed(words or ["something else"])


def found(kind: str, text: str) -> str:
    """What stands here, in a person's words."""
    if kind == "$END":
        return "the end of the file"
    if kind == "_NL":
        return "the end of the line"
    shown = text if len(text) <= 40 else text[:40] + "…"
    return f"`{shown}`"


def hint(line: str, column: int) -> str:
    """The likely slip, from the text of the line and the 0-based column of the error in it."""
    here = line[column:]
    for pattern, advice in SLIPS:
        if re.match(pattern, here):
            return advice
    before = line[max(column - 1, 0) :]
    for pattern, advice in SLIPS[:10]:
        if column and re.match(pattern, before):
            return advice
    for pattern, advice in WORDS:
        if re.match(r"\s*" + pattern, line):
            return advice
    return ""


def stray(character: str) -> tuple[str, str]:
    """Message and hint for a character that begins nothing."""
    if character in LOOKALIKES:
        return f"`{character}` (U+{ord(character):04X}) is not part of the language", f"write {LOOKALIKES[character]}"
    if character.isascii() and character.isprintable():
        return f"`{character}` has no meaning here", ""
    name = unicodedata.name(character, "no name").lower()
    shown = f"`{character}`, " if character.isprintable() else ""
    advice = "names are of the letters a to z, digits and `_`" if character.isalpha() else ""
    return f"stray character: {shown}U+{ord(character):04X} ({name})", advice
