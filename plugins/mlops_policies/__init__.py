"""The first-party policies: one module a difference between academia and industry, and `general`.

Each module is a plugin by its own entry point, and imports only what an outside plugin could.
"""

from pathlib import Path


def packs() -> dict[str, Path]:
    """Return the packs by name: each `*.yaml` but those that begin with `_` (parts to extend).

    They lie in this package where it is installed. An editable install leaves them in the checkout.
    """
    # `importlib.resources.files` would say the same, and load tempfile and shutil at each start.
    here = Path(__file__).resolve()
    inside = here.with_name("packs")
    folder = inside if inside.is_dir() else here.parents[2] / "policies"
    return {p.stem: p for p in sorted(folder.glob("*.yaml")) if not p.name.startswith("_")}
