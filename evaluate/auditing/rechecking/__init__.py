"""Everything that a run directory says, computed again from what it rests on.

Files are compared with their digests, scores with their masks, places with their scores. Each level
is made again from the level below as it was recorded where that is still known, so that one change
is found once, at its root, and not in all that follows from it.
"""

from evaluate.auditing.rechecking.basis import AtHand
from evaluate.auditing.rechecking.levels import Recheck, recheck

__all__ = ["AtHand", "Recheck", "recheck"]
