"""Each kind of evidence is whole: a row, a field in the file, a reader, a view that it opens."""

import inspect
import re
from collections.abc import Iterator

import pytest

from policy_engine.evidence import EVERYTHING, Case, Needs, Run, UndeclaredNeed
from policy_engine.evidence.record import CandidateRecord, RunRecord
from policy_engine.testing import case, run
from policy_engine.tracking.run_reading import Begun

KINDS = [need for need in Needs if need is not Needs.RUN]
PLACES = {
    "of each run": "add it to READERS in policy_engine/tracking/run_reading.py",
    "with the run": "it comes with the run: take it out of READERS",
    "of the candidate": "run_reading.py reads for each run: take it out of READERS",
}


def views(view: type) -> Iterator[tuple[str, Needs]]:
    """Yield the properties whose docstring says what they need."""
    for name, member in vars(view).items():
        named = re.search(r"Needs `(\w+)`", inspect.getdoc(member) or "")
        if isinstance(member, property) and named:
            yield name, Needs[named[1]]


VIEWS = [(view, name, need) for view in (Run, Case) for name, need in views(view)]


@pytest.mark.parametrize("need", list(Needs), ids=str)
def test_each_kind_has_a_field_in_the_evidence_file(need: Needs) -> None:
    fields = {*RunRecord.model_fields, *CandidateRecord.model_fields}
    field = need.kind.field
    assert field in fields, f"{need}: add the field '{field}' to policy_engine/evidence/record.py"


@pytest.mark.parametrize("need", KINDS, ids=str)
def test_each_kind_is_read_as_its_row_says(need: Needs) -> None:
    due = need.kind.asked == "of each run" and need is not Needs.MODEL
    assert (need in Begun.READERS) is due, f"{need}: {PLACES[need.kind.asked]}"


@pytest.mark.parametrize("need", KINDS, ids=str)
def test_each_kind_opens_a_view(need: Needs) -> None:
    assert need in {opened for _, _, opened in VIEWS}, (
        f'{need}: no property of Run or Case says in its docstring "Needs `{need.name}`"; '
        "add it to policy_engine/evidence/run.py"
    )


@pytest.mark.parametrize(("view", "name", "need"), VIEWS)
def test_a_view_is_closed_to_who_does_not_declare_it(view: type, name: str, need: Needs) -> None:
    seen = case(EVERYTHING & ~need, candidate=run(), baseline=run())
    with pytest.raises(UndeclaredNeed) as caught:
        getattr(seen if view is Case else seen.candidate, name)
    assert caught.value.remedy == f"add `Needs.{need.name}` to the policy's `needs`"
