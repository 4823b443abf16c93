"""The plots of the HTML report, from the report alone, drawn without a browser or a script."""
