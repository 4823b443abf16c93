"""Writes what the reference repeats of the code: `policies.md`, `command.md`, parts of others.

    python docs/generate.py            # or: make docs

`tests/test_docs.py` fails while a page differs from what this makes of the code.
"""  # noqa: INP001 (a script beside the pages that it writes)

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import yaml
from click.testing import CliRunner
from pydantic.fields import FieldInfo

from policy_engine import __version__, evidence, plugins
from policy_engine.cli import catalogue, cli
from policy_engine.evidence.record import EvidenceRecord, Needs
from policy_engine.judging.beside import with_comparisons
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.policy import Policy
from policy_engine.policy_file import Offered, load_policies, schema
from policy_engine.policy_file.declaring import Keys, ReadAs, Said, bare, examples, flow, meaning
from policy_engine.policy_file.keys import BindingKeys, FileKeys, Lies, lying
from policy_engine.policy_file.setting_kinds import kinds_of
from policy_engine.policy_tests.schema import policy_tests_schema as schema_of_tests
from policy_engine.quantities import MEASURES
from policy_engine.quantities.words import listed
from policy_engine.render import FORMATS
from policy_engine.render.log_line import LogLine
from policy_engine.report import Engine, PolicySource, Report

HERE = Path(__file__).resolve().parent
WIDTH = 100
"""Columns of a command's help."""

_VIEWS = (
    *("Case", "Run", "Model", "Predictions", "Measurement", "Metric", "Dataset", "Version"),
    *("Artifact", "ModelMetric", "Importance", "Change"),
)
_PLUMBING = frozenset({"evidence", "needs", "metric_setting", "found"})
"""What a case is made of, and no policy should read."""

_MARK = "<!-- Written by docs/generate.py (make docs); change the code instead. -->"

POLICIES = f"""\
{_MARK}

# The policies

Each policy is a plugin's class: its docstring says why it exists, its fields are its settings. This
page is made of those classes, as is `policy-engine explain NAME`. How settings are written, and the
keys that every binding may have (`level`, `on_missing`, …), stands in
[the policy file](policy-file.md). A setting whose default is `off` does nothing until it is set.

What every policy does without its evidence: `missing` where it is absent, `fail` where it is NaN or
otherwise unusable, `error` where it could not be read. None of them passes. "Reads" names the
[kinds of evidence](evidence.md#what-is-read) that a policy may read; with some settings it reads
fewer.
"""

_COMMAND = f"""\
{_MARK}

# The command

`policy-engine` is a thin shell over `policy_engine.check`; in Python, `check(Options(...))` returns
the same report.

## Exit codes

The exit code is the gate. It is the same for every `--format`.

| exit code | meaning | verdict of the report |
|---|---|---|
| 0 | may merge | `pass`, `warn`, `not-applicable` |
| 1 | a policy blocks | `fail` |
| 2 | the command line, a policy file or a plugin is wrong: nothing was judged | no report |
| 3 | could not decide: evidence cannot be read, or a policy broke | `error` |
| 3 | could not decide: nobody can tell which policies judge, or what | no report |
| 4 | nothing was evaluated: no candidate, or no policy that applies | `not-evaluated` |
| 130 | interrupted | no report |

Where several subjects disagree, 3 goes before 4, 4 before 1, and 1 before 0. `collect` returns 0,
2, 3 or 4; `publish` what the report says, or 2; `test` 0, 1 where a case differs, 2, or 4 where
there is no case; `validate`, `waive`, `record`, `list`, `explain`, `schema`, `init` and `plugins` 0
or 2; `plan` 0, 2, 3, or 4 where its runs do not tell. `demo` returns 0, or 1 where a verdict is not
the one that it promises; `doctor` 0, or 1 where one of its lines is a problem. A fault of
policy-engine itself is 3, with a block to paste into a
report.

stdout carries the one format without `=FILE`, and nothing else; notes, errors and what a plugin
prints go to stderr. In neither does text that others wrote become a command of a CI job. An error
is one sentence; `--debug` (before the command) shows its traceback.

If stdout is closed, or its reader went away, the exit code stays what it is. If stdout cannot be
written for another reason, such as a full disk, the exit code is 2: a report that nobody got does
not pass. A stderr that is closed or cannot be written changes no exit code.

## The environment

| variable | what for |
|---|---|
| `MLFLOW_TRACKING_URI` | where MLflow is, without `--tracking-uri` |
| `MLFLOW_TRACKING_USERNAME`, `MLFLOW_TRACKING_PASSWORD` | as for MLflow's own client |
| `MLFLOW_TRACKING_TOKEN` | as for MLflow's own client |
| `GITHUB_ACTIONS` | `true`: the pull request is read from the variables below |
| `GITHUB_EVENT_NAME`, `GITHUB_EVENT_PATH`, `GITHUB_SHA` | what started the job |
| `GITHUB_TOKEN`, `GITHUB_API_URL` | which GitHub is told, and asked what the clone does not tell |
| `GITHUB_REPOSITORY`, `GITHUB_SERVER_URL` | whose clone is believed about the default branch |
| `RUNNER_ENVIRONMENT` | `github-hosted`: the clone is as new as the job, and believed first |
| `GITHUB_OUTPUT`, `GITHUB_STEP_SUMMARY` | where the step's outputs and the job's summary go |
| `POLICY_ENGINE_TRACE` | `1`: every hook call is printed to stderr |
| `NO_COLOR` | any value: no colour |
"""


