"""How hard Hypothesis tries: `dev` on every save, `ci` before a release.

HYPOTHESIS_PROFILE chooses. No example has a deadline: a slow machine is no defect.
"""

import os

from hypothesis import settings

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile(
    "ci", deadline=None, derandomize=False, max_examples=1000, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
