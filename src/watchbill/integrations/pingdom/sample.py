"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "check_id": 0,
  "check_name": "Test from watchbill",
  "check_type": "HTTP",
  "previous_state": "UP",
  "current_state": "DOWN",
  "importance_level": "LOW",
  "description": "Test from watchbill",
  "long_description": "Somebody pressed “Send a test event”. Nothing is wrong."
}
""".encode(),
)
