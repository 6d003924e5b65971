"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "action": "created",
  "data": {
    "issue": {
      "id": "watchbill-test",
      "title": "Test from watchbill",
      "culprit": "Somebody pressed “Send a test event”. Nothing is wrong.",
      "level": "warning",
      "status": "unresolved",
      "project": {"id": "0", "name": "watchbill", "slug": "watchbill"}
    }
  }
}
""".encode(),
    headers={"sentry-hook-resource": "issue"},
)
