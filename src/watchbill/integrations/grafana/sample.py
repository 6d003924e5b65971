"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
{
  "status": "firing",
  "groupKey": "{}:{alertname=\\"WatchbillTest\\"}",
  "alerts": [
    {
      "status": "firing",
      "labels": {"alertname": "WatchbillTest", "severity": "warning"},
      "annotations": {
        "summary": "Test from watchbill",
        "description": "Somebody pressed “Send a test event”. Nothing is wrong."
      },
      "fingerprint": "watchbill-test"
    }
  ]
}
""".encode(),
)
