"""`plan` says the rows that a finding says, and what the policy does on as many rows."""

from __future__ import annotations

import math
import random
import re
import warnings
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from statsmodels.stats.power import normal_power

from mlops_policies.comparing.amounts import about
from policy_engine import training
from policy_engine.check import Options, check
from tests.command import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEEDS = 6
SVG = "{http://www.w3.org/2000/svg}"


class Store:
    """Two runs with rows and scores, and two recipes with seeds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"sqlite:///{folder / 'mlflow.db'}"
        drawn = np.random.default_rng(1)
        truth = drawn.integers(0, 2, 800)
        noise = drawn.normal(size=800)
        self.old = self._rows(truth, truth + 0.9 * noise + 0.20 * drawn.normal(size=800))
        self.new = self._rows(truth, truth + 0.9 * noise + 0.21 * drawn.normal(size=800))
        with_seeds = random.Random(3)  # noqa: S311 (seeded test data)
        self.recipes = [
            [self._seed(depth, seed, 0.9 + 0.004 * with_seeds.gauss(0, 1)) for seed in range(SEEDS)]
            for depth in (2, 3)
        ]

    def _rows(self, truth: Any, latent: Any) -> str:
        import mlflow

        score = 1 / (1 + np.exp(-4 * (latent - 0.5)))
        said = (score > 0.5).astype(int)
        with mlflow.start_run() as active:
            mlflow.log_metric("val_accuracy", float((said == truth).mean()))
            mlflow.log_metric("val_roc_auc", _area(truth, score))
            training.log_predictions(
                row_id=range(len(truth)), target=truth, prediction=said, score=score
            )
        return str(active.info.run_id)

    def _seed(self, depth: int, seed: int, value: float) -> str:
        import mlflow

        with mlflow.start_run() as active:
            mlflow.log_params({"depth": depth, "seed": seed})
            mlflow.log_metric("val_accuracy", value)
        return str(active.info.run_id)

    def found(self, policies: str, metric: str, *runs: str) -> str:
        """Return what a check of the first run against the second says in whole."""
        path = self.folder / "policy.yaml"
        path.write_text(f"version: 1\nmetric: {{name: {metric}}}\npolicies:\n  {policies}\n")
        candidate, baseline = runs
        report = check(
            Options(
                runs=(candidate,),
                baseline=baseline,
                tracking_uri=self.uri,
                policies=("policy.yaml",),
                root=self.folder,
            )
        )
        ((finding,),) = (subject.findings for subject in report.subjects)
        return finding.whole


def _area(truth: Any, score: Any) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, score))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    import mlflow

    folder = tmp_path_factory.mktemp("plan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of its own migrations
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        mlflow.set_experiment(experiment_id=mlflow.create_experiment("p", (folder / "f").as_uri()))
        try:
            yield Store(folder)
        finally:
            mlflow.set_tracking_uri("")


def needed(text: str) -> int:
    """Return the number that follows `n ≈` first."""
    return int(re.search(r"n ≈ ([\d,]+)", text)[1].replace(",", ""))  # type: ignore[index]


def planned(*arguments: str) -> str:
    told = command("plan", *arguments)
    assert told.code == 0, told.err
    assert max(map(len, told.out.splitlines())) <= 80
    return told.out


WHOLE = """\
metric   accuracy
question with how many rows does it hold that a model that is truly as good
         passes no-regression with margin 1.00 pt?
test     Tango's score bounds, one-sided, alpha = 0.05
spread   one model alone is right on 8% of rows

needed   n ≈ 4,947 rows for a power of 80%
have     1,000 rows: the power is 30%; the smallest margin with 80% is 2.22 pt

    n  power
  500    20%  ███████▉
  700    24%  █████████▌
