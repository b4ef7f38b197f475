"""Places out of scores, and how sure they are. Pure: no files, no clocks, no logging."""

from evaluate.ranking.ranker import rank
from evaluate.ranking.result import RankingRow, Result

__all__ = ["RankingRow", "Result", "rank"]
