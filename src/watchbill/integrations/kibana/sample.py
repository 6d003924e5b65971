"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "rule": {"id": "watchbill-test", "name": "Test from watchbill"},
  "alert": {"id": "watchbill", "actionGroup": "query matched"},
  "reason": "Somebody pressed “Send a test event”. Nothing is wrong.",
  "severity": "warning"
}
""".encode(),
)
