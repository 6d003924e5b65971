"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "message": "Test from watchbill",
  "alias": "watchbill-test",
  "description": "Somebody pressed “Send a test event”. Nothing is wrong.",
  "priority": "P3"
}
""".encode(),
    path="v2/alerts",
)
