"""Messages and stubs that tests share; `regenerate.sh` writes the `*_pb2*` files from `*.proto`."""
