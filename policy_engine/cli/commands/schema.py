"""`schema`: the JSON Schema of files."""

import click

from policy_engine.cli.app import command
from policy_engine.cli.plugins_of import named_plugins_of


@command("schema", "policy-engine schema policies/ > policies/policy-file.schema.json")
@click.argument("paths", nargs=-1)
@click.option(
    "--of",
    "kind",
    type=click.Choice(["policies", "tests", "waivers", "log"]),
    default="policies",
    show_default=True,
    help="Of policy files, of policy tests, of waivers.yaml, or of a line of `check --log`.",
)
def schema_command(paths: tuple[str, ...], kind: str) -> None:
    """Print the JSON Schema of policy files, for editors; with PATHS, their plugins' too."""
    from policy_engine import plugins
    from policy_engine.policy_file import schema
    from policy_engine.policy_tests.schema import policy_tests_schema

    if kind == "log":
        from policy_engine.render.log_line import LogLine

        made = LogLine.model_json_schema()
    elif kind == "waivers":
        made = schema.waivers_schema()
    elif kind == "tests":
        made = policy_tests_schema()
    else:
        loaded = plugins.load_plugins(named_plugins_of(paths)) if paths else plugins.load_plugins()
        made = schema.policy_file_schema(loaded.policies, loaded.packs, loaded.baseline_rules)
    click.echo(schema.schema_text(made), nl=False)
