"""What every long-running process shares: how it starts and stops, and the heartbeat that others read."""
