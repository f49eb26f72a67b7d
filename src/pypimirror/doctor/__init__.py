"""``doctor``: whether a deployment installs from a mirror alone, by reasoning and by proof."""
