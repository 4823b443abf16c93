"""The first-party policies: a folder a difference between academia and industry, a file a policy.

Each folder is a plugin by its own entry point, and imports only what an outside plugin could. What
several policies share is in `comparing`, `groups`, `slices` and `reading`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policy_engine.policy import Deferred


def packs() -> dict[str, Path]:
    """Return the packs by name: each `*.yaml` but those that begin with `_` (parts to extend).

    They lie in this package where it is installed. An editable install leaves them in the checkout.
    """
    # `importlib.resources.files` would say the same, and load tempfile and shutil at each start.
    here = Path(__file__).resolve()
    inside = here.with_name("packs")
    folder = inside if inside.is_dir() else here.parents[2] / "policies"
    return {p.stem: p for p in sorted(folder.glob("*.yaml")) if not p.name.startswith("_")}


def policies_in(package: str, file: str) -> "list[Deferred]":
    """Return the policies of a difference: each file of its folder is one, and named as it is.

    `no_regression.py` has the class `NoRegression`, which is the policy `no-regression`.

    Args:
        package: The difference's package.
        file: Its `__init__.py`.
    """
    from policy_engine.policy import Deferred  # noqa: PLC0415 -- `packs` needs no more than a path

    names = sorted(p.stem for p in Path(file).parent.glob("[a-z]*.py"))
    return [
        Deferred(name.replace("_", "-"), f"{package}.{name}:{name.title().replace('_', '')}")
        for name in names
    ]
