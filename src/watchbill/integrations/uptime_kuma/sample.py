"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "heartbeat": {
    "monitorID": 0,
    "status": 0,
    "msg": "Somebody pressed “Send a test event”. Nothing is wrong.",
    "important": true
  },
  "monitor": {"id": 0, "name": "Test from watchbill"},
  "msg": "[Test from watchbill] Somebody pressed “Send a test event”. Nothing is wrong."
}
""".encode(),
)
