"""What is told of a run, and to whom."""