def policies_page() -> str:
    """Return `policies.md`: a section for each policy, one module after the other."""
    offered = plugins.load_plugins().policies
    return "\n".join([POLICIES, *contents(offered), *_sections(offered)])


def command_page() -> str:
    """Return `command.md`: the exit codes, and the help of each command."""
    names = ["", *sorted(cli.commands)]
    helps = [
        f"\n## policy-engine {name}".rstrip() + f"\n\n```text\n{_help(name)}```" for name in names
    ]
    return "\n".join([_COMMAND.rstrip(), *helps]) + "\n"


def evidence_page() -> str:
    """Return `evidence.md` with the kinds of evidence."""
    page = (HERE / "reference" / "evidence.md").read_text("utf-8")
    rows = [
        (f"`{name.lower()}`", each.kind.opens, each.kind.lies, each.kind.grade)
        for name, each in Needs.__members__.items()
    ]
    rows[0] = (f"{rows[0][0]} (always)", *rows[0][1:])
    table = _rows(("need", "what it opens", "where MLflow keeps it", "grade"), *rows)
    return _between(page, "needs", table)


def report_page() -> str:
    """Return `report.md` with the formats, and the report of its policy file on the example."""
    page = (HERE / "reference" / "report.md").read_text("utf-8")
    modules = {name: import_module(f"policy_engine.render.formats.{name}") for name in FORMATS}
    first = {name: (inspect.getdoc(each) or "").splitlines()[0] for name, each in modules.items()}
    rows = ((f"`{n}`", line.removeprefix("The report ").rstrip(".")) for n, line in first.items())
    page = _between(page, "formats", _rows(("format", "the report"), *rows))
    shown = json.dumps(example_report(page).to_dict(), indent=2, ensure_ascii=False)
    return _between(page, "report", f"```json\n{shown}\n```")


def case_page() -> str:
    """Return `case.md` with the attributes of what a policy sees."""
    page = (HERE / "reference" / "case.md").read_text("utf-8")
    return _between(page, "views", "".join(map(_view, _VIEWS)).rstrip())


def _view(name: str) -> str:
    """Return a section: what the class is, and a row for each public attribute and method."""
    view: type = getattr(evidence, name)
    text = inspect.cleandoc(view.__doc__ or "").partition("\n\nAttributes:")[0]
    rows = dict([*_fields(view), *_members(view)])
    table = _rows(("name", "type", "what it is"), *((f"`{n}`", *row) for n, row in rows.items()))
    return f"## {name}\n\n{text.partition('Raises:')[0].rstrip()}\n\n{table}\n\n"


def _fields(view: type) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the fields, with what the docstring says of each."""
    told = inspect.cleandoc(view.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    meanings = dict(re.findall(r"^ {4}(\w+): ((?:.|\n {8})*)", told, re.MULTILINE))
    for name, kind in get_type_hints(view, include_extras=False).items():
        if name in {*meanings, *getattr(view, "model_fields", ())} - _PLUMBING:
            yield name, (_kind(kind), " ".join(meanings.get(name, "").split()))


def _members(view: type) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, member in vars(view).items():
        if isinstance(member, property) and not name.startswith("_"):
            yield name, (_returned(member.fget), _first(member))
        elif inspect.isfunction(member) and not name.startswith("_"):
            arguments = ", ".join(list(inspect.signature(member).parameters)[1:])
            yield f"{name}({arguments})", (_returned(member), _first(member))


def _returned(function: Any) -> str:
    kind = inspect.signature(function).return_annotation
    return _kind(kind) if not isinstance(kind, str) else f"`{kind}`"


def _first(member: object) -> str:
    """Return the first paragraph of a docstring."""
    return " ".join((inspect.getdoc(member) or "").partition("\n\n")[0].split())


def _kind(kind: object) -> str:
    """Return a type as Python writes it, without modules; `|` would end the table's cell."""
    shown = re.sub(r"[\w.]+\.(\w+)", r"\1", inspect.formatannotation(kind))
    shown = re.sub(r"Union\[([^][]+), ([^][]+)\]", r"\1 | \2", shown)
    for theirs, ours in {"'Run'": "Run", "FileRecord": "Artifact", "Record": ""}.items():
        shown = shown.replace(theirs, ours)
    return f"`{shown}`".replace("|", "\\|")


