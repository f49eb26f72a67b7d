"""The registry of one mirror, filled by ZCML: directives, plugins, and checks of components."""
