"""The site configurations of web servers: a module and a template for each."""
