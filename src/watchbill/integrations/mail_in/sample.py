"""What the button “Send a test event” posts."""

from watchbill.integrations.sources import Post

SAMPLE = Post(
    body="""\
From: watchbill <watchbill@localhost>
Subject: WARNING Test from watchbill
Message-ID: <watchbill-test@localhost>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Somebody pressed “Send a test event”. Nothing is wrong.
""".encode(),
    headers={"return-path": "<watchbill@localhost>"},
)
