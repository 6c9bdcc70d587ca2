"""An outbound mail proxy: a durable queue between applications and their SMTP accounts."""

__version__ = "0.1.0"
