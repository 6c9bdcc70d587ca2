"""Receivers that the demo, the benchmark and the tests send to, on loopback.

`smtp.SmtpSink` is a mail server that follows a script, `reports.ReportSink` takes delivery
reports. Both keep what came. `link.Link` is a slow line between a client and one of them,
`certificates.Authority` makes their certificates, good and bad. Import the one that is needed:
aiohttp is loaded for reports only, cryptography for certificates.
"""

__all__ = ["certificates", "link", "reports", "smtp"]
