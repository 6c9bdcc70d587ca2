"""What an operator reads: log lines (`events`), where they go (`log`), numbers (`metrics`).

Import the modules; `events` is cheap, `metrics` loads the Prometheus client.
"""

__all__ = ["bound", "events", "lines", "log", "log_lines", "metrics", "news", "redact", "tail"]
