"""The commands of `osr-hub`: one module each, imported when the command runs."""
