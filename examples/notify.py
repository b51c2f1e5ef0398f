"""A backend in Python that notifies users, with the standard library only:
`python3 examples/notify.py alice '{"type":"order.placed"}'`, with ROOMCAST_URL and ROOMCAST_API_KEY."""
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("ROOMCAST_URL", "http://127.0.0.1:3000")
API_KEY = os.environ.get("ROOMCAST_API_KEY", "")
TRIES = 5


def notify(user, data):
    # The same key for every try: what happened already does not happen again.
    headers = {
        "Authorization": f"Bearer {API_KEY}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid.uuid4()),
    }
    body = json.dumps({"user": user, "data": data}).encode()
    request = urllib.request.Request(f"{URL}/publish", body, headers)
    for tried in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            # 503 passes by itself; anything else would be refused again.
            if refusal.code != 503 or tried == TRIES:
                sys.exit(f"{refusal.code} {refusal.read().decode()}")
            time.sleep(int(refusal.headers.get("Retry-After", 1)))
        except urllib.error.URLError as error:
            if tried == TRIES:
                sys.exit(str(error.reason))
            time.sleep(1)


user, data = (sys.argv[1:] + ["alice", '"hello"'][len(sys.argv) - 1:])[:2]
print(json.dumps(notify(user, json.loads(data))))
