"""JUnit's XML, as CI systems read it: suites of cases that passed, failed, broke or were skipped.

Any text may be given: it is cleaned here, so that the result is always well-formed, and ASCII.
"""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from policy_engine.render.escape import LONG, terminal

JunitResult = Literal["passed", "failure", "error", "skipped"]

_COUNTED: dict[JunitResult, str] = {"failure": "failures", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JunitCase:
    """One test case.

    Attributes:
        group: What JUnit calls the class.
        name: Its name.
        result: How it ended.
        kind: Why it did not pass, in a word.
        message: Why it did not pass, in a sentence.
        details: More lines, shown under the message; of a pass, as its output.
        file: Where it is written, and the line from 1.
    """

    group: str
    name: str
    result: JunitResult = "passed"
    kind: str = ""
    message: str = ""
    details: Sequence[str] = ()
    file: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A list of cases, with facts about it as properties."""

    name: str
    cases: Sequence[JunitCase]
    properties: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None


def as_junit_xml(name: str, suites: Sequence[Suite]) -> str:
    """Return suites as one XML document."""
    root = ET.Element("testsuites", {"name": _line(name)})
    _count(root, [case for suite in suites for case in suite.cases])
    for suite in suites:
        _suite(root, suite)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii") + "\n"


def _suite(root: ET.Element, suite: Suite) -> None:
    element = ET.SubElement(root, "testsuite", {"name": _line(suite.name)})
    _count(element, suite.cases)
    if suite.at:
        element.set("timestamp", suite.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    if suite.properties:
        several = ET.SubElement(element, "properties")
        for name, value in suite.properties.items():
            ET.SubElement(several, "property", {"name": _line(name), "value": _line(value)})
    for case in suite.cases:
        _case(element, case)


def _case(suite: ET.Element, case: JunitCase) -> None:
    named = {"classname": _line(case.group), "name": _line(case.name), "time": "0"}
    element = ET.SubElement(suite, "testcase", named)
    if case.file:
        element.set("file", _line(case.file[0]))
        element.set("line", str(case.file[1]))
    details = "\n".join(map(_line, case.details))
    if case.result == "passed":
        if details:
            ET.SubElement(element, "system-out").text = details
        return
    told = {"type": _line(case.kind), "message": _line(case.message)}
    ET.SubElement(element, case.result, told).text = details or None


def _count(element: ET.Element, cases: Sequence[JunitCase]) -> None:
    counts = Counter(case.result for case in cases)
    element.set("tests", str(len(cases)))
    for result, name in _COUNTED.items():
        element.set(name, str(counts[result]))
    element.set("time", "0")


def _line(text: str) -> str:
    return terminal(text, LONG)
