"""The API: what programs ask and change, at ``/api/v1/``.

Reading needs a signed-in user or an integration's key with the scope *read*, sent as
``Authorization: Bearer KEY``. Changing needs a user, because every change of the watch
says who made it. Errors are problem documents (:rfc:`9457`).
"""
