"""The engine: ring, claim, attempt, journal, finish; and what dead daemons left behind."""

from mail_proxy.delivery.attached import AttachedLetters
from mail_proxy.delivery.engine import Engine
from mail_proxy.delivery.journal import Journal
from mail_proxy.delivery.recovery import Recovery
from mail_proxy.delivery.results import Told

__all__ = ["AttachedLetters", "Engine", "Journal", "Recovery", "Told"]
