#!/bin/sh
# Makes the certificates that tests use on loopback, valid for a hundred years. They are committed: a machine
# that runs the tests need not have openssl. The keys guard nothing.
set -eu
cd "$(dirname "$0")"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
    -keyout ca.key -out ca.pem -subj "/CN=grpc_bridge test CA"

for name in server client other; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -keyout "$name.key" -out "$name.csr" -subj "/CN=$name.test"
    printf 'subjectAltName=DNS:%s.test,DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' "$name" > "$name.ext"
    openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 \
        -extfile "$name.ext" -out "$name.pem"
done
rm -f ./*.csr ./*.ext ./*.srl ca.key
