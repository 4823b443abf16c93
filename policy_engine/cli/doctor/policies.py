"""Whose policies judge, and which plugins they load."""

from policy_engine.change.elsewhere import source_of
from policy_engine.change.prepared import Prepared
from policy_engine.check import Options, prepared
from policy_engine.cli.doctor.line import FIRST, Line, State
from policy_engine.errors import PluginError, PolicyEngineError, UsageError
from policy_engine.git import work_tree as git
from policy_engine.quantities.words import count

Ready = Prepared | PolicyEngineError
"""Policies that can judge, or why they cannot."""


def ready_or_not(options: Options) -> Ready:
    """Return the policies as a check would load them."""
    try:
        return prepared(options)
    except PolicyEngineError as e:
        return e


def policies_line(options: Options, ready: Ready) -> Line:
    """Say which policy files judge, and whether they are the default branch's."""
    if isinstance(ready, PluginError):
        return Line("policies", State.NOT_APPLICABLE, "a plugin that they need does not load")
    if isinstance(ready, PolicyEngineError):
        remedy = "fix that; `policy-engine validate` checks the files of the work tree"
        if isinstance(ready, UsageError):
            remedy = ""
        said = "; ".join(line.strip() for line in str(ready).splitlines())
        return Line("policies", State.PROBLEM, said, remedy)
    what = count(len(ready.policies.files), "policy file")
    if ready.source is None:
        source = source_of(options.policies, options.root, ready.policies.digest, ready.paths)
        trust = "trusted" if source.trusted else "not trusted"
        said = f"{what} of the work tree ({source.ref or 'no commit'}), {trust}"
        return Line("policies", State.OK, said, None if source.ref else git.unread(options.root))
    if not ready.source.trusted:
        said = f"{what} of the pull request itself: the default branch has none yet"
        remedy = "merge policies first; until then no verdict is better than `warn`"
        return Line("policies", State.PROBLEM, said, remedy)
    said = f"{what} of {ready.source.ref}, trusted"
    if ready.draft is not None:
        said += "; the pull request proposes others"
        if ready.draft.problem:
            return Line("policies", State.OK, f"{said}, which are wrong", ready.draft.problem)
    return Line("policies", State.OK, said)


def plugins_line(ready: Ready) -> Line:
    """Say which plugins are loaded."""
    if isinstance(ready, PluginError):
        remedy = "install it where the check runs, or remove it from `plugins:`"
        return Line("plugins", State.PROBLEM, str(ready), remedy)
    if isinstance(ready, PolicyEngineError):
        return Line("plugins", State.NOT_APPLICABLE, FIRST)
    names = sorted({f"{each.distribution} {each.version}" for each in ready.plugins.loaded})
    return Line("plugins", State.OK, ", ".join(names))
