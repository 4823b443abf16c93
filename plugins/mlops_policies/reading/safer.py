"""What to do about a model that is stored as a pickle, by what MLflow can store instead."""

from collections.abc import Collection, Mapping

_SCAN = "store a scan's report in the model (ModelScan, modelaudit)"
SAFER = (
    'log it in a format that holds no code (scikit-learn: serialization_format="skops"; networks: '
    f"safetensors or ONNX; boosters: their own), or {_SCAN}"
)
_BY_FLAVOR: Mapping[str, str] = {
    "sklearn": (
        'log_model(…, serialization_format="skops"), for trees with skops_trusted_types=[…]; '
        "autologging: mlflow.sklearn.autolog(log_models=False), and log_model in the same run; or "
        f"{_SCAN}"
    ),
    "pytorch": (
        "log the network as ONNX (mlflow.onnx.log_model); autologging pickles: "
        f"mlflow.pytorch.autolog(log_models=False), and log it in the same run; or {_SCAN}"
    ),
    "statsmodels": (
        "MLflow stores statsmodels as a pickle only, and ModelScan skips its ending: store the "
        "report of `modelaudit scan --format json` in the model, as modelaudit.json; it warns of "
        "statsmodels' own classes, which `max_severity: medium` lets stand"
    ),
}
EXPORTED = (
    "log the network as ONNX (mlflow.onnx.log_model), or add torch-export to `allow` where every "
    "model is loaded with MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false and torch 2.10 or newer: "
    "MLflow then refuses an archive with pickled code, which torch.export.load would run"
)


def safer_than_pickle(flavors: Collection[str]) -> str:
    """Return what to do about a pickle in a model of these flavors."""
    return next((remedy for name, remedy in _BY_FLAVOR.items() if name in flavors), SAFER)
