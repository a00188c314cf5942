"""Side-by-side measurements of grpc_bridge and its peers: `python -m bench`."""
