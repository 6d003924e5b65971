"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "id": "watchbill-test",
  "title": "Test from watchbill",
  "status": "firing",
  "severity": "warning",
  "description": "Somebody pressed “Send a test event”. Nothing is wrong."
}
""".encode(),
)
