from __future__ import annotations

import subprocess
import sys

BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numpy", "scipy"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import policy_engine.statistics as s
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_statistics_imports_neither_numpy_nor_scipy() -> None:
    code = "import sys, policy_engine.statistics; print({'numpy', 'scipy'} & set(sys.modules))"
    assert run(code) == "set()\n"


def test_mcnemar_tango_proportions_holm_and_planning_need_the_standard_library_alone() -> None:
    code = """
s.mcnemar_exact(12, 2); s.tango_bounds(12, 2, 50, 0.05); s.tango_p(1, 2, 10)
s.wilson_bounds(1, 2, 0.05); s.newcombe_bounds(1, 2, 1, 2, 0.05); s.newcombe_p(1, 2, 1, 2, 0.1)
s.rate_ratio_upper(1, 2, 1, 2, 0.05); s.unpaired_z(1, 2, 2, 2); s.holm([0.1], 0.05)
s.spend(0.05, 2); s.best_of(0.05, 2); s.rows_needed(10, 0.1, 0.1, 0.05)
s.seeds_needed(0.1, 0.1, 0.05); s.rows_needed_for_counts(1, 2, 10, 0.1, 0.05)
s.superiority_of_counts(12, 2, 50, alpha=0.05)
s.non_inferiority_of_counts(12, 2, 50, alpha=0.05, margin=0.01)
s.count_wins([1, 0], [1, 1], [0, 0]); s.metric_definitions("val_f1")
rows = s.PairedRows(targets=[1], candidate=s.Outputs(), baseline=s.Outputs())
print(s.shortfall(s.RowMetric("f1"), rows))
"""
    assert run(BLOCKED + code) == "1 rows; a bootstrap needs 100\n"


def test_what_needs_scipy_says_what_to_install() -> None:
    code = """
rows = s.PairedRows(
    targets=[1, 0], candidate=s.Outputs(predictions=[1, 0]), baseline=s.Outputs(predictions=[1, 1])
)
for call in (
    lambda: s.paired_bootstrap(s.RowMetric("f1"), rows, goal="maximize", seed=1),
    lambda: s.recompute(s.RowMetric("f1"), [1, 0], s.Outputs(predictions=[1, 0])),
    lambda: s.welch_t([1.0, 2.0], [1.5, 2.5]).p_above(),
    lambda: s.clopper_pearson_bounds(1, 2, 0.05),
):
    try:
        call()
    except s.StatisticsUnavailable as error:
        print(error)
"""
    sentence = "this policy needs SciPy: pip install policy-engine[stats]\n"
    assert run(BLOCKED + code) == 4 * sentence
