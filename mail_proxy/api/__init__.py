"""The HTTP face: routes, tokens and sockets in front of `MailProxy`; it decides nothing."""

from mail_proxy.api.app import Door, build_app
from mail_proxy.api.server import ApiServer

__all__ = ["ApiServer", "Door", "build_app"]
