"""Can the model be loaded without running code of its own?"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from mlops_policies.reading.formats import Format, Stored, sorted_out
from mlops_policies.reading.safer import EXPORTED, safer_than_pickle
from mlops_policies.reading.scan import AUDIT_FILE, FILE, Scan, Severity
from policy_engine.evidence import Case, MissingEvidence, Model, Needs
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.quantities import Tighter, count, first_few

_READERS: Mapping[str, Callable[[str], Scan]] = {FILE: Scan.of, AUDIT_FILE: Scan.of_audit}
_ALLOW_IT = "log the model in an allowed format, or add the format to allow and say why"
_MLFLOWS_OWN = {
    "lightgbm": frozenset(
        (
            "collections.OrderedDict",
            "lightgbm.basic.Booster",
            "lightgbm.sklearn.LGBMClassifier",
            "lightgbm.sklearn.LGBMRegressor",
        )
    )
}
"""Types that MLflow's flavor has skops trust, whatever was logged (mlflow 3.17)."""
_few = partial(first_few, most=3)


_OF_LIBRARIES = ("sklearn.", "lightgbm.", "xgboost.", "catboost.")
"""Whose types a remedy may name as ones to allow; any other is for somebody to look at."""


class SafeSerialization(Policy, name="safe-serialization"):
    """No stored file is a pickle, or a scan of all pickles found nothing.

    Loading a pickle runs whatever code it holds, with the rights of the server. A model that
    somebody else trained, or that was exchanged on its way, is a program from a stranger.

    - A file is a pickle if its ending says so (`.pkl`, `.joblib`, `.pth`, `.bin`, …) or if the
      MLmodel file says so (`serialization_format`, a pickled `python_model`), whatever it is called
    - A file in another known format passes if `allow` has it. `native-booster` is what XGBoost,
      LightGBM and CatBoost write themselves, `flavor-native` what Prophet, Spark, spaCy, Paddle,
      fastText and the tokenizers of transformers do, by the MLmodel file's flavor; `.h5` may hold
      code, an H2O model Java objects of any class
    - A `.pt2` (`torch-export`) is not a pickle, and may hold some: torch.export.load unpickles
      weights, constants and sample inputs without restriction, so a crafted one runs code. MLflow
      looks into it first only where MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false and torch is 2.10 or
      newer; allow it if all that loads your models has both. A scan does not clear it here
    - Bytecode in a `__pycache__` whose source lies beside it is code as the source is: no doubt of
      its own
    - A file that is not known by its name, a loader that is not MLflow's, and types that a skops
      file asks to be trusted with are `inconclusive`. `trusted_types` has those that you allow; the
      types that MLflow's own LightGBM flavor always names need no permission
    - Pickles pass with the report of a scan in the model: `modelscan.json`, as `modelscan -r json
      --show-skipped` writes it, or `modelaudit.json`, as `modelaudit scan --format json` does. It
      read each of them, skipped at most `max_skipped`, met no error, and found no issue above
      `max_severity` (modelaudit's `warning` counts as medium). Where both are there, both must

    Nothing is ever loaded or unpickled here. The report is believed as it is: it names files and
    not their contents, and whoever trains can write it. It finds known tricks, no new ones.

    Source: ModelScan (and its issue 218 on skipped files); MLflow's own switch against pickles was
    passed by in one flavor; a skops file brings its own list of trusted types; torch 2.13's and
    MLflow 3.17's code that loads a `.pt2`.

    Log it: `log_model(…, serialization_format="skops")`; or store a report of a scan with
    `mlflow.MlflowClient().log_model_artifact(info.model_id, "modelscan.json")`.
    """

    needs = Needs.MODEL | Needs.FILES

    allow: Annotated[tuple[Format, ...], Tighter.FEWER] = Field(
        default=("skops", "safetensors", "onnx", "keras-v3", "native-booster", "flavor-native"),
        strict=False,
        description="Formats that may be stored. Known as well: torch-export (.pt2), saved-model "
        "(.pb), tflite, gguf, hdf5, h2o.",
    )
    trusted_types: Annotated[tuple[str, ...], Tighter.FEWER] = Field(
        default=(),
        strict=False,
        description="Types that a skops file may ask to be trusted with (full names).",
    )
    max_severity: Annotated[Severity, Tighter.LOWER] = Field(
        default="low", description="Worst issue of a scan that may stand (none to critical)."
    )
    max_skipped: Annotated[int, Tighter.LOWER] = Field(
        default=0, ge=0, description="Most pickles that the scan may have left out (files)."
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding: the worst that the files say."""
        model = case.candidate.model
        paths = tuple(file.path for file in model.files)
        if not paths:
            raise MissingEvidence(
                f"model '{model.name}' has no stored files",
                "log the model again and check that the upload ended",
            )
        flavors = _flavors(model)
        stored = sorted_out(paths, flavors)
        refused = {p: f for p, f in stored.known.items() if f not in self.allow}
        reports = [file for file in _READERS if file in paths]
        if stored.pickles and not reports:
            remedy = case.candidate.to_log(safer_than_pickle(flavors))
            yield _pickled(stored.pickles, remedy)
        elif refused:
            yield _refused(refused)
        else:
            scans = [_READERS[file](model.text(file)) for file in reports if stored.pickles]
            faults = {scan.file: list(self._faults(scan, stored)) for scan in scans}
            uncleared = self._uncleared(stored, flavors, faults)
            yield uncleared or self._cleared(stored, flavors, tuple(faults))

    def _faults(self, scan: Scan, stored: Stored) -> Iterator[str]:
        """Yield why a scan does not clear the pickles."""
        if scan.errors:
            yield f"it met {count(scan.errors, 'error')}"
        above = scan.above(self.max_severity)
        if above:
            issues = count(len(above), "issue")
            yield f"it found {issues} above {self.max_severity} ({', '.join(sorted(set(above)))})"
        left_out = scan.left_out(stored.pickles)
        if len(left_out) > self.max_skipped:
            yield f"it left out {_few(left_out)}, and at most {self.max_skipped} may be"

    def _uncleared(
        self, stored: Stored, flavors: Mapping[str, Any], faults: Mapping[str, list[str]]
    ) -> Finding | None:
        """Return what the first report finds that does not clear the pickles."""
        for file, why in faults.items():
            if why:
                return Finding(
                    outcome=Outcome.FAIL,
                    message=f"a pickle is stored, and {file} does not clear it",
                    detail=f"pickle present ({_few(tuple(stored.pickles))}), and {file} does "
                    f"not clear it: {'; '.join(why)}",
                    remedy=safer_than_pickle(flavors),
                )
        return None

    def _cleared(
        self, stored: Stored, flavors: Mapping[str, Any], reports: tuple[str, ...]
    ) -> Finding:
        """Judge the other files, where no pickle is left to answer for."""
        base = "no stored file is a pickle"
        if stored.pickles:
            pickles = count(len(stored.pickles), "pickle")
            clears, names = ("clears", "it names") if len(reports) == 1 else ("clear", "they name")
            base = (
                f"{' and '.join(reports)} {clears} the {pickles} "
                f"({_few(tuple(stored.pickles))}): {names} no issue above {self.max_severity}"
            )
        doubts = list(_doubts(stored, flavors, frozenset(self.trusted_types)))
        if doubts:
            return Finding(
                outcome=Outcome.INCONCLUSIVE,
                message=f"{'pickles are cleared' if stored.pickles else 'no pickle is stored'}, "
                f"but {doubts[0]}",
                detail=f"{base}, but {'; '.join(doubts)}",
                remedy=self._look(stored, flavors),
            )
        formats = ", ".join(sorted(set(stored.known.values())))
        also = f"; the model is stored as {formats}" if formats else ""
        return Finding(outcome=Outcome.PASS, message=f"{base}{also}")

    def _look(self, stored: Stored, flavors: Mapping[str, Any]) -> str:
        """Return what to do about doubts: a library's own types are allowed by name."""
        asked = _untrusted(stored, flavors, frozenset(self.trusted_types))
        if asked and all(each.startswith(_OF_LIBRARIES) for each in asked):
            types = ", ".join([*self.trusted_types, *asked])
            return (
                "where you trust this library, write under safe-serialization in the policy file "
                f"`trusted_types: [{types}]`"
            )
        return (
            "look at what is named; allow types that you know by trusted_types, and log the rest "
            "in a known format"
        )


def _untrusted(stored: Stored, flavors: Mapping[str, Any], trusted: frozenset[str]) -> list[str]:
    """Return the types that skops files ask to be trusted with, and nobody allows."""
    return sorted(_asked(flavors) - trusted) if "skops" in stored.known.values() else []


def _doubts(stored: Stored, flavors: Mapping[str, Any], trusted: frozenset[str]) -> Iterator[str]:
    """Yield what keeps a model without pickles from being known to be safe."""
    if stored.unknown:
        yield f"it is not known by its name what {_few(stored.unknown)} is"
    loader = _conf(flavors, "python_function").get("loader_module")
    if loader is not None and str(loader).partition(".")[0] != "mlflow":
        yield f"its loader {loader} is not MLflow's and may unpickle anything"
    if asked := _untrusted(stored, flavors, trusted):
        yield f"its skops file asks to be trusted with {', '.join(asked)}"


def _asked(flavors: Mapping[str, Any]) -> set[str]:
    """Return the types that skops files ask to be trusted with; skops refuses them by itself."""
    asked: set[str] = set()
    for name in flavors:
        listed = _conf(flavors, name).get("skops_trusted_types")
        types = set(map(str, listed)) if isinstance(listed, list) else set()
        asked |= types - _MLFLOWS_OWN.get(name, frozenset())
        if listed is not None and not isinstance(listed, list):
            asked.add("types that are not a list")
    return asked


def _pickled(pickles: Mapping[str, str], remedy: str) -> Finding:
    named = _few(tuple(f"{path} ({how})" for path, how in pickles.items()))
    return Finding(
        outcome=Outcome.FAIL,
        message="a pickle is stored, and no scan report clears it",
        detail=f"pickle present and no scan report: {named}; loading it can run any code",
        remedy=remedy,
    )


def _refused(refused: Mapping[str, Format]) -> Finding:
    named = _few(tuple(f"{path} ({form})" for path, form in refused.items()))
    return Finding(
        outcome=Outcome.FAIL,
        message=f"a format that `allow` does not have: {named}",
        remedy=EXPORTED if "torch-export" in refused.values() else _ALLOW_IT,
    )


def _flavors(model: Model) -> Mapping[str, Any]:
    flavors = model.mlmodel.get("flavors")
    return flavors if isinstance(flavors, dict) else {}


def _conf(flavors: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    conf = flavors.get(name)
    return conf if isinstance(conf, dict) else {}