def policy_file_page() -> str:
    """Return `policy-file.md` with what the keys of a policy file declare, and the units."""
    page = (HERE / "reference" / "policy-file.md").read_text("utf-8")
    tables = {
        "a policy file": _keys(FileKeys, page),
        **{f"`{name}`": _keys(keys) for name, keys in _sections_with_keys(FileKeys)},
        "`baseline`": _rules(),
        "a binding": _keys(BindingKeys),
        "merging": _merging(),
        "units": _units(),
    }
    for name, table in tables.items():
        page = _between(page, name, table)
    return page


def _sections_with_keys(keys: type[Keys]) -> Iterator[tuple[str, type[Keys]]]:
    """Yield the keys that hold a mapping, or a list of mappings, with keys of their own."""
    for name, field in keys.model_fields.items():
        kind = bare(field.annotation)[0]
        inner = bare(get_args(kind)[0])[0] if get_origin(kind) is tuple else kind
        if isinstance(inner, type) and issubclass(inner, Keys) and name != "baseline":
            yield name, inner


def _keys(keys: type[Keys], page: str = "") -> str:
    """Return a table of keys; a name is a link where the page has a section of it."""
    rows = [
        (
            f"[`{name}`](#{name})" if f"\n### {name}\n" in page else f"`{name}`",
            _written(field.annotation, field.metadata),
            f"one of {_listed(keys.one_of)}" if name in keys.one_of else _unsaid(field),
            meaning(field),
        )
        for name, field in keys.model_fields.items()
    ]
    return _rows(("key", "type", "default", "what it says"), *rows)


def _rules() -> str:
    rows = [
        (f"`{name}`", " or ".join(f"`{flow(each)}`" for each in examples(field)), meaning(field))
        for name, field in plugins.load_plugins().baseline_rules.built_in.items()
    ]
    return _rows(("rule", "value", "which run"), *rows)


def _merging() -> str:
    return (
        f"- {_listed(lying(Lies.ADDED), 'and')} add up.\n"
        f"- {_listed(lying(Lies.MERGED), 'and')} merge key by key, and so do the keys of one "
        f"binding.\n- All else is replaced whole: {_listed(lying(None), 'and')}."
    )


def _written(annotation: Any, metadata: Sequence[Any]) -> str:
    """Return in words what stands behind a key."""
    annotation, metadata = bare(annotation, metadata)
    said = next((m.kind for m in metadata if isinstance(m, ReadAs | Said) and m.kind), None)
    origin, parts = get_origin(annotation), get_args(annotation)
    if said is not None:
        return said
    if origin is tuple:
        return f"list of {_written(parts[0], ())}s"
    if origin is Literal:
        return _listed(parts)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _listed(tuple(each.value for each in annotation))
    if origin is not None or issubclass(annotation, Keys):
        return "mapping"
    return next(kinds_of(FieldInfo.from_annotation(Annotated[annotation, None, *metadata]))).words


def _unsaid(field: FieldInfo) -> str:
    """Return in words what holds without a key."""
    words = next((each.unsaid for each in field.metadata if isinstance(each, Said)), None)
    if words is not None or field.is_required():
        return words or "required"
    return f"`{flow(field.default)}`" if field.default not in (None, (), {}) else "none"


def _listed(names: Sequence[Any], word: str = "or") -> str:
    return listed([f"`{name}`" for name in names], word)


def github_actions_page() -> str:
    """Return `github-actions.md` with the inputs and outputs of `action.yml`."""
    page = (HERE / "how-to" / "github-actions.md").read_text("utf-8")
    action = yaml.safe_load((HERE.parent / "action.yml").read_text("utf-8"))
    inputs = [
        (f"`{name}`", f"`{each['default']}`" if each["default"] else "", each["description"])
        for name, each in action["inputs"].items()
    ]
    outputs = [(f"`{name}`", each["description"]) for name, each in action["outputs"].items()]
    tables = _rows(("input", "default", "what it is"), *inputs) + "\n\n"
    tables += _rows(("output", "what it is"), *outputs)
    return _between(page, "inputs", tables)


def _units() -> str:
    rows = [
        (f"`{name}`", f"{unit.factor:,f} {measure}")
        for measure, units in MEASURES.items()
        for name, unit in sorted(units.items(), key=lambda item: item[1].factor)
    ]
    return _rows(("unit", "is"), *rows)


