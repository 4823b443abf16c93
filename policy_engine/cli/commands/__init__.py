"""A file a command, named as the command: nothing else registers it."""
