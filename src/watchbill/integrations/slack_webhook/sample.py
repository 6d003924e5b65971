"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "text": "Test from watchbill",
  "attachments": [
    {
      "title": "Test from watchbill",
      "text": "Somebody pressed “Send a test event”. Nothing is wrong.",
      "color": "warning"
    }
  ]
}
""".encode(),
)
