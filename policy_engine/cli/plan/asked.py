"""The question: which difference of which metric, and how far it varies."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from policy_engine.errors import UsageError
from policy_engine.quantities import Margin

ONE_POINT = Margin(Decimal(1), in_points=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `plan` was asked.

    Attributes:
        metric: Its name.
        margin: The loss that no-regression accepts.
        effect: The true gain that significant-improvement should show.
        differing: The share of rows on which one of both models alone is right (a fraction).
        deviation: The standard deviation over seeds.
        run: A logged run to learn from.
        baseline: The run to compare it with.
        seeds: Whether their seeds are learned from, not their rows.
        rows: The rows, or seeds a side, that there are (count); None: those of the runs.
        slices: How many slices are looked at (count); None: none.
        power: The chance to see it, in [0.5, 1).
        alpha: The one-sided error of the test, in (0, 0.5].
        goal: The direction that is better, where the name does not tell.
        positive: The positive class, where it is not 1 or true.
        tracking_uri: MLflow's; None: as the environment says.
        timeout: The limit of all reads (seconds).
        picture: The file that the power is drawn to, as SVG; None: no file.
    """

    metric: str
    margin: Margin | None = None
    effect: Margin | None = None
    differing: float | None = None
    deviation: Margin | None = None
    run: str | None = None
    baseline: str | None = None
    seeds: bool = False
    rows: int | None = None
    slices: int | None = None
    power: float = 0.8
    alpha: float = 0.05
    goal: str | None = None
    positive: str | None = None
    tracking_uri: str | None = None
    timeout: float = 30.0
    picture: Path | None = None

    @property
    def distance(self) -> Margin:
        """The difference to see: 1 pt where none was said."""
        return self.effect or self.margin or ONE_POINT

    @property
    def policy(self) -> str:
        """The policy that would judge it."""
        return "no-regression" if self.effect is None else "significant-improvement"

    def check(self) -> None:
        """Refuse a question without an answer.

        Raises:
            UsageError: It says what to leave out, or to add.
        """
        if self.margin is not None and self.effect is not None:
            raise UsageError("--margin and --effect exclude one another: ask twice")
        if (self.run is None) is not (self.baseline is None):
            raise UsageError("--run and --baseline belong together: give both, or neither")
        ways = {
            "--differing": self.differing,
            "--deviation": self.deviation,
            "--run": self.run,
        }
        given = [flag for flag, value in ways.items() if value is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} exclude one another: learn it in one way")
        if not given:
            raise UsageError(
                "how far the gain varies is not known: give --differing (the share of rows on "
                "which one of both models alone is right, such as 8%), --deviation (over seeds), "
                "or --run and --baseline to learn it from"
            )
        if self.seeds and self.run is None:
            raise UsageError("--seeds is about --run and --baseline; alone, give --deviation")
        if self.slices is not None and (self.deviation is not None or self.seeds):
            raise UsageError("--slices are of rows: leave out --deviation and --seeds")
        if not self.power >= 0.5:  # noqa: PLR2004 (a half: as likely as not)
            raise UsageError(f"--power is {self.power:.0%}; it must be at least 50%")
