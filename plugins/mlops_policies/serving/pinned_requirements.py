"""Does the model name the exact packages that it was made with?"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Annotated, NamedTuple

from pydantic import Field

from policy_engine.evidence import (
    Case,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Model,
    Needs,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy, part
from policy_engine.quantities import Tighter, first_few

FILE = "requirements.txt"
PYTHON_FILE = "python_env.yaml"
_LOG_AGAIN = "log the model with MLflow's log_model, which writes it"
_MOST_NAMED = 5
_LONGEST = 4000
"""No honest requirement is longer (characters); a longer one counts as not pinned."""

# A name, perhaps with extras, and what follows it.
_NAMED = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?(?P<rest>.*)"
)
_EXACT = re.compile(r"={2,3}\s*[^\s,;=*()]+(?=\s*(?:[,;)]|$))")
_DIGEST = re.compile(r"(?:#|&|--hash[= ])(?:sha256|sha384|sha512)[=:][0-9a-fA-F]{64,128}\b")
_COMMIT = re.compile(r"git\+[^\s#]*@(?:[0-9a-f]{40}|[0-9a-f]{64})(?:#|\s|$)")
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|git\+|file:")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_PYTHON = re.compile(r"^python:\s*['\"]?(?P<version>\d+(?:\.\d+)*)", re.MULTILINE)
_MINOR = re.compile(r"(\d+)\.(\d+)(?:\.|$)")


class _Line(NamedTuple):
    """One requirement: its package, as it is shown, and whether one thing alone fulfils it."""

    name: str | None
    shown: str
    is_pinned: bool


class PinnedRequirements(Policy, name="pinned-requirements"):
    """Everything that the model needs is pinned, so that serving runs what training tested.

    `scikit-learn>=1.0` was one version when the model was trained and is another when it is served;
    a model that loads in another version may answer otherwise, without an error.

    - `requirements`: in `requirements.txt` of the model, no line is without `==` (and without a
      `*`), a digest (sha256 or longer), or a full commit (40 or 64 hexadecimal digits). A file that
      lies in the model itself (a wheel) is pinned. Packages in `allow_unpinned` are left out;
      a line that names another file (`-r`) counts as not pinned, since nobody reads that file
    - `python`: the minor version of Python in `python_env.yaml` is that in the MLmodel file

    Source: ML Test Score, Infra 1 (training is reproducible); the environment files of MLflow.

    Log it: `log_model(model, name=…)` infers pinned requirements; a list of your own is to be
    pinned: `pip_requirements=["scikit-learn==1.5.2"]`.
    """

    needs = Needs.MODEL | Needs.FILES

    allow_unpinned: Annotated[tuple[str, ...], Tighter.FEWER] = Field(
        default=(), strict=False, description="Packages that need no exact version (names)."
    )
    python_minor_match: Annotated[bool, Tighter.ON] = Field(
        default=True,
        description="Whether the environment file must name the Python of the training.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `requirements`, and `python` unless it is off."""
        model = case.candidate.model
        yield part("requirements", partial(self._requirements, model))
        if self.python_minor_match:
            yield part("python", partial(_python, model))

    def _requirements(self, model: Model) -> Finding:
        stored = frozenset(file.path for file in model.files)
        lines = list(_lines(model.text(FILE), stored))
        if not lines:
            raise MissingEvidence(f"{FILE} of the model names no package", _LOG_AGAIN)
        allowed = {_normal(name) for name in self.allow_unpinned}
        loose = [
            line
            for line in lines
            if not line.is_pinned and not (line.name and _normal(line.name) in allowed)
        ]
        named = first_few((line.shown for line in loose), _MOST_NAMED)
        count = Measurement(Decimal(len(loose)), "unpinned", Grade.MEASURED, FILE)
        return Finding(
            outcome=Outcome.FAIL if loose else Outcome.PASS,
            part="requirements",
            message=f"{len(loose)} of {len(lines)} requirements are not pinned"
            f"{': ' if loose else ''}{named}; none may be",
            measured=count,
            limit=Limit(Decimal(0), "unpinned"),
            remedy="write each as name==version, or let log_model infer them: leave "
            "pip_requirements out"
            if loose
            else None,
        )


