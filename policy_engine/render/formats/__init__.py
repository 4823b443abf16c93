"""A file a format, named as `--format` names it: `sarif.py` has `as_sarif(report) -> str`.

The first line of a file is what the reference says of its format: it begins with "The report".
"""
