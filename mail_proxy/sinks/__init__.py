"""Receivers that the demo, the benchmark and the tests send to, on loopback.

`smtp.SmtpSink` is a mail server that follows a script, `reports.ReportSink` takes delivery
reports. Both keep what came. Import the one that is needed: aiohttp is loaded for reports only.
"""

__all__ = ["reports", "smtp"]
