"""The daemon: builds everything, runs it, handles signals.

A program, not a library: `python -m mail_proxy.daemon NAME`, or `--serve`. Nothing imports it;
`control/process.py` starts and stops it.
"""

__all__: list[str] = []
