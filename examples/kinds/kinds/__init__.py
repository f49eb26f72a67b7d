"""The smallest whole example of each kind of component, each with its ZCML; the tests are in the folder ``tests``."""
