"""What takes the place of attachments in a mail: links to them, in its text and in its HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from mail_proxy.domain.bodies import read_bodies, with_bodies
from mail_proxy.domain.safe_text import safe_text

_MAX_SHOWN_CHARS = 255
# None may look past the next `<`: a body of nothing but beginnings of tags would take hours.
_BODY_END = re.compile(r"</body\b[^<>]*>", re.IGNORECASE)
_HTML_END = re.compile(r"</html\b[^<>]*>", re.IGNORECASE)
_HTML_TAG = re.compile(r"<html\b([^<>]{0,2000})>", re.IGNORECASE)
_LANG = re.compile(r"(?:^|\s)(?:xml:)?lang\s*=\s*(?:[\"']\s*)?([A-Za-z]{2,3})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """A file that can be fetched at `url` until `expires_at`, seconds since the epoch."""

    name: str
    size_bytes: int
    url: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class _Words:
    """One language. one, many: the headline. until: with the date, in the order of `date`."""

    one: str
    many: str
    until: str
    date: str
    comma: str = ","


_LANGUAGES = {
    "en": _Words(
        "This attachment is too large to be sent by mail. You can download it here:",
        "These attachments are too large to be sent by mail. You can download them here:",
        "Available until {}.",
        "{d} {month} {y}",
        ".",
    ),
    "it": _Words(
        "Questo allegato è troppo grande per essere inviato per e-mail. Si può scaricare qui:",
        "Questi allegati sono troppo grandi per essere inviati per e-mail. Si possono scaricare "
        "qui:",
        "Disponibile fino al {}.",
        "{d}/{m:02}/{y}",
    ),
    "de": _Words(
        "Dieser Anhang ist zu groß für eine E-Mail. Er kann hier heruntergeladen werden:",
        "Diese Anhänge sind zu groß für eine E-Mail. Sie können hier heruntergeladen werden:",
        "Verfügbar bis zum {}.",
        "{d}.{m}.{y}",
    ),
    "fr": _Words(
        "Cette pièce jointe est trop volumineuse pour un e-mail. "
        "Elle peut être téléchargée ici\u00a0:",
        "Ces pièces jointes sont trop volumineuses pour un e-mail. "
        "Elles peuvent être téléchargées ici\u00a0:",
        "Disponible jusqu\u2019au {}.",
        "{d:02}/{m:02}/{y}",
    ),
    "es": _Words(
        "Este archivo adjunto es demasiado grande para enviarlo por correo. "
        "Se puede descargar aquí:",
        "Estos archivos adjuntos son demasiado grandes para enviarlos por correo. "
        "Se pueden descargar aquí:",
        "Disponible hasta el {}.",
        "{d}/{m}/{y}",
    ),
    "pt": _Words(
        "Este anexo é demasiado grande para ser enviado por e-mail. Pode ser descarregado aqui:",
        "Estes anexos são demasiado grandes para serem enviados por e-mail. "
        "Podem ser descarregados aqui:",
        "Disponível até {}.",
        "{d:02}/{m:02}/{y}",
    ),
    "nl": _Words(
        "Deze bijlage is te groot om per e-mail te versturen. U kunt haar hier downloaden:",
        "Deze bijlagen zijn te groot om per e-mail te versturen. U kunt ze hier downloaden:",
        "Beschikbaar tot en met {}.",
        "{d}-{m}-{y}",
    ),
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def with_links(fields: Mapping[str, Any], links: Sequence[Link]) -> dict[str, Any]:
    """The same fields, whose bodies, text and HTML, end with the links.

    A mail without a body gets a text. Raises Invalid for bodies that are no text.
    """
    text, html = read_bodies(fields)
    language = language_of(fields.get("headers"), html)
    if text is not None:
        text = _in_text(text, links, language)
    if html is not None:
        html = _in_html(html, links, language)
    return with_bodies(fields, text, html)


def language_of(headers: object, html: str | None) -> str:
    """Of the mail: what its header says, else what its HTML does; English where neither helps."""
    found = ""
    if isinstance(headers, Mapping):
        for name, value in headers.items():
            if str(name).lower() == "content-language" and isinstance(value, str):
                found = value
    if not found and html and (tag := _HTML_TAG.search(html)) and (given := _LANG.search(tag[1])):
        found = given[1]
    language = re.split(r"[-_,;\s]", found.strip().lower(), maxsplit=1)[0]
    return language if language in _LANGUAGES else "en"


def human_size(size_bytes: int, language: str = "en") -> str:
    """As mail programs show it: 640 KB, 12.3 MB, 1.2 GB; units of 1024."""
    size = size_bytes / 2**10
    for unit in ("KB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 2**10
    shown = f"{max(1.0, size):.0f}" if unit == "KB" else f"{size:.1f}"
    return f"{shown.replace('.', _LANGUAGES[language].comma)} {unit}"


def human_date(expires_at: float, language: str = "en") -> str:
    """The last UTC day on which it can be had."""
    day = datetime.fromtimestamp(expires_at - 1, UTC)
    return _LANGUAGES[language].date.format(
        d=day.day, m=day.month, y=day.year, month=_MONTHS[day.month - 1]
    )


def _in_text(text: str, links: Sequence[Link], language: str) -> str:
    words = _LANGUAGES[language]
    lines = ["---", words.one if len(links) == 1 else words.many, ""]
    for link in links:
        lines += [f"{_name(link)} ({human_size(link.size_bytes, language)})", link.url, ""]
    lines.append(words.until.format(_until(links, language)))
    block = "\n".join(lines) + "\n"
    return f"{text.rstrip()}\n\n{block}" if text.strip() else block


def _in_html(html: str, links: Sequence[Link], language: str) -> str:
    words = _LANGUAGES[language]
    items = "".join(
        f'<li><a href="{escape(link.url)}">{escape(_name(link))}</a> '
        f"({escape(human_size(link.size_bytes, language))})</li>\n"
        for link in links
    )
    block = (
        f'\n<hr>\n<div lang="{language}">\n'
        f"<p><b>{escape(words.one if len(links) == 1 else words.many)}</b></p>\n"
        f"<ul>\n{items}</ul>\n"
        f"<p><small>{escape(words.until.format(_until(links, language)))}</small></p>\n</div>\n"
    )
    at = _end_of(html)
    return html[:at] + block + html[at:]


def _end_of(html: str) -> int:
    """Where the content ends: before the last `</body>`, else the last `</html>`, else all."""
    shown = _with_blank_comments(html)
    for pattern in (_BODY_END, _HTML_END):
        ends = [found.start() for found in pattern.finditer(shown)]
        if ends:
            return ends[-1]
    return len(html)


def _with_blank_comments(html: str) -> str:
    """As long as before. One that never ends is none."""
    pieces: list[str] = []
    at = 0
    while (start := html.find("<!--", at)) >= 0 and (end := html.find("-->", start + 4)) >= 0:
        pieces += [html[at:start], " " * (end + 3 - start)]
        at = end + 3
    return "".join([*pieces, html[at:]])


def _name(link: Link) -> str:
    """Nothing in it may reorder or hide what a reader sees."""
    return safe_text(link.name, _MAX_SHOWN_CHARS)


def _until(links: Sequence[Link], language: str) -> str:
    return human_date(min(link.expires_at for link in links), language)