def _python(model: Model) -> Finding:
    found = _PYTHON.search(model.text(PYTHON_FILE))
    if found is None:
        raise MissingEvidence(f"{PYTHON_FILE} of the model names no Python version", _LOG_AGAIN)
    flavors = model.mlmodel.get("flavors")
    flavor = flavors.get("python_function") if isinstance(flavors, dict) else None
    trained = flavor.get("python_version") if isinstance(flavor, dict) else None
    if trained is None:
        raise MissingEvidence("the MLmodel file names no Python version", _LOG_AGAIN)
    written = found["version"]
    minors = [_MINOR.match(str(version)) for version in (written, trained)]
    if minors[0] is None or minors[1] is None:
        raise InvalidEvidence(
            f"Python is '{written}' in {PYTHON_FILE} and '{trained}' in the MLmodel file; both "
            "must be versions such as 3.12.1",
            _LOG_AGAIN,
        )
    if minors[0].groups() == minors[1].groups():
        return Finding(
            outcome=Outcome.PASS,
            part="python",
            message=f"Python is {written} in {PYTHON_FILE} and {trained} in the MLmodel file: "
            "one minor version",
        )
    return Finding(
        outcome=Outcome.FAIL,
        part="python",
        message=f"Python is {written} in {PYTHON_FILE} and {trained} in the MLmodel file; the "
        "minor versions must be equal",
        remedy="log the model again from the Python that it shall be served with",
    )


def _lines(text: str, stored: frozenset[str]) -> Iterator[_Line]:
    """Yield the requirements of a file in pip's format; options that require nothing are left."""
    joined = re.sub(r"\\\r?\n", " ", text)
    for number, raw in enumerate(joined.splitlines(), 1):
        line = _COMMENT.sub("", raw).strip()
        if not line:
            continue
        if len(raw) > _LONGEST:
            yield _Line(None, f"line {number}", is_pinned=False)
            continue
        if line.startswith("-"):
            option, value = _option(line)
            if option in {"-r", "--requirement"}:
                yield _Line(None, f"-r in line {number}", is_pinned=False)
                continue
            if option not in {"-e", "--editable"}:
                continue
            line = value
        yield _requirement(line, raw, number, stored)


def _option(line: str) -> tuple[str, str]:
    """Split an option from its value: `-r a.txt`, `-ra.txt`, `--requirement=a.txt`."""
    if line.startswith("--"):
        option, _, value = re.sub(r"[=\s]", " ", line, count=1).partition(" ")
        return option, value.strip()
    return line[:2], line[2:].strip()


def _requirement(line: str, raw: str, number: int, stored: frozenset[str]) -> _Line:
    # `raw`, since the digest of a URL stands where a comment would.
    has_digest = bool(_DIGEST.search(raw) or _COMMIT.search(line))
    path = line.partition(";")[0].strip().removeprefix("./")
    if path in stored:
        return _Line(None, path, is_pinned=True)
    named = _NAMED.fullmatch(line)
    if named is None or _URL.match(line):
        # A URL may hold a password: it is not shown.
        return _Line(None, f"line {number}", is_pinned=has_digest)
    name, rest = named["name"], named["rest"].strip()
    if rest.startswith("@"):
        return _Line(name, f"{name} @ (a URL)", is_pinned=has_digest)
    specifier = rest.partition(";")[0].partition(" --")[0].strip()
    if specifier and specifier[0] not in "=<>!~(,":
        return _Line(None, f"line {number}", is_pinned=has_digest)
    shown = f"{name}{specifier}"
    return _Line(name, shown, is_pinned=bool(has_digest or _EXACT.search(specifier)))


def _normal(name: str) -> str:
    """Return a package name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
