"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "alertName": "Test from watchbill",
  "status": "triggered",
  "description": "Somebody pressed “Send a test event”. Nothing is wrong."
}
""".encode(),
)
