"""What tests share: upstreams, mirrors, servers, real programs, and faults of all of them."""
