"""Names in strangers' tables: alike but for what nobody sees, shown so that it is seen."""

import re
import unicodedata

_SUMMARIES = {"all", "average", "avg", "gesamt", "max", "maximum", "mean", "means", "median", "min"}
_SUMMARIES |= {"minimum", "mittel", "mittelwert", "moyenne", "media", "overall", "promedio", "sd"}
_SUMMARIES |= {"std", "stdev", "std dev", "standard deviation", "sum", "total", "mean sd"}
_SUMMARIES |= {"mean std", "total average", "overall mean", "all cases"}


def plain(text: str) -> str:
    r"""A name without what a reader can't see: case, blanks, the form of Unicode.

    >>> plain(" Team\N{NO-BREAK SPACE}A") == plain("team a")
    True
    """
    visible = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return " ".join("".join(visible).casefold().split())


def says_summary(name: str) -> bool:
    """Whether a row of this name sums others up, and is none of a team or a case itself.

    >>> says_summary("Mean ± SD:"), says_summary("Mean shape")
    (True, False)
    """
    return " ".join(re.findall(r"[^\W\d_]+", plain(name))) in _SUMMARIES


def quoted(text: str) -> str:
    r"""A cell as a message shows it, with blanks and combining characters to be seen.

    >>> quoted("A\N{NO-BREAK SPACE}")
    "'A\\xa0'"
    """
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    hidden = any(unicodedata.category(c)[0] in "CMZ" and c != " " for c in shown)
    return ascii(shown) if hidden else repr(shown)
