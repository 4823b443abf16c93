import json
import subprocess
import sys

import pytest

from policy_engine.errors import UsageError
from policy_engine.render import (
    FORMATS,
    annotations,
    as_json,
    as_text,
    html,
    junit,
    render,
    sarif,
)
from tests.render import reports


def test_the_formats_are_named_as_the_command_names_them() -> None:
    assert list(FORMATS) == ["text", "markdown", "json", "github", "junit", "sarif", "html"]


def test_the_formats_that_load_late_are_those_of_their_modules() -> None:
    report = reports.mixed()
    assert render(report, "html") == html.as_html(report)
    assert render(report, "junit") == junit.as_junit(report)
    assert render(report, "sarif") == sarif.as_sarif(report)
    assert render(report, "github") == annotations.as_github(report)


def test_a_report_is_rendered_by_the_name_of_a_format() -> None:
    assert render(reports.mixed(), "text") == as_text(reports.mixed())


def test_a_plugin_may_bring_a_format() -> None:
    formats = {**FORMATS, "verdict": lambda report: report.verdict.value}
    assert render(reports.mixed(), "verdict", formats) == "fail"


def test_an_unknown_format_is_an_error_that_names_those_that_exist() -> None:
    with pytest.raises(UsageError) as error:
        render(reports.mixed(), "yaml")
    assert (
        str(error.value)
        == "no format 'yaml'; there are github, html, json, junit, markdown, sarif, text"
    )


def test_no_format_of_a_check_imports_tabulate() -> None:
    code = (
        "import sys; from policy_engine.render import FORMATS;"
        "from tests.render.reports import mixed; [make(mixed()) for make in FORMATS.values()];"
        "assert not {'tabulate', 'wcwidth', 'mlflow', 'github3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_json_is_the_whole_report_and_ends_its_line() -> None:
    text = as_json(reports.mixed())
    assert text.endswith("}\n")
    assert json.loads(text) == reports.mixed().to_dict()


def test_json_keeps_a_lone_surrogate() -> None:
    hostile = reports.SIZE._replace(message="\ud800 日本\x1b")
    text = as_json(reports.report(reports.subject(hostile)))
    assert text.isascii()
    assert json.loads(text)["subjects"][0]["findings"][0]["message"] == "\ud800 日本\x1b"
