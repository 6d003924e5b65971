"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "specversion": "1.0",
  "id": "watchbill-test",
  "source": "/watchbill",
  "type": "watchbill.test",
  "data": {
    "title": "Test from watchbill",
    "severity": "warning",
    "description": "Somebody pressed “Send a test event”. Nothing is wrong."
  }
}
""".encode(),
    headers={"content-type": "application/cloudevents+json"},
)
