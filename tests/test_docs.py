"""The docs are executed: what they say of files, commands, hooks and policies is true."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
import pluggy
import pytest
import yaml

from policy_engine import hookspecs, plugins, testing
from policy_engine.cli import catalogue, cli
from policy_engine.evidence import Needs
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    EvidenceRecord,
)
from policy_engine.hookspecs import PROJECT, hookimpl
from policy_engine.policy_file import PolicyFileError, load_policies
from policy_engine.policy_file.keys import FileKeys
from tests.pages import DOCS, FENCE, PAGES, ROOT, Block, blocks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SPECS = dict(inspect.getmembers(hookspecs, lambda each: hasattr(each, f"{PROJECT}_spec")))

_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ENVIRONMENT = re.compile(r"POLICY_ENGINE_\w+")


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def _of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def _content(block: Block) -> Any:
    return None if "invalid" in block.marks else yaml.safe_load(block.text)


def _is_policy_file(block: Block) -> bool:
    """Say whether a block of YAML is a policy file, or a piece of one."""
    if "invalid" in block.marks:
        return True
    content = yaml.safe_load(block.text)
    return isinstance(content, dict) and content.keys() <= set(FileKeys.model_fields)


def _whole(text: str) -> bytes:
    """Return a policy file; a piece of one gets what it lacks."""
    content = yaml.safe_load(text)
    head = "" if "version" in content else "version: 1\n"
    is_bound = "policies" in content or "extends" in content
    return f"{head}{text}\n{'' if is_bound else 'policies: {run-finished: on}'}\n".encode()


def _beside(block: Block) -> dict[str, bytes]:
    """Return the files of the page that policy files on it may extend, by path."""
    return {
        each.file: each.text.encode()
        for each in POLICY_FILES
        if each.page == block.page and each.file is not None and each is not block
    }


POLICY_FILES = [block for block in _of("yaml", "yml") if _is_policy_file(block)]
_STEP = re.compile(r"^\s*(?:- )?run: (policy-engine .*)$", re.MULTILINE)
COMMANDS = [
    pytest.param(command, id=f"{block}-step-{number}")
    for block in _of("yaml", "yml")
    for number, command in enumerate(_STEP.findall(block.text))
]
COMMANDS += [
    pytest.param(line.strip().removeprefix("$ "), id=f"{block}-{number}")
    for block in _of("console", "sh", "shell", "bash")
    for number, line in enumerate(block.text.replace("\\\n", " ").splitlines())
    if line.strip().removeprefix("$ ").startswith("policy-engine")
]


@pytest.fixture(scope="module")
def offered() -> plugins.Plugins:
    return plugins.load_plugins()


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Blocks of code.


@pytest.mark.parametrize(
    "block", [b for b in POLICY_FILES if not {"invalid", "plugin"} & set(b.marks)], ids=str
)
def test_every_policy_file_in_the_docs_is_valid(block: Block, offered: plugins.Plugins) -> None:
    files, beside = {"policies/example.yaml": _whole(block.text)}, _beside(block)
    if block.file is not None and block.file.endswith("/waivers.yaml"):
        files, beside = beside, {block.file: block.text.encode()}
    loaded = load_policies(files, offered.policies, offered.packs, beside)
    assert [file.path for file in loaded.files] == list(files)


@pytest.mark.parametrize("block", [b for b in POLICY_FILES if "invalid" in b.marks], ids=str)
def test_every_mistake_in_the_docs_has_the_message_that_stands_below_it(
    block: Block, offered: plugins.Plugins
) -> None:
    text = block.text.encode()
    with pytest.raises(PolicyFileError) as caught:
        load_policies(
            {"policies/example.yaml": text}, offered.policies, offered.packs, _beside(block)
        )
    below = BLOCKS[BLOCKS.index(block) + 1]
    assert below.language == "text"
    assert f"{caught.value}\n" == below.text


def test_the_reference_shows_a_mistake_in_every_key_of_a_policy_file() -> None:
    wrong = [yaml.safe_load(b.text) for b in POLICY_FILES if "invalid" in b.marks]
    shown = {key for content in wrong for key in content}
    untold = {"plugins", "waivers"}  # absent plugins stop the run elsewhere; waivers are refused
    assert shown | untold == set(FileKeys.model_fields)


WORKFLOWS = [b for b in _of("yaml", "yml") if "jobs" in (_content(b) or {})]
PRE_COMMIT = [b for b in _of("yaml", "yml") if "repos" in (_content(b) or {})]
POLICY_TESTS = [b for b in _of("yaml", "yml") if "cases" in (_content(b) or {})]


def test_every_workflow_in_the_docs_is_one_for_github(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.yml" for number, _ in enumerate(WORKFLOWS)]
    for path, block in zip(paths, WORKFLOWS, strict=True):
        path.write_text(block.text, "utf-8")
    program = ("-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows")
    assert _run(tmp_path, *program, *map(str, paths)) == "ok -- validation done\n"


PIPELINES = {
    ".gitlab-ci.yml": "vendor.gitlab-ci",
    "azure-pipelines.yml": "vendor.azure-pipelines",
    "bitbucket-pipelines.yml": "vendor.bitbucket-pipelines",
}
OTHER_CI = [b for b in _of("yaml", "yml") if b.file in PIPELINES]


@pytest.mark.parametrize("block", OTHER_CI, ids=str)
def test_every_pipeline_in_the_docs_is_one_for_its_system(block: Block, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yml").write_text(block.text, "utf-8")
    schema = PIPELINES[block.file or ""]
    program = ("-m", "check_jsonschema", "--builtin-schema", schema)
    assert _run(tmp_path, *program, "pipeline.yml") == "ok -- validation done\n"


@pytest.mark.parametrize("block", POLICY_TESTS, ids=str)
def test_every_case_in_the_docs_comes_out_as_it_says(block: Block, tmp_path: Path) -> None:
    beside = {each.file: each for each in POLICY_FILES if each.page == block.page and each.file}
    for path, each in (beside | {block.file: block}).items():
        assert path is not None
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(each.text, "utf-8")
    told = _run(tmp_path, "-m", "policy_engine", "test")
    assert told.endswith(": all as expected\n")


def test_every_pre_commit_hook_in_the_docs_is_one_that_we_offer() -> None:
    offered = {h["id"] for h in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    repos = [repo for block in PRE_COMMIT for repo in _content(block)["repos"]]
    assert {hook["id"] for repo in repos for hook in repo["hooks"]} == offered


def test_every_block_of_yaml_is_of_a_kind_that_is_tested() -> None:
    known = {*map(str, (*POLICY_FILES, *WORKFLOWS, *OTHER_CI, *POLICY_TESTS, *PRE_COMMIT))}
    assert [str(b) for b in _of("yaml", "yml") if str(b) not in known] == []


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.included], ids=str)
def test_what_the_docs_include_is_what_the_file_says(block: Block) -> None:
    assert block.text == (ROOT / str(block.included)).read_text("utf-8")


def test_every_name_that_policies_are_tested_with_is_explained() -> None:
    spans = " ".join(_spans(DOCS / "reference" / "testing.md"))
    assert [name for name in testing.__all__ if not re.search(rf"\b{name}\b", spans)] == []


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_every_page_is_in_the_index(page: Path) -> None:
    index = DOCS / "README.md"
    linked = {(DOCS / link).resolve() for link in _LINK.findall(index.read_text("utf-8"))}
    assert page == index or page in linked


@pytest.mark.parametrize("block", _of("python"), ids=str)
def test_every_python_block_is_python(block: Block) -> None:
    assert ast.parse(block.text, str(block)).body


@pytest.mark.parametrize("block", _of("json"), ids=str)
def test_every_json_block_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("page", sorted({b.page for b in BLOCKS if "run" in b.marks}))
def test_the_code_that_is_marked_so_runs_from_top_to_bottom(page: str, tmp_path: Path) -> None:
    for block in (b for b in BLOCKS if b.page == page and b.file):
        path = tmp_path / str(block.file)
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, "utf-8")
        if "run" in block.marks:
            is_test = path.name.startswith("test_")
            told = _run(tmp_path, *(("-m", "pytest", "-q", path.name) if is_test else (path.name,)))
            assert " passed" in told or not is_test


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_of_the_docs_is_one_that_the_command_takes(command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    cut = [i for i, word in enumerate(words) if word in {"|", "||", "&&", ";", ">"}]
    assert _mistake(words[: cut[0]] if cut else words) is None


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_is_on_the_page_of_commands(command: str) -> None:
    assert f"## policy-engine {command}" in (DOCS / "reference" / "command.md").read_text("utf-8")


# Generated pages.


def test_the_generated_pages_are_what_the_code_says_now(generate: ModuleType) -> None:
    stale = [
        name for name, make in generate.PAGES.items() if (DOCS / name).read_text("utf-8") != make()
    ]
    assert stale == [], "run `make docs`"


def test_every_policy_has_a_section(offered: plugins.Plugins) -> None:
    headings = _HEADING.findall((DOCS / "reference" / "policies.md").read_text("utf-8"))
    assert set(offered.policies) <= set(headings)


# `explain`.


def _policy_names() -> list[str]:
    return sorted(plugins.load_plugins().policies)


@pytest.mark.parametrize("name", _policy_names())
def test_the_example_of_every_policy_is_a_valid_policy_file(
    name: str, offered: plugins.Plugins
) -> None:
    example = catalogue.describe(name, offered.policies).example
    policies = load_policies({"example.yaml": example.encode()}, offered.policies, offered.packs)
    assert [binding.id for binding in policies.files[0].bindings] == [name]


@pytest.mark.parametrize("name", _policy_names())
def test_the_logging_of_every_policy_calls_what_mlflow_has(
    name: str, offered: plugins.Plugins
) -> None:
    known = catalogue.describe(name, offered.policies)
    if known.logging is None:
        assert "Log it: " in known.text
        return
    logging = known.logging
    compile(logging, name, "exec")
    mlflow = importlib.import_module("mlflow")
    for call in set(re.findall(r"mlflow\.([a-z_]+)\(", logging)):
        assert callable(getattr(mlflow, call))


@pytest.mark.parametrize("name", _policy_names())
def test_explain_says_reason_settings_needs_example_and_logging(
    name: str, offered: plugins.Plugins
) -> None:
    text = catalogue.explain_policy(name, offered.policies)
    known = catalogue.describe(name, offered.policies)
    assert known.text in text
    assert f"Reads: {', '.join(known.reads)}" in text
    assert all(f"\n{setting.name} " in text for setting in known.settings)
    for part in filter(None, (known.example, known.logging)):
        assert "\n".join(f"  {line}".rstrip() for line in part.splitlines()) in text


def test_explain_shows_settings_as_people_write_them(offered: plugins.Plugins) -> None:
    settings = catalogue.describe("model-size-budget", offered.policies).settings
    assert [(s.name, s.kind, s.default) for s in settings] == [
        ("max_size", "size, as 200MB", "off"),
        ("max_growth", "percentage, as 10%", "off"),
        ("growth_from", "size, as 200MB", "10.0 MB"),
        ("growth_waived_if_gain", "distance, as 0.5pt or 0.01", "off"),
    ]


def test_explain_shows_the_evidence_that_the_docstring_names(offered: plugins.Plugins) -> None:
    assert catalogue.describe("cost-per-point", offered.policies).logging == (
        "import mlflow\n"
        "\n"
        "with mlflow.start_run():\n"
        '    mlflow.log_metric("val_f1", value)  # the metric that counts\n'
        '    mlflow.log_metric("cost.total", value)\n'
        '    mlflow.set_tag("cost.currency", "…")\n'
        '    mlflow.set_tag("compute.instance", "…")\n'
        "    with mlflow.start_run(nested=True):\n"
        "        ...  # a child run, if any\n"
        "\n"
        "# Once, for the run to beat: the version of the registered model that is in use.\n"
        'mlflow.MlflowClient().set_registered_model_alias("fraud", "champion", "3")'
    )


# Hooks and plugins.


def test_every_hook_is_documented_with_its_arguments() -> None:
    headings = _HEADING.findall((DOCS / "reference" / "plugins.md").read_text("utf-8"))
    documented = [heading for heading in headings if heading.endswith(")")]
    real = [f"{name}({', '.join(inspect.signature(s).parameters)})" for name, s in SPECS.items()]
    assert sorted(documented) == sorted(real)


def test_the_page_on_plugins_implements_every_hook_and_pluggy_takes_them() -> None:
    blocks = [block.text for block in _of("python") if "hook" in block.marks]
    module = ModuleType("documented")
    module.hookimpl = hookimpl  # type: ignore[attr-defined]
    exec("\n".join(blocks), vars(module))  # noqa: S102 (our own page)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    assert {caller.name for caller in manager.get_hookcallers(module) or ()} == set(SPECS)


def test_the_plugin_of_the_docs_loads_when_a_policy_file_names_it(tmp_path: Path) -> None:
    page = [block for block in BLOCKS if block.page == "docs/reference/plugins.md"]
    module = next(block for block in page if block.file == "acme_policies.py")
    (tmp_path / "acme_policies.py").write_text(module.text, "utf-8")
    (project,) = (
        tomllib.loads(block.text)["project"] for block in page if block.language == "toml"
    )
    _install(tmp_path, project)
    (policies,) = (block for block in page if "plugin" in block.marks)
    path = tmp_path / str(policies.file)
    path.parent.mkdir()
    path.write_text(policies.text, "utf-8")

    said = _run(tmp_path, "-m", "policy_engine", "validate", str(policies.file))
    listed = _run(tmp_path, "-m", "policy_engine", "plugins", str(policies.file))

    assert said == "policies/fraud.yaml: valid, 1 policy\n"
    assert "acme-policies[acme]" in listed


@pytest.mark.parametrize(
    "block",
    [b for b in POLICY_FILES if "plugin" in b.marks and b.page.startswith("docs/how-to/")],
    ids=str,
)
def test_a_policy_file_that_names_the_example_plugin_is_valid(block: Block, tmp_path: Path) -> None:
    acme = ROOT / "plugins" / "acme-policies"
    shutil.copytree(acme / "acme_policies", tmp_path / "acme_policies")
    _install(tmp_path, tomllib.loads((acme / "pyproject.toml").read_text("utf-8"))["project"])
    (tmp_path / "fraud.yaml").write_text(block.text, "utf-8")
    said = _run(tmp_path, "-m", "policy_engine", "validate", "fraud.yaml")
    assert said.startswith("fraud.yaml: valid, ")


# The two file formats.


def _keys(value: object) -> set[str]:
    """Return every key at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def test_every_key_of_the_report_is_explained() -> None:
    page = (DOCS / "reference" / "report.md").read_text("utf-8")
    prose = set(_CODE.findall(FENCE.sub("", page)))
    (report,) = (
        json.loads(b.text)
        for b in BLOCKS
        if b.page == "docs/reference/report.md" and b.language == "json"
    )
    assert _keys(report) - prose == set()