1,000    30%  ████████████ ← there are these
2,000    47%  ███████████████████
3,000    61%  ████████████████████████▋
4,947    80%  ████████████████████████████████ ← 80% needs these
5,000    80%  ████████████████████████████████▏
7,000    91%  ████████████████████████████████████▎
"""


def test_it_says_what_is_needed_and_what_the_rows_that_there_are_show() -> None:
    assert planned("--metric", "accuracy", "--differing", "8%", "--rows", "1000") == WHOLE


@pytest.mark.parametrize("metric", ["val_accuracy", "val_roc_auc"])
@pytest.mark.parametrize(
    ("asked", "policy"),
    [
        (("--margin", "0.5pt"), "no-regression: {margin: 0.5pt}"),
        (("--effect", "1pt"), "significant-improvement: on"),
    ],
)
def test_it_needs_as_many_rows_as_the_inconclusive_finding_says(
    store: Store, metric: str, asked: tuple[str, ...], policy: str
) -> None:
    said = store.found(policy, metric, store.new, store.old)
    runs = ("--run", store.new, "--baseline", store.old, "--tracking-uri", store.uri)
    rows = needed(planned("--metric", metric, *asked, *runs))
    assert f"; {about(rows)} rows show " in said


def test_it_needs_as_many_seeds_as_the_inconclusive_finding_says(store: Store) -> None:
    (new, *_), (old, *_) = store.recipes
    said = store.found("no-regression: {margin: 0.3pt, method: seeds}", "val_accuracy", new, old)
    runs = ("--run", new, "--baseline", old, "--seeds", "--tracking-uri", store.uri)
    text = planned("--metric", "val_accuracy", "--margin", "0.3pt", *runs)
    assert f"; {about(needed(text))} seeds a side show " in said
    assert "Welch's t" in text or "paired t over equal seeds" in text


def test_slices_are_held_against_holms_first_level() -> None:
    text = planned("--metric", "accuracy", "--differing", "8%", "--slices", "5", "--rows", "400")
    slices, have = text.split("\n\n")[2].split("have     ")
    assert " ".join(slices.split()) == (
        "slices n ≈ 8,228 rows a slice, 41,140 in 5 slices of one size, so that "
        "no-slice-regression finds a true loss of 1.00 pt in one of them with a power of 80%: Holm "
        "holds the first against 0.05/5 = 0.01, and `max_drop` must be at most 0.73 pt"
    )
    assert " ".join(have.split()) == (
        "80 rows a slice, if all are alike: the smallest loss with 80% is 13.80 pt; "
        "no-slice-regression pools those under 100 (`min_rows`)"
    )


def test_the_power_in_a_slice_is_drawn_beneath_that_of_all_rows() -> None:
    text = planned("--metric", "accuracy", "--differing", "8%", "--slices", "5", "--rows", "5000")
    whole, slices = text.split("\n\n")[3:]
    assert whole.startswith("    n  power\n")
    assert slices == (
        "n a slice  power\n"
        "    1,000     9%  ███▊ ← there are these\n"
        "    2,000    20%  ████████▎\n"
        "    3,000    32%  █████████████\n"
        "    5,000    55%  ██████████████████████\n"
        "    7,000    72%  ████████████████████████████▉\n"
        "    8,228    80%  ████████████████████████████████ ← 80% needs these\n"
        "   10,000    88%  ███████████████████████████████████▎\n"
    )


def drawn(file: Path) -> ET.Element:
    """Return a picture, which is XML without a script and without an address to load."""
    text = file.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "href=" not in text
    return ET.fromstring(text)  # noqa: S314 (our own output)


def test_the_picture_says_what_the_text_says(tmp_path: Path) -> None:
    file, more = tmp_path / "power.svg", ("--slices", "5", "--rows", "3000")
    text = planned("--metric", "accuracy", "--differing", "8%", *more, "--picture", str(file))
    assert text == planned("--metric", "accuracy", "--differing", "8%", *more)
    words = {each.text for each in drawn(file).iter(f"{SVG}text")}
    assert words >= {
        "no-regression rules out a loss above 1.00 pt of accuracy",
        "4,947 needed",
        "3,000 there",
        "8,228 a slice needed",
        "600 a slice there",
        "power",
        "rows",
        "80%",
    }
    planned("--metric", "f1", "--deviation", "0.4pt", "--effect", "0.5pt", "--picture", str(file))
    words = {each.text for each in drawn(file).iter(f"{SVG}text")}
    assert {"significant-improvement shows a true gain of 0.50 pt of f1", "9 needed"} <= words
    assert "seeds a side" in words


def test_a_curve_runs_through_the_power_that_statsmodels_gives(tmp_path: Path) -> None:
    """Pixels against `normal_power`: the drawing is 220 high, from 0 to twice what is needed."""
    file = tmp_path / "power.svg"
    planned("--metric", "accuracy", "--differing", "8%", "--picture", str(file))
    (line,) = (
        each
        for each in drawn(file).iter(f"{SVG}path")
        if each.get("stroke") == "var(--bar)" and each.get("fill") != "var(--bar)"
    )
    points = [
        tuple(map(float, each.split(","))) for each in re.split("[ML]", line.get("d", ""))[1:]
    ]
    wide, last = 400 - 44 + 12, 2 * 4_947
    for x, y in points:
        n = x / wide * last
        power = normal_power(0.01 / math.sqrt(0.08), n, 0.05, alternative="larger")
        assert 1 - y / 220 == pytest.approx(power, abs=0.003)
    assert len(points) > 50


@pytest.mark.parametrize("file", [".", "nowhere/power.svg"])
def test_a_picture_that_cannot_be_written_is_refused(file: str) -> None:
    told = command("plan", "--metric", "accuracy", "--differing", "8%", "--picture", file)
    assert told.code == 2
    assert "--picture" in told.err


def test_recall_counts_the_rows_of_its_class() -> None:
    text = planned("--metric", "recall", "--effect", "2pt", "--differing", "8%", "--power", "90%")
    assert "n ≈ 1,812 rows of the positive class for a power of 90%" in text


def test_seeds_are_planned_from_a_deviation() -> None:
    text = planned("--metric", "rmse", "--effect", "1", "--deviation", "0.4", "--rows", "6")
    assert (
        "n ≈ 3 seeds a side for a power of 80%; the policies ask for 5 (`min_seeds`)"
        in " ".join(text.split())
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--metric", "accuracy"),
            (
                "how far the gain varies is not known: give --differing (the share of rows on "
                "which one of both models alone is right, such as 8%), --deviation (over seeds), "
                "or --run and --baseline to learn it from"
            ),
        ),
        (
            ("--metric", "f1", "--differing", "8%"),
            (
                "how far f1 varies does not follow from a share of rows: give --run and "
                "--baseline, two logged runs to learn it from"
            ),
        ),
        (
            ("--metric", "recall_macro", "--differing", "8%"),
            (
                "how far recall_macro varies does not follow from a share of rows: give --run and "
                "--baseline, two logged runs to learn it from"
            ),
        ),
        (
            ("--metric", "rmse", "--deviation", "1pt"),
            (
                "--deviation is in points, and what a point of rmse is, is not known: write it in "
                "the units of rmse, as a bare number"
            ),
        ),
        (
            ("--metric", "accuracy", "--differing", "8%", "--margin", "1pt", "--effect", "1pt"),
            "--margin and --effect exclude one another: ask twice",
        ),
        (
            ("--metric", "accuracy", "--run", "a"),
            "--run and --baseline belong together: give both, or neither",
        ),
        (
            ("--metric", "accuracy", "--differing", "8%", "--deviation", "1pt"),
            "--differing and --deviation exclude one another: learn it in one way",
        ),
        (
            ("--metric", "accuracy", "--differing", "8%", "--seeds"),
            "--seeds is about --run and --baseline; alone, give --deviation",
        ),
        (
            ("--metric", "accuracy", "--deviation", "1pt", "--slices", "3"),
            "--slices are of rows: leave out --deviation and --seeds",
        ),
        (
            ("--metric", "accuracy", "--differing", "8%", "--power", "20%"),
            "--power is 20%; it must be at least 50%",
        ),
        (
            ("--metric", "zorp", "--run", "a", "--baseline", "b"),
            (
                "it is not known whether a greater zorp is better: say --goal maximize or --goal "
                "minimize"
            ),
        ),
    ],
)
def test_a_question_without_an_answer_is_refused(arguments: tuple[str, ...], message: str) -> None:
    told = command("plan", *arguments)
    assert (told.code, told.out, told.err) == (2, "", f"policy-engine: {message}\n")


def test_runs_that_do_not_tell_say_what_to_log(store: Store) -> None:
    (new, *_), _ = store.recipes
    told = command(
        *("plan", "--metric", "val_accuracy", "--run", new, "--baseline", store.old),
        *("--tracking-uri", store.uri),
    )
    assert (told.code, told.out) == (4, "")
    assert "the candidate run has no predictions table, and 6 and 2 seeds are there" in told.err


def test_a_store_that_cannot_be_read_is_no_answer() -> None:
    told = command(
        *("plan", "--metric", "val_accuracy", "--run", "a", "--baseline", "b"),
        *("--tracking-uri", "http://127.0.0.1:1", "--timeout", "2s"),
    )
    assert (told.code, told.out) == (3, "")
