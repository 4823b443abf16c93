"""What is known of a metric by its name: its direction, its range, its point.

A name is read as the frameworks build it: words for the data and the way in which it was taken,
the kind of metric, and such words again (`validation_0-logloss`, `val_sparse_categorical_accuracy`,
`test_accuracy_epoch`, `accuracy_score_X_test`). An unknown name is fine: then the policy file
says the direction and the point.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal

from policy_engine.evidence.metric_words import (
    COEFFICIENTS,
    DOWN,
    LOSSES,
    PLACES,
    RATES,
    SCORES,
    TRAINING,
    UP,
)

Goal = Literal["maximize", "minimize"]

POINT = Decimal("0.01")
"""One point (pt) of a metric that lies in [0, 1], of R2, MCC and kappa."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a metric's name tells.

    Attributes:
        goal: The direction that is better.
        bounded: Whether every value lies in [0, 1]; a value outside is invalid.
        point: One point in the metric's units, or None where only the policy file can say.
        perfect: The best value there is, or None where there is none.
    """

    goal: Goal
    bounded: bool
    point: Decimal | None
    perfect: Decimal | None


_KINDS = (
    (SCORES, Known("maximize", bounded=True, point=POINT, perfect=Decimal(1))),
    (COEFFICIENTS, Known("maximize", bounded=False, point=POINT, perfect=Decimal(1))),
    (RATES, Known("minimize", bounded=True, point=POINT, perfect=Decimal(0))),
    (LOSSES, Known("minimize", bounded=False, point=None, perfect=Decimal(0))),
    (
        frozenset({"perplexity", "ppl"}),
        Known("minimize", bounded=False, point=None, perfect=Decimal(1)),
    ),
    (DOWN, Known("minimize", bounded=False, point=None, perfect=None)),
    (UP, Known("maximize", bounded=False, point=None, perfect=None)),
)
_BY_KIND = {name: known for names, known in _KINDS for name in names}
_NEGATED = Known("maximize", bounded=False, point=None, perfect=Decimal(0))
"""A loss with its sign turned, as scikit-learn's scorers say it (`neg_log_loss`)."""

_ESTIMATOR_SCORE = re.compile(r"(?P<estimator>[A-Z][A-Za-z0-9]*)_score(?:-\d+)?_(?P<data>\w+)")
_SCORE_OF = (
    (("Classifier", "LogisticRegression", "SVC", "NB"), _BY_KIND["accuracy"]),
    (("Regressor", "LinearRegression", "Ridge", "Lasso", "ElasticNet", "SVR"), _BY_KIND["r2"]),
    # Greater is better; what it is, the last step or `scoring=` decides.
    (("Pipeline", "SearchCV"), Known("maximize", bounded=False, point=None, perfect=None)),
)
"""What `score()` gives of scikit-learn's estimators, by how their names end."""
_VARIABLE = re.compile(r"x[a-z]*")
"""A variable as people call the features: `X_test`, `Xv`, `xtest`."""

_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NUMBERED = re.compile(r"[a-z]+?\d+")


@dataclass(frozen=True, slots=True)
class _Read:
    """A name as it was read: the kind, and the words around it."""

    known: Known
    around: tuple[str, ...]


@cache
def known(name: str) -> Known | None:
    """Return what is known of the metric called `name`, or None."""
    read = _read(name)
    return read.known if read else None


@cache
def of_training_rows(name: str) -> bool:
    """Say whether a metric's name says that it was taken on the rows that training saw."""
    read = _read(name)
    if read is not None:
        return any(map(_is_training, read.around))
    words = _words(name)
    return len(words) > 1 and words[0] in TRAINING and words[-1] == "score"


def _read(name: str) -> _Read | None:
    """Read a name, in lower case and by its capitals (`BinaryF1Score`)."""
    for text in dict.fromkeys((name, _CASE.sub(" ", name))):
        words = _words(text)
        for start, end in _spans(len(words)):
            kind = _kind(words[start:end])
            before, behind = words[:start], words[end:]
            if kind is None or not (_are_places(before) and _are_places(_of_call(behind))):
                continue
            around = (*before, *behind)
            if not _NEGATIONS.intersection(around):
                return _Read(kind, around)
            return _Read(_NEGATED, around) if kind.perfect == 0 else None
    return _score_of_estimator(name)


def _score_of_estimator(name: str) -> _Read | None:
    """Read what autologging calls `model.score(X_test, y_test)`: mostly accuracy, or R2."""
    found = _ESTIMATOR_SCORE.fullmatch(name)
    if found is None:
        return None
    kinds = (known for ends, known in _SCORE_OF if found["estimator"].endswith(ends))
    kind = next(kinds, None)
    return _Read(kind, _words(found["data"])) if kind else None


_NEGATIONS = frozenset({"neg", "negative"})


def _words(text: str) -> tuple[str, ...]:
    return tuple(w for w in re.split(r"[^a-z0-9]+", text.lower()) if w)


def _spans(count: int) -> Iterator[tuple[int, int]]:
    """Yield where a kind may stand among so many words, the longest first."""
    for length in range(count, 0, -1):
        for start in range(count - length + 1):
            yield start, start + length


def _kind(words: tuple[str, ...]) -> Known | None:
    """Return what a kind says; a number behind it counts copies or names a cut-off (`map50`)."""
    name = "_".join(words)
    return _BY_KIND.get(name) or _BY_KIND.get(name.rstrip("0123456789"))


def _are_places(words: tuple[str, ...]) -> bool:
    return all(
        word in PLACES
        or word in _NEGATIONS
        or word.isdecimal()
        or (_NUMBERED.fullmatch(word) is not None and word.rstrip("0123456789") in PLACES)
        for word in words
    )


def _of_call(behind: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the data's variable, with which MLflow ends a scikit-learn metric's name."""
    start = next((i for i, word in enumerate(behind) if _VARIABLE.fullmatch(word)), len(behind))
    return behind[:start]


def _is_training(word: str) -> bool:
    """Say whether a word names training data, or a variable of it (`X_train`, `xtrain`)."""
    return word in TRAINING or word.removeprefix("x") in TRAINING
