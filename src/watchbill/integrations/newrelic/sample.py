"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body=b"""\
{
  "id": "watchbill-test",
  "title": "Test from watchbill",
  "priority": "MEDIUM",
  "state": "ACTIVATED",
  "trigger": "STATE_CHANGE",
  "alertConditionNames": ["WatchbillTest"]
}
""",
)
