"""The engine: claims what is due, sends it, writes down what became of it."""

from mail_proxy.delivery.engine import Engine

__all__ = ["Engine"]
