"""Reading users beside the contacts of the plan."""

from watchbill.server.accounts.models import User


def users() -> list[User]:
    """Return everybody who may sign in, or might once, by name."""
    return list(User.objects.order_by("-is_active", "name", "pk"))
