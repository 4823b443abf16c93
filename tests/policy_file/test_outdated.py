"""A plugin's next version renames a pack, a policy and a setting, and retires another one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from policy_engine import plugins
from policy_engine.errors import PluginError
from tests.command import Project, candidate, command, evidence
from tests.plugin_factory import HEAD, Site, on_the_path

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

TODAY = datetime.now(UTC).date()
LAST = TODAY + timedelta(days=30)
RULE = '''
from datetime import date
from typing import Annotated

from policy_engine.policy import Ending, Former, Pack
from policy_engine.quantities import Duration, Tighter

LAST = date({last.year}, {last.month}, {last.day})


class Rule(Policy, name="{name}"{formerly}):
    """Training is quick."""

    needs = Needs.RUN
    {setting}: Annotated[Duration, Tighter.LOWER{former}] = Field(description="Longest (s).")
    grace: Annotated[Duration | None{ends}] = Field(default=None, description="More (s).")

    def evaluate(self, case):
        yield Finding.judge(
            case.candidate.duration, "<=", self.{setting}, "time", remedy="train for less"
        )


@hookimpl
def register_policies():
    return [Rule]


@hookimpl
def register_packs():
    return {{"{pack}": {given}}}
'''
FIRST = RULE.format(
    last=LAST,
    name="acme-time",
    formerly="",
    setting="limit",
    former="",
    ends=", 'nothing'",
    pack="acme",
    given='Path(__file__).with_name("acme.yaml")',
)
SECOND = RULE.format(
    last=LAST,
    name="acme-training-time",
    formerly=', formerly=Former("acme-time", LAST)',
    setting="max_time",
    former=', Former("limit", LAST)',
    ends=', Ending(LAST, "remove it: nothing is granted any more")',
    pack="acme-base",
    given='Pack(Path(__file__).with_name("acme.yaml"), (Former("acme", LAST),))',
)
FIRST_PACK = "version: 1\npolicies:\n  acme-time: {limit: 3h, level: mandatory}\n"
SECOND_PACK = "version: 1\npolicies:\n  acme-training-time: {max_time: 3h, level: mandatory}\n"


class Repository(NamedTuple):
    """A team's policy file: as it is, what is told of it, and as `--fix` leaves it."""

    text: str
    notes: tuple[str, ...]
    fixed: str
    waivers: tuple[str, str] | None = None


HEADER = "version: 1  # ours\nplugins: [acme-policies]\n"
FILE = "policies/fraud.yaml"
UNTIL = f"and read until {LAST}"
FIX = "or let `policy-engine validate --fix` do so"


def pack(line: int) -> str:
    return f"{FILE}:{line}: pack 'acme' is now called 'acme-base', {UNTIL}: write acme-base, {FIX}"


def policy(line: int, file: str = FILE) -> str:
    return (
        f"{file}:{line}: policy 'acme-time' is now called 'acme-training-time', {UNTIL}: "
        f"write acme-training-time, {FIX}"
    )


def setting(line: int) -> str:
    return (
        f"{FILE}:{line}: setting 'limit' is now called 'max_time', {UNTIL}: write max_time, {FIX}"
    )


def retired(line: int) -> str:
    what = "setting 'grace' is retired"
    return f"{FILE}:{line}: {what}, {UNTIL}: remove it: nothing is granted any more"


def waiver(id_: str) -> str:
    return (
        "version: 1\nwaivers:\n"
        f"  - id: {id_}  # until the new machines are here\n"
        '    model: "*"\n    ceiling: 9h\n    reason: a launch\n    owner: "@ana"\n'
        f'    approved_by: "@ben"\n    ticket: ML-1\n    expires: {LAST}\n'
    )


