"""`test`: the cases of policy tests."""

import click

from policy_engine.cli.app import command
from policy_engine.cli.options import formats_of
from policy_engine.log import progress

_FORMATS = ("text", "junit")
TESTS = "policies/tests"


@command("test", "policy-engine test policies/tests --require-coverage")
@click.argument("paths", nargs=-1)
@click.option(
    "--require-coverage",
    is_flag=True,
    help="Fail where no case shows a bound policy to pass, to fail and to miss its evidence.",
)
@formats_of(_FORMATS)
def test_command(
    paths: tuple[str, ...], formats: tuple[str, ...], *, require_coverage: bool
) -> int:
    """Judge the cases of policy tests (policies/tests/ by default); 1 where one differs."""
    from pathlib import Path

    from policy_engine import policy_tests
    from policy_engine.cli import output
    from policy_engine.quantities.words import count

    root = Path()
    given = paths or ((TESTS,) if (root / TESTS).exists() else ())
    places = output.places(formats, _FORMATS)
    tests = policy_tests.read_tests(given, root)
    cases = sum(len(test.cases) for test in tests)
    results: list[policy_tests.Result] = []
    with progress() as say:
        for result in (each for test in tests for each in policy_tests.judged(test)):
            results.append(result)
            say(f"judged {len(results)} of {count(cases, 'case')}")
    lacking = policy_tests.untested(tests, results, root) if require_coverage else []
    for place in places:
        is_junit = place.format == "junit"
        render = policy_tests.tests_as_junit if is_junit else policy_tests.tests_as_text
        place.write(render(results, lacking))
    if not results:
        return 4
    return 1 if lacking or any(result.differences for result in results) else 0
