"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body=b"""\
{
  "event_id": "00000000000000000000000000000001",
  "level": "error",
  "platform": "other",
  "logentry": {"formatted": "Test from watchbill"},
  "fingerprint": ["watchbill-test"]
}
""",
    path="1/store",
)
