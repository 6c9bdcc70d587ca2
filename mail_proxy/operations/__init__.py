"""What a person or a program may ask for: one function each, one table of them.

`Door` is how they are reached; `proxy.py` builds what they work with.
"""

from mail_proxy.operations.audit import Audit
from mail_proxy.operations.context import Context, Reporting, Sending
from mail_proxy.operations.directory import Directory
from mail_proxy.operations.door import Door
from mail_proxy.operations.numbers import Numbers
from mail_proxy.operations.results import Results
from mail_proxy.operations.table import OPERATIONS, Operation
from mail_proxy.operations.tokens import Tokens
from mail_proxy.operations.upkeep import Upkeep
from mail_proxy.operations.vitals import Vitals

__all__ = [
    "OPERATIONS",
    "Audit",
    "Context",
    "Directory",
    "Door",
    "Numbers",
    "Operation",
    "Reporting",
    "Results",
    "Sending",
    "Tokens",
    "Upkeep",
    "Vitals",
]
