"""`doctor`: what a check would meet here."""

from typing import Any

from policy_engine.cli.app import command
from policy_engine.cli.collecting import collecting, options_of

_WIDTH = 100


@command("doctor", "policy-engine doctor --tracking-uri http://127.0.0.1:5000")
@collecting
def doctor_command(**given: Any) -> int:
    """Look at all that a check needs here, and say what to do; exit code 1 if there is a problem.

    Event, token, fork, policies and their owners, plugins, metric, MLflow, clocks, candidate and
    baseline are looked at; nothing is judged, and no token is shown. The last line is the one
    thing to do next.
    """
    from policy_engine.cli import doctor, output
    from policy_engine.render.columns import paragraph
    from policy_engine.render.escape import LONG, terminal

    seen = []
    for line in doctor.examine(options_of(given)):
        seen.append(line)
        head = f"{line.state:<16}{line.name:<11}"
        text = [*paragraph(head, terminal(line.said, LONG), _WIDTH)]
        if line.remedy:
            text += paragraph(f"{'':<27}to do: ", terminal(line.remedy, LONG), _WIDTH)
        output.print_text("\n".join(text) + "\n")
    step = terminal(doctor.next_step(seen), LONG)
    output.print_text("\n".join(paragraph(f"{'next':<16}", step, _WIDTH)) + "\n")
    return 1 if any(line.state is doctor.State.PROBLEM for line in seen) else 0
