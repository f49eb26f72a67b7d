"""What of an index is mirrored."""
