"""What an edit of policy files makes of the rules: values are compared, not lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.loading import load_texts
from policy_engine.policy_file.edits import MOST, Edited, Policies, edited

if TYPE_CHECKING:
    from collections.abc import Mapping

FRAUD = "policies/fraud.yaml"
WAIVERS = "policies/waivers.yaml"
HEAD = "version: 1\n"
BOUND = "policies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n"
PLAIN = HEAD + BOUND
LIMIT = "{metric: val_f1, min: 0.9}"


def policies(files: Mapping[str, str]) -> Policies:
    """Return policies of these files; `_…` and waivers lie beside them."""
    names = [path.rpartition("/")[2] for path in files]
    beside = {p for p, n in zip(files, names, strict=True) if n.startswith(("_", "waivers"))}
    texts = {path: text.encode() for path, text in files.items()}
    loaded = load_texts(
        {path: text for path, text in texts.items() if path not in beside},
        {path: text for path, text in texts.items() if path in beside},
    )
    return Policies.of(loaded.policies, loaded.drafts)


def edits(old: Mapping[str, str], new: Mapping[str, str]) -> Edited:
    return edited(policies(old), policies(new) if new else Policies())


def told(old: str, new: str) -> list[tuple[str, ...]]:
    """Return the edits of one file, as strictness, change, key and the two values."""
    found = edits({FRAUD: old}, {FRAUD: new}).edits
    return [(e.strictness, e.change, e.key, e.before or "", e.after or "") for e in found]


def setting(text: str, policy: str = "metric-threshold") -> str:
    return f"{HEAD}policies:\n  {policy}: {{{text}}}\n"


@pytest.mark.parametrize(
    ("old", "new", "key", "strictness", "before", "after"),
    [
        (
            "metric: val_f1, min: 0.9",
            "metric: val_f1, min: 0.1",
            "min",
            "looser",
            "0.9",
            "0.1",
        ),
        ("metric: val_f1, min: 0.1", "metric: val_f1, min: 0.9", "min", "tighter", "0.1", "0.9"),
        ("metric: val_f1, min: 0.9", "metric: auc, min: 0.9", "metric", "neither", "val_f1", "auc"),
        (
            "metric: val_f1, min: 0.9, max: 0.95",
            "metric: val_f1, min: 0.9",
            "max",
            "looser",
            "0.95",
            "off (default)",
        ),
        (
            "metric: val_f1, min: 0.9",
            "metric: val_f1, min: 0.9, level: advisory",
            "level",
            "looser",
            "overridable (default)",
            "advisory",
        ),
        (
            "metric: val_f1, min: 0.9",
            "metric: val_f1, min: 0.9, on_missing: skip",
            "on_missing",
            "looser",
            "block (default)",
            "skip",
        ),
        (
            "metric: val_f1, min: 0.9",
            "metric: val_f1, min: 0.9, on_inconclusive: block",
            "on_inconclusive",
            "tighter",
            "warn (default)",
            "block",
        ),
        (
            "metric: val_f1, min: 0.9",
            "metric: val_f1, min: 0.9, enforce_from: 2027-01-31",
            "enforce_from",
            "looser",
            "off (default)",
            "2027-01-31",
        ),
        (
            "metric: val_f1, min: 0.9, enforce_from: 2027-01-31",
            "metric: val_f1, min: 0.9, enforce_from: 2027-01-01",
            "enforce_from",
            "tighter",
            "2027-01-31",
            "2027-01-01",
        ),
        (
            "metric: val_f1, min: 0.9",
            'metric: val_f1, min: 0.9, when: "false"',
            "when",
            "looser",
            "off (default)",
            "'false'",
        ),
        (
            'metric: val_f1, min: 0.9, when: "true"',
            'metric: val_f1, min: 0.9, when: "false"',
            "when",
            "neither",
            "'true'",
            "'false'",
        ),
    ],
)
def test_a_setting_is_looser_tighter_or_neither(
    old: str, new: str, key: str, strictness: str, before: str, after: str
) -> None:
    expected = (strictness, "changed", f"policies.metric-threshold.{key}", before, after)
    assert told(setting(old), setting(new)) == [expected]


def test_what_says_the_same_in_other_words_is_no_edit() -> None:
    old = setting("max_size: 1000kB", "model-size-budget")
    new = setting("max_size: 1MB, why: because, on_missing: block", "model-size-budget")
    assert told(old, f"# moved\n\n{new}first_run: false\n") == []


def test_a_binding_that_goes_is_told_before_one_that_is_loosened_and_mandatory_ones_first() -> None:
    old = (
        f"{PLAIN}  clean-tree: on\n  f1: {{policy: metric-threshold, metric: f1, min: 0.9,"
        " level: mandatory}\n"
    )
    new = f"{HEAD}{BOUND.replace('0.9', '0.5')}  f1: {{policy: metric-threshold, metric: f1,"
    new += " min: 0.8, level: mandatory}\n"
    assert [row[:3] for row in told(old, new)] == [
        ("looser", "changed", "policies.f1.min"),
        ("looser", "removed", "policies.clean-tree"),
        ("looser", "changed", "policies.metric-threshold.min"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "row"),
    [
        ("", "first_run: true\n", ("looser", "added", "first_run", "", "true")),
        ("first_run: true\n", "", ("tighter", "removed", "first_run", "true", "")),
        (
            "",
            "applies_to: {model: nobody}\n",
            ("looser", "added", "applies_to.model", "", "nobody"),
        ),
        (
            'applies_to: {model: "fraud-*"}\n',
            "applies_to: {model: nobody}\n",
            ("looser", "changed", "applies_to.model", "fraud-*", "nobody"),
        ),
        (
            "applies_to: {model: fraud-lr}\n",
            'applies_to: {model: "fraud-*"}\n',
            ("tighter", "changed", "applies_to.model", "fraud-lr", "fraud-*"),
        ),
        (
            'applies_to: {tags: {region: "eu-*"}}\n',
            'applies_to: {tags: {region: "eu-*", team: x}}\n',
            ("looser", "added", "applies_to.tags.team", "", "x"),
        ),
        (
            "",
            'candidate: {paths: ["training/**"]}\n',
            ("looser", "added", "candidate.paths", "", "[training/**]"),
        ),
        (
            'candidate: {paths: ["training/**"]}\n',
            'candidate: {paths: ["training/train.py"]}\n',
            (
                "looser",
                "changed",
                "candidate.paths",
                "[training/**]",
                "[training/train.py]",
            ),
        ),
        (
            'candidate: {paths: ["training/*.py"]}\n',
            'candidate: {paths: ["training/**", "data/**"]}\n',
            (
                "tighter",
                "changed",
                "candidate.paths",
                "[training/*.py]",
                "[training/**, data/**]",
            ),
        ),
        (
            'candidate: {paths: ["**"]}\n',
            "",
            ("looser", "removed", "candidate.paths", "['**']", ""),
        ),
        (
            'candidate: {paths: ["training/**"]}\n',
            "",
            ("tighter", "removed", "candidate.paths", "[training/**]", ""),
        ),
        (
            "metric: {name: val_f1, take: best}\n",
            "metric: {name: val_f1, take: last}\n",
            ("neither", "changed", "metric.take", "best", "last"),
        ),
        (
            "baseline: [{alias: champion}]\n",
            "baseline: [{tag: {kind: mine}}]\n",
            ("neither", "changed", "baseline", "[{alias: champion}]", "[{tag: {kind: mine}}]"),
        ),
        (
            "prices: {default: 1 USD/h}\n",
            "prices: {default: 0.01 USD/h}\n",
            ("neither", "changed", "prices.default", "1 USD/h", "0.01 USD/h"),
        ),
        (
            "",
            "evidence: {names: {val_f1: lucky}}\n",
            ("neither", "added", "evidence.names.val_f1", "", "lucky"),
        ),
        ("", "extends: [_base.yaml]\n", ("neither", "added", "extends", "", "_base.yaml")),
    ],
)
def test_a_section_says_what_it_makes_of_the_rules(
    old: str, new: str, row: tuple[str, ...]
) -> None:
    beside = {"policies/_base.yaml": HEAD}
    found = edits({FRAUD: PLAIN + old, **beside}, {FRAUD: PLAIN + new, **beside}).edits
    assert [(e.strictness, e.change, e.key, e.before or "", e.after or "") for e in found] == [row]


def test_each_edit_has_its_lines_in_both_texts() -> None:
    old = f"{HEAD}extends: [_base.yaml]\npolicies:\n  clean-tree: on\n"
    beside = {"policies/_base.yaml": PLAIN}
    new = f"{HEAD}extends: [_base.yaml]\npolicies:\n  metric-threshold: {{min: 0.1}}\n"
    removed, loosened = sorted(
        edits({FRAUD: old, **beside}, {FRAUD: new, **beside}).edits, key=lambda e: e.key
    )
    assert loosened.was is not None
    assert (loosened.was.file, loosened.was.line) == ("policies/_base.yaml", 3)
    assert loosened.where is not None
    assert (loosened.where.file, loosened.where.line) == (FRAUD, 4)
    assert removed.was is not None
    assert (removed.was.file, removed.was.line, removed.where) == (FRAUD, 4, None)


def test_a_binding_that_is_turned_off_stands_at_the_line_that_does_it() -> None:
    beside = {"policies/_base.yaml": PLAIN + "  clean-tree: on\n"}
    old = {FRAUD: HEAD + "extends: [_base.yaml]\n", **beside}
    new = {FRAUD: HEAD + "extends: [_base.yaml]\npolicies:\n  clean-tree: off\n", **beside}
    (edit,) = edits(old, new).edits
    assert edit.where is not None
    assert (edit.change, edit.where.file, edit.where.line) == ("removed", FRAUD, 4)


def test_what_a_pack_says_stands_where_the_file_extends_it() -> None:
    new = HEAD + "extends: [recommended]\npolicies:\n  metric-threshold: " + LIMIT + "\n"
    found = [e for e in edits({FRAUD: PLAIN}, {FRAUD: new}).edits if e.change == "added"]
    assert {(e.where.file, e.where.line) for e in found if e.where} == {(FRAUD, 2)}


def test_every_binding_of_a_file_that_is_deleted_is_removed() -> None:
    found = edits({FRAUD: PLAIN + "  clean-tree: on\n"}, {}).edits
    assert [(e.change, e.key, e.before) for e in found] == [
        ("removed", "policies.metric-threshold", LIMIT),
        ("removed", "policies.clean-tree", "{}"),
    ]
    assert [e.was.line for e in found if e.was] == [3, 4]


def test_a_file_that_is_renamed_is_compared_with_itself() -> None:
    new = "policies/risk.yaml"
    loosened = PLAIN.replace("0.9", "0.5")
    found = edits(
        {FRAUD: PLAIN}, {new: loosened, "policies/x.yaml": HEAD + "policies: {clean-tree: on}\n"}
    ).edits
    assert [(e.strictness, e.key, e.policy_file) for e in found] == [
        ("looser", "policies.metric-threshold.min", new),
        ("neither", "", new),
        ("tighter", "policies.clean-tree", "policies/x.yaml"),
    ]


def test_another_policy_under_the_same_id_is_neither() -> None:
    old = setting("policy: metric-threshold, metric: val_f1, min: 0.9", "mine")
    new = setting("policy: clean-tree", "mine")
    row = ("neither", "changed", "policies.mine.policy", "metric-threshold", "clean-tree")
    assert told(old, new) == [row]


WAIVER = """\
version: 1
waivers:
  - id: model-size-budget
    model: "fraud-*"
    part: size
    ceiling: 250MB
    reason: next week
    owner: "@ana"
    approved_by: "@ben"
    ticket: ML-12
    expires: 2026-12-31
