"""A complete plugin distribution, ready to be changed: what `policy-engine new-plugin` writes.

    from policy_engine.cli.new_plugin import new_plugin

    new_plugin("acme-policies", Path("acme-policies"))

Its tests pass as soon as it is installed.
"""

import keyword
import re
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from policy_engine import __version__
from policy_engine.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TAKEN = frozenset({"policy_engine", "mlops_policies", "tests", *sys.stdlib_module_names})
_LONGEST = 60  # characters; the name becomes a folder, a module and the prefix of policies

# Where each template goes; `{module}` is the plugin's module.
_PLACES = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "gitignore.txt": ".gitignore",
    "module/__init__.py.txt": "{module}/__init__.py",
    "module/policies.py.txt": "{module}/policies.py",
    "module/py.typed.txt": "{module}/py.typed",
    "policies/example.yaml.txt": "policies/example.yaml",
    "tests/test_policies.py.txt": "tests/test_policies.py",
    "tests/test_plugin.py.txt": "tests/test_plugin.py",
    "github/ci.yml.txt": ".github/workflows/ci.yml",
}


def new_plugin(name: str, folder: Path) -> tuple[Path, ...]:
    """Write a plugin distribution, and return its files.

    Args:
        name: The distribution's name, such as `acme-policies`; its first word begins the names of
            its policies, so that they clash with nobody's.
        folder: Where it goes: a folder that does not exist yet, or is empty.

    Raises:
        UsageError: If the name is none, or the folder holds something or cannot be written.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"'{name[:80]}' is not a name for a plugin: lower-case words joined by '-', at most "
            f"{_LONGEST} characters, such as acme-policies"
        )
    module = name.replace("-", "_")
    if module in _TAKEN or keyword.iskeyword(module):
        raise UsageError(
            f"'{name}' would make the module {module}, which exists already; "
            "take a name of your organisation's, such as acme-policies"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists already; nothing was written")
    words = {
        "distribution": name,
        "module": module,
        "entry": name.split("-", maxsplit=1)[0],
        "prefix": name.split("-", maxsplit=1)[0],
        "engine": ".".join(__version__.split(".")[:2]),
    }
    template = files(__package__) / "template"
    try:
        return tuple(
            _write(template / source, folder / place.format(module=module), words)
            for source, place in _PLACES.items()
        )
    except OSError as e:
        raise UsageError(f"{folder} cannot be written: {e.strerror}") from e


def _write(source: Traversable, place: Path, words: dict[str, str]) -> Path:
    text = source.read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace("{{" + word + "}}", value)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place