def _between(page: str, name: str, text: str) -> str:
    """Return a page with the text between the marks of that name."""
    begin, end = f"<!-- {name}: written by docs/generate.py -->\n", f"<!-- end of {name} -->"
    before, after = page.partition(begin)[0], page.partition(end)[2]
    return f"{before}{begin}\n{text}\n\n{end}{after}"


def _rows(head: tuple[str, ...], *rows: tuple[str, ...]) -> str:
    rule = tuple("---" for _ in head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def example_report(page: str) -> Report:
    """Return the report of the page's policy file on the evidence that `evidence.md` shows."""
    evidence = EvidenceRecord.from_json(
        _block((HERE / "reference" / "evidence.md").read_text("utf-8"), "json")
    )
    loaded = plugins.load_plugins()
    path = "policies/fraud.yaml"
    file = _block(page, "yaml").encode()
    policies = load_policies({path: file}, loaded.policies, loaded.packs)
    source = PolicySource(policies.digest, ref="5d41402", trusted=False)
    engine = Engine(__version__, tuple(map(str, loaded.loaded)))
    context = Context(datetime(2026, 11, 22, 12, tzinfo=UTC), source, engine)
    return with_comparisons(evaluate(policies, evidence, context), policies, evidence, context)


def policy_file_schema() -> str:
    """Return the JSON Schema of policy files with the policies and packs that come with us."""
    loaded = plugins.load_plugins()
    made = schema.policy_file_schema(loaded.policies, loaded.packs, loaded.baseline_rules)
    return schema.schema_text(made)


def waivers_schema() -> str:
    """Return the JSON Schema of `waivers.yaml`."""
    return schema.schema_text(schema.waivers_schema())


def check_log_schema() -> str:
    """Return the JSON Schema of a line that `check --log` writes."""
    return schema.schema_text(LogLine.model_json_schema())


def policy_tests_schema() -> str:
    """Return the JSON Schema of policy tests."""
    return schema.schema_text(schema_of_tests())


PAGES = {
    "reference/policies.md": policies_page,
    "reference/command.md": command_page,
    "reference/evidence.md": evidence_page,
    "reference/report.md": report_page,
    "reference/case.md": case_page,
    "reference/policy-file.md": policy_file_page,
    "schema/policy-file.json": policy_file_schema,
    "schema/policy-tests.json": policy_tests_schema,
    "schema/waivers.json": waivers_schema,
    "schema/check-log.json": check_log_schema,
    "how-to/github-actions.md": github_actions_page,
}
"""What makes each page."""


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")


def contents(offered: Mapping[str, Offered]) -> Iterator[str]:
    """Yield the table of the policies, each linked to its section."""
    yield "| policy | a model that passes |\n|---|---|"
    for name, each in offered.items():
        yield f"| [`{name}`](#{name}) | {(inspect.getdoc(each.policy) or '').splitlines()[0]} |"


def _sections(offered: Mapping[str, Offered]) -> Iterator[str]:
    by_plugin = sorted(offered, key=lambda name: (title(offered[name].policy), name))
    last = ""
    for name in by_plugin:
        if title(offered[name].policy) != last:
            last = title(offered[name].policy)
            yield f"\n## {last}"
        yield f"\n### {name}\n\n{section(catalogue.describe(name, offered))}"


def title(policy: type[Policy]) -> str:
    """Return the first line of the folder that a policy stands in."""
    folder = inspect.getdoc(sys.modules[policy.__module__.rpartition(".")[0]]) or ""
    return folder.splitlines()[0].removesuffix(".")


def section(policy: catalogue.Description) -> str:
    """Return what there is to know of a policy."""
    parts = [
        policy.text,
        _settings(policy),
        f"Plugin: `{policy.plugin}`. Reads: {', '.join(policy.reads)}.",
        f"```yaml\n{policy.example}\n```",
    ]
    if policy.logging is not None:
        parts.append(f"```python\n{policy.logging}\n```")
    return "\n\n".join(parts) + "\n"


def _settings(policy: catalogue.Description) -> str:
    if not policy.settings:
        return "It has no settings."
    rows = [
        f"| `{each.name}` | {each.kind} | {each.default} | {each.meaning} |"
        for each in policy.settings
    ]
    return "\n".join(["| setting | kind | default | meaning |\n|---|---|---|---|", *rows])


def _block(page: str, language: str) -> str:
    """Return the first block of code in a language."""
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    if found is None:
        raise ValueError(f"there is no block of {language}")
    return found[1]


def _help(command: str) -> str:
    arguments = [command, "--help"] if command else ["--help"]
    done = CliRunner().invoke(cli, arguments, prog_name="policy-engine", terminal_width=WIDTH)
    if done.exit_code:
        raise RuntimeError(f"policy-engine {command} --help: exit code {done.exit_code}")
    return done.output


if __name__ == "__main__":
    main()