"""
SIZED = HEAD + "policies:\n  model-size-budget: {max_size: 200MB}\n"


def waivers(old: str | None, new: str | None) -> list[tuple[str, ...]]:
    sides = [{FRAUD: SIZED} | ({WAIVERS: text} if text else {}) for text in (old, new)]
    found = edits(*sides).edits
    return [(e.strictness, e.change, e.key, e.before or "", e.after or "") for e in found]


WHOLE = (
    "part: size, model: fraud-*, ceiling: 250MB, reason: next week, owner: @ana, "
    "approved_by: @ben, ticket: ML-12, expires: 2026-12-31"
)


def test_a_waiver_that_comes_loosens_and_one_that_goes_tightens() -> None:
    key = "waivers.model-size-budget"
    assert waivers(None, WAIVER) == [("looser", "added", key, "", WHOLE)]
    assert waivers(WAIVER, None) == [("tighter", "removed", key, WHOLE, "")]
    assert waivers(WAIVER, f"# moved\n{WAIVER}") == []


@pytest.mark.parametrize(
    ("old", "new", "strictness", "before", "after"),
    [
        ('"fraud-*"', '"*"', "looser", "model: fraud-*", "model: *"),
        ("part: size", "", "looser", "part: size", "for policies/fraud.yaml"),
        ("ceiling: 250MB", "ceiling: 900MB", "looser", "ceiling: 250MB", "ceiling: 900MB"),
        ("ceiling: 250MB", "ceiling: 210MB", "tighter", "ceiling: 250MB", "ceiling: 210MB"),
        ("2026-12-31", "2027-01-31", "looser", "expires: 2026-12-31", "expires: 2027-01-31"),
        ("2026-12-31", "2026-12-01", "tighter", "expires: 2026-12-31", "expires: 2026-12-01"),
        ("@ben", "@eve", "neither", "approved_by: @ben", "approved_by: @eve"),
    ],
)
def test_a_waiver_that_lets_more_pass_is_looser(
    old: str, new: str, strictness: str, before: str, after: str
) -> None:
    text = WAIVER.replace(old, new) if new else WAIVER.replace(f"    {old}\n", "")
    row = (strictness, "changed", "waivers.model-size-budget", before, after)
    assert waivers(WAIVER, text) == [row]


def test_the_worst_edits_are_named_and_the_others_counted() -> None:
    many = "".join(
        f"  f{i}: {{policy: metric-threshold, metric: f1, min: 0.9}}\n" for i in range(MOST + 5)
    )
    last = "  last: {policy: metric-threshold, metric: f1, min: 0.9}\n"
    old, new = HEAD + "policies:\n" + last, HEAD + "policies:\n" + many + last.replace("9", "1")
    found = edits({FRAUD: old}, {FRAUD: new})
    assert (len(found.edits), found.more) == (MOST, 6)
    assert found.edits[0].key == "policies.last.min"


def test_a_value_that_aliases_make_huge_is_cut() -> None:
    """A text of 100,000 characters, 9,000 times: whole it would fill the memory."""
    huge = f"&a {'x' * 100_000}"
    paths = f"[{huge}{', *a' * 9_000}]"
    added = HEAD + f"candidate: {{paths: {paths}}}\n" + BOUND
    (edit,) = edits({FRAUD: PLAIN}, {FRAUD: added}).edits
    assert edit.after == f"[{'x' * 399}…"


def test_globs_too_many_to_compare_are_not_shown_to_cover_each_other() -> None:
    """Three million pairs; the same globs, and one more, so that the file judges all it judged."""
    globs = ", ".join(f"a{i}/**" for i in range(1_750))
    old, new = (
        HEAD + f"candidate: {{paths: [{each}]}}\n" + BOUND for each in (globs, f"{globs}, b/**")
    )
    (edit,) = edits({FRAUD: old}, {FRAUD: new}).edits
    assert (edit.key, edit.strictness) == ("candidate.paths", "looser")


LIMITS = st.decimals(min_value=0, max_value="0.99", places=2)


@given(LIMITS, LIMITS)
def test_an_edit_back_is_the_opposite_edit(one: object, other: object) -> None:
    old, new = (setting(f"metric: val_f1, min: {each}") for each in (one, other))
    there, back = ([row[0] for row in told(*pair)] for pair in ((old, new), (new, old)))
    opposite = {"looser": "tighter", "tighter": "looser"}
    assert back == [opposite[each] for each in there]
    assert (there == []) is (one == other)
