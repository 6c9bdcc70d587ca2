"""The name of a file in a header field, as any reader can take it (RFC 2183, RFC 2231)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from mail_proxy.compose.headers import FOLD_AT

_MAX_PLAIN_CHARS = FOLD_AT - len(' filename="";')
_DISPOSITION_CHARS = len("Content-Disposition: attachment")
_MAX_EXTENSION_CHARS = 16
# Not in it: what ends or escapes in a quoted string, what careless readers cut or decode there
# (`;`, `%`, encoded words), and blanks that would be lost.
_PLAIN = re.compile(r"(?! )(?!.*  )[A-Za-z0-9 !#$&'()+,\-.=@\[\]^_{}~]+(?<! )\Z")
_NOT_SIMPLE = re.compile(r"[^A-Za-z0-9 ()+,\-._]")
_CHARSET = "utf-8''"


def filename_parameters(name: str) -> str:
    """`; filename=...` for the end of Content-Disposition; longer forms on lines of their own.

    What is not plain or long is written twice. First in UTF-8: the first one counts for readers
    that know RFC 2231 and meet both. Then like it in ASCII, for those that do not know it.
    """
    if len(name) <= _MAX_PLAIN_CHARS and _PLAIN.match(name):
        inline = f'; filename="{name}"'
        return inline if len(inline) <= FOLD_AT - _DISPOSITION_CHARS else f";\r\n{inline[1:]}"
    parameters = [*_sections(name), f' filename="{_simple(name)}"']
    return "".join([f";\r\n{parameter}" for parameter in parameters])


def _sections(name: str) -> list[str]:
    """Percent-encoded, in sections of whole characters (RFC 2231 sections 3 and 4)."""
    whole = f" filename*={_CHARSET}{quote(name, safe='')}"
    if len(whole) < FOLD_AT:
        return [whole]
    sections, section = [], f" filename*0*={_CHARSET}"
    for char in name:
        octets = quote(char, safe="")
        if len(section) + len(octets) >= FOLD_AT:  # a semicolon follows
            sections.append(section)
            section = f" filename*{len(sections)}*="
        section += octets
    return [*sections, section]


def _simple(name: str) -> str:
    """Letters without their accents, `_` for what is not ASCII or risky; the extension is kept."""
    decomposed = unicodedata.normalize("NFKD", name)
    bare = "".join([char for char in decomposed if not unicodedata.combining(char)])
    simple = _NOT_SIMPLE.sub("_", bare).strip() or "_"
    stem, dot, extension = simple.rpartition(".")
    if not stem or len(extension) > _MAX_EXTENSION_CHARS:
        return simple[:_MAX_PLAIN_CHARS]
    return f"{stem[: _MAX_PLAIN_CHARS - len(dot + extension)]}{dot}{extension}"
