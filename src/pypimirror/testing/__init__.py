"""What authors of plugins test their components with."""
