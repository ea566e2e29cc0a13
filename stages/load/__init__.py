"""Load: Trakt's side of every row is merged into the application database, in one transaction."""

from stages.load.accounts import Account, accounts, baseline, bases, blocked, committed, refuse_blocked
from stages.load.diff import diff
from stages.load.enlisting import enlist
from stages.load.forgetting import forget_rows
from stages.load.stage import load
from stages.load.standing import stand, standing
from stages.load.undo import AlreadyUndone, undo
from stages.load.written import LoadedRun

__all__ = [
    "Account",
    "AlreadyUndone",
    "LoadedRun",
    "accounts",
    "baseline",
    "bases",
    "blocked",
    "committed",
    "diff",
    "enlist",
    "forget_rows",
    "load",
    "refuse_blocked",
    "stand",
    "standing",
    "undo",
]
