"""Pure decisions: no input or output, no clock, no logging. What is decided here is written by the use cases."""
