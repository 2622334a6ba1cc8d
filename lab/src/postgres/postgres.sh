# A private Postgres that ends with whoever started it. Used by `PrivatePostgres` and `.ci/with-postgres`.
#
# It is run as text, because the user it drops to may not be able to read this file:
#   PRIVATE_POSTGRES_SCRIPT=$(cat postgres.sh) sh -c 'eval "$PRIVATE_POSTGRES_SCRIPT"' postgres serve
#
# PRIVATE_POSTGRES_FSYNC=off spares the disk. PRIVATE_POSTGRES_SETTINGS=stock leaves every setting as initdb makes it, but where it
# listens. PRIVATE_POSTGRES_PRIMARY=PORT makes a streaming replica of the server there.
#
# find    prints the folder that initdb is in; exit code 3 when there is none.
# serve   starts a server on loopback and prints `ready PORT`. Then it obeys its standard input, a line at a time:
#           kill      kills the server as a crash would, and prints `killed`
#           restart   starts it again on the same port (after an orderly stop, if it runs), and prints `ready PORT`
#         With PRIVATE_POSTGRES_PRIMARY, a port, it is a streaming replica of the server there.
#         When its standard input ends, however that came about, it stops the server and removes every file.
#         Anything else it prints is what went wrong; exit code 1, or 3 when Postgres is not installed.
set -u

find_bin() {
  if initdb=$(command -v initdb); then
    bin=$(dirname "$(readlink -f "$initdb")")
    [ -x "$bin/postgres" ] && { echo "$bin"; return; }
  fi
  newest=0
  for initdb in /usr/lib/postgresql/*/bin/initdb /usr/lib/postgresql*/bin/initdb /usr/pgsql-*/bin/initdb \
    /usr/libexec/postgresql*/initdb /usr/local/pgsql/bin/initdb /opt/homebrew/opt/postgresql@*/bin/initdb \
    /usr/local/opt/postgresql@*/bin/initdb /Applications/Postgres.app/Contents/Versions/*/bin/initdb; do
    [ -x "$initdb" ] || continue
    version=$("$initdb" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
    if [ "$version" -gt "$newest" ]; then newest=$version bin=${initdb%/initdb}; fi
  done
  [ "$newest" -gt 0 ] && echo "$bin"
}

# Postgres refuses to run as root.
drop_root() {
  for user in postgres _postgres nobody; do id -u "$user" >/dev/null 2>&1 && break; done
  cd /
  set -- "--reuid=$(id -u "$user")" "--regid=$(id -g "$user")" --clear-groups
  if setpriv "$@" true 2>/dev/null; then
    exec setpriv "$@" sh -c 'eval "$PRIVATE_POSTGRES_SCRIPT"' postgres serve
  fi
  exec su -s /bin/sh "$user" -c 'eval "$PRIVATE_POSTGRES_SCRIPT"' postgres serve
}

make_data() {
  if [ -n "${PRIVATE_POSTGRES_PRIMARY:-}" ]; then
    "$PRIVATE_POSTGRES_BIN/pg_basebackup" --pgdata="$dir/data" --host=127.0.0.1 --port="$PRIVATE_POSTGRES_PRIMARY" \
      --username=postgres --write-recovery-conf --checkpoint=fast --no-sync >"$dir/log" 2>&1
    return
  fi
  "$PRIVATE_POSTGRES_BIN/initdb" --pgdata="$dir/data" --username=postgres --auth=trust --encoding=UTF8 --no-locale \
    --no-sync >"$dir/log" 2>&1 || return
  cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
CONF
  [ "${PRIVATE_POSTGRES_SETTINGS:-}" != stock ] || return 0
  cat >>"$dir/data/postgresql.conf" <<CONF
max_connections = 300
shared_buffers = 512MB
max_wal_size = 4GB
timezone = 'UTC'
log_timezone = 'UTC'
# Off only spares the disk: a commit still reaches the operating system, and so outlives a killed server.
fsync = ${PRIVATE_POSTGRES_FSYNC:-on}
full_page_writes = ${PRIVATE_POSTGRES_FSYNC:-on}
CONF
}

# Waits until the server is ready, or gone. Lines 1 and 8 of the file are its process id and its status.
start() {
  cat "$dir/output" >>"$dir/log" &
  logger=$!
  "$PRIVATE_POSTGRES_BIN/postgres" -D "$dir/data" -p "$port" >"$dir/output" 2>&1 </dev/null &
  server=$!
  while kill -0 "$server" 2>/dev/null; do
    status=$(sed -n '1p;8p' "$dir/data/postmaster.pid" 2>/dev/null | tr -d ' \n')
    case $status in
      "${server}ready" | "${server}standby") echo "ready $port"; return ;;
    esac
    sleep 0.05
  done
  return 1
}

# The logger ends when the last process of the server does: each of them holds the other end of its pipe.
stop() {
  [ -n "$server" ] || return 0
  kill "-$1" "$server" 2>/dev/null
  wait "$server" "$logger" 2>/dev/null
  server=
}

# Below the ports that outgoing connections are given. Somebody else may have this one: then the next.
start_on_a_free_port() {
  for attempt in 1 2 3 4 5; do
    port=$((10000 + ($$ * 13 + attempt * 997) % 22000))
    start && return
  done
  return 1
}

serve() {
  exec 2>&1
  trap '' HUP INT TERM
  dir=$(mktemp -d "${TMPDIR:-/tmp}/mandated-postgres-XXXXXX") || exit 1
  cd "$dir" || exit 1
  failed=0 server=
  if mkfifo "$dir/output" && make_data && start_on_a_free_port; then
    while read -r order; do
      case $order in
        kill) stop KILL; echo killed ;;
        restart)
          stop INT
          start || { failed=1; break; }
          ;;
      esac
    done
    stop QUIT
  else
    failed=1
  fi
  [ "$failed" = 0 ] || tail -n 20 "$dir/log"
  cd /
  rm -rf "$dir"
  exit "$failed"
}

case $1 in
  find) find_bin || exit 3 ;;
  serve)
    [ -n "${PRIVATE_POSTGRES_BIN:-}" ] || PRIVATE_POSTGRES_BIN=$(find_bin) || exit 3
    export PRIVATE_POSTGRES_BIN
    if [ "$(id -u)" = 0 ]; then drop_root; fi
    serve
    ;;
esac
