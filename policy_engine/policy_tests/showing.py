"""Results of policy tests as people and CI systems read them."""

from collections.abc import Iterator, Sequence

from policy_engine.policy_tests.judging import Difference, Result
from policy_engine.quantities.words import count
from policy_engine.render import junit_xml
from policy_engine.render.escape import LONG, terminal
from policy_engine.render.junit_xml import Suite, as_junit_xml


def tests_as_text(results: Sequence[Result], lacking: Sequence[str]) -> str:
    """Return the results as text: every case by name, and each difference with what was found.

    Args:
        results: Of all cases, in the order of the files.
        lacking: What is not covered.
    """
    return "\n".join(_lines(results, lacking)) + "\n"


def _lines(results: Sequence[Result], lacking: Sequence[str]) -> Iterator[str]:
    path = None
    for result in results:
        if result.test.path != path:
            path = result.test.path
            yield f"{path} ({result.test.policies.path})"
        word = "differs" if result.differences else "ok"
        yield f"  {word:<8}{_line(result.case.name)}"
        for difference in result.differences:
            yield from _told(difference)
    for line in lacking:
        yield f"not covered: {line}"
    yield summary(results, lacking)


def _told(difference: Difference) -> Iterator[str]:
    expected = difference.expected
    at = f"{expected.at.file}:{expected.at.line}"
    part = f" [{_line(expected.part)}]" if expected.part else ""
    yield f"          {expected.id}{part}: {_line(difference.why)} ({_line(at)})"
    for finding in difference.found:
        named = f" [{_line(finding.part)}]" if finding.part else ""
        message = f"{finding.outcome.value}, {finding.effect.value}: {finding.message}"
        yield f"            found{named} {_line(message)}"


def summary(results: Sequence[Result], lacking: Sequence[str]) -> str:
    """Return the last line: how many cases there were, and how many differ."""
    differ = sum(bool(result.differences) for result in results)
    cases = count(len(results), "case")
    if not results:
        return "there is no case: nothing was tested"
    line = f"{cases}: {count(differ, 'differs', 'differ') if differ else 'all as expected'}"
    return f"{line}; {len(lacking)} not covered" if lacking else line


def tests_as_junit(results: Sequence[Result], lacking: Sequence[str]) -> str:
    """Return the results as JUnit XML: a suite for each file, a case for each case."""
    suites = [
        Suite(
            name=path,
            cases=[_case(result) for result in results if result.test.path == path],
            properties={
                "policy file": next(r for r in results if r.test.path == path).test.policies.path
            },
        )
        for path in dict.fromkeys(result.test.path for result in results)
    ]
    uncovered = [
        junit_xml.JunitCase(
            group="coverage", name=line, result="failure", kind="not covered", message=line
        )
        for line in lacking
    ]
    if uncovered:
        suites.append(Suite(name="coverage", cases=uncovered))
    if not results:
        message = summary(results, lacking)
        none = junit_xml.JunitCase(
            group="policy-engine", name="cases", result="error", kind="no case", message=message
        )
        suites.append(Suite(name="policy-engine", cases=[none]))
    return as_junit_xml("policy tests", suites)


def _case(result: Result) -> junit_xml.JunitCase:
    if not result.differences:
        return junit_xml.JunitCase(
            group=result.test.path,
            name=result.case.name,
            file=(result.case.where.file, result.case.where.line),
        )
    first = result.differences[0]
    return junit_xml.JunitCase(
        group=result.test.path,
        name=result.case.name,
        result="failure",
        kind="differs",
        message=f"{first.expected.id}: {first.why}",
        details=[line.strip() for each in result.differences for line in _told(each)],
        file=(result.case.where.file, result.case.where.line),
    )


def _line(text: str) -> str:
    return terminal(text, LONG)
