"""HTTP: URLs and hosts in normal form, and the guard for requests that foreign content asks for."""
