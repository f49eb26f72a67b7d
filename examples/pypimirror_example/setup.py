"""Packaging of the example of a plugin."""

from setuptools import find_packages, setup

setup(
    name="pypimirror_example",
    version="1.0",
    description="An example of a plugin for z3c.recipe.pypimirror",
    license="ZPL-2.1",
    package_dir={"": "src"},
    packages=find_packages("src"),
    package_data={"pypimirror_example": ["*.zcml"]},
    python_requires=">=3.10",
    install_requires=["z3c.recipe.pypimirror"],
    entry_points={"pypimirror.plugins": ["example = pypimirror_example"]},
    zip_safe=False,
)
