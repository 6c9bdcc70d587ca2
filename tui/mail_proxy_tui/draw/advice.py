"""What a person can do about a message that has failed or is in doubt. Pure."""

from __future__ import annotations

import re

from mail_proxy.domain.reply import Reply, parse_reply
from mail_proxy.domain.state import State
from mail_proxy_tui.draw.messages import priority_word
from mail_proxy_tui.feed.base import Letter

# Of 5.x.y, RFC 3463 sections 3.2 to 3.8: the longest name that fits counts.
_BY_STATUS = {
    "5.1": "the address cannot be used; mend it at the sender",
    "5.1.1": "the address does not exist; fix it at the sender",
    "5.1.2": "the domain of the address takes no mail; fix it at the sender",
    "5.1.3": "the address is misspelt; fix it at the sender",
    "5.1.6": "the recipient has moved; ask for the new address",
    "5.1.7": "the sender's address is misspelt; fix it at the sender",
    "5.1.8": "the sender's domain is not known; mend the sender's address or its DNS",
    "5.1.10": "the domain of the address takes no mail; fix it at the sender",
    "5.2": "the mailbox takes no mail now; ask the recipient",
    "5.2.1": "the mailbox is disabled; ask the recipient for another address",
    "5.2.2": "the mailbox is full; ask the recipient to make room",
    "5.2.3": "the message is too large for the mailbox; make it smaller at the sender",
    "5.3": "the recipient's server cannot take it; ask who runs it",
    "5.3.4": "the message is too large for its server; make it smaller at the sender",
    "5.4": "its server finds no way to the recipient; look at the domain's DNS",
    "5.5": "the servers do not understand each other; ask who runs the relay",
    "5.6": "its content is not taken; mend it at the sender",
    "5.7": "its server does not allow it; ask who runs it, or use another account",
    "5.7.1": "its server does not allow this sender or content; ask who runs it",
    "5.7.26": "the sender's domain proves nothing; mend its SPF and DKIM",
}
_BY_CODE = {
    530: _BY_STATUS["5.7"],
    535: _BY_STATUS["5.7"],
    550: "its server refuses this address or this sender; read the reply, and mend that",
    551: _BY_STATUS["5.1.6"],
    552: _BY_STATUS["5.2.2"],
    553: _BY_STATUS["5.1.3"],
    554: _BY_STATUS["5.7.1"],
}
_IN_DOUBT = (
    "ask whoever should have it: i settles it as sent or failed; r sends it again, and it may "
    "arrive twice"
)
_UNKNOWN = re.compile(r"user unknown|unknown user|no such user|does not exist", re.IGNORECASE)
_REPLY = re.compile(r"(?<!\d)(?P<code>5\d\d)[ -](?P<text>.*)", re.DOTALL)
# As the history has it: `5.1.1 user unknown (SMTP 550)`.
_TOLD = re.compile(r"(?P<text>5\.\d.*|.*?) \(SMTP (?P<code>5\d\d)\)", re.DOTALL)


def advice(letter: Letter, *, can_act: bool) -> str:
    """What to do, in a line; empty where `why` says it all. can_act: keys do something now."""
    if letter.row.state is State.IN_DOUBT and can_act:
        return _IN_DOUBT
    if letter.row.state is not State.FAILED:
        return ""
    found = reply_of(letter)
    if found is None:
        told = "it was given up without a final refusal; see why in the timeline"
    else:
        told = _advice(found)
    return f"{told}, then r to retry" if can_act and _may_be_retried(letter) else told


def chance(letter: Letter, *, can_act: bool) -> str:
    """What a retry of a failed message is; empty where there is none."""
    if letter.row.state is not State.FAILED or not can_act or not _may_be_retried(letter):
        return ""
    return (
        "Retry is allowed: it resets the tries to 0 and sends with priority "
        f"{priority_word(letter.row)}."
    )


def _may_be_retried(letter: Letter) -> bool:
    """What has expired is never sent later: no command is told for it."""
    return letter.do is not None


def reply_of(letter: Letter) -> Reply | None:
    """The 5yz that ended it; None where there was none."""
    for text in (letter.why, letter.row.why, *(r.reply for r in letter.recipients)):
        if match := _TOLD.search(text) or _REPLY.search(text):
            return parse_reply(int(match["code"]), match["text"])
    return None


def _advice(reply: Reply) -> str:
    if _UNKNOWN.search(reply.text) and not reply.enhanced.startswith("5.7"):
        return _BY_STATUS["5.1.1"]
    status = reply.enhanced
    while status:
        if status in _BY_STATUS:
            return _BY_STATUS[status]
        status = status.rpartition(".")[0]
    return _BY_CODE.get(reply.code, "its server refused it for good; mend what the reply says")
