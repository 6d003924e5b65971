"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "rule_name": "Test from watchbill",
  "severity": "warning",
  "message": "Somebody pressed “Send a test event”. Nothing is wrong."
}
""".encode(),
)
