"""`mail-proxy bench`: how fast an instance accepts and delivers on this machine.

Everything runs in a throw-away folder. What must not take the daemon's time has a process of its
own: the mail server, the receiver of reports, the clients that post.
"""

from mail_proxy.bench.figures import FIGURES, Figure, Result
from mail_proxy.bench.plan import MEASURES, BenchFailed, Plan
from mail_proxy.bench.run import Document, run_bench

__all__ = [
    "FIGURES",
    "MEASURES",
    "BenchFailed",
    "Document",
    "Figure",
    "Plan",
    "Result",
    "run_bench",
]
