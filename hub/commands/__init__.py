"""The commands of `osr-hub`, one module each, loaded when they run."""
