#!/bin/sh
# A backend in a shell that notifies users: `sh examples/notify.sh alice '{"type":"order.placed"}'`, with ROOMCAST_URL and ROOMCAST_API_KEY.
set -eu

user=${1:-alice}
json=${2:-'"hello"'}

# curl tries again after 503 and waits as Retry-After says. The same key for every try: what happened already does not happen again.
# The key of the API goes over stdin, where no list of processes shows it.
printf 'header = "Authorization: Bearer %s"\n' "${ROOMCAST_API_KEY:-}" | curl --config - \
  --silent --show-error --fail-with-body --retry 4 --retry-connrefused \
  --header 'Content-Type: application/json' \
  --header "Idempotency-Key: $(date +%s)-$$" \
  --data "{\"user\":\"$user\",\"data\":$json}" \
  "${ROOMCAST_URL:-http://127.0.0.1:3000}/publish"
echo
