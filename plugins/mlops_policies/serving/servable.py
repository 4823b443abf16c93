"""Does the model serve its own input example?"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from mlops_policies.reading.probe import (
    MODEL_TAG,
    PROBE_IT,
    PROBED_TAG,
    probe_count,
    require_own_probe,
    span,
)
from policy_engine.evidence import (
    Case,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Needs,
    Run,
)
from policy_engine.policy import Finding, Policy, part
from policy_engine.quantities import Duration, Percent, Tighter, divide, show

_COUNT = "number of requests sent"

CONFIDENCE = 0.95
"""How sure the bound is that a probe without errors shows."""


class Servable(Policy, name="servable"):
    """A scoring server loads the model in time and answers its input example without errors.

    A model that scores well in a notebook may not load anywhere else: a file, a package or a
    version is missing, or the signature refuses its own example. The training job serves it for a
    moment and logs what happened; this policy judges that, and starts nothing itself.

    - `load`: `serving.load_s <= max_load`; the time includes the start of Python
    - `requests`: `serving.requests >= min_requests`
    - `errors`: `serving.errors / serving.requests <= max_error_rate`
    - `age`: the probe is at most `max_age` old; left out where that is off

    The probe must be of this very model: the tag `serving.model_id` is the model's id. An id is
    made when the model is logged, so such a probe is always newer than the model. A probe of
    another model counts as none, and is `missing`.

    It is a smoke test, no measure of reliability: `n` requests without an error show with 95 %
    confidence only that the true rate is under `1 - 0.05^(1/n)`; that is 14 % for n = 20.

    Source: TFX's InfraValidator, which serves a candidate before it may be pushed.

    Log it: `policy_engine.training.probe_serving(info.model_uri)`, after `log_model` with an
    `input_example`.
    """

    needs = Needs.MODEL

    max_load: Annotated[Duration, Tighter.LOWER] = Field(
        default=Decimal(60), description="Longest time from start to first healthy answer (s)."
    )
    min_requests: Annotated[int, Tighter.HIGHER] = Field(
        default=20, ge=1, description="Fewest requests sent (requests)."
    )
    max_error_rate: Annotated[Annotated[Percent, Field(ge=0, le=1)], Tighter.LOWER] = Field(
        default=Decimal(0), description="Greatest share of requests that fail (percent)."
    )
    max_age: Annotated[Duration | None, Tighter.LOWER] = Field(
        default=None,
        description="Greatest age of the probe at the check (s). Off: any age, since a probe of "
        "this model is newer than the model.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `load`, `requests` and `errors`, and `age` where it is limited."""
        run = case.candidate
        _require_probe(run)
        yield part("load", lambda: self._load(run))
        yield part("requests", lambda: self._requests(run))
        yield part("errors", lambda: self._errors(run))
        if self.max_age is not None:
            longest = self.max_age
            yield part("age", lambda: _age(run, case.now, longest))

    def _load(self, run: Run) -> Finding:
        return Finding.judge(
            span(run, "serving.load_s", Decimal(1)),
            "<=",
            self.max_load,
            "load time",
            part="load",
            remedy="load less at start (a smaller model, fewer imports), or raise max_load and say "
            "why",
        )

    def _requests(self, run: Run) -> Finding:
        sent = probe_count(run, "serving.requests")
        return Finding.judge(
            Measurement(sent.value, _COUNT, sent.grade, sent.source),
            ">=",
            self.min_requests,
            _COUNT,
            part="requests",
            remedy=f"probe with more: probe_serving(…, requests={self.min_requests})",
        )

    def _errors(self, run: Run) -> Finding:
        sent, failed = (
            probe_count(run, "serving.requests").value,
            probe_count(run, "serving.errors").value,
        )
        if not sent:
            raise MissingEvidence("the probe sent no request, so no error rate is known", PROBE_IT)
        if failed > sent:
            raise InvalidEvidence(
                f"the probe counts {show(failed, '')} errors in {show(sent, '')} requests",
                "probe the model again",
            )
        shown = _shown(int(sent)) if not failed else ""
        note = f" ({show(failed, '')} of {show(sent, '')} requests{shown})"
        rate = Measurement(divide(failed, sent), "%", Grade.LOGGED, "metrics of the serving probe")
        return Finding.judge(
            rate,
            "<=",
            self.max_error_rate,
            "the error rate of the served model",
            part="errors",
            note=note,
            remedy="see the probe's warning in the training log for the first error, and fix it: "
            "most often the input example does not fit the signature",
        )


def _require_probe(run: Run) -> None:
    model_id = run.model.model_id
    missing = f"no serving probe of model {model_id}"
    if MODEL_TAG not in run.tags:
        raise MissingEvidence(missing, PROBE_IT)
    require_own_probe(run, missing)


def _shown(sent: int) -> str:
    """Say what requests without an error show: the bound that `(1 - p)^n = 0.05` gives."""
    bound = 1 - (1 - CONFIDENCE) ** (1 / sent)
    return f"; a smoke test: it shows a rate under {show(bound, '%')}"


def _age(run: Run, now: datetime, longest: Decimal) -> Finding:
    text = run.tag(PROBED_TAG)
    try:
        probed = datetime.fromisoformat(text)
        seconds = (now - probed).total_seconds()
    except (ValueError, TypeError) as e:
        raise InvalidEvidence(
            f"tag {PROBED_TAG} of the {run.role} run is not an ISO 8601 time with a zone",
            "let probe_serving write it",
        ) from e
    # A clock that runs ahead of ours makes the probe no older.
    age = Measurement(Decimal(repr(max(0.0, seconds))), "s", Grade.LOGGED, f"tag {PROBED_TAG}")
    return Finding.judge(
        age, "<=", longest, "the age of the probe", part="age", remedy="probe the model again"
    )
