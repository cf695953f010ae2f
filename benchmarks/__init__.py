"""What the hub costs in time and memory, measured beside what the machine can do at all."""
