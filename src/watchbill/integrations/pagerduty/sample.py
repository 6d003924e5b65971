"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "event_action": "trigger",
  "dedup_key": "watchbill-test",
  "payload": {
    "summary": "Test from watchbill",
    "source": "watchbill",
    "severity": "warning",
    "custom_details": {"why": "Somebody pressed “Send a test event”. Nothing is wrong."}
  }
}
""".encode(),
    path="v2/enqueue",
)
