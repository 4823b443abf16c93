"""How many rows or seeds a rule needs, what those that there are could show, and a picture."""

from pathlib import Path

from policy_engine.cli.plan.asked import Asked
from policy_engine.cli.plan.basis import Basis, amount, assumed, distance
from policy_engine.cli.plan.curves import questions
from policy_engine.cli.plan.telling import told
from policy_engine.errors import UsageError
from policy_engine.render.plots.drawing import HOW_TO, is_installed
from policy_engine.render.plots.power import power_picture

__all__ = ["Asked", "planned"]


def planned(asked: Asked, width: int) -> str:
    """Return the answer as text, and draw it where a file is named.

    Args:
        asked: The question.
        width: No line is wider (columns).

    Raises:
        UsageError: If the question names nothing to learn from, or too much, or the picture cannot
            be drawn or written.
        EvidenceError: If the runs do not tell how far a gain varies.
    """
    asked.check()
    if asked.picture is not None and not is_installed():
        raise UsageError(f"--picture: plots are an extra: {HOW_TO}")
    basis = _basis(asked)
    text = told(asked, basis, width)
    if asked.picture is not None:
        _draw(asked, basis, asked.picture)
    return text


def _basis(asked: Asked) -> Basis:
    if asked.run is None:
        return assumed(asked)
    from policy_engine.cli.plan.learning import learned  # it reads MLflow

    return learned(asked)


def _draw(asked: Asked, basis: Basis, file: Path) -> None:
    delta = distance(basis.metric, asked.distance, "--margin" if asked.margin else "--effect")
    kind = "a loss above" if asked.effect is None else "a true gain of"
    verb = "rules out" if asked.effect is None else "shows"
    title = f"{asked.policy} {verb} {kind} {amount(basis.metric, delta)} of {basis.metric.name}"
    curves = [each.curve() for each in questions(asked, basis, delta)]
    try:
        file.write_text(
            power_picture(curves, asked.power, title, basis.spread.what), encoding="utf-8"
        )
    except OSError as e:
        raise UsageError(f"--picture {file}: {e.strerror}") from e