def test_every_kind_of_evidence_is_explained() -> None:
    spans = set(_spans(DOCS / "reference" / "evidence.md"))
    assert {str(need.name).lower() for need in Needs} - spans == set()


def test_every_key_of_the_evidence_file_is_explained() -> None:
    page = (DOCS / "reference" / "evidence.md").read_text("utf-8")
    prose = set(_CODE.findall(FENCE.sub("", page)))
    records = (EvidenceRecord, CandidateRecord, BaselineRecord)
    keys = {field.alias or name for each in records for name, field in each.model_fields.items()}
    assert keys - prose == set()


def test_the_evidence_file_in_the_docs_is_one_of_this_version() -> None:
    (block,) = (
        b for b in BLOCKS if b.page == "docs/reference/evidence.md" and b.language == "json"
    )
    change = EvidenceRecord.from_json(block.text).change
    assert isinstance(change, ChangeRecord)
    assert change.pull_request == 7


# What the prose mentions.


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = _HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {
        re.sub(r"[^\w\- ]", "", heading.lower().strip()).replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_the_docs_resolves(page: Path) -> None:
    links = _LINK.findall(FENCE.sub("", page.read_text("utf-8")))
    broken = []
    for link in links:
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def _spans(page: Path) -> list[str]:
    return _CODE.findall(FENCE.sub("", page.read_text("utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_mentions_a_file_that_is_not_there(page: Path) -> None:
    tops = ("policy_engine/", "plugins/", "tests/", "docs/", ".github/", "benchmarks/")
    paths = [span for span in _spans(page) if span.startswith(tops) and "*" not in span]
    artifacts = {"policy_engine/predictions.json", "policy_engine/importance.json"}
    absent = [p for p in paths if not (ROOT / p).exists() and not (DOCS / p).exists()]
    assert set(absent) <= artifacts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_mentions_a_name_that_does_not_import(page: Path) -> None:
    dotted = [s for s in _spans(page) if re.fullmatch(r"policy_engine(\.\w+)+", s)]
    tags = {"head_sha", "dirty", "pull_request", "repository", "run_url", "candidate"}
    absent = [s for s in dotted if s.split(".")[1] not in tags and not _imports(s)]
    assert absent == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_mentions_an_option_that_no_command_has(page: Path) -> None:
    known = {
        option
        for command in (cli, *cli.commands.values())
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    said = {word for s in _spans(page) if s.startswith("--") for word in re.findall(r"--[\w-]+", s)}
    if page.name == "CONTRIBUTING.md":
        said.discard("--randomly-seed")  # pytest's
    assert said - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_the_prose_is_one_that_the_command_takes(page: Path) -> None:
    named = click.MissingParameter, click.BadOptionUsage  # a command, or an option, just named
    spans = [span for span in _spans(page) if span.startswith("policy-engine ")]
    mistakes = {span: _mistake(shlex.split(span)[1:], forgiven=named) for span in spans}
    assert mistakes == dict.fromkeys(spans)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_mentions_a_recipe_that_make_does_not_have(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipes = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    text = page.read_text("utf-8")
    said = {span.split()[1] for span in _spans(page) if re.match(r"make [a-z]", span)}
    said |= set(re.findall(r"^\$ make ([a-z]+)", text, re.MULTILINE))
    assert said <= recipes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_mentions_a_variable_that_nobody_reads(page: Path) -> None:
    source = "".join(p.read_text("utf-8") for p in (ROOT / "policy_engine").rglob("*.py"))
    said = set(_ENVIRONMENT.findall(page.read_text("utf-8")))
    assert {name for name in said if name not in source} == set()


def test_the_layers_of_the_architecture_are_those_of_the_import_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = (c for c in contracts if c.get("containers") == ["policy_engine"])
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    assert "\n```\n" + "\n".join(contract["layers"]) + "\n```\n" in text


def test_the_hall_stays_small() -> None:
    """A room a step: what belongs into one does not stand in the hall."""
    hall = ROOT / "policy_engine"
    rooms = {p.parent.name for p in hall.glob("*/__init__.py")}
    modules = {p.stem for p in hall.glob("*.py")} - {"__init__", "__main__"}
    assert len(rooms) <= 19, rooms
    assert len(modules) <= 7, modules


def test_each_room_says_what_it_is_for() -> None:
    for room in (ROOT / "policy_engine").glob("*/__init__.py"):
        assert (ast.get_docstring(ast.parse(room.read_text("utf-8"))) or "").endswith("."), room


def test_contributing_stays_short() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()) < 150


# Tools of these tests.


def _mistake(words: list[str], forgiven: tuple[type[click.ClickException], ...] = ()) -> str | None:
    """Return what the real command has against its arguments; nothing is run."""
    rest = list(words)
    while rest and rest[0] in {"--debug", "--help", "-h", "--version"}:
        rest.pop(0)
    if not rest:
        return None
    name, *arguments = rest
    if name not in cli.commands:
        return f"there is no command {name}"
    # Without its parent, click would keep another `--help` for the command from here on.
    parent = cli.make_context("policy-engine", [name])
    try:
        cli.commands[name].make_context(
            name, [w for w in arguments if w != "--help"], parent=parent
        )
    except forgiven:
        return None
    except click.ClickException as e:
        return e.format_message()
    return None


def _run(folder: Path, *arguments: str) -> str:
    """Run Python in a folder, with the folder and this checkout on its path."""
    path = os.pathsep.join(map(str, (folder, ROOT, ROOT / "plugins")))
    env = {**os.environ, "PYTHONPATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _install(folder: Path, project: Mapping[str, Any]) -> None:
    """Lay a distribution's metadata on the path, as pip would."""
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head, "utf-8")
    (group,) = project["entry-points"].items()
    points = "".join(f"{name} = {target}\n" for name, target in group[1].items())
    (info / "entry_points.txt").write_text(f"[{group[0]}]\n{points}", "utf-8")


def _imports(dotted: str) -> bool:
    module, _, name = dotted.rpartition(".")
    try:
        importlib.import_module(dotted)
    except ImportError:
        try:
            return hasattr(importlib.import_module(module), name)
        except ImportError:
            return False
    return True
