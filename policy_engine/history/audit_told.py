"""An audit as headings, sentences and tables, and as plain JSON values."""

from collections import Counter
from dataclasses import asdict
from datetime import datetime
from typing import Any

from policy_engine.history.audit import Audit, Audited
from policy_engine.history.told import Cell, Section
from policy_engine.policy_file.waiver import Waiver
from policy_engine.quantities import count, first_few, listed
from policy_engine.render.links import Links
from policy_engine.report import RunRef, Verdict

SCHEMA = "policy-engine/audit/v1"
_FEW = 20


def audit_sections(audit: Audit, now: datetime, links: Links) -> list[Section]:
    """Return all that there is to say, the worst first."""
    told = [
        _headline(audit),
        Section(
            "Models",
            (),
            ("model", "alias", "version", "verdict", "blocks", "warns", "waived"),
            tuple(_row(row, links) for row in audit.rows),
        ),
        _waivers(audit, now),
    ]
    return [each for each in told if each.sentences or each.rows]


def _headline(audit: Audit) -> Section:
    counted = Counter(row.verdict for row in audit.rows)
    verdicts = [f"{counted[v]:,} {v.value}" for v in Verdict if counted[v]]
    versions, models = len(audit.rows), count(audit.models, "registered model")
    came_to = listed(verdicts) or "none was judged"
    said = [f"{count(versions, 'aliased version')} of {models}: {came_to}."]
    if audit.unclaimed:
        names = [row.of.model for row in audit.unclaimed]
        said.append(f"No policy file is for {len(names)}: {first_few(names, _FEW)}.")
    if audit.without:
        said.append(
            f"Without such an alias {len(audit.without)}: {first_few(audit.without, _FEW)}."
        )
    if audit.left_out:
        said.append(
            "Not asked, since they compare with a baseline or read the change: "
            f"{listed(list(audit.left_out))}."
        )
    return Section("Audit", tuple(said))


def _row(row: Audited, links: Links) -> tuple[Cell, ...]:
    link = links.run(_ref(row.run_id)) if row.run_id else None
    waived = ", ".join(f"{id_} until {expires}" for id_, expires in row.waived)
    return (
        Cell(row.of.model, link=link),
        Cell(row.of.alias),
        Cell(row.of.version),
        Cell(row.verdict.value, is_ours=True),
        Cell(row.reason or ", ".join(row.blocks)),
        Cell(", ".join(row.warns)),
        Cell(waived),
    )


def _ref(run_id: str) -> RunRef:
    return RunRef(
        run_id=run_id,
        run_name=None,
        experiment=None,
        model_id=None,
        model=None,
        registered=None,
        commit=None,
    )


def _waivers(audit: Audit, now: datetime) -> Section:
    used = Counter(pair for row in audit.rows for pair in row.waived)
    return Section(
        "Waivers",
        (),
        ("policy", "for", "last day", "state", "owner"),
        tuple(
            (
                Cell(each.keys.id),
                Cell(_concerned(each)),
                Cell(each.keys.expires.isoformat(), is_ours=True),
                Cell(_state(each, now, used), is_ours=True),
                Cell(each.keys.owner),
            )
            for each in audit.waivers
        ),
    )


def _concerned(waiver: Waiver) -> str:
    keys = waiver.keys
    return keys.model or keys.version or keys.run or ""


def _state(waiver: Waiver, now: datetime, used: "Counter[tuple[str, str]]") -> str:
    if waiver.has_expired(now):
        return "expired"
    number = used[(waiver.keys.id, waiver.keys.expires.isoformat())]
    state = f"used {number} times" if number > 1 else "used once" if number else "not used"
    return f"{state}, expires soon" if waiver.expires_soon(now) else state


def plain_audit(audit: Audit) -> dict[str, Any]:
    """Return an audit as JSON values, every key always there."""
    return {
        "schema": SCHEMA,
        "verdict": audit.verdict.value,
        "exit_code": int(audit.exit_code),
        "models": audit.models,
        "versions": [
            {**asdict(row), **asdict(row.of), "verdict": row.verdict.value, "of": row.of.uri}
            for row in audit.rows
        ],
        "unclaimed": [row.of.uri for row in audit.unclaimed],
        "without_alias": list(audit.without),
        "left_out": list(audit.left_out),
        "waivers": [
            {**each.to_dict(), "ceiling": each.ceiling and str(each.ceiling)}
            for each in audit.waivers
        ],
    }
