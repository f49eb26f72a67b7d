"""Software bills of materials (SBOM): the components of the mirror or of pins, with licences and dependencies."""
