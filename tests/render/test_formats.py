import json
import subprocess
import sys

from policy_engine.render import FORMATS
from policy_engine.render.formats import (
    azure,
    codequality,
    github,
    html,
    junit,
    markdown,
    sarif,
    text,
)
from policy_engine.render.formats.json import as_json
from tests.render import reports


def test_a_file_is_a_format_and_named_as_it_is() -> None:
    names = ["azure", "codequality", "github", "html", "json", "junit", "markdown", "sarif", "text"]
    assert list(FORMATS) == names


def test_a_format_loads_late_and_is_that_of_its_file() -> None:
    report = reports.mixed()
    assert {name: render(report) for name, render in FORMATS.items()} == {
        "azure": azure.as_azure(report),
        "codequality": codequality.as_codequality(report),
        "github": github.as_github(report),
        "html": html.as_html(report),
        "json": as_json(report),
        "junit": junit.as_junit(report),
        "markdown": markdown.as_markdown(report),
        "sarif": sarif.as_sarif(report),
        "text": text.as_text(report),
    }


def test_no_format_of_a_check_imports_tabulate() -> None:
    code = (
        "import sys; from policy_engine.render import FORMATS;"
        "from tests.render.reports import mixed; [make(mixed()) for make in FORMATS.values()];"
        "print(*{'tabulate', 'wcwidth', 'mlflow', 'github3'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout == "\n"


def test_json_is_the_whole_report_and_ends_its_line() -> None:
    text = as_json(reports.mixed())
    assert text.endswith("}\n")
    assert json.loads(text) == reports.mixed().to_dict()


def test_json_keeps_a_lone_surrogate() -> None:
    hostile = reports.SIZE._replace(message="\ud800 日本\x1b")
    text = as_json(reports.report(reports.subject(hostile)))
    assert text.isascii()
    assert json.loads(text)["subjects"][0]["findings"][0]["message"] == "\ud800 日本\x1b"
