#!/usr/bin/env bash
# Starts h2o on one thread with the files of a folder: h2o.sh PORT FOLDER. It has no options for that, only a file.
set -euo pipefail

exec h2o --mode worker --conf <(
    cat <<END
user: $(id -un)
num-threads: 1
listen: { host: 127.0.0.1, port: $1 }
hosts: { default: { paths: { "/": { file.dir: $2 } } } }
END
)
