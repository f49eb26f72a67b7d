"""HTTP transport: requests, redirects, retries, TLS, and the guard for requests that foreign content leads to."""
