"""Whether the words of a column's name say that it holds a datum, or only something about one.

`phone_number` holds a phone number; `phone_model`, `n_phones` and `has_phone` do not.
"""

import re
from collections.abc import Sequence

_EITHER = (
    "count counts cnt total sum avg mean median min max std distinct unique type types kind kinds "
    "rate rates ratio pct percent percentage share freq frequency score flag flags matches match "
    "matched mismatch similarity distance days weeks months years hours minutes since age same "
    "is has was had does length len"
)
_BEFORE = frozenset(f"{_EITHER} n num nb with without different time".split())
_BEHIND = frozenset(
    f"{_EITHER} category class level tier status model brand plan service services provider "
    "carrier operator network os device format source channel domain country region area isp asn "
    "version risk reputation velocity open opens opened click clicks clicked sent received replies "
    "reply calls called logins visits campaign campaigns marketing bounce bounces bounced bounced "
    "unsubscribed subscribed subscription optin opt consent verified verification confirmed valid "
    "validity invalid known unknown missing present available changed change changes free blocked "
    "shared required enabled used usage use activity attempts errors lines limit balance amount "
    "spend spending payment payments transaction transactions fee fees".split()
)
_NUMBER = frozenset(("number", "numbers", "no", "nr", "address"))
_SPAN = re.compile(r"\d+(?:d|w|m|q|y|h|min|days?|weeks?|months?|years?|hours?)")
_OTHER_CARDS = frozenset("red yellow sd gift graphics video memory report score punch".split())


def is_about(words: Sequence[str], start: int, end: int) -> bool:
    """Say whether a name counts, types, rates or flags what its words from start to end name.

    Args:
        words: All words of the name, in lower case.
        start: Where the datum's words begin.
        end: Behind its last word.
    """
    before, behind = words[:start], words[end:]
    if _BEFORE.intersection(before) or tuple(before[-2:]) == ("number", "of"):
        return True
    if words[start].rstrip("s") == "card" and _OTHER_CARDS.intersection(before[-1:]):
        return True
    if behind and behind[-1] in _NUMBER:
        return False
    return any(word in _BEHIND or _SPAN.fullmatch(word) for word in behind)