REPOSITORIES = {
    "one that extends the pack": Repository(
        f"{HEADER}extends: [recommended, acme]  # both\n",
        (pack(3),),
        f"{HEADER}extends: [recommended, acme-base]  # both\n",
    ),
    "one that binds the policy itself, in one line": Repository(
        f"{HEADER}policies:\n  acme-time: {{limit: 1h, grace: 5min, why: money}}  # tight\n",
        (policy(4), setting(4), retired(4)),
        f"{HEADER}policies:\n  acme-training-time: {{max_time: 1h, why: money}}  # tight\n",
    ),
    "one in blocks, with comments and a waiver": Repository(
        f"{HEADER}policies:\n  # Asked of all.\n  'acme-time':\n    # An hour.\n    limit: 1h\n"
        "    grace: 5min  # why not\n    # The end.\n",
        (policy(5), setting(7), retired(8), policy(3, "policies/waivers.yaml")),
        f"{HEADER}policies:\n  # Asked of all.\n  acme-training-time:\n    # An hour.\n"
        "    max_time: 1h\n    # The end.\n",
        (waiver("acme-time"), waiver("acme-training-time")),
    ),
    "one that tightens what the pack makes mandatory": Repository(
        f"{HEADER}extends:\n  - acme\npolicies:\n  acme-time: {{limit: 30min}}\n",
        (pack(4), policy(6), setting(6)),
        f"{HEADER}extends:\n  - acme-base\npolicies:\n  acme-training-time: {{max_time: 30min}}\n",
    ),
    "one with an id of its own": Repository(
        f"{HEADER}policies:\n  nightly: {{grace: 1min, policy: acme-time, limit: 2h}}\n",
        (retired(4), policy(4), setting(4)),
        f"{HEADER}policies:\n  nightly: {{policy: acme-training-time, max_time: 2h}}\n",
    ),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


class Versions:
    """The plugin in its two versions."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self.monkeypatch = monkeypatch

    def judge(self, version: int, project: Project, at: str) -> tuple[int, list[str], list[str]]:
        """Return exit code, outcomes and notes of a check with this version."""
        with self.installed(version):
            record = evidence(candidate(duration="1h"))
            told = project.check(record, "--at", f"{at}T12:00:00Z")
        found = [f"{f['outcome']} {f['effect']}" for f in told.subject["findings"]]
        notes = [note for note in told.subject["notes"] if ".yaml:" in note]
        return told.code, found, notes

    def installed(self, version: int) -> AbstractContextManager[Site]:
        """Have this version on the path."""
        site = Site(self._folder / f"v{version}")
        source, text = ((FIRST, FIRST_PACK), (SECOND, SECOND_PACK))[version - 1]
        if not (site.folder / "acme.yaml").exists():
            site.install(HEAD + source, version=f"{version}.0")
            (site.folder / "acme.yaml").write_text(text)
        return on_the_path(site, self.monkeypatch)


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Versions:
    return Versions(tmp_path / "site", monkeypatch)


def written(project: Project, repository: Repository) -> None:
    project.policy(repository.text)
    if repository.waivers is not None:
        project.policy(repository.waivers[0], "policies/waivers.yaml")


@pytest.mark.parametrize("repository", REPOSITORIES.values(), ids=REPOSITORIES)
def test_the_next_version_judges_warns_with_the_day_and_is_fixed(
    project: Project, versions: Versions, repository: Repository
) -> None:
    written(project, repository)
    before = versions.judge(1, project, str(TODAY))
    after = versions.judge(2, project, str(LAST))
    assert after == (*before[:2], list(repository.notes))
    with versions.installed(2):
        validated = command("validate")
        late = project.check(evidence(candidate()), "--at", f"{LAST + timedelta(days=1)}T00:00:00Z")
        done = command("validate", "--fix")
        again = command("validate")
    assert (validated.code, validated.err) == (
        0,
        "".join(f"note: {note}\n" for note in repository.notes),
    )
    assert late.code == 2
    assert late.err.count(f" was read until {LAST}\n") == len(repository.notes)
    assert (done.code, done.err, again.err) == (0, "", "")
    assert (project.folder / FILE).read_text() == repository.fixed
    if repository.waivers is not None:
        assert (project.folder / "policies/waivers.yaml").read_text() == repository.waivers[1]
    assert versions.judge(2, project, str(LAST)) == (*before[:2], [])


def test_after_the_last_day_each_old_name_is_an_error_with_its_place(
    project: Project, versions: Versions
) -> None:
    project.policy(f"{HEADER}policies:\n  acme-time: {{limit: 1h, grace: 5min}}\n")
    with versions.installed(2):
        told = project.check(evidence(candidate()), "--at", f"{LAST + timedelta(days=1)}T00:00:00Z")
    assert told.err == (
        f"{FILE}:4:3: policies.acme-time: policy 'acme-time' is now called 'acme-training-time'; "
        f"the old name was read until {LAST}\n  write acme-training-time, {FIX}\n"
        f"{FILE}:4:15: policies.acme-time.limit: setting 'limit' is now called 'max_time'; "
        f"the old name was read until {LAST}\n  write max_time, {FIX}\n"
        f"{FILE}:4:26: policies.acme-time.grace: setting 'grace' is retired; "
        f"it was read until {LAST}\n  remove it: nothing is granted any more\n"
        "3 problems found; nothing was evaluated.\n"
    )


def test_a_waiver_under_the_old_id_holds(project: Project, versions: Versions) -> None:
    project.policy(f"{HEADER}policies: {{acme-time: {{limit: 30min}}}}\n")
    project.policy(waiver("acme-time"), "policies/waivers.yaml")
    assert versions.judge(2, project, str(TODAY))[:2] == (0, ["fail waived"])


def test_old_and_new_name_in_one_file_are_one_too_many(
    project: Project, versions: Versions
) -> None:
    project.policy(
        f"{HEADER}policies:\n  acme-time: {{limit: 1h}}\n"
        "  acme-training-time: {limit: 1h, max_time: 2h}\n"
    )
    with versions.installed(2):
        told = command("validate")
    assert (told.code, told.err) == (
        2,
        (
            f"{FILE}:4:3: policies.acme-time: 'acme-training-time' is the same policy\n"
            "  keep one of them\n"
            f"{FILE}:5:24: policies.acme-training-time.limit: 'max_time' says the same\n"
            "  keep one of them\n"
            "2 problems found; nothing was evaluated.\n"
        ),
    )


def test_a_required_pack_may_be_named_by_its_old_name(project: Project, versions: Versions) -> None:
    project.policy("version: 1\n")
    late_day = f"{LAST + timedelta(days=1)}T00:00:00Z"
    with versions.installed(2):
        told = command("validate", "--require", "acme-policies:acme", "--fix")
        late = project.check(
            evidence(candidate()), "--require", "acme-policies:acme", "--at", late_day
        )
    assert (told.code, told.err) == (
        0,
        (
            f"note: --require acme-policies:acme: pack 'acme' is now called 'acme-base', {UNTIL}: "
            "write --require acme-policies:acme-base\n"
        ),
    )
    assert (late.code, late.err) == (
        2,
        (
            "--require acme-policies:acme: pack 'acme' is now called 'acme-base'; "
            f"the old name was read until {LAST}\n  write --require acme-policies:acme-base\n"
            "1 problem found; nothing was evaluated.\n"
        ),
    )


def test_what_a_pack_calls_by_an_old_name_is_for_its_plugin_to_mend(
    project: Project, versions: Versions
) -> None:
    project.policy(f"{HEADER}extends: [acme-base]\n")
    with versions.installed(2) as site:
        (site.folder / "acme.yaml").write_text(FIRST_PACK)
        told = command("validate", "--fix")
    place = "note: acme-base (pack of acme-policies[acme]):3"
    assert (told.code, told.err) == (
        0,
        (
            f"{place}: policy 'acme-time' is now called 'acme-training-time', {UNTIL}: "
            "write acme-training-time\n"
            f"{place}: setting 'limit' is now called 'max_time', {UNTIL}: write max_time\n"
        ),
    )


def test_a_policy_that_ends_is_judged_until_its_day(project: Project, versions: Versions) -> None:
    site = Site(project.folder / "ending")
    ends = ', ends=Ending(LAST, "bind new-rule instead")'
    source = SECOND.replace(', formerly=Former("acme-time", LAST)', ends)
    with on_the_path(site, versions.monkeypatch):
        site.install(HEAD + source)
        (site.folder / "acme.yaml").write_text(SECOND_PACK)
        project.policy(f"{HEADER}policies: {{acme-training-time: {{max_time: 1h}}}}\n")
        told = command("validate", "--fix")
    assert (told.code, told.err) == (
        0,
        f"note: {FILE}:3: policy 'acme-training-time' is retired, {UNTIL}: bind new-rule instead\n",
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'Former("acme-time", LAST)',
            'Former("run-finished", LAST)',
            (
                "register_policies: 'run-finished' is an old name of 'acme-training-time', and "
                "the name of another one: an old name is never used for something else"
            ),
        ),
        (
            'Former("acme-time", LAST)',
            'Former("acme-time", "2027-06-30")',
            "the last day is '2027-06-30': write date(2027, 6, 30)",
        ),
        (
            'Former("acme-time", LAST)',
            'Former("Acme Time", LAST)',
            "policy name 'Acme Time' is not kebab-case, such as model-size-budget",
        ),
    ],
)
def test_an_old_name_that_cannot_be_one_is_refused(
    versions: Versions, old: str, new: str, said: str
) -> None:
    with versions.installed(2) as site:
        (site.folder / "acme_policies.py").write_text(HEAD + SECOND.replace(old, new))
        with pytest.raises(PluginError) as refusal:
            plugins.load_plugins(["acme-policies"])
    assert str(refusal.value).endswith(said)


def test_a_deferred_policy_says_its_old_names_where_it_is_deferred(versions: Versions) -> None:
    """Else nobody would know them before it is imported, and it is imported under its new name."""
    deferred = '[Deferred("acme-training-time", "acme_policies:Rule")]'
    source = SECOND.replace("return [Rule]", f"return {deferred}")
    source = source.replace("import Ending,", "import Deferred, Ending,")
    with versions.installed(2) as site:
        (site.folder / "acme_policies.py").write_text(HEAD + source)
        offered = plugins.load_plugins(["acme-policies"]).policies["acme-training-time"]
        with pytest.raises(PluginError, match="has other old names than its Deferred: give the"):
            _ = offered.policy


def test_a_policy_test_under_the_old_id_still_tests(project: Project, versions: Versions) -> None:
    project.policy(f"{HEADER}policies: {{acme-time: {{limit: 1h}}}}\n")
    project.policy(
        "version: 1\npolicy_file: ../fraud.yaml\ncases:\n  - name: a long training\n"
        "    evidence: {candidate: {duration: 2h}}\n    expect: {acme-time: fail}\n",
        "policies/tests/fraud.yaml",
    )
    for version in (1, 2):
        with versions.installed(version):
            told = command("test")
        assert (told.code, told.err) == (0, ""), told
