"""Access tokens for mail servers: fetched once for many connections, and kept until they end.

What is asked and what an answer means stands in `domain.oauth2`; SMTP and IMAP only take a token.
"""

from mail_proxy.oauth2.tokens import AccessTokens

__all__ = ["AccessTokens"]
