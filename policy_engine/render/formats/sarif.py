"""The report as SARIF 2.1.0, for code scanning: what blocks, warns or is waived, on its line.

| what a finding does | result |
|---|---|
| blocks | `error` |
| warns | `warning` |
| is waived | `error`, with an accepted suppression |
| passes, is skipped or not applicable | none |

A subject that may not merge without a finding that blocks, since it has no candidate or nothing
applied, is an `error` of the rule `policy-engine/verdict`. What a pull request edits in the
policies is of the rule `policy-engine/proposal`: a `warning` where that loosens a rule, else a
`note`.
"""

import json
from collections.abc import Iterator
from datetime import UTC
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from policy_engine.render import champions, edits, rows
from policy_engine.render.escape import LONG, SHORT, clean, json_text, repository_path
from policy_engine.report import EXIT_CODES, Edit, Effect, Judged, Report, Strictness, Subject

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_UNJUDGED = "policy-engine/verdict"  # the id of no binding: those have no slash
_PROPOSED = "policy-engine/proposal"


def as_sarif(report: Report) -> str:
    """Return the report as SARIF, in ASCII."""
    results = [result for subject in report.subjects for result in _results(subject)]
    results += [_of_edit(each) for each in report.proposal.edits] if report.proposal else []
    results += map(_of_champion, champions.lines(report.proposal, partial(clean, longest=LONG)))
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report, results)]}
    return json_text(json.dumps(log, indent=2, allow_nan=False)) + "\n"


def _run(report: Report, results: list[dict[str, Any]]) -> dict[str, Any]:
    driver = {
        "name": "policy-engine",
        "version": clean(report.engine.version),
        "rules": _rules(report, results),
    }
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": report.exit_code in {0, 1},
                "exitCode": int(report.exit_code),
                "endTimeUtc": report.evaluated_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ],
        "results": results,
        "properties": {
            "verdict": report.verdict.value,
            "policies": clean(report.policies.digest),
            "policiesTrusted": report.policies.trusted,
            "evidence": clean(report.evidence_digest),
            "mlflow": None if report.mlflow is None else clean(report.mlflow),
        },
    }


def _rules(report: Report, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules of the results, each once, in the order in which they are first used."""
    used = dict.fromkeys(result["ruleId"] for result in results)
    bindings = {clean(f.id): f for f in rows.every_finding(report)}
    return [_rule(id_, bindings.get(id_)) for id_ in used]


def _rule(id_: str, finding: Judged | None) -> dict[str, Any]:
    """Return a rule; GitHub's code scanning requires all four texts of it."""
    short, full = "the candidate can be judged", "A candidate was found, and a policy applied to it"
    told = "The message says what was looked for; `policy-engine doctor` looks at the set-up"
    if finding is not None:
        short, plugin = clean(finding.policy), clean(finding.plugin)
        full = f"The policy {short} of the plugin {plugin}, as it is bound in the policy file"
        told = f"What it judges, why, and how to log what it reads: `policy-engine explain {short}`"
    if id_ == _PROPOSED:
        short, full = "no rule is loosened", "What a pull request edits in the policies themselves"
        told = "It decides nothing before the merge: whoever approves it decides whether it may"
    texts = {"shortDescription": short, "fullDescription": full, "help": told}
    return {"id": id_, **{name: {"text": text} for name, text in texts.items()}}


def _results(subject: Subject) -> Iterator[dict[str, Any]]:
    effects = {finding.effect for finding in subject.findings}
    if EXIT_CODES[subject.verdict] and Effect.BLOCK not in effects:
        told = subject.reason or rows.MEANINGS[subject.verdict]
        lines = [f"{rows.WORDS[subject.verdict]}: {told}"]
        yield _result(_UNJUDGED, "error", lines, (subject.policy_file, 1))
    for finding in rows.ordered(subject.findings):
        if rows.is_problem(finding):
            yield _of_finding(finding, subject)


def _of_edit(edit: Edit) -> dict[str, Any]:
    at = edits.place(edit)
    level = "warning" if edit.strictness is Strictness.LOOSER else "note"
    lines = [f"Proposed, {edits.WORDS[edit.strictness]}: {edits.words(edit)}"]
    return _result(_PROPOSED, level, lines, (at.file, at.line))


def _of_champion(told: champions.Told) -> dict[str, Any]:
    return _result(
        _PROPOSED, "note", [f"Proposed: {told.text}"], (told.where.file, told.where.line)
    )


def _of_finding(finding: Judged, subject: Subject) -> dict[str, Any]:
    level = "warning" if finding.effect is Effect.WARN else "error"
    place = (finding.where.file, finding.where.line)
    result = _result(clean(finding.id), level, list(_lines(finding, subject)), place)
    run = subject.candidate.run_id if subject.candidate else ""
    identity = "\n".join((subject.policy_file, finding.id, finding.part or "", run))
    digest = sha256(identity.encode("utf-8", "replace")).hexdigest()
    result["partialFingerprints"] = {"finding/v1": digest}
    if finding.waiver:
        told = clean(rows.waiver_words(finding.waiver), LONG)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": told}]
    return result


def _lines(finding: Judged, subject: Subject) -> Iterator[str]:
    part = f" ({clean(finding.part)})" if finding.part else ""
    yield f"{clean(finding.id)}{part}: {rows.verdict_words(finding)}: {finding.message}"
    if numbers := rows.numbers(finding):
        yield numbers
    if finding.remedy:
        yield f"Fix: {finding.remedy}"
    if subject.candidate:
        yield f"Candidate: {rows.run_words(subject.candidate, clean)}"


def _result(rule: str, level: str, lines: list[str], place: tuple[str, int]) -> dict[str, Any]:
    text = "\n".join(clean(line, LONG + 2 * SHORT) for line in lines)
    text = text.replace("](", "] (")  # SARIF's own form of a link
    result: dict[str, Any] = {"ruleId": rule, "level": level, "message": {"text": text}}
    file, line = place
    path = repository_path(file)
    if path is not None:
        location = {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
        region = {"startLine": max(line, 1)}
        physical = {"artifactLocation": location, "region": region}
        result["locations"] = [{"physicalLocation": physical}]
    return result
